"""Does search find what it should? Recall of known passages among the first ten."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wiki_embeddings.checks import CheckResult
from wiki_embeddings.manifest import Manifest, existing_manifest
from wiki_embeddings.schemas import vectors_of
from wiki_embeddings.settings import SAMPLE_WIKI
from wiki_embeddings.stages.embed import reference_encoder
from wiki_embeddings.stages.sample_questions import load_questions, relevant_passages
from wiki_embeddings.stages.vector_sample import sampled_row_groups
from wiki_embeddings.volume import Volume

FOUND_AMONG = 10

_TITLES = 100

_MAX_PASSAGES = 50_000
"""Vectors of 1024 dimensions in 200 MB."""

_LOWEST_RECALL = 0.8
"""The sample has 0.93 for its questions and more for titles (docs/performance.md). With fewer
than 0.8, the vectors belong to other passages, or the model does not suit the wiki."""


@dataclass(frozen=True)
class Asked:
    """Queries with the passages that they should find.

    Attributes:
        queries: The queries.
        relevant: For each, the rows of the passages, any of which will do.
    """

    queries: tuple[str, ...]
    relevant: tuple[frozenset[int], ...]


def recall_at_10(volume: Volume, folder: str) -> CheckResult:
    """Search finds articles by their titles and, in the sample, passages by stored questions.

    Args:
        volume: Where the embeddings are.
        folder: Reference of their folder.

    Returns:
        The result. Recall at 10 is the share of queries with a right passage among the first ten
        of those searched: all of a small wiki, a sample of a large one.

    Raises:
        BadInputError: The model cannot be loaded on a processor.
        WikiEmbeddingsError: The model cannot be fetched now.
    """
    vectors = existing_manifest(volume, folder)
    if not vectors.rows:
        return CheckResult(False, "There are no passages to search.", {})
    columns = ["id", "title", "chunk_index", "embedding"]
    if vectors.wiki == SAMPLE_WIKI:
        columns.append("text")
    passages = pa.concat_tables(sampled_row_groups(volume, vectors, columns, _MAX_PASSAGES))
    asked = {"titles": titles_of(passages)}
    if "text" in passages.column_names:
        asked["questions"] = stored_questions(passages)
    recalls = {
        name: _recall(vectors, vectors_of(passages), one)
        for name, one in asked.items()
        if one.queries
    }
    worst = min(recalls.values(), default=0.0)
    found = ", ".join(
        f"{recall:.0%} of {len(asked[name].queries):,} {name}" for name, recall in recalls.items()
    )
    return CheckResult(
        worst >= _LOWEST_RECALL,
        f"Among the first {FOUND_AMONG} of {passages.num_rows:,} passages is a right one for "
        f"{found or 'nothing that was asked'}; it should be for {_LOWEST_RECALL:.0%} of each.",
        {
            **{f"recall_at_10_of_{name}": recall for name, recall in recalls.items()},
            **{name: len(one.queries) for name, one in asked.items()},
            "passages_searched": passages.num_rows,
        },
    )


def titles_of(passages: pa.Table, seed: int = 0) -> Asked:
    """Ask for random articles by their titles; any passage of the article will do."""
    ids = passages.column("id").to_numpy()
    leads = np.flatnonzero(passages.column("chunk_index").to_numpy() == 0)
    drawn = np.random.default_rng(seed).permutation(leads)[:_TITLES]
    queries = passages.column("title").take(pa.array(drawn)).to_pylist()
    return Asked(
        queries=tuple(queries),
        relevant=tuple(frozenset(np.flatnonzero(ids == ids[row]).tolist()) for row in drawn),
    )


def stored_questions(passages: pa.Table) -> Asked:
    """Ask the stored questions about those articles of the sample that are there."""
    titles, texts = (passages.column(name).to_pylist() for name in ("title", "text"))
    rows: dict[str, list[int]] = {}
    for row, title in enumerate(titles):
        rows.setdefault(title, []).append(row)
    queries, relevant = [], []
    for question in load_questions():
        of_article = rows.get(question.article, [])
        found = relevant_passages(question.answers, [texts[row] for row in of_article])
        if found:
            queries.append(question.ask)
            relevant.append(frozenset(of_article[index] for index in found))
    return Asked(tuple(queries), tuple(relevant))


def _recall(vectors: Manifest, passages: npt.NDArray[np.float32], asked: Asked) -> float:
    encoded = reference_encoder(vectors).encode_texts(list(asked.queries), query=True)
    scores = encoded @ passages.T
    first = np.argsort(-scores, axis=1, kind="stable")[:, :FOUND_AMONG]
    hits = [
        not one.isdisjoint(rows) for one, rows in zip(asked.relevant, first.tolist(), strict=True)
    ]
    return sum(hits) / len(hits)
