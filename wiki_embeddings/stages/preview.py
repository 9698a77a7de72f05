"""The columns and first rows of a stage's output, short enough to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from wiki_embeddings.manifest import existing_manifest
from wiki_embeddings.volume import Volume

_TEXT_CHARACTERS = 60
_LIST_ITEMS = 4


@dataclass(frozen=True)
class Preview:
    """What a stage's table looks like.

    Attributes:
        columns: Name and Arrow type of each column.
        rows: The first rows; a short string for each column's value.
    """

    columns: tuple[tuple[str, str], ...]
    rows: tuple[dict[str, str], ...]


def preview(volume: Volume, folder: str, rows: int = 5) -> Preview:
    """Read the first rows of a stage's output.

    Args:
        volume: Where the output is.
        folder: Reference of the output folder.
        rows: Most rows to read.
    """
    manifest = existing_manifest(volume, folder)
    file = next((file for file in manifest.files if file.rows), None)
    if file is None:
        return Preview((), ())
    with pq.ParquetFile(volume.path(manifest.reference(file))) as parquet:
        schema = parquet.schema_arrow
        batch = next(parquet.iter_batches(batch_size=rows))
    return Preview(
        columns=tuple((field.name, str(field.type)) for field in schema),
        rows=tuple(
            {name: shortened(value) for name, value in row.items()} for row in batch.to_pylist()
        ),
    )


def shortened(value: Any) -> str:
    """Format a value as a short string on one line."""
    if isinstance(value, list):
        items = ", ".join(_item(item) for item in value[:_LIST_ITEMS])
        return f"[{items}, …] ({len(value)})" if len(value) > _LIST_ITEMS else f"[{items}]"
    text = " ".join(str(value).split())
    return text if len(text) <= _TEXT_CHARACTERS else f"{text[: _TEXT_CHARACTERS - 1]}…"


def _item(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name} {part}" for name, part in value.items())
    return f"{value:.4g}"
