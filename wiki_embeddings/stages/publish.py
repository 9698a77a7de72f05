"""Publish: the embeddings as a dataset in Hub layout, Parquet files and a card.

Whole shards are put together into files of a size that downloads well. The card is one more shard
of the work, so that it is made once and listed in the manifest like the others.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TypeAlias

import pyarrow.parquet as pq

from wiki_embeddings import card
from wiki_embeddings.checks import Verdict
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import (
    Manifest,
    ShardFile,
    Statistic,
    Upstream,
    existing_manifest,
    merged_stats,
    unchanged_manifest,
)
from wiki_embeddings.sources.part import Progress
from wiki_embeddings.stages.columns import DICTIONARY_COLUMNS, ROW_GROUP_ROWS, embedding_schema
from wiki_embeddings.stages.shard import (
    Plan,
    Report,
    described_plain,
    folder_for,
    input_file,
    make_once,
    parquet_writer,
    read_input,
)
from wiki_embeddings.stages.statistics import embedding_statistics
from wiki_embeddings.volume import Volume, storage_errors

VERSION = "1"
"""Raised when the same embeddings would be published differently, in files or on the card."""

CARD = "README.md"


@dataclass(frozen=True)
class DataFileSpec:
    """One data file to publish.

    Attributes:
        folder: Reference of the output folder.
        name: File name below the folder, as the Hub expects it.
        units: Rows in it.
        embeddings: The embeddings that are published.
        first: Place in their manifest of the first shard that this file holds.
        shards: Shards that it holds, from there on. Their names would make a large spec.
        dimensions: Width of a vector.
    """

    folder: str
    name: str
    units: int
    embeddings: Upstream
    first: int
    shards: int
    dimensions: int


@dataclass(frozen=True)
class CardSpec:
    """The dataset card to write.

    Attributes:
        folder: Reference of the output folder.
        name: File name of the card.
        units: Rows in it: none.
        embeddings: Reference of the folder of the embeddings that are published.
    """

    folder: str
    name: str
    units: int
    embeddings: str


PublishSpec: TypeAlias = DataFileSpec | CardSpec


def plan(vectors: Manifest, *, file_bytes: int) -> Plan[PublishSpec]:
    """Plan the files of a dataset.

    Args:
        vectors: Manifest of the embeddings.
        file_bytes: Size of a data file, about.
    """
    settings = {**vectors.settings, "hub": {"file_bytes": file_bytes}}
    folder = folder_for(vectors.wiki, "hub", vectors.as_upstream(), settings, VERSION)
    groups = grouped(vectors.files, file_bytes)
    firsts = accumulate((len(group) for group in groups), initial=0)
    dimensions = int(vectors.settings["embeddings"]["dimensions"])
    data_files = [
        DataFileSpec(
            folder=folder,
            name=f"data/train-{number:05d}-of-{len(groups):05d}.parquet",
            units=sum(file.rows for file in group),
            embeddings=vectors.as_upstream(),
            first=first,
            shards=len(group),
            dimensions=dimensions,
        )
        for number, (first, group) in enumerate(zip(firsts, groups, strict=False))
    ]
    return Plan(
        wiki=vectors.wiki,
        stage="hub",
        folder=folder,
        upstream=vectors.as_upstream(),
        settings=settings,
        make=make_file,
        unit="rows",
        keeps_busy="core",
        specs=(*data_files, CardSpec(folder, CARD, 0, vectors.folder)),
    )


def grouped(files: Sequence[ShardFile], file_bytes: int) -> list[list[ShardFile]]:
    """Put neighbouring files together until the next one would exceed a size."""
    groups: list[list[ShardFile]] = []
    size = 0
    for file in files:
        if not groups or size + file.bytes > file_bytes:
            groups.append([])
            size = 0
        groups[-1].append(file)
        size += file.bytes
    return groups


def make_file(spec: PublishSpec, volume: Volume, progress: Progress) -> Report:
    """Make one file of the dataset: data or card.

    Raises:
        BadInputError: A shard of embeddings is corrupt or gone.
        UnusableVolumeError: The file cannot be stored.
    """
    if isinstance(spec, CardSpec):
        return _make_card(spec, volume)
    return _make_data_file(spec, volume, progress)


def _make_data_file(spec: DataFileSpec, volume: Volume, progress: Progress) -> Report:
    def write(path: Path) -> dict[str, Statistic]:
        schema = embedding_schema(spec.dimensions)
        vectors = unchanged_manifest(volume, spec.embeddings)
        with parquet_writer(path, schema, use_dictionary=DICTIONARY_COLUMNS) as writer:
            for file in vectors.files[spec.first : spec.first + spec.shards]:
                table = read_input(volume, input_file(vectors, file), "embeddings")
                writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
                progress(table.num_rows)
        return _statistics(path)

    return make_once(spec, volume, write)


def _statistics(path: Path) -> dict[str, Statistic]:
    """Statistics of a data file, read back row group by row group."""
    with pq.ParquetFile(path) as parquet:
        groups = range(parquet.num_row_groups)
        return merged_stats(embedding_statistics(parquet.read_row_group(g)) for g in groups)


def _make_card(spec: CardSpec, volume: Volume) -> Report:
    def write(path: Path) -> dict[str, Statistic]:
        vectors = existing_manifest(volume, spec.embeddings)
        path.write_text(card.card(vectors), encoding="utf-8")
        return {}

    return make_once(spec, volume, write, describe=described_plain)


def expose(volume: Volume, folder: str, hub_folder: Path) -> Path:
    """Make a published dataset visible under its name, in place of the version before.

    The name is a link to the stage's output, so that a reader sees the old version or the whole
    new one, never a mixture.

    Args:
        volume: Where the dataset lies.
        folder: Reference of its folder.
        hub_folder: Folder of all published datasets.

    Returns:
        The dataset's folder, as its readers name it.

    Raises:
        BadInputError: Something else has that name.
        UnusableVolumeError: The folder cannot be written to.
    """
    visible = hub_folder / card.dataset_name(existing_manifest(volume, folder))
    if visible.exists() and not visible.is_symlink():
        raise BadInputError(
            f"{visible} is in the way: it is not a link that this project has made. Move it away."
        )
    target = os.path.relpath(volume.path(folder), hub_folder)
    link = visible.with_name(f".{visible.name}.{secrets.token_hex(4)}")
    with storage_errors(hub_folder):
        hub_folder.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target, target_is_directory=True)
        link.replace(visible)
    return visible


def opens_with_datasets(volume: Volume, folder: str) -> Verdict:
    """Whether `datasets` opens a published folder as it is, and reads what was written.

    Streams the first row, because a full load would copy the whole dataset into its cache.
    """
    from datasets import Features, load_dataset  # heavy, and needed only here

    published = existing_manifest(volume, folder)
    place = volume.path(folder)
    dataset = load_dataset(str(place), split="train", streaming=True)
    dimensions = int(published.settings["embeddings"]["dimensions"])
    declared = dataset.features == Features.from_arrow_schema(embedding_schema(dimensions))
    read = next(iter(dataset))
    first = next(file for file in published.files if file.rows)
    with pq.ParquetFile(volume.path(published.reference(first))) as parquet:
        written = next(parquet.iter_batches(batch_size=1)).to_pylist()[0]
    counted = sum(
        pq.read_metadata(path).num_rows for path in sorted((place / "data").glob("*.parquet"))
    )
    passed = declared and read == written and counted == published.rows
    why = "It opens as it is." if passed else "What it opens as is not what was written."
    return Verdict(
        passed,
        why,
        {
            "features_as_declared": declared,
            "first_row_as_written": read == written,
            "rows_in_footers": counted,
            "rows_in_manifest": published.rows,
        },
    )
