"""Where real texts are cut: sections first, then paragraphs, sentences, words."""

from __future__ import annotations

import pytest

from wiki_embeddings.chunking import ChunkSettings, ChunkTokenizer, chunk_articles

SENTENCE = "The cat sat on the mat and saw the dog. "  # 11 tokens
PARAGRAPH = SENTENCE * 4 + "\n\n"  # 44 tokens


@pytest.fixture
def chunk(tokenizer: ChunkTokenizer):
    def chunk(text: str, budget: int = 102) -> list[str]:
        return chunk_articles(tokenizer, ["T"], [text], ChunkSettings(budget)).text

    return chunk


def test_a_text_within_the_budget_is_one_chunk(chunk):
    text = "Cats\n\n" + SENTENCE * 4 + "\n\nDogs\n\n" + SENTENCE * 4
    assert chunk(text) == [text]


def test_a_text_is_cut_before_a_heading(chunk):
    cats = "Cats\n\n" + SENTENCE * 7 + "\n\n"
    dogs = "Dogs\n\n" + SENTENCE * 2 + "\n\n" + SENTENCE * 4
    assert chunk(cats + dogs) == [cats, dogs]


def test_a_section_is_cut_between_paragraphs(chunk):
    assert chunk(PARAGRAPH * 4) == [PARAGRAPH * 2] * 2


def test_a_paragraph_is_cut_between_sentences(chunk):
    assert chunk(SENTENCE * 12) == [SENTENCE * 6] * 2


def test_a_sentence_is_cut_between_words(chunk):
    words = "one two three four five " * 30
    assert chunk(words) == [words[: len(words) // 2]] * 2


def test_a_sentence_without_white_space_is_cut_between_ideographs(chunk):
    assert chunk("中国" * 75) == ["中国" * 37 + "中", "国" + "中国" * 37]


def test_a_long_url_is_not_cut_if_white_space_before_it_can_be(chunk):
    url = "https://example.com/" + "a/" * 40
    before = "word " * 45
    assert chunk(before + url) == [before, url]


def test_no_small_chunk_is_left_at_the_end(chunk):
    parts = chunk(SENTENCE * 10)  # 110 tokens: 99 and 11 would fit the budget too
    assert [len(part) // len(SENTENCE) for part in parts] == [5, 5]


def test_a_heading_never_ends_a_chunk(chunk):
    for sentences in range(20):
        parts = chunk(SENTENCE * sentences + "\n\nDogs\n\n" + PARAGRAPH * 3)
        assert not any(part.rstrip().endswith("Dogs") for part in parts)
