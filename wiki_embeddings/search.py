"""Search: the passages nearest to a question, by reading the vectors from front to back.

Exact, without an index: one pass over the file at the speed of the disk, and memory for one row
group. The sample takes a moment; all of English Wikipedia some minutes.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.stages.statistics import vectors_of
from wiki_embeddings.volume import Volume

CARD_KEY = "wiki_embeddings"
"""Key of the dataset card's YAML under which the model is named."""


@dataclass(frozen=True)
class Searchable:
    """Vectors that can be searched.

    Attributes:
        files: Parquet files with `title`, `url`, `text` and `embedding`.
        model: Name or folder of the model that made the vectors.
        revision: Commit of that model.
    """

    files: tuple[Path, ...]
    model: str
    revision: str | None


@dataclass(frozen=True)
class Passage:
    """A passage that was found.

    Attributes:
        score: Cosine similarity to the question.
        title: Title of its article.
        url: Address of its article.
        text: The passage.
    """

    score: float
    title: str
    url: str
    text: str


@dataclass(frozen=True, order=True)
class _Hit:
    score: float
    file: int
    row_group: int
    row: int


def from_manifest(volume: Volume, vectors: Manifest) -> Searchable:
    """The vectors that a materialization of `embeddings` made."""
    made_by = vectors.settings["embeddings"]
    return Searchable(
        files=tuple(volume.path(vectors.reference(file)) for file in vectors.files),
        model=str(made_by["model"]),
        revision=made_by["revision"],
    )


def from_folder(folder: Path) -> Searchable:
    """A published dataset in a folder in Hub layout.

    Raises:
        BadInputError: The folder is not such a dataset.
    """
    from huggingface_hub import DatasetCard  # heavy, and needed only here

    files = tuple(sorted((folder / "data").glob("*.parquet")))
    card = folder / "README.md"
    if not files or not card.is_file():
        raise BadInputError(
            f"{folder} is not a published dataset: it needs README.md and data/*.parquet. Give the "
            "folder that `wiki-embeddings run` names at its end."
        )
    made_by: dict[str, Any] = DatasetCard.load(card).data.to_dict().get(CARD_KEY, {})
    if "model" not in made_by:
        raise BadInputError(
            f"The card {card} does not name the model of the vectors (`{CARD_KEY}: model:`), so a "
            "question cannot be embedded: search a folder that this project has published."
        )
    return Searchable(files, str(made_by["model"]), made_by.get("revision"))


def nearest(question: npt.NDArray[np.float32], searchable: Searchable, count: int) -> list[Passage]:
    """Find the passages whose vectors are nearest to a question's.

    Args:
        question: Unit vector of the question, float32 of shape `(dimensions,)`.
        searchable: Where to look.
        count: How many passages to find at most.

    Returns:
        The passages, best first; equal scores in the order of the files.

    Raises:
        BadInputError: The vectors have another width than the question.
    """
    best = heapq.nlargest(
        count, _hits(question, searchable.files, count), key=lambda hit: (hit.score, *_early(hit))
    )
    return [_passage(searchable.files, hit) for hit in best]


def _early(hit: _Hit) -> tuple[int, int, int]:
    return -hit.file, -hit.row_group, -hit.row


def _hits(question: npt.NDArray[np.float32], files: Sequence[Path], count: int) -> Iterator[_Hit]:
    for number, path in enumerate(files):
        with pq.ParquetFile(path) as parquet:
            for group in range(parquet.num_row_groups):
                scores = _vectors(parquet, group, path, question.size) @ question
                for row in np.argsort(-scores, kind="stable")[:count]:
                    yield _Hit(float(scores[row]), number, group, int(row))


def _vectors(
    parquet: pq.ParquetFile, group: int, path: Path, dimensions: int
) -> npt.NDArray[np.float32]:
    vectors = vectors_of(parquet.read_row_group(group, columns=["embedding"]))
    if vectors.shape[1] != dimensions:
        raise BadInputError(
            f"The vectors in {path} are {vectors.shape[1]} wide, the question's is {dimensions}: "
            "they were made with another model."
        )
    return vectors


def _passage(files: Sequence[Path], hit: _Hit) -> Passage:
    with pq.ParquetFile(files[hit.file]) as parquet:
        group = parquet.read_row_group(hit.row_group, columns=["title", "url", "text"])
    row = group.slice(hit.row, 1).to_pylist()[0]
    return Passage(hit.score, row["title"], row["url"], row["text"].strip())
