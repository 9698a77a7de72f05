"""Which articles a dry run keeps: the same ones each time, spread evenly, for any fraction.

The page id alone decides which articles of a file are kept. Only the files needed are fetched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

HASH_VALUES = 2**64

FileT = TypeVar("FileT")


def choose_files(files: Sequence[FileT], fraction: float) -> tuple[Sequence[FileT], float]:
    """Choose the files to fetch: the first ones, as few as contain a share of all articles.

    Args:
        files: All files, of about as many articles each.
        fraction: Share of all articles to keep, above 0 and at most 1.

    Returns:
        The files, and the share of their articles to keep, so that `fraction` of all are kept.
    """
    chosen = files[: math.ceil(fraction * len(files))]
    return chosen, fraction * len(files) / max(1, len(chosen))


def keep_mask(ids: NDArray[np.int64], fraction: float) -> NDArray[np.bool_]:
    """Select the articles to keep.

    Args:
        ids: Page ids, int64 `(n,)`.
        fraction: Share of all articles to keep; all of them from 1 on.

    Returns:
        Boolean `(n,)`: True where the article is kept.
    """
    if fraction >= 1:
        return np.ones(len(ids), dtype=np.bool_)
    threshold = np.uint64(max(0.0, fraction) * HASH_VALUES)
    return _splitmix64(ids.astype(np.uint64)) < threshold


def _splitmix64(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash integers evenly over uint64 by the finalizer of SplitMix64 (Steele et al., 2014)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
