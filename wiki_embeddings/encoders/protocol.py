"""The interface that every encoder offers, whatever its engine, and its description of itself.

Importing this loads no NumPy: a plan asks what an encoder would be without loading one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

TokenIds: TypeAlias = "npt.NDArray[np.integer[Any]]"
"""Token ids of one text, of shape `(tokens,)`, without special tokens."""

Vectors: TypeAlias = "npt.NDArray[np.float32]"
"""Unit vectors, of shape `(texts, dimensions)`."""

Pooling = Literal["mean", "cls"]
"""How a text's token vectors become one vector: their mean, or the first token's."""

Precision = Literal["float32", "bfloat16", "float16", "int8"]
"""Number format that an engine computes in."""

Progress = Callable[[int], None]
"""Called with the number of texts encoded since the last call."""


@dataclass(frozen=True)
class EncoderInfo:
    """Everything that decides an encoder's vectors.

    Attributes:
        model: Name on the Hub, or path of a folder; with `revision`, it loads the same model again.
        identity: The model's name on the Hub, or a digest of the content of a folder, which is the
            same wherever the folder is.
        revision: The model's commit, or `sha256:…` of the weights in a folder.
        weights_sha256: SHA-256 of the weights, in hexadecimal; see `weights.weights_digest`.
        dimensions: Length of a vector.
        pooling: How a text's token vectors become one vector.
        max_length: Most tokens that the model reads, with special tokens and prefix.
        query_prefix: Text that the model expects before a query; may be empty.
        passage_prefix: Text that the model expects before a passage; may be empty.
        engine: What computes the vectors: `cpu`, `cuda` or `tei`.
        runtime: The engine's library and its version.
        precision: Number format of the computation; the vectors are always float32.
    """

    model: str
    identity: str
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

    @property
    def model_folder(self) -> str | None:
        """Path of the model's folder; None for a model on the Hub."""
        return None if self.model == self.identity else self.model


class Encoder(Protocol):
    """Turns texts into unit vectors; the closer two texts in meaning, the larger the dot product.

    May be used from several threads at once.
    """

    @property
    def info(self) -> EncoderInfo:
        """Everything that decides this encoder's vectors."""
        ...

    def encode(self, tokens: Sequence[TokenIds], *, progress: Progress | None = None) -> Vectors:
        """Encode passages that are already tokenised.

        The same sequences in the same order give the same bytes on the same machine, whatever
        else it does. The engine `tei` is the exception: its server puts requests into batches as
        they happen to arrive, so two runs agree only within the rounding of half precision.

        Args:
            tokens: Token ids of each passage, integers of any width, without special tokens and
                without the model's passage prefix: the encoder adds both.
            progress: Called as passages are encoded.

        Returns:
            float32 of shape `(len(tokens), dimensions)`, L2-normalised, in the order of `tokens`.

        Raises:
            BadInputError: A passage is longer than the model reads, or has ids outside its
                vocabulary.
        """
        ...

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Tokenise texts and encode them, truncated to what the model reads.

        Args:
            texts: Any texts, including empty ones.
            query: True for search queries, False for passages. Some models expect a different
                prefix before each kind; it is added here.

        Returns:
            float32 of shape `(len(texts), dimensions)`, L2-normalised, in the order of `texts`.

        Raises:
            BadInputError: This is no list of str, or one contains a lone surrogate, so it is not
                valid Unicode.
        """
        ...
