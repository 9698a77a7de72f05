"""Makes the sequences that a model reads: texts to token ids, framed by special tokens and prefix.

Framing and its checks are the same for every engine, so they are in this one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.protocol import TokenIds
from wiki_embeddings.errors import BadInputError

Ids = npt.NDArray[np.int32]

_NOTHING: Ids = np.empty(0, dtype=np.int32)


class SequenceMaker:
    """Makes sequences for one model."""

    def __init__(self, model: ResolvedModel) -> None:
        """Keeps the model; its tokenizer is loaded when it is first needed."""
        self._model = model

    def from_texts(self, texts: Sequence[str], *, query: bool) -> list[Ids]:
        """Tokenises texts and frames them; what is longer than the model reads is cut off.

        White space around a text counts for nothing.

        Raises:
            BadInputError: A text holds a lone surrogate.
        """
        prefix = self._model.query_prefix if query else self._model.passage_prefix
        # Together, because a prefix without a space at its end is one word with what follows.
        sequences = [self._tokenized(prefix + text.strip()) for text in texts]
        return [self._framed(_NOTHING, tokens[: self._room(_NOTHING)]) for tokens in sequences]

    def from_passages(self, passages: Sequence[TokenIds]) -> list[Ids]:
        """Frames passages that are tokenised already.

        Raises:
            BadInputError: A passage is longer than the model reads, has ids outside its
                vocabulary, or is no sequence of integers.
        """
        for number, tokens in enumerate(passages):
            self._check(number, tokens)
        return [self._framed(self._passage_prefix, tokens) for tokens in passages]

    def _check(self, number: int, tokens: TokenIds) -> None:
        if tokens.ndim != 1 or tokens.dtype.kind not in "iu":
            raise BadInputError(
                f"Passage {number} is {tokens.dtype} of shape {tokens.shape}: token ids are "
                "integers of shape (tokens,)."
            )
        room = self._room(self._passage_prefix)
        if len(tokens) > room:
            raise BadInputError(
                f"Passage {number} has {len(tokens)} tokens, but {self._model.name} reads at most "
                f"{room} beside its special tokens and prefix. Chunk with a smaller token budget."
            )
        if len(tokens) and not 0 <= int(tokens.min()) <= int(tokens.max()) < self._model.vocab_size:
            raise BadInputError(
                f"Passage {number} has token ids from {tokens.min()} to {tokens.max()}, but "
                f"{self._model.name} knows those from 0 to {self._model.vocab_size - 1}. It was "
                "tokenised for another model."
            )

    def _framed(self, prefix: Ids, tokens: TokenIds | list[int]) -> Ids:
        special = self._model.special_tokens
        sequence = np.empty(len(prefix) + len(tokens) + 2, dtype=np.int32)
        sequence[0] = special.cls
        sequence[1 : 1 + len(prefix)] = prefix
        sequence[1 + len(prefix) : -1] = tokens
        sequence[-1] = special.sep
        return sequence

    def _room(self, prefix: Ids) -> int:
        """Tokens of a text that fit beside the prefix and the two special tokens."""
        return self._model.max_length - len(prefix) - 2

    def _tokenized(self, text: str) -> list[int]:
        try:
            ids: list[int] = self._tokenizer.encode(text.rstrip(), add_special_tokens=False).ids
        except TypeError as error:
            raise BadInputError(f"{text!r} is no Unicode text, so it has no tokens.") from error
        return ids

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(self._model.tokenizer_path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _passage_prefix(self) -> Ids:
        prefix = self._model.passage_prefix
        return np.array(self._tokenized(prefix) if prefix else [], dtype=np.int32)
