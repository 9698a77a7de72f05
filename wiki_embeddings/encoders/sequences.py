"""Builds the sequences that a model reads: token ids between special tokens, after the prefix.

Special tokens, prefixes and their checks are the same for every engine, so they are in this one
place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.protocol import TokenIds
from wiki_embeddings.errors import BadInputError

InputIds = npt.NDArray[np.int32]
"""Token ids of one sequence with special tokens and prefix, of shape `(tokens,)`."""

EMPTY: InputIds = np.empty(0, dtype=np.int32)


class SequenceBuilder:
    """Builds sequences for one model."""

    def __init__(self, model: ResolvedModel) -> None:
        """Keep the model; its tokenizer is loaded on first use."""
        self._model = model

    def from_texts(self, texts: Sequence[str], *, query: bool) -> list[InputIds]:
        """Tokenise texts, truncated to what the model reads, and add special tokens and prefix.

        White space around a text is ignored.

        Raises:
            BadInputError: These are no texts in an order, or one contains a lone surrogate.
        """
        prefix = self._model.query_prefix if query else self._model.passage_prefix
        # Together, because a prefix that does not end in a space joins the text's first word.
        sequences = [self._tokenize(prefix + text.strip()) for text in _list_texts(texts)]
        return [self._build(EMPTY, tokens[: self._room(EMPTY)]) for tokens in sequences]

    def from_passages(self, passages: Sequence[TokenIds]) -> list[InputIds]:
        """Add special tokens and prefix to passages that are already tokenised.

        Raises:
            BadInputError: A passage is longer than the model reads, has ids outside its
                vocabulary, or is not a sequence of integers.
        """
        arrays = _list_items(passages, "arrays of token ids")
        for number, tokens in enumerate(arrays):
            self._check(number, tokens)
        return [self._build(self._passage_prefix, tokens) for tokens in arrays]

    def _check(self, number: int, tokens: TokenIds) -> None:
        if not isinstance(tokens, np.ndarray | np.generic):
            raise BadInputError(
                f"Passage {number} is a {type(tokens).__name__}: token ids are a NumPy array of "
                "integers of shape (tokens,)."
            )
        if tokens.ndim != 1 or tokens.dtype.kind not in "iu":
            raise BadInputError(
                f"Passage {number} is {tokens.dtype} of shape {tokens.shape}: token ids are "
                "integers of shape (tokens,)."
            )
        room = self._room(self._passage_prefix)
        if len(tokens) > room:
            raise BadInputError(
                f"Passage {number} has {len(tokens)} tokens, but {self._model.name} reads at most "
                f"{room} besides its special tokens and prefix. Chunk with a smaller token budget."
            )
        if len(tokens) and not 0 <= int(tokens.min()) <= int(tokens.max()) < self._model.vocab_size:
            raise BadInputError(
                f"Passage {number} has token ids from {tokens.min()} to {tokens.max()}, but "
                f"{self._model.name} knows only ids from 0 to {self._model.vocab_size - 1}. It was "
                "tokenised for another model."
            )

    def _build(self, prefix: InputIds, tokens: TokenIds | list[int]) -> InputIds:
        special = self._model.special_tokens
        sequence = np.empty(len(prefix) + len(tokens) + 2, dtype=np.int32)
        sequence[0] = special.cls
        sequence[1 : 1 + len(prefix)] = prefix
        sequence[1 + len(prefix) : -1] = tokens
        sequence[-1] = special.sep
        return sequence

    def _room(self, prefix: InputIds) -> int:
        """Return how many tokens fit besides the prefix and the two special tokens."""
        return self._model.max_length - len(prefix) - 2

    def _tokenize(self, text: str) -> list[int]:
        try:
            ids: list[int] = self._tokenizer.encode(text.rstrip(), add_special_tokens=False).ids
        except TypeError as error:
            raise BadInputError(f"{text!r} is not valid Unicode and has no tokens.") from error
        return ids

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_buffer(self._model.read_tokenizer())
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _passage_prefix(self) -> InputIds:
        prefix = self._model.passage_prefix
        return np.array(self._tokenize(prefix) if prefix else [], dtype=np.int32)


def _list_texts(texts: Any) -> list[str]:
    """List texts, and refuse what iterates over something else, such as the letters of one text."""
    listed = _list_items(texts, "texts")
    for number, text in enumerate(listed):
        if not isinstance(text, str):
            raise BadInputError(
                f"Text {number} is a {type(text).__name__}, not a str: {text!r:.80}."
            )
    return listed


def _list_items(values: Any, what: str) -> list[Any]:
    is_table = what == "texts" and getattr(values, "ndim", 1) != 1  # its columns' names are texts
    has_no_order = isinstance(values, str | bytes | Mapping | Set) or not isinstance(
        values, Iterable
    )
    if has_no_order or is_table:
        raise BadInputError(
            f"A {type(values).__name__} is not a list of {what}: {values!r:.80}. Pass a list, also "
            "for a single one."
        )
    return list(values)
