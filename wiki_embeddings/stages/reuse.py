"""Reuse: vectors of an earlier output for chunks that have not changed since.

A chunk's hash covers all that the encoder sees of it, so a chunk with the hash of an earlier one
has its vector. Only an output whose encoder had the very same settings is used, and only files that
are still what their manifest says. A file that is not is left out and counted: more is embedded.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wiki_embeddings.asset_keys import EMBEDDINGS
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import (
    Manifest,
    Settings,
    ShardFile,
    Upstream,
    unchanged_manifest,
)
from wiki_embeddings.schemas import ROW_GROUP_ROWS, stored_vectors
from wiki_embeddings.stages.shard import input_file, verified_path
from wiki_embeddings.volume import Volume

REUSED, EMBEDDED, KEPT, UNREADABLE, ENCODING_MS = (
    "reused_chunks",
    "embedded_chunks",
    "kept_rows",
    "unreadable_earlier_shards",
    "encoding_ms",
)
"""Names in the `effort` of a shard of embeddings: chunks whose vector was copied, and all others;
earlier rows in its range of page ids whose chunk is still there; earlier shards in this range that
could not be used; and milliseconds that the encoder took."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EarlierShards:
    """The shards of an earlier output that may have vectors for a shard, as its spec names them.

    Attributes:
        embeddings: The earlier output.
        first: Index in its manifest of the first such shard.
        shards: Number of shards from there on; names would make a large spec.
        min_id: Smallest page id of the shard that needs vectors.
        max_id: Its largest page id.
    """

    embeddings: Upstream
    first: int
    shards: int
    min_id: int
    max_id: int


@dataclass(frozen=True)
class EarlierVectors:
    """Vectors of an earlier output for the chunks of one shard.

    Attributes:
        vectors: float16 of shape `(chunks, dimensions)`; undefined where none was found.
        found: Whether there is a vector, bool of shape `(chunks,)`.
        kept_rows: Earlier rows in the shard's range of page ids whose chunk it still has.
        unreadable: Earlier shards that could not be used.
    """

    vectors: npt.NDArray[np.float16]
    found: npt.NDArray[np.bool_]
    kept_rows: int
    unreadable: int


def can_reuse(earlier: Manifest, settings: Settings) -> bool:
    """Return True if equal hashes mean equal vectors in an earlier output.

    All settings of the encoder must be equal: those which the hash covers, and engine, precision,
    runtime and version of the stage, which it does not. How articles were cut need not be, because
    the hash covers what came of it.

    Args:
        earlier: Manifest of the earlier embeddings.
        settings: Settings of the embeddings to make.
    """
    return earlier.settings["embeddings"] == settings["embeddings"]


def earlier_shards(earlier: Manifest, chunks: ShardFile) -> EarlierShards | None:
    """Find the shards of an earlier output whose range of page ids overlaps a shard of chunks.

    Returns:
        The shards, with those between them in the manifest; None if there are none.
    """
    overlapping = [
        index
        for index, file in enumerate(earlier.files)
        if file.min_id <= chunks.max_id and file.max_id >= chunks.min_id and file.rows
    ]
    if not overlapping:
        return None
    first, last = overlapping[0], overlapping[-1]
    return EarlierShards(
        earlier.as_upstream(), first, last + 1 - first, chunks.min_id, chunks.max_id
    )


def find_vectors(
    volume: Volume, earlier: EarlierShards | None, chunks: pa.Table, dimensions: int
) -> EarlierVectors:
    """Look up the vectors of a shard's chunks in earlier shards, one row group at a time.

    Args:
        volume: Where the earlier shards are.
        earlier: The earlier shards; None for none.
        chunks: Rows of a shard of chunks.
        dimensions: Numbers in a vector.
    """
    hashes = chunks.column("hash").combine_chunks().dictionary_encode()
    vectors = np.empty((len(hashes.dictionary), dimensions), np.float16)
    found = np.zeros(len(hashes.dictionary), bool)
    kept = unreadable = 0
    for table in _earlier_tables(volume, earlier) if earlier else ():
        if table is None:
            unreadable += 1
            continue
        places = pc.index_in(table.column("hash"), value_set=hashes.dictionary)
        wanted = pc.is_valid(places)
        rows = places.drop_null().to_numpy()
        vectors[rows] = stored_vectors(table.filter(wanted))
        found[rows] = True
        kept += len(rows)
    of_row = hashes.indices.to_numpy()
    return EarlierVectors(vectors[of_row], found[of_row], kept, unreadable)


def effort_of(known: EarlierVectors, encoding_s: float) -> dict[str, int]:
    """Count what it took to make a shard, for its report.

    Args:
        known: The vectors that were copied.
        encoding_s: Seconds in which the encoder computed the others.
    """
    return {
        REUSED: int(np.count_nonzero(known.found)),
        EMBEDDED: int(np.count_nonzero(~known.found)),
        KEPT: known.kept_rows,
        UNREADABLE: known.unreadable,
        ENCODING_MS: round(1000 * encoding_s),
    }


def _earlier_tables(volume: Volume, earlier: EarlierShards) -> Iterator[pa.Table | None]:
    """Read hashes and vectors of earlier rows in the range of page ids; None for a lost shard."""
    try:
        manifest = unchanged_manifest(volume, earlier.embeddings)
    except BadInputError as error:
        _log.warning("No vector can be reused: %s", error)
        yield from [None] * earlier.shards
        return
    in_range = (pc.field("id") >= earlier.min_id) & (pc.field("id") <= earlier.max_id)
    for file in manifest.files[earlier.first : earlier.first + earlier.shards]:
        try:
            path = verified_path(volume, input_file(manifest, file), EMBEDDINGS)
        except BadInputError as error:
            _log.warning("The vectors of a shard cannot be reused: %s", error)
            yield None
            continue
        with pq.ParquetFile(path) as parquet:
            columns = ["id", "hash", "embedding"]
            for batch in parquet.iter_batches(batch_size=ROW_GROUP_ROWS, columns=columns):
                yield pa.Table.from_batches([batch]).filter(in_range)
