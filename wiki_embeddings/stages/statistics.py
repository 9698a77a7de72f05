"""Counts and checksums of a finished file, which the asset checks compare.

They are computed from the table that is read back from the file, never from the table that was
passed to the writer.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.manifest import HISTOGRAM_BIN_TOKENS, Statistic
from wiki_embeddings.schemas import REVISION_COLUMNS, stored_vectors, vectors_of

_IDENTICAL_TOLERANCE = 1e-4
"""Unit vectors whose mean is this close to unit length all point the same way."""


def article_statistics(table: pa.Table) -> dict[str, Statistic]:
    """Count articles, characters and bytes of a table of whole articles."""
    text = table.column("text")
    lengths = pc.utf8_length(text).to_numpy()
    return {
        "articles": table.num_rows,
        "empty_articles": int(np.count_nonzero(lengths == 0)),
        "characters": int(lengths.sum()),
        "text_bytes": int(pc.sum(pc.binary_length(text)).as_py() or 0),
        "text_checksum": text_checksum(_revisions(table), text.to_pylist()),
    }


def chunk_statistics(table: pa.Table, special_tokens: int) -> dict[str, Statistic]:
    """Count articles, characters and tokens of a shard of chunks.

    Args:
        table: The shard, read back from its file.
        special_tokens: Tokens that the encoder adds to each chunk: special ones and prefix.

    Raises:
        WikiEmbeddingsError: The rows are out of order.
    """
    require_order(table)
    tokens = pc.list_value_length(table.column("tokens")).to_numpy()
    return {
        **row_statistics(table),
        "text_checksum": text_checksum(_revisions(table), table.column("text").to_pylist()),
        "tokens": int(tokens.sum()),
        "tokens_histogram": token_histogram(tokens),
        "max_tokens_with_specials": int(tokens.max(initial=0)) + special_tokens,
    }


def vector_statistics(table: pa.Table) -> dict[str, Statistic]:
    """Count the rows of a shard of embeddings, and measure its vectors.

    Raises:
        WikiEmbeddingsError: The rows are out of order.
    """
    require_order(table)
    vectors = vectors_of(table)
    norms = np.linalg.norm(vectors, axis=1)
    different_texts = len(pc.unique(table.column("hash"))) > 1
    alike = (
        different_texts and 1.0 - float(np.linalg.norm(vectors.mean(axis=0))) < _IDENTICAL_TOLERANCE
    )
    return {
        **embedding_statistics(table),
        "tokens": int(pc.sum(table.column("n_tokens")).as_py() or 0),
        "tokens_histogram": token_histogram(table.column("n_tokens").to_numpy()),
        "arrow_bytes": int(table.nbytes),
        "not_finite": int(np.count_nonzero(~np.isfinite(vectors).all(axis=1))),
        "min_norm": round(float(norms.min(initial=2.0)), 6),
        "max_norm": round(float(norms.max(initial=0.0)), 6),
        "min_dimensions": vectors.shape[1],
        "max_dimensions": vectors.shape[1],
        "alike_files": int(alike),
    }


def row_statistics(table: pa.Table) -> dict[str, Statistic]:
    """Count articles and characters of a file that holds each article's rows together.

    `chunk_checksum` is the sum of the CRC-32 of each chunk's revision, section, place and hash:
    equal for equal sets of chunks, whatever their order and files.
    """
    ids = table.column("id").to_numpy()
    return {
        "articles": int(np.count_nonzero(np.diff(ids, prepend=-1))),
        "characters": int(pc.sum(pc.utf8_length(table.column("text"))).as_py() or 0),
        "rows_with_revision": table.num_rows - table.column("revision_id").null_count,
        "chunk_checksum": sum(_chunk_checksums(table)),
    }


def embedding_statistics(table: pa.Table) -> dict[str, Statistic]:
    """Count and checksum the rows of a file of embeddings.

    `row_checksum` is the sum of the CRC-32 of each row's chunk, text and vector: equal for equal
    sets of rows, whatever their order and files.
    """
    texts = table.column("text").to_pylist()
    rows = zip(_chunk_checksums(table), texts, stored_vectors(table), strict=True)
    total = sum(zlib.crc32(vector, zlib.crc32(text.encode(), crc)) for crc, text, vector in rows)
    return {**row_statistics(table), "row_checksum": total}


def text_checksum(revisions: Iterable[object], texts: Iterable[str]) -> int:
    """Sum the CRC-32 of each article's revision and text: the same for whole texts and for chunks.

    Args:
        revisions: What tells the article of each text from others; its chunks are consecutive.
        texts: Whole texts, or chunks in their order.
    """
    total = crc = 0
    article = None
    for revision, text in zip(revisions, texts, strict=True):
        if revision != article:
            total += crc
            article, crc = revision, zlib.crc32(str(revision).encode())
        crc = zlib.crc32(text.encode(), crc)
    return total + crc


def _revisions(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    """Yield page id, URL, title, revision and its time in milliseconds, row by row."""
    return zip(*(_comparable(table.column(name)) for name in REVISION_COLUMNS), strict=True)


def _chunk_checksums(table: pa.Table) -> Iterator[int]:
    """Yield the CRC-32 of each row but for its text and vector."""
    chunk = (table.column(name).to_pylist() for name in ("section", "chunk_index", "start", "hash"))
    return (zlib.crc32(str(row).encode()) for row in zip(_revisions(table), *chunk, strict=True))


def _comparable(column: pa.ChunkedArray[Any]) -> list[Any]:
    """Return the values of a column; times as integers, which are quicker to read and print."""
    is_time = pa.types.is_timestamp(column.type)
    values: list[Any] = (column.cast(pa.int64()) if is_time else column).to_pylist()
    return values


def require_order(table: pa.Table) -> None:
    """Require that ids ascend and that each article's chunk indices count up from 0.

    Raises:
        WikiEmbeddingsError: They do not.
    """
    ids = table.column("id").to_numpy()
    indices = table.column("chunk_index").to_numpy().astype(np.int64)
    steps = np.diff(ids, prepend=-1)
    in_order = np.where(steps > 0, indices == 0, np.diff(indices, prepend=-1) == 1)
    if not (in_order & (steps >= 0)).all():
        raise WikiEmbeddingsError(
            "The chunks in the written file are out of order. This is a bug in wiki_embeddings, "
            "not a fault of the input; please report it."
        )


_HISTOGRAM_BINS = 32


def token_histogram(tokens: npt.NDArray[np.integer]) -> list[int]:
    """Count chunks by number of tokens, in bins of `HISTOGRAM_BIN_TOKENS`; the last is open."""
    bins = np.minimum(tokens // HISTOGRAM_BIN_TOKENS, _HISTOGRAM_BINS - 1)
    counts: list[int] = np.bincount(bins, minlength=_HISTOGRAM_BINS).tolist()
    return counts
