"""The configs of a dataset, as `load_dataset` and the Hub's viewer need them declared."""

from __future__ import annotations

from dataclasses import dataclass

from wiki_embeddings.dataset_layout import VECTOR_COLUMNS, files_pattern
from wiki_embeddings.manifest import Manifest

_ARROW_BYTES = {"id": 8, "chunk_index": 4, "hash": 4 + 32}
"""Bytes of a row's columns in memory, but for the vector; a hash is an offset and 32 digits."""

_FLOAT16_BYTES = 2


@dataclass(frozen=True)
class Config:
    """One way to load the dataset.

    Attributes:
        name: Its name.
        files: Pattern of its data files.
        columns: Columns to load; empty for all.
        rows: Number of rows; `datasets` refuses a wrong one.
        arrow_bytes: Size in memory, as `datasets` counts it.
        download_bytes: Size of its data files.
    """

    name: str
    files: str
    columns: tuple[str, ...]
    rows: int
    arrow_bytes: int
    download_bytes: int


def configs(vectors: Manifest, small_rows: int) -> list[Config]:
    """Return the configs of a dataset, the default one first.

    The card declares all columns for each of them, even for `vectors`, which loads only some:
    `datasets` (3.2, 4.0, 5.2) drops the others itself, while the Hub's viewer shows whole files and
    reports an error for any column that is not declared.

    Args:
        vectors: Manifest of the embeddings that are published. The published files merge its files,
            so the sizes are those of its files and tables.
        small_rows: Rows of the config `small`.
    """
    in_memory, download = vectors.total("arrow_bytes"), vectors.bytes
    share = small_rows / max(1, vectors.rows)
    dimensions = int(vectors.settings["embeddings"]["dimensions"])
    vector_bytes = sum(_ARROW_BYTES.values()) + _FLOAT16_BYTES * dimensions
    return [
        Config("default", files_pattern("default"), (), vectors.rows, in_memory, download),
        Config(
            "vectors",
            files_pattern("vectors"),
            tuple(VECTOR_COLUMNS),
            vectors.rows,
            vectors.rows * vector_bytes,
            download,
        ),
        Config(
            "small",
            files_pattern("small"),
            (),
            small_rows,
            round(in_memory * share),
            round(download * share),
        ),
    ]
