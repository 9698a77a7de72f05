"""XLM-R's tokenizers, in each form in which they are published, cut as safely as BERT's."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from wiki_embeddings.chunking import (
    ChunkSettings,
    ChunkTokenizer,
    check_settings,
    chunk_articles,
    chunker,
    load_tokenizer,
    segments,
    unigram,
)
from wiki_embeddings.errors import BadInputError
from wiki_embeddings_tests.chunking.strategies import articles, titles
from wiki_embeddings_tests.chunking.test_bad_inputs import TEXTS
from wiki_embeddings_tests.chunking.tokenizers import (
    assert_lossless,
    assert_within_budget,
    plain,
    split_tokens,
)
from wiki_embeddings_tests.encoders.references import unpacked_xlmr

Config = dict[str, Any]

SPLIT = {"type": "WhitespaceSplit"}
STRIP = {"type": "Strip", "strip_left": False, "strip_right": True}
BUDGET = ChunkSettings(80)


@pytest.fixture(scope="session")
def published_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The form of multilingual-e5: repeated spaces are joined, and Metaspace is alone."""
    return unpacked_xlmr(tmp_path_factory.mktemp("unigram")) / "tokenizer.json"


def split_first(config: Config) -> None:
    """Use the form of XLM-R itself, which is also that of transformers 5 in older words."""
    config["normalizer"] = config["normalizer"]["normalizers"][0]
    metaspace = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
    config["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [SPLIT, metaspace]}


def stripped(config: Config) -> None:
    """Use the form in which transformers has converted SentencePiece models since 2023."""
    steps = config["normalizer"]["normalizers"]
    steps[1:] = [STRIP, {**steps[1], "content": "▁"}]


def published(_: Config) -> None:
    """Change nothing."""


@pytest.fixture(scope="session", params=[published, split_first, stripped])
def path(
    request: pytest.FixtureRequest,
    published_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    return _changed(published_path, tmp_path_factory.mktemp("tokenizer"), request.param)


@pytest.fixture
def changed(published_path: Path, tmp_path: Path) -> Callable[[Callable[[Config], None]], Path]:
    """Write the published tokenizer with something changed."""
    return lambda change: _changed(published_path, tmp_path, change)


def _changed(path: Path, folder: Path, change: Callable[[Config], None]) -> Path:
    config = json.loads(path.read_text(encoding="utf-8"))
    change(config)
    changed = folder / "tokenizer.json"
    changed.write_text(json.dumps(config), encoding="utf-8")
    return changed


@pytest.fixture(scope="session")
def tokenizer(path: Path) -> ChunkTokenizer:
    return load_tokenizer(path)


@pytest.fixture(scope="session")
def backend(path: Path) -> Tokenizer:
    return plain(path)


def alone(backend: Tokenizer, text: str) -> list[int]:
    """Tokenise a text, without the `▁` that some tokenizers make of white space at its end."""
    ids: list[int] = backend.encode(text, add_special_tokens=False).ids
    ends_in_space = text[-1:] in unigram.WHITE_SPACE and ids[-1:] == [backend.token_to_id("▁")]
    return ids[:-1] if ends_in_space else ids


def assert_whole(chunks, texts, wanted, backend):
    assert_lossless(chunks, texts)
    assert_within_budget(chunks, wanted, special_tokens=2)
    assert split_tokens(chunks) == [alone(backend, text) for text in chunks.text]


@given(texts=st.lists(articles, max_size=3), budget=st.integers(70, 200))
@settings(max_examples=60)
def test_chunks_rebuild_every_text_within_the_budget_with_the_tokens_of_their_own_texts(
    tokenizer: ChunkTokenizer, backend: Tokenizer, texts: list[str], budget: int
):
    wanted = ChunkSettings(budget)
    chunks = chunk_articles(tokenizer, ["T"] * len(texts), texts, wanted)
    assert_whole(chunks, texts, wanted, backend)


@given(title=titles, text=articles)
@settings(max_examples=30)
def test_a_title_prefix_keeps_the_budget(
    tokenizer: ChunkTokenizer, backend: Tokenizer, title: str, text: str
):
    wanted = ChunkSettings(100, title_prefix=True, passage_prefix_tokens=3)
    chunks = chunk_articles(tokenizer, [title], [text], wanted)
    assert_lossless(chunks, [text])
    assert_within_budget(chunks, wanted, special_tokens=2)
    title_tokens = alone(backend, title)
    for part, tokens in zip(chunks.text, split_tokens(chunks), strict=True):
        text_tokens = alone(backend, part)
        prefix = tokens[: len(tokens) - len(text_tokens)]
        assert tokens == prefix + text_tokens
        assert prefix == title_tokens[: len(prefix)]


@given(texts=st.lists(articles, min_size=2, max_size=3))
@settings(max_examples=20)
def test_an_articles_chunks_do_not_depend_on_other_articles(
    tokenizer: ChunkTokenizer, path: Path, texts: list[str]
):
    together = chunk_articles(tokenizer, ["T"] * len(texts), texts, BUDGET)
    new = load_tokenizer(path)
    separate = [chunk_articles(new, ["T"], [text], BUDGET) for text in texts]
    assert together.text == [part for chunks in separate for part in chunks.text]
    assert together.tokens.tolist() == [t for chunks in separate for t in chunks.tokens.tolist()]


XLMR_TEXTS = {
    **TEXTS,
    "special tokens of XLM-R": "a<s>b <mask> </s><pad>  <unk>. <mask>snow <s> " * 40,
    "the word mark itself": "▁snow ▁ ▁▁the▁river " * 60,
    "letters that begin with a space": "snow ´the ¨ ͺ ﹰ ‗x " * 60,
    "marks after spaces": "snow \u0301the \u200dx \uff9e ำ \u3099 " * 60,
    "ligatures that are phrases": "ﷺ" * 200,
    "sari am without spaces": "น้ำ" * 300,
    "what is dropped at an end, before what becomes a space": "a\n\x85\u200b\u3000b \x85\ufeff c "
    * 60,
    "jamo": "\u1112\u1161\u11ab " * 100 + "\u1112\u1161\u11ab" * 200,
}


@pytest.mark.parametrize("text", XLMR_TEXTS.values(), ids=XLMR_TEXTS)
def test_chunks_keep_text_budget_and_tokens_of(
    tokenizer: ChunkTokenizer, backend: Tokenizer, text: str
):
    chunks = chunk_articles(tokenizer, ["T"], [text], BUDGET)
    assert_whole(chunks, [text], BUDGET, backend)


def test_the_tokens_of_segments_are_those_of_their_text_around_any_character(
    tokenizer: ChunkTokenizer, backend: Tokenizer
):
    signs = [chr(n) for n in range(0, 0x110000, 67) if n not in range(0xD800, 0xE000)]
    texts = [f"ab{sign}c {sign}the {sign} {sign}{sign} snow{sign}" for sign in signs]
    texts += [f"ab{chr(n)}c {chr(n)}the {chr(n)} x{chr(n)}" for n in range(0x3100)]
    tokens = [tokenized.tokens.tolist() for tokenized in tokenizer.tokenize(texts)]
    wrong = [text for text, ids in zip(texts, tokens, strict=True) if ids != alone(backend, text)]
    assert wrong == []


def test_no_segment_begins_with_a_character_that_joins_the_space_before_it():
    is_break = unigram.segment_break([]).search
    signs = [chr(n) for n in range(0x110000) if n not in range(0xD800, 0xE000)]
    begins = [sign for sign in signs if is_break(f" {sign}")]
    assert len(begins) > 100_000
    categories = {unicodedata.category(sign) for sign in begins}
    assert not {"Mn", "Mc", "Me", "Cc", "Cf", "Zs", "Zl", "Zp"} & categories
    assert not [sign for sign in begins if unicodedata.normalize("NFKC", sign)[0].isspace()]


@pytest.mark.parametrize("stop", ["。", "！"])
def test_a_paragraph_without_spaces_is_cut_at_its_sentences(
    tokenizer: ChunkTokenizer, backend: Tokenizer, stop: str
):
    text = f"山上的雪到六月才融化，河水因此上涨{stop}" * 30
    chunks = chunk_articles(tokenizer, ["T"], [text], BUDGET)
    assert len(chunks) > 2
    assert_whole(chunks, [text], BUDGET, backend)
    assert all(part.endswith(stop) for part in chunks.text)


def test_words_of_normal_length_are_never_cut(tokenizer: ChunkTokenizer):
    text = "Donaudampfschifffahrtsgesellschaftskapitän " * 60
    chunks = chunk_articles(tokenizer, ["T"], [text], BUDGET)
    assert len(chunks) > 2
    assert all(part.endswith("kapitän ") for part in chunks.text)


def test_a_letter_stays_with_its_marks(tokenizer: ChunkTokenizer):
    text = "ห้องสมุดเปิดเก้าโมงเช้าและปิดห้าโมงเย็น" * 20
    chunks = chunk_articles(tokenizer, ["T"], [text], BUDGET)
    assert len(chunks) > 2
    assert not [part for part in chunks.text if unicodedata.category(part[0]) == "Mn"]


def test_a_part_with_more_tokens_than_the_budget_is_halved(
    tokenizer: ChunkTokenizer, backend: Tokenizer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(chunker, "SEAM_TOKENS", -40)
    text = "河水流进大海" * 200
    chunks = chunk_articles(tokenizer, ["T"], [text], BUDGET)
    assert_whole(chunks, [text], BUDGET, backend)
    assert len(chunks) > len(alone(backend, text)) / (80 - 2) + 2


def test_the_smallest_budget_holds_an_undivided_word_and_a_seam(tokenizer: ChunkTokenizer):
    smallest = 2 + unigram.UNDIVIDED_TOKENS + segments.SEAM_TOKENS
    assert check_settings(tokenizer, ChunkSettings(smallest)) == smallest - 2
    with pytest.raises(BadInputError, match=f"Set it to {smallest} or more"):
        check_settings(tokenizer, ChunkSettings(smallest - 1))


def test_plain_words_have_the_same_tokens_without_the_fast_path(
    tokenizer: ChunkTokenizer, path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = " ".join(f"snow{n}, the-river(s) http://x.org/{n}?a=b&c 'n'" for n in range(50))
    monkeypatch.setattr(unigram, "_PLAIN_WORD", unigram._NO_WORD)
    slow = load_tokenizer(path).tokenize([text])[0]
    assert tokenizer.tokenize([text])[0].tokens.tolist() == slow.tokens.tolist()


def test_an_added_word_of_plain_letters_is_recognised_inside_others(
    changed: Callable[[Callable[[Config], None]], Path],
):
    def add(config: Config) -> None:
        word = {**config["added_tokens"][0], "content": "istor", "special": False}
        config["added_tokens"].append(word)

    path = changed(add)
    text = "history prehistoric "
    expected = alone(plain(path), text)
    assert load_tokenizer(path).tokenize([text])[0].tokens.tolist() == expected


def keep_spaces(config: Config) -> None:
    config["normalizer"] = config["normalizer"]["normalizers"][0]


def no_prefix(config: Config) -> None:
    config["pre_tokenizer"]["prepend_scheme"] = "never"


def no_split(config: Config) -> None:
    config["pre_tokenizer"]["split"] = False


def no_metaspace(config: Config) -> None:
    config["pre_tokenizer"] = SPLIT


def other_replacement(config: Config) -> None:
    config["normalizer"]["normalizers"][1]["pattern"] = {"Regex": "a+"}


def no_normalizer(config: Config) -> None:
    config["normalizer"] = None


def lone_token(config: Config) -> None:
    config["added_tokens"][4]["single_word"] = True


def token_with_space(config: Config) -> None:
    config["added_tokens"].append({**config["added_tokens"][0], "content": "two words"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (keep_spaces, "makes tokens of the white space"),
        (no_prefix, "only BertNormalizer"),
        (no_split, "only BertNormalizer"),
        (no_metaspace, "only BertNormalizer"),
        (other_replacement, "only BertNormalizer"),
        (no_normalizer, "only BertNormalizer"),
        (lone_token, "<mask>"),
        (token_with_space, "two words"),
    ],
)
def test_a_tokenizer_whose_words_depend_on_each_other_is_refused(
    changed: Callable[[Callable[[Config], None]], Path],
    change: Callable[[Config], None],
    message: str,
):
    with pytest.raises(BadInputError, match=message):
        load_tokenizer(changed(change))


def test_ids_beyond_65535_are_kept_whole(changed: Callable[[Callable[[Config], None]], Path]):
    def enlarge(config: Config) -> None:
        config["model"]["vocab"] += [[f"unused{n}", -99.0] for n in range(1 << 16)]
        config["model"]["vocab"].append(["▁elephant", -1.0])

    chunks = chunk_articles(load_tokenizer(changed(enlarge)), ["T"], ["elephant"], BUDGET)
    assert chunks.tokens.dtype == np.uint32
    assert chunks.tokens[0] > 1 << 16
