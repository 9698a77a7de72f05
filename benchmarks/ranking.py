"""Measures the quality of rankings, and whether two of them differ by more than chance.

Knows neither texts nor vectors, only scores and which passages are relevant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.floating[Any]]
"""Score of each passage for each question, of shape `(questions, passages)`; highest is best."""

Quality = npt.NDArray[np.floating[Any]]
"""Quality of the ranking for each question, from 0 to 1, of shape `(questions,)`."""

Ranks = npt.NDArray[np.int64]
"""Rank, from 1, of the first relevant passage for each question, of shape `(questions,)`."""

RESAMPLES = 10_000
"""Enough that another seed moves the ends of an interval by less than its third digit."""


@dataclass(frozen=True)
class Difference:
    """Difference between the means of two qualities on the same questions.

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
        """True if the interval includes zero."""
        return self.low <= 0 <= self.high


def first_relevant_ranks(scores: Scores, relevant: Sequence[Sequence[int]]) -> Ranks:
    """Rank all passages for each question and find the first relevant one.

    Args:
        scores: Score of each passage for each question; equal ones rank in the order of passages.
        relevant: Numbers of the relevant passages of each question, at least one.
    """
    ranks = []
    for row, wanted in zip(scores, relevant, strict=True):
        order = np.argsort(-row, kind="stable")
        ranks.append(1 + int(np.flatnonzero(np.isin(order, wanted))[0]))
    return np.array(ranks, np.int64)


def hits(ranks: Ranks, count: int) -> Quality:
    """Return 1 where a relevant passage is among the first `count`, else 0; the mean is recall."""
    return (ranks <= count).astype(np.float64)


def reciprocal_ranks(ranks: Ranks) -> Quality:
    """Return 1 / rank, with no limit to the rank; the mean is the MRR."""
    return 1 / ranks


def paired_difference(quality: Quality, reference: Quality, seed: int = 0) -> Difference:
    """Compare two search methods by a paired bootstrap over the questions.

    Args:
        quality: Quality of the one.
        reference: Quality of the other, for the same questions in the same order.
        seed: Seed of the resampling.
    """
    gains = quality - reference
    drawn = np.random.default_rng(seed).integers(len(gains), size=(RESAMPLES, len(gains)))
    low, high = np.quantile(gains[drawn].mean(axis=1), [0.025, 0.975])
    return Difference(float(gains.mean()), float(low), float(high))
