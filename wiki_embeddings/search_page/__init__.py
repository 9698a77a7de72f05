"""The page of `wiki-embeddings serve`: a person asks, and reads passages; programs get JSON."""
