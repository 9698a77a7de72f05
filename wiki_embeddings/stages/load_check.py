"""Opens a dataset with `datasets`, the way its readers do, and compares what comes out."""

from __future__ import annotations

import atexit
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from wiki_embeddings.checks import CheckResult
from wiki_embeddings.dataset_layout import (
    FOLDERS,
    SMALL_FILE,
    VECTOR_COLUMNS,
    ConfigName,
    files_pattern,
)
from wiki_embeddings.manifest import Manifest, existing_manifest
from wiki_embeddings.schemas import embedding_schema
from wiki_embeddings.volume import Volume

if TYPE_CHECKING:
    from datasets import IterableDataset

_PAUSE_AT_EXIT_S = 0.5
"""Arrow's threads need some milliseconds after the last row, on a busy machine more."""


def opens_with_datasets(volume: Volume, folder: str) -> CheckResult:
    """Check that `datasets` opens a dataset's folder and reads what was written.

    Streams one row of each config, because a full load would copy the whole dataset into its cache.

    Args:
        volume: Where the dataset is.
        folder: Reference of its folder.
    """
    published = existing_manifest(volume, folder)
    root = volume.path(folder)
    opened = {config: config_opens(volume, published, config, str(root)) for config in FOLDERS}
    found = {
        path.relative_to(root).as_posix(): pq.read_metadata(path).num_rows
        for path in root.glob(files_pattern("default"))
    }
    counted = sum(found.values())
    differing = found.keys() ^ _config_files(published, "default")
    passed = all(opened.values()) and counted == published.rows and not differing
    description = (
        "All configs open." if passed else "What a reader gets differs from what was written."
    )
    return CheckResult(
        passed,
        description,
        {
            **{f"opens_as_{config}": opens for config, opens in opened.items()},
            "rows_in_footers": counted,
            "rows_in_manifest": published.rows,
            "files_missing_or_extra": len(differing),
        },
    )


def config_opens(
    volume: Volume, published: Manifest, config: ConfigName, root: str, revision: str | None = None
) -> bool:
    """Check that a config has all files, the declared features and the first row as written.

    Args:
        volume: Where the dataset was made.
        published: Its manifest.
        config: Name of the config.
        root: Folder, or name on the Hub, to open.
        revision: Commit on the Hub.
    """
    from datasets import Features, load_dataset  # slow to import

    names = sorted(_config_files(published, config))
    with_rows = {f.name for f in published.files if f.rows} | {SMALL_FILE}
    first = next(number for number, name in enumerate(names) if name in with_rows)
    written = _first_row(volume, f"{published.folder}/{names[first]}")
    schema = embedding_schema(int(published.settings["embeddings"]["dimensions"]))
    if config == "vectors":
        schema = pa.schema([schema.field(name) for name in VECTOR_COLUMNS])
    dataset = load_dataset(
        root,
        config,
        revision=revision,
        split="train",
        streaming=True,
        filters=[("id", "==", written["id"]), ("chunk_index", "==", written["chunk_index"])],
    )
    if dataset.features != Features.from_arrow_schema(schema) or dataset.num_shards != len(names):
        return False
    read = stream_to_end(dataset.shard(len(names), index=first))  # one file, and one row of it
    return read == [{name: written[name] for name in schema.names}]


def stream_to_end(dataset: IterableDataset) -> list[dict[str, Any]]:
    """Return all rows of a streamed dataset.

    PyArrow 26 aborts or hangs an interpreter that ends while Arrow's threads still use a file
    (https://github.com/apache/arrow/issues/45214). They do so for long if a stream is left before
    its end, and for a moment after its last row; so the interpreter waits a moment at its exit.
    """
    _pause_at_exit()
    return list(dataset)


@cache
def _pause_at_exit() -> None:
    atexit.register(time.sleep, _PAUSE_AT_EXIT_S)


def _config_files(published: Manifest, config: ConfigName) -> set[str]:
    return {f.name for f in published.files if f.name.startswith(f"{FOLDERS[config]}/")}


def _first_row(volume: Volume, reference: str) -> dict[str, Any]:
    with pq.ParquetFile(volume.path(reference)) as parquet:
        row: dict[str, Any] = next(parquet.iter_batches(batch_size=1)).to_pylist()[0]
    return row
