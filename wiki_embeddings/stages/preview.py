"""The columns and first rows of a stage's output, short enough to show."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow.parquet as pq

from wiki_embeddings.manifest import existing_manifest
from wiki_embeddings.volume import Volume

_SHOWN = ("title", "section", "text")
"""What people recognise a row by; the other columns are in the schema, with their descriptions."""

_TEXT_CHARACTERS = 80


@dataclass(frozen=True)
class Preview:
    """What a stage's table looks like.

    Attributes:
        columns: Name and Arrow type of each column.
        rows: The first rows: title, section and text, each on one short line, as far as the table
            has them.
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
        shown = [name for name in _SHOWN if name in schema.names]
        batch = next(parquet.iter_batches(batch_size=rows, columns=shown))
    return Preview(
        columns=tuple((field.name, str(field.type)) for field in schema),
        rows=tuple({name: shortened(row[name]) for name in shown} for row in batch.to_pylist()),
    )


def shortened(value: str) -> str:
    """Put a text on one line, cut to a length that fits a table."""
    text = " ".join(value.split())
    return text if len(text) <= _TEXT_CHARACTERS else f"{text[: _TEXT_CHARACTERS - 1]}…"
