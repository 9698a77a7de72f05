"""Opens a dataset with `datasets`, the way its readers do, and compares what comes out."""

from __future__ import annotations

from typing import Any

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


def opens_with_datasets(volume: Volume, folder: str) -> CheckResult:
    """Check that `datasets` opens a dataset's folder and reads what was written.

    Streams the first row of each config, because a full load would copy the whole dataset into its
    cache.

    Args:
        volume: Where the dataset is.
        folder: Reference of its folder.
    """
    published = existing_manifest(volume, folder)
    root = volume.path(folder)
    opened = {config: config_opens(volume, published, config, str(root)) for config in FOLDERS}
    counted = sum(
        pq.read_metadata(path).num_rows for path in sorted(root.glob(files_pattern("default")))
    )
    passed = all(opened.values()) and counted == published.rows
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
        },
    )


def config_opens(
    volume: Volume, published: Manifest, config: ConfigName, root: str, revision: str | None = None
) -> bool:
    """Check that a config has the declared features and that its first row is what was written.

    Args:
        volume: Where the dataset was made.
        published: Its manifest.
        config: Name of the config.
        root: Folder, or name on the Hub, to open.
        revision: Commit on the Hub.
    """
    from datasets import Features, load_dataset  # slow to import

    dataset = load_dataset(root, config, revision=revision, split="train", streaming=True)
    schema = embedding_schema(int(published.settings["embeddings"]["dimensions"]))
    if config == "vectors":
        schema = pa.schema([schema.field(name) for name in VECTOR_COLUMNS])
    if dataset.features != Features.from_arrow_schema(schema):
        return False
    first = SMALL_FILE if config == "small" else next(f.name for f in published.files if f.rows)
    with pq.ParquetFile(volume.path(f"{published.folder}/{first}")) as parquet:
        batches = parquet.iter_batches(batch_size=1, columns=schema.names)
        written: dict[str, Any] = next(batches).to_pylist()[0]
    return bool(next(iter(dataset)) == written)
