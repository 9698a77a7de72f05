from __future__ import annotations

from tokenizers import Tokenizer

from benchmarks.questions import sample_articles
from wiki_embeddings.chunking import ChunkSettings, ChunkTokenizer, chunk_articles
from wiki_embeddings_tests.chunking.tokenizers import (
    assert_lossless,
    assert_tokens_of_texts,
    assert_within_budget,
)


def test_the_whole_sample_is_chunked_without_loss(tokenizer: ChunkTokenizer, backend: Tokenizer):
    articles = sample_articles()
    titles, texts = list(articles), list(articles.values())
    chunks = chunk_articles(tokenizer, titles, texts, ChunkSettings())
    assert len(texts) == 106
    assert_lossless(chunks, texts)
    assert_within_budget(chunks, ChunkSettings(), special_tokens=2)
    assert_tokens_of_texts(chunks, backend)
