"""Embeds a few short texts, such as a question, in NumPy: loading any runtime would take longer.

No part of the engine `cpu` that shards are made with; the vectors are the same but for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wiki_embeddings.encoders.cpu.numpy_bert import exact_gelu, token_vectors
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.models.weights import read_weights
from wiki_embeddings.encoders.protocol import EncoderInfo, Progress, TokenIds, Vectors
from wiki_embeddings.encoders.sequences import InputIds, SequenceBuilder
from wiki_embeddings.errors import BadInputError


class NumpyEncoder:
    """An `Encoder` of one text after the other; see `protocol.Encoder` for the methods."""

    def __init__(self, model: ResolvedModel, info: EncoderInfo) -> None:
        """Read the weights.

        Args:
            model: The model.
            info: Description of this encoder.

        Raises:
            BadInputError: The weights are damaged.
        """
        self._info = info
        self._config = model.require_bert()
        self._sequences = SequenceBuilder(model)
        self._weights = read_weights(model.folder, self._config)

    @property
    def info(self) -> EncoderInfo:
        """Everything that decides this encoder's vectors."""
        return self._info

    def encode(self, tokens: Sequence[TokenIds], *, progress: Progress | None = None) -> Vectors:
        """Encode passages that are already tokenised."""
        return self._encode(self._sequences.from_passages(tokens), progress)

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Tokenise texts and encode them."""
        return self._encode(self._sequences.from_texts(texts, query=query), None)

    def _encode(self, sequences: list[InputIds], progress: Progress | None) -> Vectors:
        vectors = np.empty((len(sequences), self._info.dimensions), np.float32)
        for number, sequence in enumerate(sequences):
            vectors[number] = self._vector(sequence)
            if progress is not None:
                progress(1)
        return vectors

    def _vector(self, sequence: InputIds) -> Vectors:
        with np.errstate(over="ignore", invalid="ignore"):  # told below
            tokens = token_vectors(
                self._weights, self._config, [sequence], dtype=np.float32, gelu=exact_gelu
            )
            pooled = tokens.mean(axis=0) if self._info.pooling == "mean" else tokens[0]
            length = np.linalg.norm(pooled)
        if not np.isfinite(length):
            raise BadInputError(
                f"Vectors of {self._info.model} are not finite: values between its layers are too "
                "large even for float32. Choose other weights."
            )
        return (pooled / length).astype(np.float32, copy=False)
