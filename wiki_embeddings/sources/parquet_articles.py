"""Reads a Parquet file of articles in the layout of `wikimedia/wikipedia`, and verifies all of it.

The ids, which are stored as text, are checked first and all at once: they decide whether the file
can be streamed or has to be sorted in memory. The rest is checked batch by batch while streaming.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.schemas import RAW_SCHEMA
from wiki_embeddings.sources.protocol import SOURCE_ARTICLES, OpenedPart
from wiki_embeddings.sources.sampling import keep_mask

BATCH_ROWS = 512
"""About 2 MB of an English Wikipedia's text."""

TEXT_COLUMNS = ["url", "title", "text"]

REVISION_COLUMNS = ["revision_id", "timestamp"]
"""Taken from a file that has them in the types of `RAW_SCHEMA`, null otherwise."""

PAGE_ID = r"^(0|[1-9][0-9]{0,17})$"
"""A decimal number without sign or leading zeros, short enough to fit int64."""


@dataclass(frozen=True)
class _ArticleFile:
    """A file, and its name in messages."""

    path: Path
    name: str


def read_articles(path: Path, name: str, keep: float) -> OpenedPart:
    """Open a file of articles.

    Args:
        path: A Parquet file with the columns id, url, title and text, all of them strings; those of
            the revision are optional.
        name: What to call it in messages.
        keep: Share of the articles to keep, by `keep_mask`.

    Returns:
        The articles kept, page ids strictly ascending. Reading the batches reads the file a second
        time: in pieces if its own order is ascending, otherwise all at once.

    Raises:
        BadInputError: The file is corrupt, lacks a column, or has an id that is missing, repeated
            or not a number. Reading the batches raises it too, for a text that is missing or not
            valid UTF-8.
    """
    file = _ArticleFile(path, name)
    ids = _read_ids(file)
    _check_unique(ids, file)
    kept = keep_mask(ids, keep)
    batches = _read_batches(file, ids, kept)
    if not (ids[1:] > ids[:-1]).all():
        batches = _sort_by_id(batches)
    return OpenedPart(batches, lambda: {SOURCE_ARTICLES: int(kept.sum())})


def _read_ids(file: _ArticleFile) -> NDArray[np.int64]:
    """Read all page ids, int64 `(rows,)`, in the order of the file."""
    with _translate_parquet_errors(file), pq.ParquetFile(file.path) as parquet:
        _check_columns(parquet.schema_arrow, file)
        texts = parquet.read(columns=["id"]).column("id")
    # A missing id gives None, which counts as False.
    valid = np.asarray(pc.match_substring_regex(texts, PAGE_ID).to_numpy(), dtype=np.bool_)
    if not valid.all():
        row = int(np.argmin(valid))
        buffer = texts[row].as_buffer()
        value = "missing" if buffer is None else repr(buffer.to_pybytes()[:40])
        raise _bad_row(file, row, f"the id is not a page id: {value}")
    ids: NDArray[np.int64] = pc.cast(texts, pa.int64()).to_numpy()
    return ids


def _check_columns(schema: pa.Schema, file: _ArticleFile) -> None:
    for name in ("id", *TEXT_COLUMNS):
        if name not in schema.names:
            present = ", ".join(schema.names[:8])
            raise BadInputError(f"{file.name} has no column {name}; it has {present}.")
        type_ = schema.field(name).type
        if type_ not in (pa.string(), pa.large_string()):
            raise BadInputError(f"{file.name} has {type_} in the column {name}, not strings.")


def _check_unique(ids: NDArray[np.int64], file: _ArticleFile) -> None:
    in_order = np.sort(ids)
    repeated = in_order[1:][in_order[1:] == in_order[:-1]]
    if len(repeated):
        first, second = np.flatnonzero(ids == repeated[0])[:2].tolist()
        problem = f"the page id {repeated[0]} was already in row {first}"
        raise _bad_row(file, second, problem)


def _read_batches(
    file: _ArticleFile, ids: NDArray[np.int64], kept: NDArray[np.bool_]
) -> Iterator[pa.RecordBatch]:
    """Yield the articles kept as batches of `RAW_SCHEMA`, in the order of the file."""
    begin = 0
    with _translate_parquet_errors(file), pq.ParquetFile(file.path, pre_buffer=False) as parquet:
        columns = [*TEXT_COLUMNS, *_typed_columns(parquet.schema_arrow, REVISION_COLUMNS)]
        for batch in parquet.iter_batches(BATCH_ROWS, columns=columns):
            end = begin + batch.num_rows
            _check_texts(batch, file, begin)
            articles = _complete_columns(batch.append_column("id", pa.array(ids[begin:end])))
            articles = articles.filter(pa.array(kept[begin:end]))
            if articles.num_rows:
                yield articles
            begin = end


def _typed_columns(schema: pa.Schema, names: Sequence[str]) -> list[str]:
    """Return the columns that a file has in the types of `RAW_SCHEMA`."""
    return [
        name
        for name in names
        if name in schema.names and schema.field(name).type == RAW_SCHEMA.field(name).type
    ]


def _complete_columns(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch of `RAW_SCHEMA`; the columns that it lacks are null."""
    arrays = [
        batch.column(field.name).cast(field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in RAW_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=RAW_SCHEMA)


def _sort_by_id(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Sort batches by page id; holds all of them in memory, and two copies at the peak."""
    table = pa.Table.from_batches(batches, schema=RAW_SCHEMA).combine_chunks()
    order = pc.sort_indices(table.column("id"))
    for begin in range(0, table.num_rows, BATCH_ROWS):
        yield from table.take(order[begin : begin + BATCH_ROWS]).to_batches()


def _check_texts(batch: pa.RecordBatch, file: _ArticleFile, begin: int) -> None:
    """Check that no text is missing and that all are UTF-8, which Parquet does not guarantee.

    Args:
        batch: Strings, before any cast.
        file: The file.
        begin: Row of the file at which the batch begins.
    """
    for name in TEXT_COLUMNS:
        column = batch.column(name)
        if column.null_count:
            row = int(np.argmin(column.is_valid().to_numpy(zero_copy_only=False)))
            raise _bad_row(file, begin + row, f"the {name} is missing")
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            row = _find_invalid_utf8(column)
            raise _bad_row(file, begin + row, f"the {name} is not valid UTF-8") from error


def _find_invalid_utf8(column: pa.Array[Any]) -> int:
    for row, value in enumerate(column.cast(pa.large_binary())):
        try:
            value.as_py().decode()
        except UnicodeDecodeError:
            return row
    return 0


def _bad_row(file: _ArticleFile, row: int, problem: str) -> BadInputError:
    return BadInputError(
        f"{file.name}, row {row} (the first is 0): {problem}. The file was published like this; "
        "use another snapshot, or report it to the publisher."
    )


@contextmanager
def _translate_parquet_errors(file: _ArticleFile) -> Generator[None]:
    """Turn the errors that Arrow raises for a broken file into `BadInputError`."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        if isinstance(error, pa.ArrowMemoryError | pa.ArrowCancelled):  # not the file's fault
            raise
        raise BadInputError(
            f"{file.name} is not a readable Parquet file ({error}). Its bytes are those that the "
            "Hub announces, so it was published like this; use another snapshot."
        ) from error
