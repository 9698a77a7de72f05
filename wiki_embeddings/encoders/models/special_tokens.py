"""Reads a tokenizer's special tokens from its files, and refuses unsupported tokenizers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wiki_embeddings.encoders.models.json_files import (
    CONFIG,
    TOKENIZER,
    damaged_file,
    read_tokenizer_config,
    read_transformer_config,
    unsupported_model,
)
from wiki_embeddings.encoders.models.tokenizer import read_frame, tokenizer_type

_XLMR_NAMES = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"}

_DEFAULT_NAMES: Mapping[str, Mapping[str, str]] = {
    "WordPiece": {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"},
    "Unigram": _XLMR_NAMES,
    "BPE": _XLMR_NAMES,
}
"""Names of the special tokens by type of tokenizer, for files that do not state them."""

_CHUNKABLE = ("WordPiece", "Unigram")
"""Types of tokenizer whose texts can be chunked."""

_GENERIC_CLASSES = ("PreTrainedTokenizerFast", "TokenizersBackend")
"""Values of `tokenizer_class` with which transformers follows `tokenizer.json` alone."""


@dataclass(frozen=True)
class SpecialTokens:
    """Ids of the special tokens around a text.

    Attributes:
        cls: Stands before the text.
        sep: Stands after it.
        pad: Fills a batch in an engine that pads, as `tei` may; it does not affect the vectors.
    """

    cls: int
    sep: int
    pad: int


def read_special_tokens(
    folder: Path, tokenizer: Mapping[str, Any], vocab_size: int, *, any_tokenizer: bool = False
) -> SpecialTokens:
    """Read the ids of the special tokens around a text.

    Args:
        folder: The transformer.
        tokenizer: Its tokenizer, in the `tokenizers` library's format.
        vocab_size: Number of ids that the model knows.
        any_tokenizer: Also accept a tokenizer whose texts cannot be chunked.

    Raises:
        BadInputError: The tokenizer is damaged, of an unsupported type, or another model's.
    """
    file = folder / TOKENIZER
    types = _DEFAULT_NAMES if any_tokenizer else _CHUNKABLE
    kind = tokenizer_type(tokenizer)
    if kind not in types:
        raise unsupported_model(folder, f"has a tokenizer of type {kind}, not {' or '.join(types)}")
    config = read_tokenizer_config(folder)
    _check_case(folder, tokenizer)
    _check_settings(folder, tokenizer, kind, config)
    vocabulary = _read_vocabulary(tokenizer, file)
    if max(vocabulary.values(), default=0) >= vocab_size:
        raise damaged_file(file, f"it has ids beyond the {vocab_size} that {CONFIG} announces")
    names = {**_DEFAULT_NAMES[kind], **config}
    cls, sep = read_frame(tokenizer, folder) or (names["cls_token"], names["sep_token"])
    return SpecialTokens(
        cls=_token_id(vocabulary, cls, file),
        sep=_token_id(vocabulary, sep, file),
        pad=_token_id(vocabulary, names["pad_token"], file),
    )


def _check_case(folder: Path, tokenizer: Mapping[str, Any]) -> None:
    """Refuse lower-casing that sentence-transformers would do before the tokenizer."""
    if not read_transformer_config(folder)[0].get("do_lower_case"):
        return
    normalizer = json.dumps(tokenizer.get("normalizer"))
    if '"lowercase": true' not in normalizer and '"Lowercase"' not in normalizer:
        raise unsupported_model(folder, "lower-cases text for a tokenizer that is case-sensitive")


def _check_settings(
    folder: Path, tokenizer: Mapping[str, Any], kind: str, config: Mapping[str, Any]
) -> None:
    """Refuse settings that give sentence-transformers other tokens than us."""
    truncation = tokenizer.get("truncation") or {}
    side = config.get("truncation_side") or truncation.get("direction") or "right"
    if str(side).lower() != "right":
        raise unsupported_model(folder, "cuts long texts at their beginning (truncation_side)")
    is_generic = config.get("tokenizer_class") in _GENERIC_CLASSES
    if kind == "Unigram" and not is_generic and config.get("add_prefix_space") is False:
        raise unsupported_model(folder, "puts no space before a text (add_prefix_space)")


def _read_vocabulary(tokenizer: Mapping[str, Any], file: Path) -> Mapping[str, int]:
    """Return ids by token; a Unigram model's ids are the positions in its list."""
    tokens = tokenizer["model"].get("vocab") or {}
    try:
        if isinstance(tokens, list):
            tokens = {piece: index for index, (piece, _score) in enumerate(tokens)}
        added = {token["content"]: token["id"] for token in tokenizer.get("added_tokens") or []}
        return {**tokens, **added}
    except (TypeError, KeyError, ValueError) as error:
        raise damaged_file(
            file, "its vocabulary is not in the tokenizers library's format"
        ) from error


def _token_id(vocabulary: Mapping[str, int], token: Any, file: Path) -> int:
    content = token["content"] if isinstance(token, dict) else token
    if content not in vocabulary:
        raise damaged_file(file, f"its vocabulary lacks {content}")
    return vocabulary[content]
