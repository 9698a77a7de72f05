"""Token ids of the sample's chunks."""

from __future__ import annotations

import numpy as np

from wiki_embeddings.bundled import bundled_model
from wiki_embeddings.chunking import ChunkSettings, chunk_articles, load_tokenizer
from wiki_embeddings.encoders.protocol import TokenIds
from wiki_embeddings.sources import sample


def sample_tokens(fraction: float = 1.0) -> list[TokenIds]:
    """Cut a fraction of the sample with the bundled model's tokenizer, without titles."""
    titles: list[str] = []
    texts: list[str] = []
    for part in sample.plan(fraction).parts:
        for batch in sample.open_part(part, lambda _articles: None).batches:
            titles += batch.column("title").to_pylist()
            texts += batch.column("text").to_pylist()
    tokenizer = load_tokenizer(bundled_model() / "tokenizer.json")
    chunks = chunk_articles(tokenizer, titles, texts, ChunkSettings())
    return list(np.split(chunks.tokens, chunks.token_offsets[1:-1]))
