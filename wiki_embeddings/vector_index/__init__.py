"""The index of a dataset's vectors: lists of one-bit codes around centroids, and where rows lie.

Knows the format and the arithmetic, and nothing of where the files are; docs/search.md describes
the format.
"""
