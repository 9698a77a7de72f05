"""Cuts articles into chunks of tokens, losing nothing: texts in, columns out.

The room for pure functions on texts. It knows neither Dagster nor files of articles nor Parquet;
it reads one file, a model's `tokenizer.json`.
"""

from wiki_embeddings.chunking.chunker import Chunks, chunk_articles
from wiki_embeddings.chunking.settings import ChunkSettings, check_settings
from wiki_embeddings.chunking.tokenizer import ChunkTokenizer, load_tokenizer

__all__ = [
    "ChunkSettings",
    "ChunkTokenizer",
    "Chunks",
    "check_settings",
    "chunk_articles",
    "load_tokenizer",
]
