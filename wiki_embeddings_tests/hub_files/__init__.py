"""Tests of `wiki_embeddings.hub_files`."""
