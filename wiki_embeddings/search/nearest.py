"""Search: the passages nearest to a question, by reading the vectors from front to back.

Exact, without an index: one pass over the file at the speed of the disk, and memory for one row
group. The sample takes a moment; all of English Wikipedia some minutes.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from wiki_embeddings.dataset_layout import CARD, files_pattern
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.schemas import vectors_of
from wiki_embeddings.search.file_errors import translate_read_errors
from wiki_embeddings.search.vector_model import VectorModel, read_card
from wiki_embeddings.volume import Volume

Config: TypeAlias = Literal["small", "default"]
"""Some rows of a published dataset, for a first look, or all of them."""

CONFIGS: tuple[Config, ...] = get_args(Config)

_MAKE_ANEW = "Run `wiki-embeddings run` again, which makes what is gone or damaged anew."

_TEXTS = ("title", "url", "text")


@dataclass(frozen=True)
class VectorFiles:
    """Vectors that can be searched.

    Attributes:
        files: Parquet files with `title`, `url`, `text` and `embedding`.
        made_by: The model that made the vectors.
        advice: What to do about a file that cannot be read, as a whole sentence.
    """

    files: tuple[Path, ...]
    made_by: VectorModel
    advice: str = _MAKE_ANEW


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


def from_manifest(volume: Volume, vectors: Manifest) -> VectorFiles:
    """The vectors that a materialization of `embeddings` made."""
    model = vectors.settings["embeddings"]
    return VectorFiles(
        files=tuple(volume.path(vectors.reference(file)) for file in vectors.files),
        made_by=VectorModel(
            model["model"], model["revision"], model["pooling"], model["query_prefix"]
        ),
    )


def from_folder(folder: Path, config: Config = "default") -> VectorFiles:
    """A published dataset in a folder in Hub layout.

    Args:
        folder: The dataset.
        config: Which of its rows.

    Raises:
        BadInputError: The folder is not such a dataset.
    """
    files = tuple(sorted(folder.glob(files_pattern(config))))
    card = folder / CARD
    if not files or not card.is_file():
        raise BadInputError(
            f"{folder} is not a published dataset: it needs {CARD} and "
            f"{files_pattern(config)}. Give the folder that `wiki-embeddings run` names at its "
            "end, or namespace/name of a dataset on the Hub."
        )
    return VectorFiles(files, read_card(card, str(card), _MAKE_ANEW))


def nearest(
    question: npt.NDArray[np.float32],
    searchable: VectorFiles,
    count: int,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Passage]:
    """Find the passages whose vectors are nearest to a question's.

    Args:
        question: Unit vector of the question, float32 of shape `(dimensions,)`.
        searchable: Where to look.
        count: How many passages to find at most.
        progress: Told of the size of each file, in bytes, when it has been searched.

    Returns:
        The passages, best first; equal scores in the order of the files.

    Raises:
        BadInputError: The vectors have another width than the question, or a file is damaged,
            gone, or not one of this project's.
    """
    hits = _hits(question, searchable, count, progress)
    best = heapq.nlargest(count, hits, key=lambda hit: (hit.score, *_early(hit)))
    return [_passage(searchable, hit) for hit in best]


def _early(hit: _Hit) -> tuple[int, int, int]:
    return -hit.file, -hit.row_group, -hit.row


def _hits(
    question: npt.NDArray[np.float32],
    searchable: VectorFiles,
    count: int,
    progress: Callable[[int], None],
) -> Iterator[_Hit]:
    for number, path in enumerate(searchable.files):
        with translate_read_errors(path, searchable.advice), pq.ParquetFile(path) as parquet:
            _refuse_other_columns(parquet.schema_arrow, path, question.size)
            for group in range(parquet.num_row_groups):
                scores = vectors_of(parquet.read_row_group(group, ["embedding"])) @ question
                for row in np.argsort(-scores, kind="stable")[:count]:
                    yield _Hit(float(scores[row]), number, group, int(row))
            progress(path.stat().st_size)


def _refuse_other_columns(schema: pa.Schema, path: Path, dimensions: int) -> None:
    wrong = _difference(schema)
    if wrong:
        raise BadInputError(
            f"{path} has {wrong}, so it cannot be searched: name a dataset of this project."
        )
    width = schema.field("embedding").type.list_size
    if width != dimensions:
        raise BadInputError(
            f"The vectors in {path} are {width} wide, the question's is {dimensions}: they were "
            "made with another model."
        )


def _difference(schema: pa.Schema) -> str | None:
    """What makes a file another one than those of this project; None if nothing does."""
    for name in (*_TEXTS, "embedding"):
        if name not in schema.names:
            return f"no column `{name}`"
    for name in _TEXTS:
        type_ = schema.field(name).type
        if not (pa.types.is_string(type_) or pa.types.is_large_string(type_)):
            return f"{type_} in the column `{name}`"
    vectors = schema.field("embedding").type
    if not pa.types.is_fixed_size_list(vectors):
        return "vectors of different lengths"
    return None if pa.types.is_floating(vectors.value_type) else f"vectors of {vectors.value_type}"


def _passage(searchable: VectorFiles, hit: _Hit) -> Passage:
    path = searchable.files[hit.file]
    with translate_read_errors(path, searchable.advice), pq.ParquetFile(path) as parquet:
        group = parquet.read_row_group(hit.row_group, columns=list(_TEXTS))
    row = group.slice(hit.row, 1).to_pylist()[0]
    title, url, text = (row[name] or "" for name in _TEXTS)
    return Passage(hit.score, title, url, text.strip())
