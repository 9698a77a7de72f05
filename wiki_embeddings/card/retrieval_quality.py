"""How well search finds the right passage, as measured by `benchmarks.retrieval` on the sample.

docs/performance.md explains how the figures were obtained and what they do not show. None of them
was measured on the dataset that a card describes: a reader must be told what they were measured on.
"""

from __future__ import annotations

from dataclasses import dataclass

QUESTIONS = 167

QUESTION_ARTICLES = 83
"""Articles that the questions are about."""

RANKED_ARTICLES = 106
"""Articles whose passages are ranked for each question: all of the sample."""

MRR_NOISE = 0.04
"""With so few questions, a smaller difference between two rankings may be chance."""

_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
_TOKEN_BUDGET = 256


@dataclass(frozen=True)
class RetrievalResult:
    """How well one method of search found the right passage of the sample.

    Attributes:
        method: Precision in which the passages' vectors were computed (questions always in
            float32), or BM25.
        title_prefix: True if each passage began with its article's title.
        recall_at_1: Share of questions with a right passage first.
        recall_at_5: Share with one among the first five.
        recall_at_10: Share with one among the first ten.
        mrr: Mean of 1 / rank of the first right passage, over all passages.
    """

    method: str
    title_prefix: bool
    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    mrr: float


_RESULTS = (
    RetrievalResult("float32", True, 0.635, 0.874, 0.928, 0.743),
    RetrievalResult("int8", True, 0.641, 0.880, 0.928, 0.743),
    RetrievalResult("BM25", True, 0.647, 0.802, 0.826, 0.719),
)
"""Measured with `_MODEL` and passages of `_TOKEN_BUDGET` tokens on 2026-11-26."""


def measured_results(
    model: str, revision: str, token_budget: int, title_prefix: bool
) -> tuple[RetrievalResult, ...]:
    """Return the results measured with the same model and chunking; empty if there are none.

    Args:
        model: Name of the model.
        revision: Its commit.
        token_budget: Most tokens in a passage.
        title_prefix: True if each passage begins with its article's title.
    """
    if (model, revision, token_budget) != (_MODEL, _REVISION, _TOKEN_BUDGET):
        return ()
    return tuple(result for result in _RESULTS if result.title_prefix == title_prefix)
