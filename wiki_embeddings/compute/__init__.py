"""Where stages run: on this machine's processes, or elsewhere by the same protocol.

A compute runs any stage and knows none; it hands out specs and brings back reports, small both.
"""
