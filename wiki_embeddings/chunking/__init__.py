"""Cuts articles into chunks of tokens without loss: texts in, columns out.

Pure functions on texts. They know neither Dagster nor Parquet nor where articles come from, and
read no file but a `tokenizer.json`.
"""

from wiki_embeddings.chunking.chunker import Chunks, chunk_articles
from wiki_embeddings.chunking.sections import section_paths
from wiki_embeddings.chunking.settings import ChunkSettings, check_settings
from wiki_embeddings.chunking.tokenizer import ChunkTokenizer, load_tokenizer, parse_tokenizer

__all__ = [
    "ChunkSettings",
    "ChunkTokenizer",
    "Chunks",
    "check_settings",
    "chunk_articles",
    "load_tokenizer",
    "parse_tokenizer",
    "section_paths",
]
