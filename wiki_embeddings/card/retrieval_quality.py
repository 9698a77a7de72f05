"""How well search finds the right passage: what was measured here, and what others published.

Figures from `benchmarks.retrieval` (docs/performance.md tells how they were made and what they do
not show), and the retrieval averages of the models' cards. Nothing here is measured on the dataset
that a card describes: whoever shows a figure says what it was measured on.
"""

from __future__ import annotations

from dataclasses import dataclass

QUESTIONS = 116
ASKED_ARTICLES = 76
"""Articles that the questions are about."""

SEARCHED_ARTICLES = 106
"""Articles whose passages are ranked for each question: those of the sample."""

CHANCE_MRR = 0.04
"""A smaller difference between two rankings of so few questions may be chance."""

_MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_MINILM_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
_TOKEN_BUDGET = 256

MTEB_DATASETS = 15
"""Retrieval datasets of MTEB (English), over which an average is taken."""


@dataclass(frozen=True)
class Measured:
    """How well one way of searching found the right passage of the sample.

    Attributes:
        way: What passages and questions are compared by: a precision of the passages' vectors
            (questions are embedded in float32), or BM25.
        titled: Whether titles stood in front of the passages.
        recall_at_1: Share of questions with a right passage first.
        recall_at_5: Share with one among the first five.
        recall_at_10: Share with one among the first ten.
        mrr: Mean of 1 / rank of the first right passage, over all passages.
    """

    way: str
    titled: bool
    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    mrr: float


@dataclass(frozen=True)
class Published:
    """What a card on the Hub says of a model.

    Attributes:
        ndcg_at_10: Mean nDCG@10 over MTEB's retrieval datasets, from 0 to 100.
        card: The model on whose card it stands.
    """

    ndcg_at_10: float
    card: str


_MEASURED = (
    Measured("float32", False, 0.698, 0.845, 0.897, 0.770),
    Measured("int8", False, 0.698, 0.853, 0.897, 0.768),
    Measured("BM25", False, 0.647, 0.819, 0.845, 0.729),
    Measured("float32", True, 0.698, 0.897, 0.948, 0.788),
    Measured("int8", True, 0.690, 0.897, 0.957, 0.784),
    Measured("BM25", True, 0.724, 0.845, 0.871, 0.784),
)
"""All with MiniLM and passages of 256 tokens, on 2026-11-23."""

# The column “Retrieval (15)” of the tables on those two cards, looked up on 2026-11-23. Both have
# the same figures for the models of E5. Those of multilingual-e5-small are of other datasets.
_BGE_CARD = "BAAI/bge-small-en-v1.5"
_GTE_CARD = "thenlper/gte-small"
_PUBLISHED = {
    "BAAI/bge-large-en-v1.5": Published(54.29, _BGE_CARD),
    "BAAI/bge-base-en-v1.5": Published(53.25, _BGE_CARD),
    "BAAI/bge-small-en-v1.5": Published(51.68, _BGE_CARD),
    "intfloat/e5-large-v2": Published(50.56, _GTE_CARD),
    "intfloat/e5-base-v2": Published(50.29, _GTE_CARD),
    "thenlper/gte-small": Published(49.46, _GTE_CARD),
    "intfloat/e5-small-v2": Published(49.04, _GTE_CARD),
    "sentence-transformers/all-MiniLM-L12-v2": Published(42.69, _GTE_CARD),
    _MINILM: Published(41.95, _GTE_CARD),
}


def measured(
    model: str, revision: str, token_budget: int, title_prefix: bool
) -> tuple[Measured, ...]:
    """What was measured with these settings; empty where nothing was.

    Args:
        model: Name of the model.
        revision: Its commit.
        token_budget: Tokens of a passage, at most.
        title_prefix: Whether titles stand in front of passages.
    """
    if (model, revision, token_budget) != (_MINILM, _MINILM_REVISION, _TOKEN_BUDGET):
        return ()
    return tuple(row for row in _MEASURED if row.titled == title_prefix)


def published(model: str) -> Published | None:
    """What a card on the Hub says of a model; None where none is known.

    Args:
        model: Name of the model.
    """
    return _PUBLISHED.get(model)
