"""Turn a whole Wikipedia into a published embeddings dataset."""
