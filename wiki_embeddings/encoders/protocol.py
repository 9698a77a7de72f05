"""What every encoder offers, whatever computes the vectors, and what it says of itself.

Light to import: a plan asks what an encoder would be without loading one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

TokenIds = npt.NDArray[np.integer[Any]]
"""Token ids of one text, of shape `(tokens,)`, without special tokens."""

Vectors = npt.NDArray[np.float32]
"""Unit vectors, of shape `(texts, dimensions)`."""

Pooling = Literal["mean", "cls"]
"""How a text's token vectors become one: their mean, or that of the first token."""

Precision = Literal["float32", "float16", "int8"]
"""Numbers that an engine computes with."""

Progress = Callable[[int], None]
"""Told how many texts have been encoded since the last call."""


@dataclass(frozen=True)
class EncoderInfo:
    """What an encoder is: all that decides its vectors.

    Attributes:
        model: Name on the Hub, or path of a folder; with `revision`, it loads the same model again.
        revision: The model's commit, or `sha256:…` of the weights of a folder.
        weights_sha256: SHA-256 of the weights file, in hexadecimal.
        dimensions: Length of a vector.
        pooling: How a text's token vectors become one.
        max_length: Most tokens that the model reads, with special tokens and prefix.
        query_prefix: Text that the model wants before a query; may be empty.
        passage_prefix: Text that the model wants before a passage; may be empty.
        engine: What computes the vectors: `cpu`, `cuda` or `tei`.
        runtime: The engine's library and its version.
        precision: Numbers that it computes with; the vectors are float32 in any case.
    """

    model: str
    revision: str
    weights_sha256: str
    dimensions: int
    pooling: Pooling
    max_length: int
    query_prefix: str
    passage_prefix: str
    engine: str
    runtime: str
    precision: Precision


class Encoder(Protocol):
    """Turns texts into unit vectors; the closer two texts in meaning, the larger the dot product.

    May be used from several threads at once.
    """

    @property
    def info(self) -> EncoderInfo:
        """What this encoder is."""
        ...

    def encode(self, tokens: Sequence[TokenIds], *, progress: Progress | None = None) -> Vectors:
        """Encodes passages that are tokenised already.

        The same sequences in the same order give the same bytes on the same machine, whatever
        else it does. The engine `tei` is the exception: its server puts requests into batches as
        they happen to arrive, so that two runs agree within the rounding of half precision.

        Args:
            tokens: Token ids of each passage, integers of any width, without special tokens and
                without the model's passage prefix: the encoder adds both.
            progress: Told of passages that are done.

        Returns:
            float32 of shape `(len(tokens), dimensions)`, L2-normalised, in the order of `tokens`.

        Raises:
            BadInputError: A passage is longer than the model reads, or has ids outside its
                vocabulary.
        """
        ...

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Tokenises texts, then encodes them; what is longer than the model reads is cut off.

        Args:
            texts: Any texts, also empty ones.
            query: Whether they are questions to search with; else they are passages. Some models
                want another prefix before each kind; it is added here.

        Returns:
            float32 of shape `(len(texts), dimensions)`, L2-normalised, in the order of `texts`.

        Raises:
            BadInputError: A text holds a lone surrogate, which is no Unicode text.
        """
        ...
