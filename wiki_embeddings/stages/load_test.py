"""Whether a published folder opens with `datasets` as its card says, config by config."""

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
    """Whether `datasets` opens a published folder as it is, and reads what was written.

    Streams the first row of each config, because a full load would copy the whole dataset into
    its cache.
    """
    published = existing_manifest(volume, folder)
    place = volume.path(folder)
    opened = {config: opens(volume, published, config, str(place)) for config in FOLDERS}
    counted = sum(
        pq.read_metadata(path).num_rows for path in sorted(place.glob(files_pattern("default")))
    )
    passed = all(opened.values()) and counted == published.rows
    description = "It opens as it is." if passed else "What it opens as is not what was written."
    return CheckResult(
        passed,
        description,
        {
            **{f"opens_as_{config}": fine for config, fine in opened.items()},
            "rows_in_footers": counted,
            "rows_in_manifest": published.rows,
        },
    )


def opens(
    volume: Volume, published: Manifest, config: ConfigName, place: str, revision: str | None = None
) -> bool:
    """Whether a config has the declared features, and its first row is what was written.

    Args:
        volume: Where the dataset was made.
        published: Its manifest.
        config: Name of the config.
        place: Folder, or name on the Hub, to open.
        revision: Commit there.
    """
    from datasets import Features, load_dataset  # heavy, and needed only here

    dataset = load_dataset(place, config, revision=revision, split="train", streaming=True)
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
