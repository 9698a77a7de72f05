"""Exact search: the passages nearest to a question, by one pass over all vectors.

Without an index, at the speed of the disk, in the memory of one row group. The sample takes a
moment, English Wikipedia some minutes.
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

from wiki_embeddings.dataset_layout import CARD, files_pattern, incomplete_series
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.schemas import vectors_of
from wiki_embeddings.search.file_errors import translate_read_errors
from wiki_embeddings.search.passages import Passage, PassageFilter, passage_at
from wiki_embeddings.search.vector_model import VectorModel, read_card
from wiki_embeddings.volume import Volume

Config: TypeAlias = Literal["small", "default"]
"""Config of a published dataset: some rows for a first look, or all of them."""

CONFIGS: tuple[Config, ...] = get_args(Config)

_RUN_AGAIN = "Run `wiki-embeddings run` again, which replaces what is missing or damaged."

_TEXT_COLUMNS = ("title", "url", "text")

_CITATION_COLUMNS = ("section", "revision_id")
"""Datasets published by wiki-embeddings before 0.2 lack them."""

_KEY_COLUMNS = ("id", "chunk_index")

_INTEGER_COLUMNS = frozenset({"revision_id", *_KEY_COLUMNS})

_ALL = PassageFilter()


@dataclass(frozen=True)
class VectorFiles:
    """Files of vectors to search.

    Attributes:
        files: Parquet files with `title`, `url`, `text` and `embedding`; `section` and
            `revision_id` are optional.
        model: The model that made the vectors.
        advice: What to do about a file that cannot be read, as a sentence.
    """

    files: tuple[Path, ...]
    model: VectorModel
    advice: str = _RUN_AGAIN


@dataclass(frozen=True, order=True)
class _Hit:
    score: float
    file: int
    row_group: int
    row: int
    position: int
    """Row among those of all files."""


def from_manifest(volume: Volume, vectors: Manifest) -> VectorFiles:
    """Give the vectors of a materialization of `embeddings`."""
    encoder = vectors.settings["embeddings"]
    return VectorFiles(
        files=tuple(volume.path(vectors.reference(file)) for file in vectors.files),
        model=VectorModel(
            vectors.model_folder or encoder["model"],
            encoder["revision"],
            encoder["pooling"],
            encoder["query_prefix"],
        ),
    )


def from_folder(folder: Path, config: Config = "default") -> VectorFiles:
    """Give the vectors of a published dataset in a local folder.

    Args:
        folder: The dataset.
        config: Which of its rows.

    Raises:
        BadInputError: The folder is not a published dataset, or lacks files of it.
    """
    files = tuple(sorted(folder.glob(files_pattern(config))))
    card = folder / CARD
    if not files or not card.is_file():
        raise BadInputError(
            f"{folder} is not a published dataset: it needs {CARD} and {files_pattern(config)}. "
            "Give the folder that `wiki-embeddings run` names at its end, or namespace/name of a "
            "dataset on the Hub."
        )
    fault = incomplete_series(file.name for file in files)
    if fault:
        raise BadInputError(
            f"{folder} does not have all passages of its config {config}: {fault}. Copy or "
            "download the dataset again, into an empty folder."
        )
    return VectorFiles(files, read_card(card, str(card), _RUN_AGAIN))


def nearest(
    question: npt.NDArray[np.float32],
    vectors: VectorFiles,
    count: int,
    progress: Callable[[int], None] = lambda _: None,
    allowed: PassageFilter = _ALL,
) -> list[Passage]:
    """Find the passages whose vectors are nearest to a question's.

    Args:
        question: Unit vector of the question, float32 of shape `(dimensions,)`.
        vectors: The files to search.
        count: Most passages to return.
        progress: Called with the size of each file, in bytes, once it is searched.
        allowed: Which passages to consider.

    Returns:
        The passages, best first; equal scores in file order.

    Raises:
        BadInputError: The vectors' width differs from the question's, or a file is missing, damaged
            or not from this project.
    """
    hits = _hits(question, vectors, count, progress, allowed)
    best = heapq.nlargest(count, hits, key=lambda hit: (hit.score, *_earliest_first(hit)))
    return [_passage(vectors, hit) for hit in best]


@dataclass(frozen=True)
class ExactRows:
    """The rows of some files, all of which every search reads; implements `SearchableRows`."""

    files: VectorFiles

    @property
    def bytes_read_by_each(self) -> int:
        """Bytes of all files that are here."""
        return sum(file.stat().st_size for file in self.files.files if file.is_file())

    def nearest(
        self,
        vector: npt.NDArray[np.float32],
        count: int,
        allowed: PassageFilter = _ALL,
        progress: Callable[[int], None] = lambda _: None,
    ) -> list[Passage]:
        """Find the nearest passages; see `SearchableRows`."""
        return nearest(vector, self.files, count, progress, allowed)

    def vector(self, row: int) -> npt.NDArray[np.float32]:
        """Return the vector of a row; see `SearchableRows`."""
        left = row
        for path in self.files.files:
            with translate_read_errors(path, self.files.advice), pq.ParquetFile(path) as parquet:
                for group in range(parquet.num_row_groups if left >= 0 else 0):
                    rows = parquet.metadata.row_group(group).num_rows
                    if left < rows:
                        table = parquet.read_row_group(group, ["embedding"])
                        return _unit(vectors_of(table.slice(left, 1))[0])
                    left -= rows
        raise BadInputError(f"There is no row {row} in what is searched: rows count from 0.")

    def close(self) -> None:
        """Do nothing: no file stays open between two searches."""


def _unit(vector: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scale a stored vector, whose numbers are rounded, to unit length."""
    unit: npt.NDArray[np.float32] = vector / np.linalg.norm(vector)
    return unit


def _earliest_first(hit: _Hit) -> tuple[int, int, int]:
    return -hit.file, -hit.row_group, -hit.row


def _hits(
    question: npt.NDArray[np.float32],
    vectors: VectorFiles,
    count: int,
    progress: Callable[[int], None],
    allowed: PassageFilter,
) -> Iterator[_Hit]:
    position = 0
    for number, path in enumerate(vectors.files):
        with translate_read_errors(path, vectors.advice), pq.ParquetFile(path) as parquet:
            _require_searchable(parquet.schema_arrow, path, question.size)
            for group in range(parquet.num_row_groups):
                scores = vectors_of(parquet.read_row_group(group, ["embedding"])) @ question
                rows = np.argsort(-scores, kind="stable")
                if not allowed.allows_all:
                    rows = rows[_allowed_rows(parquet, group, allowed)[rows]]
                for row in rows[:count]:
                    yield _Hit(float(scores[row]), number, group, int(row), position + int(row))
                position += scores.size
            progress(path.stat().st_size)


def _allowed_rows(
    parquet: pq.ParquetFile, group: int, allowed: PassageFilter
) -> npt.NDArray[np.bool_]:
    """Tell for each row of a group whether it may be found."""
    columns = parquet.read_row_group(group, columns=["title", "section"]).to_pydict()
    titles = columns["title"]
    sections = columns.get("section", [""] * len(titles))
    pairs = zip(titles, sections, strict=True)
    return np.array([allowed.allows(title or "", section or "") for title, section in pairs], bool)


def _require_searchable(schema: pa.Schema, path: Path, dimensions: int) -> None:
    fault = _fault(schema)
    if fault:
        raise BadInputError(
            f"{path} has {fault}, so it cannot be searched: name a dataset of this project."
        )
    width = schema.field("embedding").type.list_size
    if width != dimensions:
        raise BadInputError(
            f"The vectors in {path} have {width} dimensions, the question has {dimensions}: they "
            "were made with another model."
        )


def _fault(schema: pa.Schema) -> str | None:
    """Name what distinguishes a file from those of this project; None if nothing does."""
    for name in (*_TEXT_COLUMNS, "embedding"):
        if name not in schema.names:
            return f"no column `{name}`"
    for name in {*_TEXT_COLUMNS, *_CITATION_COLUMNS, *_KEY_COLUMNS}.intersection(schema.names):
        type_ = schema.field(name).type
        is_text = pa.types.is_string(type_) or pa.types.is_large_string(type_)
        if not (pa.types.is_integer(type_) if name in _INTEGER_COLUMNS else is_text):
            return f"{type_} in the column `{name}`"
    vectors = schema.field("embedding").type
    if not pa.types.is_fixed_size_list(vectors):
        return "vectors of different lengths"
    return None if pa.types.is_floating(vectors.value_type) else f"vectors of {vectors.value_type}"


def _passage(vectors: VectorFiles, hit: _Hit) -> Passage:
    path = vectors.files[hit.file]
    with translate_read_errors(path, vectors.advice), pq.ParquetFile(path) as parquet:
        # Parquet leaves out columns that the file does not have.
        columns = [*_TEXT_COLUMNS, *_CITATION_COLUMNS, *_KEY_COLUMNS]
        group = parquet.read_row_group(hit.row_group, columns=columns)
    return passage_at(hit.position, hit.score, group.slice(hit.row, 1).to_pylist()[0])
