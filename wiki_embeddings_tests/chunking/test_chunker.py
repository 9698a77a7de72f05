from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from wiki_embeddings.chunking import (
    ChunkSettings,
    ChunkTokenizer,
    chunk_articles,
    load_tokenizer,
)
from wiki_embeddings_tests.chunking.strategies import articles, titles
from wiki_embeddings_tests.chunking.tokenizers import (
    assert_lossless,
    assert_tokens_of_texts,
    assert_within_budget,
    split_tokens,
)

budgets = st.integers(102, 300)


@given(texts=st.lists(articles, max_size=4), budget=budgets)
@settings(deadline=None, max_examples=150)
def test_chunks_rebuild_every_text_within_the_budget_with_the_tokens_of_their_own_texts(
    tokenizer: ChunkTokenizer, backend: Tokenizer, texts: list[str], budget: int
):
    wanted = ChunkSettings(budget)
    chunks = chunk_articles(tokenizer, ["T"] * len(texts), texts, wanted)
    assert_lossless(chunks, texts)
    assert_within_budget(chunks, wanted, special_tokens=2)
    assert_tokens_of_texts(chunks, backend)


@given(text=articles, budget=st.integers(42, 90))
@settings(deadline=None, max_examples=100)
def test_a_tokenizer_that_keeps_case_and_accents_cuts_as_safely(
    cased: ChunkTokenizer, cased_backend: Tokenizer, text: str, budget: int
):
    wanted = ChunkSettings(budget)
    chunks = chunk_articles(cased, ["T"], [text], wanted)
    assert_lossless(chunks, [text])
    assert_within_budget(chunks, wanted, special_tokens=2)
    assert_tokens_of_texts(chunks, cased_backend)


@given(title=titles, text=articles, budget=budgets)
@settings(deadline=None, max_examples=100)
def test_a_title_prefix_keeps_the_budget_and_leaves_half_of_it_to_the_text(
    tokenizer: ChunkTokenizer, backend: Tokenizer, title: str, text: str, budget: int
):
    wanted = ChunkSettings(budget + 3, title_prefix=True, passage_prefix_tokens=3)
    chunks = chunk_articles(tokenizer, [title], [text], wanted)
    assert_lossless(chunks, [text])
    assert_within_budget(chunks, wanted, special_tokens=2)
    title_tokens = backend.encode(title, add_special_tokens=False).ids
    for part, tokens in zip(chunks.text, split_tokens(chunks), strict=True):
        text_tokens = backend.encode(part, add_special_tokens=False).ids
        prefix = tokens[: len(tokens) - len(text_tokens)]
        assert tokens == prefix + text_tokens
        assert prefix == title_tokens[: len(prefix)]
        assert len(prefix) <= (budget - 2) // 2


def test_a_short_title_gives_the_tokens_of_title_newline_text(
    tokenizer: ChunkTokenizer, backend: Tokenizer
):
    text = "Kittens are young cats. " * 60
    chunks = chunk_articles(tokenizer, ["Cat (animal)"], [text], ChunkSettings(title_prefix=True))
    together = [f"Cat (animal)\n{part}" for part in chunks.text]
    encodings = backend.encode_batch(together, add_special_tokens=False)
    assert len(chunks) > 1
    assert split_tokens(chunks) == [encoding.ids for encoding in encodings]


def test_a_long_title_is_cut_between_words(tokenizer: ChunkTokenizer, backend: Tokenizer):
    word = backend.encode("antidisestablishmentarianism", add_special_tokens=False).ids
    title = "antidisestablishmentarianism " * 40
    chunks = chunk_articles(tokenizer, [title], [""], ChunkSettings(title_prefix=True))
    half = (256 - 2) // 2
    assert chunks.tokens.tolist() == word * (half // len(word))


@given(texts=st.lists(articles, min_size=2, max_size=4))
@settings(deadline=None, max_examples=40)
def test_an_articles_chunks_do_not_depend_on_other_articles(
    tokenizer: ChunkTokenizer, tokenizer_path: Path, texts: list[str]
):
    names = ["T"] * len(texts)
    together = chunk_articles(tokenizer, names, texts, ChunkSettings(110))
    new = load_tokenizer(tokenizer_path)
    alone = [chunk_articles(new, ["T"], [text], ChunkSettings(110)) for text in texts]
    assert together.text == [part for chunks in alone for part in chunks.text]
    assert together.tokens.tolist() == [t for chunks in alone for t in chunks.tokens.tolist()]


def test_a_batch_without_articles_has_no_chunks(tokenizer: ChunkTokenizer):
    chunks = chunk_articles(tokenizer, [], [], ChunkSettings())
    assert len(chunks) == 0
    assert chunks.token_offsets.tolist() == [0]
    assert chunks.tokens.dtype == np.uint16


def test_white_space_between_chunks_goes_to_the_earlier_one(tokenizer: ChunkTokenizer):
    text = " \u200b" + "One two three four.\u200b \n\n" * 60
    chunks = chunk_articles(tokenizer, ["T"], [text], ChunkSettings(102))
    assert len(chunks) > 1
    assert chunks.text[0].startswith(" \u200bOne")
    assert all(part.startswith("One") for part in chunks.text[1:])
    assert all(part.endswith(".\u200b \n\n") for part in chunks.text)
