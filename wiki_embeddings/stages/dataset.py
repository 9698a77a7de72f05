"""Dataset: the embeddings in Hub layout, as Parquet files and a card.

Whole shards are joined into files of a size that downloads well; page ids alone decide which. A
small file has some rows from all parts of the dataset, for a first look. The card is one more shard
of the work, so that it is made once and listed in the manifest like the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wiki_embeddings import card
from wiki_embeddings.asset_keys import EMBEDDINGS
from wiki_embeddings.card.naming import short_model_name
from wiki_embeddings.dataset_layout import CARD, SMALL_FILE, SMALL_ROWS, changes_file, data_file
from wiki_embeddings.manifest import (
    Manifest,
    ShardFile,
    Statistic,
    Upstream,
    existing_manifest,
    merged_stats,
    unchanged_manifest,
)
from wiki_embeddings.schemas import (
    DICTIONARY_COLUMNS,
    REVISION_COLUMNS,
    ROW_GROUP_ROWS,
    VECTOR_ITEMS,
    embedding_schema,
)
from wiki_embeddings.sources.protocol import Progress
from wiki_embeddings.stages import index, index_plan, versions
from wiki_embeddings.stages.changes import write_changes
from wiki_embeddings.stages.shard import (
    Plan,
    Report,
    describe_plain,
    folder_for,
    input_file,
    make_once,
    parquet_writer,
    read_input,
)
from wiki_embeddings.stages.shard_boundaries import beyond_the_edge, boundaries, ranks_of
from wiki_embeddings.stages.statistics import embedding_statistics
from wiki_embeddings.volume import Volume

_SMALL_WINDOWS = 100
"""The small file takes consecutive rows from so many places: articles from A to Z with consecutive
passages, for one row group read a place instead of a row."""

_CONTENT_DEFINED_CHUNKING = {
    "min_chunk_size": 64 * 1024,
    "max_chunk_size": 256 * 1024,
    "norm_level": 0,
}
"""Bytes of a column in a page. A change of a text changes its whole page, which is compressed, so
pages are a quarter as large as by default: files are no larger, and an edit sends less."""

_STATISTICS_COLUMNS = [
    *REVISION_COLUMNS,
    "section",
    "chunk_index",
    "start",
    "n_tokens",
    "hash",
]
"""Columns that readers filter by; the extremes of texts and vectors are no use."""


@dataclass(frozen=True)
class DataFileSpec:
    """One data file to make.

    Attributes:
        folder: Reference of the output folder.
        name: File name below the folder, as the Hub expects it.
        units: Rows in it.
        embeddings: The embeddings that are published.
        first: Index in their manifest of the first shard that this file holds.
        shards: Number of shards that it holds, from there on; names would make a large spec.
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
class SmallFileSpec:
    """The small file, with rows from all parts of the dataset.

    Attributes:
        folder: Reference of the output folder.
        name: File name below the folder.
        units: 0, because its rows are counted in the data files.
        embeddings: The embeddings that are published.
        dimensions: Width of a vector.
    """

    folder: str
    name: str
    units: int
    embeddings: Upstream
    dimensions: int


@dataclass(frozen=True)
class ChangesSpec:
    """The file that says what changed since the snapshot published before.

    Attributes:
        folder: Reference of the output folder.
        name: File name below the folder.
        units: 0: none of its rows is a passage.
        previous: The embeddings of the snapshot published before.
        embeddings: The embeddings that are published.
    """

    folder: str
    name: str
    units: int
    previous: Upstream
    embeddings: Upstream


@dataclass(frozen=True)
class CardSpec:
    """The dataset card to make.

    Attributes:
        folder: Reference of the output folder.
        name: File name of the card.
        units: 0: it has no rows.
        embeddings: Reference of the folder of the embeddings that are published.
        since: Snapshot that the file of changes starts from; None without such a file.
    """

    folder: str
    name: str
    units: int
    embeddings: str
    since: str | None


DatasetSpec: TypeAlias = (
    DataFileSpec | SmallFileSpec | ChangesSpec | CardSpec | index_plan.IndexSpec
)


def plan(
    vectors: Manifest,
    *,
    shards_per_file: int,
    previous: Manifest | None = None,
    codes: Manifest | None = None,
) -> Plan[DatasetSpec]:
    """Plan the files of a dataset, all but the head of its index; see `plan_head`.

    Args:
        vectors: Manifest of the embeddings.
        shards_per_file: Mean number of shards in a data file.
        previous: Manifest of the embeddings of the snapshot published before, by the same encoder;
            None for a dataset that does not say what changed.
        codes: Manifest of the codes that its index is made from; None for a dataset without one.
    """
    since = str(previous.settings["raw"]["snapshot"]) if previous else None
    layout = {
        "shards_per_file": shards_per_file,
        **_model_name(vectors),
        **(
            {"changes_since": {"snapshot": since, **asdict(previous.as_upstream())}}
            if previous
            else {}
        ),
        **({"index": asdict(codes.as_upstream())} if codes else {}),
    }
    settings = {**vectors.settings, "hub": layout}
    folder = folder_for(vectors.wiki, "hub", vectors.as_upstream(), settings, versions.DATASET)
    groups = group_files(vectors.files, shards_per_file)
    firsts = accumulate((len(group) for group in groups), initial=0)
    dimensions = int(vectors.settings["embeddings"]["dimensions"])
    data_files = [
        DataFileSpec(
            folder=folder,
            name=data_file("default", number, len(groups)),
            units=sum(file.rows for file in group),
            embeddings=vectors.as_upstream(),
            first=first,
            shards=len(group),
            dimensions=dimensions,
        )
        for number, (first, group) in enumerate(zip(firsts, groups, strict=False))
    ]
    small = SmallFileSpec(folder, SMALL_FILE, 0, vectors.as_upstream(), dimensions)
    changes = (
        [
            ChangesSpec(
                folder,
                changes_file(str(vectors.settings["raw"]["snapshot"])),
                0,
                previous.as_upstream(),
                vectors.as_upstream(),
            )
        ]
        if previous
        else []
    )
    return Plan(
        wiki=vectors.wiki,
        stage="hub",
        folder=folder,
        upstream=vectors.as_upstream(),
        settings=settings,
        model_folder=vectors.model_folder,
        make=make_dataset_file,
        unit="rows",
        bound_by="core",
        specs=(
            *data_files,
            *(index_plan.lists_specs(folder, codes) if codes else ()),
            *changes,
            small,
            CardSpec(folder, CARD, 0, vectors.folder, since),
        ),
    )


def plan_head(plan: Plan[DatasetSpec], codes: Manifest) -> Plan[DatasetSpec]:
    """Plan the head of a dataset's index, which is made once the data files are there.

    Args:
        plan: The plan of all other files.
        codes: Manifest of the codes that the index is made from.
    """
    names = tuple(spec.name for spec in plan.specs if isinstance(spec, DataFileSpec))
    return replace(plan, specs=(index_plan.head_spec(plan.folder, codes, names),))


def _model_name(vectors: Manifest) -> dict[str, str]:
    """Return the name of a model in a folder, which is on the card and in the dataset's name."""
    return {"model": short_model_name(vectors)} if vectors.model_folder else {}


def group_files(files: Sequence[ShardFile], shards_per_file: int) -> list[list[ShardFile]]:
    """Group consecutive shards into files by their last page ids alone; see `shard_boundaries`.

    Args:
        files: The shards, by ascending page id.
        shards_per_file: Mean number of shards in a file.
    """
    radius = shards_per_file // 2
    edge = beyond_the_edge(radius)
    ranks = np.concatenate([edge, ranks_of([file.max_id for file in files]), edge])
    ends = [end + 1 for end in boundaries(ranks, radius).tolist()] if files else []
    edges = [0, *ends, len(files)]
    return [list(files[begin:end]) for begin, end in pairwise(edges) if end > begin]


def make_dataset_file(spec: DatasetSpec, volume: Volume, progress: Progress) -> Report:
    """Make one file of the dataset, or of what its index is made from.

    Raises:
        BadInputError: A shard of embeddings is corrupt or missing.
        UnusableVolumeError: The file cannot be stored.
    """
    match spec:
        case DataFileSpec():
            return _make_data_file(spec, volume, progress)
        case SmallFileSpec():
            return _make_small_file(spec, volume, progress)
        case ChangesSpec():
            return _make_changes(spec, volume)
        case CardSpec():
            return _make_card(spec, volume)
        case _:
            return index.make_index_file(spec, volume, progress)


def _make_data_file(spec: DataFileSpec, volume: Volume, progress: Progress) -> Report:
    def write(path: Path) -> dict[str, Statistic]:
        vectors = unchanged_manifest(volume, spec.embeddings)
        shards = vectors.files[spec.first : spec.first + spec.shards]
        tables = (read_input(volume, input_file(vectors, file), EMBEDDINGS) for file in shards)
        _write(path, spec.dimensions, tables, progress)
        return _statistics(path)

    return make_once(spec, volume, write)


def _make_small_file(spec: SmallFileSpec, volume: Volume, progress: Progress) -> Report:
    def write(path: Path) -> dict[str, Statistic]:
        vectors = unchanged_manifest(volume, spec.embeddings)
        _write(path, spec.dimensions, [pa.concat_tables(_small_tables(volume, vectors))], progress)
        return {}

    # Its rows are counted in the data files, so the manifest lists none for it.
    return make_once(spec, volume, write, describe=describe_plain)


def _make_changes(spec: ChangesSpec, volume: Volume) -> Report:
    def write(path: Path) -> Mapping[str, Statistic]:
        previous = unchanged_manifest(volume, spec.previous)
        return write_changes(volume, path, previous, unchanged_manifest(volume, spec.embeddings))

    # Its rows are no passages, so the manifest lists none for it.
    return make_once(spec, volume, write, describe=describe_plain)


def _write(path: Path, dimensions: int, tables: Iterable[pa.Table], progress: Progress) -> None:
    """Write a Parquet file for publishing.

    A page index lets readers fetch only the pages that they need. Content-defined chunking keeps
    pages the same when rows are inserted before them, so that the Hub stores and receives only what
    changed. For the same reason vectors are not compressed: one that changed would change the rest
    of its page, and zstd saves 6 % of a file. Byte streams are not split as in the shards: not
    every reader of Parquet supports that for float16 yet.
    """
    columns = [field.name for field in embedding_schema(dimensions) if field.name != "embedding"]
    options: dict[str, Any] = {
        "compression": {**dict.fromkeys(columns, "zstd"), VECTOR_ITEMS: "none"},
        "use_dictionary": DICTIONARY_COLUMNS,
        "write_statistics": _STATISTICS_COLUMNS,
        "write_page_index": True,
        "use_content_defined_chunking": _CONTENT_DEFINED_CHUNKING,
    }
    with parquet_writer(path, embedding_schema(dimensions), **options) as writer:
        for table in tables:
            writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
            progress(table.num_rows)


def sample_windows(rows: int, wanted: int) -> list[range]:
    """Choose the rows of the small file: windows of equal size, evenly spread.

    Args:
        rows: Number of rows in the dataset.
        wanted: Number of rows to choose; all of them if there are fewer.

    Returns:
        Ranges of rows, ascending and without overlap, `min(rows, wanted)` rows in all.
    """
    if rows <= wanted:
        return [range(rows)] if rows else []
    number = min(_SMALL_WINDOWS, wanted)
    edges = [wanted * window // number for window in range(number + 1)]
    skipped = [(rows - wanted) * window // number for window in range(number)]
    return [
        range(begin + offset, end + offset)
        for offset, (begin, end) in zip(skipped, pairwise(edges), strict=True)
    ]


def _small_tables(volume: Volume, vectors: Manifest) -> Iterator[pa.Table]:
    """Read the rows of the small file, shard by shard."""
    firsts = list(accumulate((file.rows for file in vectors.files), initial=0))
    yield embedding_schema(int(vectors.settings["embeddings"]["dimensions"])).empty_table()
    windows = sample_windows(vectors.rows, SMALL_ROWS)
    for file, first in zip(vectors.files, firsts, strict=False):
        rows = [
            range(max(window.start - first, 0), min(window.stop - first, file.rows))
            for window in windows
        ]
        if any(rows):
            table = read_input(volume, input_file(vectors, file), EMBEDDINGS)
            # `take` copies the rows; a slice would keep the whole shard in memory.
            yield table.take(pa.array(list(chain.from_iterable(rows))))


def _statistics(path: Path) -> dict[str, Statistic]:
    """Count and checksum a data file, read back one row group at a time."""
    with pq.ParquetFile(path) as parquet:
        groups = range(parquet.num_row_groups)
        return merged_stats(embedding_statistics(parquet.read_row_group(g)) for g in groups)


def _make_card(spec: CardSpec, volume: Volume) -> Report:
    def write(path: Path) -> dict[str, Statistic]:
        vectors = existing_manifest(volume, spec.embeddings)
        path.write_text(card.card(vectors, changes_since=spec.since), encoding="utf-8")
        return {}

    return make_once(spec, volume, write, describe=describe_plain)
