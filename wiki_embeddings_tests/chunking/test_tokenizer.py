from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models

from wiki_embeddings.chunking import (
    ChunkSettings,
    ChunkTokenizer,
    check_settings,
    chunk_articles,
    load_tokenizer,
)
from wiki_embeddings.errors import BadInputError
from wiki_embeddings_tests.chunking.tokenizers import cased_tokenizer

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def changed(tmp_path: Path):
    """Write a tokenizer with something changed, and return its path."""

    def changed(change: Change) -> Path:
        config = json.loads(cased_tokenizer().to_str())
        change(config)
        path = tmp_path / "tokenizer.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        return path

    return changed


def assert_tokens_unchanged(path: Path, text: str) -> list[int]:
    """Our tokens are those of the library."""
    ids: list[int] = Tokenizer.from_file(str(path)).encode(text, add_special_tokens=False).ids
    assert load_tokenizer(path).tokenize([text])[0].tokens.tolist() == ids
    return ids


def test_truncation_and_padding_of_the_published_tokenizer_are_switched_off(tokenizer_path: Path):
    config = json.loads(tokenizer_path.read_text(encoding="utf-8"))
    assert config["truncation"]["max_length"] == 128
    assert config["padding"]["strategy"] == {"Fixed": 128}
    short, long = load_tokenizer(tokenizer_path).tokenize(["cat", "cat " * 1000])
    assert len(short.tokens) == 1
    assert len(long.tokens) == 1000


def test_token_ids_take_two_bytes_up_to_65536_tokens_and_four_above(
    tokenizer: ChunkTokenizer, changed: Callable[[Change], Path]
):
    def enlarge(config: dict[str, Any]) -> None:
        config["model"]["vocab"]["elephant"] = 1 << 16

    large = load_tokenizer(changed(enlarge))
    assert tokenizer.tokenize(["cat"])[0].tokens.dtype == np.uint16
    chunks = chunk_articles(large, ["T"], ["elephant"], ChunkSettings())
    assert chunks.tokens.tolist() == [1 << 16]
    assert chunks.tokens.dtype == np.uint32


def test_ideographs_are_not_words_if_the_normalizer_is_set_so(changed: Callable[[Change], Path]):
    def join(config: dict[str, Any]) -> None:
        config["normalizer"]["handle_chinese_chars"] = False

    path = changed(join)
    text = "中국中 " * 3
    assert_tokens_unchanged(path, text)


def test_an_added_token_with_punctuation_is_never_split(changed: Callable[[Change], Path]):
    def add(config: dict[str, Any]) -> None:
        extra = {"content": "<a,b>", "special": True, "normalized": False}
        config["added_tokens"].append({**config["added_tokens"][0], **extra})

    assert len(assert_tokens_unchanged(changed(add), "<a,b>" * 500)) == 500


def test_an_added_token_may_include_the_white_space_before_it(changed: Callable[[Change], Path]):
    def add(config: dict[str, Any]) -> None:
        mask = {"content": "[MASK]", "lstrip": True}
        config["added_tokens"].append({**config["added_tokens"][0], **mask})

    assert_tokens_unchanged(changed(add), "the [MASK], the \n [MASK][MASK] ing " * 20)


def test_added_words_are_recognised_inside_other_words(changed: Callable[[Change], Path]):
    def add(config: dict[str, Any]) -> None:
        config["added_tokens"].append({**config["added_tokens"][0], "content": "istor"})

    assert_tokens_unchanged(changed(add), "history History, the prehistoric ")


@pytest.mark.parametrize(
    ("part", "other", "message"),
    [
        ("normalizer", {"type": "NFC"}, "made of NFC, BertPreTokenizer, WordPiece"),
        ("normalizer", None, "made of NoneType"),
        ("pre_tokenizer", {"type": "Whitespace"}, "made of BertNormalizer, Whitespace"),
    ],
)
def test_a_tokenizer_of_another_kind_is_refused(
    changed: Callable[[Change], Path], part: str, other: dict[str, str] | None, message: str
):
    with pytest.raises(BadInputError, match=message):
        load_tokenizer(changed(lambda config: config.update({part: other})))


def test_a_bpe_tokenizer_is_refused(tmp_path: Path):
    path = tmp_path / "tokenizer.json"
    Tokenizer(models.BPE()).save(str(path))
    with pytest.raises(BadInputError, match="BPE; only"):
        load_tokenizer(path)


def test_a_vocabulary_without_the_unknown_token_is_refused(changed: Callable[[Change], Path]):
    with pytest.raises(BadInputError, match="unknown token"):
        load_tokenizer(changed(lambda config: config["model"].update(unk_token="[unknown]")))


@pytest.mark.parametrize(
    "flaw",
    [
        {"single_word": True},
        {"rstrip": True},
        {"content": "two words"},
        {"content": "中"},
    ],
)
def test_an_added_token_that_a_cut_could_break_is_refused(
    changed: Callable[[Change], Path], flaw: dict[str, Any]
):
    with pytest.raises(BadInputError, match="added token"):
        load_tokenizer(changed(lambda config: config["added_tokens"][0].update(flaw)))


@pytest.mark.parametrize("content", ["", "{", "[]", "\udcff"])
def test_a_file_that_is_not_a_tokenizer_is_refused(tmp_path: Path, content: str):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(BadInputError, match="tokenizer"):
        load_tokenizer(path)


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(BadInputError, match="cannot be read"):
        load_tokenizer(tmp_path / "tokenizer.json")


def test_the_smallest_budget_holds_the_longest_word_and_the_encoders_own_tokens(
    tokenizer: ChunkTokenizer,
):
    assert check_settings(tokenizer, ChunkSettings(105, passage_prefix_tokens=3)) == 100
    with pytest.raises(BadInputError, match="Set it to 105 or more"):
        check_settings(tokenizer, ChunkSettings(104, passage_prefix_tokens=3))


def test_a_negative_number_of_prefix_tokens_is_refused(tokenizer: ChunkTokenizer):
    with pytest.raises(BadInputError, match="-1 passage prefix tokens"):
        check_settings(tokenizer, ChunkSettings(passage_prefix_tokens=-1))
