"""Changes: which passages a snapshot adds, changes and removes since the one published before.

Only the four columns that identify a passage are read, and only the shards whose page ids overlap
at a time: an edit moves no page to another shard, so that is usually one of each snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wiki_embeddings.asset_keys import EMBEDDINGS
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest, ShardFile
from wiki_embeddings.schemas import CHANGES_SCHEMA
from wiki_embeddings.stages.shard import input_file, parquet_writer, verified_path
from wiki_embeddings.volume import Volume

ADDED, CHANGED, REMOVED = "added", "changed", "removed"

CHANGE_COUNTS = tuple(f"{kind}_rows" for kind in (ADDED, CHANGED, REMOVED))
"""Names of the statistics of a file of changes."""

_ROW_GROUP_ROWS = 100_000
"""About 5 MB; a row group for each block of shards would be thousands."""

_KEY = ["id", "chunk_index"]
_COLUMNS = [*_KEY, "hash", "revision_id"]


def write_changes(
    volume: Volume, path: Path, previous: Manifest, vectors: Manifest
) -> dict[str, int]:
    """Write what a snapshot changes, sorted by page id and chunk index within each block of shards.

    Args:
        volume: Where the embeddings are.
        path: The Parquet file to write, with rows of `CHANGES_SCHEMA`.
        previous: Manifest of the embeddings of the snapshot published before.
        vectors: Manifest of the embeddings of this one.

    Returns:
        The number of rows of each kind, by the names in `CHANGE_COUNTS`.

    Raises:
        BadInputError: A shard is missing or corrupt.
    """
    counts = dict.fromkeys(CHANGE_COUNTS, 0)
    waiting = CHANGES_SCHEMA.empty_table()
    with parquet_writer(path, CHANGES_SCHEMA, use_dictionary=["change"]) as writer:
        for old, new in blocks(previous.files, vectors.files):
            table = compare(_read(volume, previous, old), _read(volume, vectors, new))
            for kind in table.column("change").value_counts().to_pylist():
                counts[f"{kind['values']}_rows"] += kind["counts"]
            waiting = pa.concat_tables([waiting, table])
            if waiting.num_rows >= _ROW_GROUP_ROWS:
                writer.write_table(waiting)
                waiting = CHANGES_SCHEMA.empty_table()
        if waiting.num_rows:  # `datasets` fails on an empty row group
            writer.write_table(waiting)
    return counts


def blocks(
    old: Sequence[ShardFile], new: Sequence[ShardFile]
) -> Iterator[tuple[list[ShardFile], list[ShardFile]]]:
    """Group the shards of two snapshots into blocks whose page ids do not overlap, in order."""
    both = [*((file, 0) for file in old), *((file, 1) for file in new)]
    block: tuple[list[ShardFile], list[ShardFile]] = ([], [])
    last_id = None
    for file, side in sorted(both, key=lambda one: (one[0].min_id, one[0].max_id)):
        if not file.rows:
            continue
        if last_id is not None and file.min_id > last_id:
            yield block
            block = ([], [])
        block[side].append(file)
        last_id = file.max_id if last_id is None else max(last_id, file.max_id)
    if last_id is not None:
        yield block


def compare(old: pa.Table, new: pa.Table) -> pa.Table:
    """Compare the passages of two snapshots.

    Args:
        old: Columns `id`, `chunk_index`, `hash` and `revision_id` of the earlier snapshot.
        new: The same of the later one.

    Returns:
        Rows of `CHANGES_SCHEMA` for all passages that differ in their hash or revision, sorted by
        page id and chunk index; hash and revision are the new ones, or the last ones of what was
        removed.
    """
    rows = old.join(
        new, _KEY, join_type="full outer", left_suffix="_old", right_suffix="_new"
    ).sort_by([(name, "ascending") for name in _KEY])
    is_old, is_new = (rows.column(f"hash_{side}").is_valid() for side in ("old", "new"))
    kind = pc.case_when(
        pc.make_struct(pc.invert(is_old), pc.invert(is_new), _differ(rows)),
        pa.scalar(ADDED),
        pa.scalar(REMOVED),
        pa.scalar(CHANGED),
    )
    columns = {name: rows.column(name) for name in _KEY}
    for name in ("hash", "revision_id"):
        columns[name] = pc.if_else(is_new, rows.column(f"{name}_new"), rows.column(f"{name}_old"))
    table = pa.table({**columns, "change": kind})
    return table.filter(kind.is_valid()).cast(CHANGES_SCHEMA)


def _differ(rows: pa.Table) -> pa.ChunkedArray:
    """Return whether hash or revision differ; a missing revision equals a missing one."""
    old, new = rows.column("revision_id_old"), rows.column("revision_id_new")
    same_revision = pc.fill_null(pc.equal(old, new), False)
    same_revision = pc.or_(same_revision, pc.and_(old.is_null(), new.is_null()))
    same_hash = pc.fill_null(pc.equal(rows.column("hash_old"), rows.column("hash_new")), False)
    return pc.invert(pc.and_(same_hash, same_revision))


def _read(volume: Volume, manifest: Manifest, files: Sequence[ShardFile]) -> pa.Table:
    fields = [CHANGES_SCHEMA.field(name) for name in _COLUMNS]
    tables = [pa.schema(fields).empty_table()]
    for file in files:
        try:
            path = verified_path(volume, input_file(manifest, file), EMBEDDINGS)
        except BadInputError as error:
            raise BadInputError(
                f"What changed since the last snapshot cannot be told: {error} If that is not this "
                f"one, remove {volume.path(manifest.folder)}, and run again: then this one is "
                "published without its changes."
            ) from error
        tables.append(pq.read_table(path, columns=_COLUMNS).cast(pa.schema(fields)))
    return pa.concat_tables(tables)
