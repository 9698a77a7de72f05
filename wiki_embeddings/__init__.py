"""Turn a whole Wikipedia into a published embeddings dataset."""

__version__ = "0.1.0"
