"""A small Text Embeddings Inference for tests; see README.md.

Nothing is imported here, so that each of its processes starts at once.
"""
