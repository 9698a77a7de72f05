"""Reads a Parquet file of articles as `wikimedia/wikipedia` has them, and distrusts all of it.

The ids are there as text and are checked first, all at once: they decide whether the file can be
streamed or has to be sorted in memory. Everything else is checked batch by batch on the way.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
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
from wiki_embeddings.sources.protocol import OpenedPart
from wiki_embeddings.sources.sampling import keep_mask

BATCH_ROWS = 512
"""Some 2 MB of an English Wikipedia's text."""

TEXT_FIELDS = [field for field in RAW_SCHEMA if field.name != "id"]

PAGE_ID = r"^(0|[1-9][0-9]{0,17})$"
"""A decimal number without frills that fits int64 whatever its digits."""


@dataclass(frozen=True)
class _Source:
    """The file, and the name by which people know it."""

    path: Path
    name: str


def read_articles(path: Path, name: str, keep: float) -> OpenedPart:
    """Opens a file of articles.

    Args:
        path: A Parquet file with the columns id, url, title and text, all of them strings.
        name: What to call it in messages.
        keep: Share of the articles to keep, by `keep_mask`.

    Returns:
        The articles kept, page ids strictly ascending. The file is read again while the batches
        are; in pieces if it is ascending itself, else all at once.

    Raises:
        BadInputError: The file is corrupt, lacks a column, or an id is not a number, is missing
            or comes twice. Reading the batches raises it too, for a text that is missing or no
            UTF-8.
    """
    source = _Source(path, name)
    ids = _read_ids(source)
    _check_unique(ids, source)
    kept = keep_mask(ids, keep)
    batches = _checked_batches(source, ids, kept)
    if not (ids[1:] > ids[:-1]).all():
        batches = _sorted(batches)
    return OpenedPart(rows=int(kept.sum()), batches=batches)


def _read_ids(source: _Source) -> NDArray[np.int64]:
    """Reads all page ids, int64 `(rows,)`, in the order of the file."""
    with _corruption_told(source), pq.ParquetFile(source.path) as file:
        _check_columns(file.schema_arrow, source)
        texts = file.read(columns=["id"]).column("id")
    # A missing id gives None, which counts as False.
    valid = np.asarray(pc.match_substring_regex(texts, PAGE_ID).to_numpy(), dtype=np.bool_)
    if not valid.all():
        row = int(np.argmin(valid))
        shown = texts[row].as_buffer()
        value = "missing" if shown is None else repr(shown.to_pybytes()[:40])
        raise _bad_row(source, row, f"the id is no page id: {value}")
    ids: NDArray[np.int64] = pc.cast(texts, pa.int64()).to_numpy()
    return ids


def _check_columns(schema: pa.Schema, source: _Source) -> None:
    for name in RAW_SCHEMA.names:
        if name not in schema.names:
            has = ", ".join(schema.names[:8])
            raise BadInputError(f"{source.name} has no column {name}; it has {has}.")
        kind = schema.field(name).type
        if kind not in (pa.string(), pa.large_string()):
            raise BadInputError(f"{source.name} has {kind} in the column {name}, not strings.")


def _check_unique(ids: NDArray[np.int64], source: _Source) -> None:
    in_order = np.sort(ids)
    repeated = in_order[1:][in_order[1:] == in_order[:-1]]
    if len(repeated):
        first, second = np.flatnonzero(ids == repeated[0])[:2].tolist()
        problem = f"the page id {repeated[0]} was already in row {first}"
        raise _bad_row(source, second, problem)


def _checked_batches(
    source: _Source, ids: NDArray[np.int64], kept: NDArray[np.bool_]
) -> Iterator[pa.RecordBatch]:
    """Reads batches of `RAW_SCHEMA` in the order of the file, with the articles kept."""
    begin = 0
    with _corruption_told(source), pq.ParquetFile(source.path, pre_buffer=False) as file:
        for batch in file.iter_batches(BATCH_ROWS, columns=[field.name for field in TEXT_FIELDS]):
            end = begin + batch.num_rows
            _check_texts(batch, source, begin)
            columns: list[pa.Array[Any]] = [pa.array(ids[begin:end])]
            columns += [batch.column(field.name).cast(field.type) for field in TEXT_FIELDS]
            whole = pa.RecordBatch.from_arrays(columns, schema=RAW_SCHEMA)
            thinned = whole.filter(pa.array(kept[begin:end]))
            if thinned.num_rows:
                yield thinned
            begin = end


def _sorted(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Sorts batches by page id; holds all of them in memory, twice for a moment."""
    table = pa.Table.from_batches(batches, schema=RAW_SCHEMA).combine_chunks()
    order = pc.sort_indices(table.column("id"))
    for begin in range(0, table.num_rows, BATCH_ROWS):
        yield from table.take(order[begin : begin + BATCH_ROWS]).to_batches()


def _check_texts(batch: pa.RecordBatch, source: _Source, begin: int) -> None:
    """Checks that nothing is missing and all is UTF-8, which Parquet does not promise.

    Args:
        batch: Strings as they are in the file.
        source: The file.
        begin: Row of the file at which the batch begins.
    """
    for name in batch.schema.names:
        column = batch.column(name)
        if column.null_count:
            row = int(np.argmin(column.is_valid().to_numpy(zero_copy_only=False)))
            raise _bad_row(source, begin + row, f"the {name} is missing")
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            row = _first_not_utf8(column)
            raise _bad_row(source, begin + row, f"the {name} is not valid UTF-8") from error


def _first_not_utf8(column: pa.Array[Any]) -> int:
    for row, value in enumerate(column.cast(pa.large_binary())):
        try:
            value.as_py().decode()
        except UnicodeDecodeError:
            return row
    return 0


def _bad_row(source: _Source, row: int, problem: str) -> BadInputError:
    return BadInputError(
        f"{source.name}, row {row} (the first is 0): {problem}. The file is published so; "
        "use another snapshot, or tell whoever publishes it."
    )


@contextmanager
def _corruption_told(source: _Source) -> Generator[None]:
    """Turns what Arrow raises for a broken file into an error for people."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        message = (
            f"{source.name} is no Parquet file that can be read ({error}). It has the bytes that "
            "the Hub announces, so it is published so; use another snapshot."
        )
        raise BadInputError(message) from error
