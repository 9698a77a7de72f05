"""Search: the passages nearest to a question, by reading the vectors from front to back.

Exact, without an index: one pass over the file at the speed of the disk, and memory for one row
group. The sample takes a moment; all of English Wikipedia some minutes.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.stages.statistics import vectors_of
from wiki_embeddings.volume import Volume

CARD_KEY = "wiki_embeddings"
"""Key of the dataset card's YAML under which the model is named."""

_COLUMNS = ("title", "url", "text", "embedding")


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
    files = tuple(sorted((folder / "data").glob("*.parquet")))
    card = folder / "README.md"
    if not files or not card.is_file():
        raise BadInputError(
            f"{folder} is not a published dataset: it needs README.md and data/*.parquet. Give the "
            "folder that `wiki-embeddings run` names at its end."
        )
    made_by = _named_in(card)
    return Searchable(files, str(made_by["model"]), made_by.get("revision"))


def _named_in(card: Path) -> Mapping[str, Any]:
    """What the YAML of a dataset card says of the model; it has at least `model`."""
    from huggingface_hub import DatasetCard  # heavy, and needed only here

    with _damage_told(card):
        made_by = DatasetCard.load(card).data.to_dict().get(CARD_KEY)
    if not isinstance(made_by, dict) or "model" not in made_by:
        raise BadInputError(
            f"The card {card} does not name the model of the vectors (`{CARD_KEY}: model:`), so a "
            "question cannot be embedded: search a folder that this project has published."
        )
    return made_by


def nearest(question: npt.NDArray[np.float32], searchable: Searchable, count: int) -> list[Passage]:
    """Find the passages whose vectors are nearest to a question's.

    Args:
        question: Unit vector of the question, float32 of shape `(dimensions,)`.
        searchable: Where to look.
        count: How many passages to find at most.

    Returns:
        The passages, best first; equal scores in the order of the files.

    Raises:
        BadInputError: The vectors have another width than the question, or a file is damaged,
            gone, or not one of this project's.
    """
    best = heapq.nlargest(
        count, _hits(question, searchable.files, count), key=lambda hit: (hit.score, *_early(hit))
    )
    return [_passage(searchable.files, hit) for hit in best]


def _early(hit: _Hit) -> tuple[int, int, int]:
    return -hit.file, -hit.row_group, -hit.row


def _hits(question: npt.NDArray[np.float32], files: Sequence[Path], count: int) -> Iterator[_Hit]:
    for number, path in enumerate(files):
        with _damage_told(path), pq.ParquetFile(path) as parquet:
            _refuse_other_columns(parquet.schema_arrow, path, question.size)
            for group in range(parquet.num_row_groups):
                scores = vectors_of(parquet.read_row_group(group, ["embedding"])) @ question
                for row in np.argsort(-scores, kind="stable")[:count]:
                    yield _Hit(float(scores[row]), number, group, int(row))


def _refuse_other_columns(schema: pa.Schema, path: Path, dimensions: int) -> None:
    missing = [name for name in _COLUMNS if name not in schema.names]
    if missing or not pa.types.is_fixed_size_list(schema.field("embedding").type):
        wrong = f"no column `{missing[0]}`" if missing else "vectors of different lengths"
        raise BadInputError(
            f"{path} has {wrong}, so it cannot be searched: name a dataset of this project."
        )
    width = schema.field("embedding").type.list_size
    if width != dimensions:
        raise BadInputError(
            f"The vectors in {path} are {width} wide, the question's is {dimensions}: they were "
            "made with another model."
        )


def _passage(files: Sequence[Path], hit: _Hit) -> Passage:
    path = files[hit.file]
    with _damage_told(path), pq.ParquetFile(path) as parquet:
        group = parquet.read_row_group(hit.row_group, columns=["title", "url", "text"])
    row = group.slice(hit.row, 1).to_pylist()[0]
    return Passage(hit.score, row["title"], row["url"], row["text"].strip())


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Turn what the readers of Parquet and YAML raise for a bad file into a sentence.

    Raises:
        BadInputError: The file is gone or damaged.
    """
    try:
        yield
    # Arrow raises ValueError for a file without its end and OSError for broken bytes within.
    except (OSError, ValueError, yaml.YAMLError) as error:
        is_gone = isinstance(error, FileNotFoundError)
        reason = "it is gone" if is_gone else str(error).partition("\n")[0]
        raise BadInputError(
            f"Cannot read {path}: {reason}. Run `wiki-embeddings run` again, which makes what is "
            "gone or damaged anew."
        ) from error
