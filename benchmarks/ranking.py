"""How good a ranking of passages is, and whether two rankings differ by more than chance.

Knows neither texts nor vectors: only scores, and which passages are right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.floating[Any]]
"""How well each passage suits each question, of shape `(questions, passages)`; most is best."""

Quality = npt.NDArray[np.floating[Any]]
"""How well each question was answered, from 0 to 1, of shape `(questions,)`."""

Ranks = npt.NDArray[np.int64]
"""Place, from 1, of the first right passage for each question, of shape `(questions,)`."""

RESAMPLES = 10_000
"""Enough that the ends of an interval move by less than its third digit with another seed."""


@dataclass(frozen=True)
class Difference:
    """By how much the mean of one quality is above another's, on the same questions.

    Attributes:
        mean: The difference.
        low: Lower end of its 95 % confidence interval.
        high: Upper end of it.
    """

    mean: float
    low: float
    high: float

    @property
    def is_noise(self) -> bool:
        """Whether no difference at all is within the interval too."""
        return self.low <= 0 <= self.high


def first_right_ranks(scores: Scores, right: Sequence[Sequence[int]]) -> Ranks:
    """Rank all passages for each question and find the first right one.

    Args:
        scores: Score of each passage for each question; equal ones rank in the order of passages.
        right: Numbers of the right passages of each question, at least one.
    """
    ranks = []
    for row, wanted in zip(scores, right, strict=True):
        order = np.argsort(-row, kind="stable")
        ranks.append(1 + int(np.flatnonzero(np.isin(order, wanted))[0]))
    return np.array(ranks, np.int64)


def recalls(ranks: Ranks, count: int) -> Quality:
    """1 where a right passage is among the first so many, else 0; their mean is recall at count."""
    return (ranks <= count).astype(np.float64)


def reciprocals(ranks: Ranks) -> Quality:
    """1 / rank, however far down the first right passage stands; their mean is the MRR."""
    return 1 / ranks


def difference(quality: Quality, reference: Quality, seed: int = 0) -> Difference:
    """Compare two ways of searching by a paired bootstrap over the questions.

    Args:
        quality: Of the one.
        reference: Of the other, for the same questions in the same order.
        seed: Of the resampling.
    """
    gains = quality - reference
    drawn = np.random.default_rng(seed).integers(len(gains), size=(RESAMPLES, len(gains)))
    low, high = np.quantile(gains[drawn].mean(axis=1), [0.025, 0.975])
    return Difference(float(gains.mean()), float(low), float(high))
