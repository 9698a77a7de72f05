"""Reads from a tokenizer's files which tokens frame a text, and refuses tokenizers unlike ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wiki_embeddings.encoders.models.json_files import (
    CONFIG,
    TOKENIZER,
    TOKENIZER_CONFIG,
    TRANSFORMER_CONFIG,
    damaged,
    json_object,
    unsupported,
)


@dataclass(frozen=True)
class SpecialTokens:
    """Ids of the tokens that frame a text.

    Attributes:
        cls: Stands before the text.
        sep: Stands after it.
        pad: Fills a batch where an engine pads, as `tei` may; its value decides nothing.
    """

    cls: int
    sep: int
    pad: int


def read_special_tokens(
    folder: Path, vocab_size: int, *, any_tokenizer: bool = False
) -> SpecialTokens:
    """Reads the ids of the tokens that frame a text.

    Args:
        folder: The model.
        vocab_size: Ids that the model knows.
        any_tokenizer: Whether one will do whose texts we cannot chunk.

    Raises:
        BadInputError: The tokenizer is damaged, not of a kind that we know, or not this model's.
    """
    file = folder / TOKENIZER
    kinds = _SPECIAL_NAMES if any_tokenizer else _KINDS
    content = json_object(file)
    kind = str((content.get("model") or {}).get("type"))
    if kind not in kinds:
        raise unsupported(folder, f"has a tokenizer of type {kind}, not {' or '.join(kinds)}")
    _check_case(folder, content)
    vocabulary = _vocabulary(content, file)
    if max(vocabulary.values(), default=0) >= vocab_size:
        raise damaged(file, f"it has ids beyond the {vocab_size} that {CONFIG} announces")
    names = {**_SPECIAL_NAMES[kind], **json_object(folder / TOKENIZER_CONFIG, optional=True)}
    framing = _framing(content.get("post_processor") or {}, folder)
    cls, sep = framing or (names["cls_token"], names["sep_token"])
    return SpecialTokens(
        cls=_token_id(vocabulary, cls, file),
        sep=_token_id(vocabulary, sep, file),
        pad=_token_id(vocabulary, names["pad_token"], file),
    )


_XLMR_NAMES = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"}

_SPECIAL_NAMES: Mapping[str, Mapping[str, str]] = {
    "WordPiece": {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"},
    "Unigram": _XLMR_NAMES,
    "BPE": _XLMR_NAMES,
}
"""How each kind of tokenizer calls its special tokens where its files do not say."""

_KINDS = ("WordPiece", "Unigram")
"""The kinds whose texts can be chunked."""


def _check_case(folder: Path, tokenizer: Mapping[str, Any]) -> None:
    """Refuses small letters that sentence-transformers would make before the tokenizer."""
    wanted = json_object(folder / TRANSFORMER_CONFIG, optional=True).get("do_lower_case")
    if not wanted:
        return
    normalizer = json.dumps(tokenizer.get("normalizer"))
    if '"lowercase": true' not in normalizer and '"Lowercase"' not in normalizer:
        raise unsupported(folder, "makes letters small that its tokenizer tells apart")


def _vocabulary(tokenizer: Mapping[str, Any], file: Path) -> Mapping[str, int]:
    """Ids by token; those of a Unigram model are their places in its list."""
    tokens = tokenizer["model"].get("vocab") or {}
    try:
        if isinstance(tokens, list):
            tokens = {piece: number for number, (piece, _score) in enumerate(tokens)}
        added = {token["content"]: token["id"] for token in tokenizer.get("added_tokens") or []}
        return {**tokens, **added}
    except (TypeError, KeyError, ValueError) as error:
        raise damaged(file, "its vocabulary is not as the tokenizers library writes it") from error


def _framing(processor: Mapping[str, Any], folder: Path) -> tuple[str, str] | None:
    """The tokens before and after a text, or None where the post-processor does not say."""
    if processor.get("type") in {"BertProcessing", "RobertaProcessing"}:
        return processor["cls"][0], processor["sep"][0]
    if processor.get("type") != "TemplateProcessing":
        return None
    pieces = [piece.get("SpecialToken", {}).get("id") for piece in processor["single"]]
    match pieces:
        case [str(cls), None, str(sep)]:
            return cls, sep
    raise unsupported(folder, f"frames a text by {pieces} instead of a token on each side")


def _token_id(vocabulary: Mapping[str, int], token: Any, file: Path) -> int:
    content = token["content"] if isinstance(token, dict) else token
    if content not in vocabulary:
        raise damaged(file, f"its vocabulary lacks {content}")
    return vocabulary[content]
