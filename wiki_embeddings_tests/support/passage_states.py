"""The passages of a snapshot as `changes` speaks of them, and what the changes make of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from wiki_embeddings.schemas import CHANGES_SCHEMA

States = Mapping[tuple[int, int], tuple[str, int | None]]
"""Hash and revision of each passage, by page id and chunk index."""


def states(files: Iterable[Path]) -> States:
    """Read the passages of Parquet files."""
    columns = ["id", "chunk_index", "hash", "revision_id"]
    rows = pa.concat_tables([pq.read_table(file, columns=columns) for file in files]).to_pylist()
    return {(r["id"], r["chunk_index"]): (r["hash"], r["revision_id"]) for r in rows}


def apply_changes(before: States, changes: Path) -> States:
    """Apply a file of changes as a reader would; each row must be true of the passages before."""
    table = pq.read_table(changes)
    assert table.schema == CHANGES_SCHEMA
    after = dict(before)
    for row in table.to_pylist():
        key, value = (row["id"], row["chunk_index"]), (row["hash"], row["revision_id"])
        if row["change"] == "removed":
            assert after.pop(key) == value
        else:
            assert (row["change"] == "changed") == (key in before)
            assert before.get(key) != value
            after[key] = value
    return after
