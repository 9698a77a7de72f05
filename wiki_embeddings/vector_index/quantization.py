"""Vectors as small integers, and as one bit a number around a centroid.

A code follows RaBitQ (Gao and Long, "RaBitQ: quantizing high-dimensional vectors with a theoretical
error bound for approximate nearest neighbor search", SIGMOD 2024): the signs of a vector's residual
`r` to its centroid, and one scale that makes the estimate of a dot product unbiased. Its random
rotation is left out: with the vectors of sentence encoders it changes the error by 1 %.

All that decides a byte of the index is computed on integers that float32 holds exactly. So it comes
out the same for every order of summation: on any processor, with any number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Integers: TypeAlias = npt.NDArray[np.int8]
"""Quantized vectors, of shape `(rows, dimensions)`."""

Floats: TypeAlias = npt.NDArray[np.float32]

_EXACT = 1 << 24
"""Float32 holds each integer up to here."""

_BLOCK_ROWS = 4096
"""Rows that are compared with all centroids at once: 270 MB of scores for English."""

RELATIVE_ERROR = 0.61
"""Standard deviation of an estimate, over the scale of the code and the length of the question:
`sqrt(1 - c²)` for the cosine `c` of a residual and its signs, which is 0.79 for normal numbers."""


@dataclass(frozen=True)
class Records:
    """Codes of some rows, as they are stored: one record a row, without gaps.

    Attributes:
        codes: The signs, uint8 of shape `(rows, ceil(dimensions / 8))`; the first in the highest
            bit, 1 for a number that is not negative.
        scales: float16 of shape `(rows,)`.
        rows: Numbers of the rows in the dataset, from 0; uint32 of shape `(rows,)`.
    """

    codes: npt.NDArray[np.uint8]
    scales: npt.NDArray[np.float16]
    rows: npt.NDArray[np.uint32]


def record_type(dimensions: int) -> np.dtype[Any]:
    """Return the layout of a record, little-endian."""
    return np.dtype([("code", "u1", (-(-dimensions // 8),)), ("scale", "<f2"), ("row", "<u4")])


def levels(dimensions: int) -> int:
    """Return the largest integer to quantize to, so that every dot product is exact in float32."""
    return min(127, isqrt(_EXACT // dimensions))


def choose_step(vectors: npt.NDArray[np.floating[Any]]) -> float:
    """Choose the step of quantization: the largest number of a sample becomes the largest integer.

    Args:
        vectors: The sample, of shape `(rows, dimensions)`.
    """
    largest = float(np.abs(vectors).max(initial=0.0)) or 1.0
    return largest / levels(vectors.shape[1])


def quantize(vectors: npt.NDArray[np.floating[Any]], step: float) -> Integers:
    """Round vectors to integers; larger numbers than the sample had are cut off."""
    limit = levels(vectors.shape[1])
    return (
        np.rint(vectors.astype(np.float32) / np.float32(step)).clip(-limit, limit).astype(np.int8)
    )


def nearest_centroids(vectors: Integers, centroids: Integers) -> npt.NDArray[np.int32]:
    """Return the number of the centroid that is nearest to each vector; of equal ones the first."""
    transposed = np.ascontiguousarray(centroids.T, dtype=np.float32)
    halves = _squares(centroids).astype(np.float32) / 2
    nearest = np.empty(len(vectors), np.int32)
    for first in range(0, len(vectors), _BLOCK_ROWS):
        block = slice(first, first + _BLOCK_ROWS)
        scores = vectors[block].astype(np.float32) @ transposed
        scores -= halves
        nearest[block] = scores.argmax(axis=1)
    return nearest


def encode(vectors: Integers, centroids: Integers, step: float) -> tuple[Any, Any]:
    """Encode vectors by the signs of their residuals.

    Args:
        vectors: The vectors.
        centroids: The centroid of each, of the same shape.
        step: The step of quantization.

    Returns:
        Codes and scales; see `Records`.
    """
    residuals = vectors.astype(np.int16) - centroids
    lengths = np.abs(residuals).sum(axis=1, dtype=np.int64)
    scales = _squares(residuals) / np.maximum(lengths, 1) * step
    return np.packbits(residuals >= 0, axis=1), scales.astype(np.float16)


def _squares(integers: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """Return the squared lengths."""
    return np.square(integers, dtype=np.int32).sum(axis=1, dtype=np.int64)


def sign_table(question: Floats) -> Floats:
    """Add up a question's numbers by the signs of each byte of a code.

    Returns:
        float32 of shape `(bytes of a code, 256)`: what each value of each byte adds to the dot
        product of the question with the signs.
    """
    padded = np.zeros(-(-question.size // 8) * 8, np.float32)
    padded[: question.size] = question
    signs = (
        np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32) * 2 - 1
    )
    table: Floats = padded.reshape(-1, 8) @ signs.T
    return table


def estimate(table: Floats, codes: npt.NDArray[np.uint8]) -> Floats:
    """Return the dot products of a question with the signs of codes.

    Args:
        table: From `sign_table`.
        codes: uint8 of shape `(rows, bytes)`.
    """
    positions = np.arange(len(table))
    products = np.empty(len(codes), np.float32)
    for first in range(0, len(codes), _BLOCK_ROWS):
        block = slice(first, first + _BLOCK_ROWS)
        products[block] = table[positions, codes[block]].sum(axis=1)
    return products
