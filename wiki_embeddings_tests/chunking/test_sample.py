from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from wiki_embeddings.chunking import ChunkSettings, ChunkTokenizer, chunk_articles
from wiki_embeddings.sources import sample
from wiki_embeddings_tests.chunking.tokenizers import (
    assert_lossless,
    assert_tokens_of_texts,
    assert_within_budget,
)


@pytest.fixture(scope="module")
def articles() -> tuple[list[str], list[str]]:
    titles: list[str] = []
    texts: list[str] = []
    for part in sample.plan(1.0).parts:
        for batch in sample.open_part(part, lambda _articles: None).batches:
            titles += batch.column("title").to_pylist()
            texts += batch.column("text").to_pylist()
    return titles, texts


def test_the_whole_sample_is_chunked_without_loss(
    tokenizer: ChunkTokenizer, backend: Tokenizer, articles: tuple[list[str], list[str]]
):
    settings = ChunkSettings()
    chunks = chunk_articles(tokenizer, *articles, settings)
    assert len(articles[1]) == 106
    assert_lossless(chunks, articles[1])
    assert_within_budget(chunks, settings, special_tokens=2)
    assert_tokens_of_texts(chunks, backend)
