"""Counts and checksums of a finished file, which the asset checks compare.

They are computed from the table that is read back from the file, never from the table that was
passed to the writer.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.manifest import HISTOGRAM_BIN_TOKENS, Statistic
from wiki_embeddings.schemas import stored_vectors, vectors_of

_IDENTICAL_TOLERANCE = 1e-4
"""Unit vectors whose mean is this close to unit length all point the same way."""

_HASH_SUM_DIGITS = 8


def article_statistics(table: pa.Table) -> dict[str, Statistic]:
    """Count articles, characters and bytes of a table of whole articles."""
    text = table.column("text")
    lengths = pc.utf8_length(text).to_numpy()
    return {
        "articles": table.num_rows,
        "empty_articles": int(np.count_nonzero(lengths == 0)),
        "characters": int(lengths.sum()),
        "text_bytes": int(pc.sum(pc.binary_length(text)).as_py() or 0),
        "text_checksum": text_checksum(table.column("id").to_pylist(), text.to_pylist()),
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
        "text_checksum": text_checksum(
            table.column("id").to_pylist(), table.column("text").to_pylist()
        ),
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

    `hash_sum` is the sum of the first 32 bits of each row's hash: equal for equal sets of rows,
    whatever their order and files.
    """
    ids = table.column("id").to_numpy()
    return {
        "articles": int(np.count_nonzero(np.diff(ids, prepend=-1))),
        "characters": int(pc.sum(pc.utf8_length(table.column("text"))).as_py() or 0),
        "hash_sum": sum(
            int(digits[:_HASH_SUM_DIGITS], 16) for digits in table.column("hash").to_pylist()
        ),
    }


def embedding_statistics(table: pa.Table) -> dict[str, Statistic]:
    """Count and checksum the rows of a file of embeddings.

    `row_checksum` is the sum of the CRC-32 of each row's id, index, text and vector: equal for
    equal sets of rows, whatever their order and files.
    """
    vectors = stored_vectors(table)
    total = 0
    for page_id, index, text, vector in zip(
        table.column("id").to_pylist(),
        table.column("chunk_index").to_pylist(),
        table.column("text").to_pylist(),
        vectors,
        strict=True,
    ):
        key = page_id.to_bytes(8, "little") + index.to_bytes(4, "little")
        total += zlib.crc32(vector, zlib.crc32(text.encode(), zlib.crc32(key)))
    return {**row_statistics(table), "row_checksum": total}


def text_checksum(ids: Iterable[int], texts: Iterable[str]) -> int:
    """Sum the CRC-32 of each article's id and text: the same for whole texts and for chunks.

    Args:
        ids: Page id of each text; an article's chunks are consecutive.
        texts: Whole texts, or chunks in their order.
    """
    total = crc = 0
    article = None
    for page_id, text in zip(ids, texts, strict=True):
        if page_id != article:
            total += crc
            article, crc = page_id, zlib.crc32(page_id.to_bytes(8, "little"))
        crc = zlib.crc32(text.encode(), crc)
    return total + crc


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
