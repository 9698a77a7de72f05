"""Files over HTTP: tried again, resumed across processes, and verified by their digest.

What is particular to one site (addresses, headers, refusals) is the caller's: the Hub's is in
`hub_files`, that of Wikimedia's exports in `sources`.
"""
