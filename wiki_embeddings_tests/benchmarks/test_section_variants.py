from __future__ import annotations

import pytest

from benchmarks.questions import Article
from benchmarks.section_variants import VARIANTS, Variant, cut_variant
from wiki_embeddings.bundled import bundled_model
from wiki_embeddings.chunking import Chunks, ChunkSettings, load_tokenizer

SENTENCE = "Fresh snow reflects most of the sunlight that falls on it. "
SETTINGS = ChunkSettings(token_budget=160, title_prefix=True)


def article(*sentences: int) -> Article:
    """An article whose sections have so many sentences; the first is the lead."""
    text, headings = "", []
    for number, count in enumerate(sentences):
        if number:
            headings.append((len(text), 2))
            text += f"Section {number}\n\n"
        text += SENTENCE * count + "\n\n"
    return Article("Snow", text, tuple(headings))


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(bundled_model() / "tokenizer.json")


def cut(tokenizer, variant: Variant, *articles: Article) -> Chunks:
    return cut_variant(tokenizer, SETTINGS, articles, variant)


@pytest.mark.parametrize("name", VARIANTS)
def test_no_variant_loses_text_or_exceeds_the_budget(tokenizer, name):
    articles = [article(3, 20, 1, 0, 9), article(12), article(1, 1, 1)]
    chunks = cut(tokenizer, VARIANTS[name], *articles)
    for number, whole in enumerate(articles):
        texts = [t for t, a in zip(chunks.text, chunks.article, strict=True) if a == number]
        starts = [s for s, a in zip(chunks.start, chunks.article, strict=True) if a == number]
        assert "".join(texts) == whole.text
        assert all(whole.text[s:].startswith(t) for s, t in zip(starts, texts, strict=True))
    assert max(chunks.token_offsets[1:] - chunks.token_offsets[:-1]) <= 158


def test_the_section_takes_tokens_in_front_of_the_chunks_that_have_one(tokenizer):
    whole = article(9, 9)
    plain, named = (
        cut(tokenizer, Variant(shortest_section=0, section_prefix=prefix), whole)
        for prefix in (False, True)
    )
    lengths = [chunks.token_offsets.tolist() for chunks in (plain, named)]
    path = len(tokenizer.tokenize([" / Section 1"])[0].tokens)
    assert lengths[1] == [0, lengths[0][1], lengths[0][2] + path]


def test_short_sections_are_joined_to_the_next(tokenizer):
    whole = article(9, 1, 9)
    assert len(cut(tokenizer, Variant(shortest_section=0), whole)) == 3
    assert len(cut(tokenizer, Variant(shortest_section=20), whole)) == 2
