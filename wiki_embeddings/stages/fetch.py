"""Fetch: the articles of one wiki as plain text, one Parquet file a part.

A row group holds the articles of one shard, so that the next stage reads each of its shards without
the rest of the part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Settings, Statistic, merged_stats
from wiki_embeddings.schemas import RAW_SCHEMA
from wiki_embeddings.sources import registry
from wiki_embeddings.sources.protocol import ArticleSelection, OpenedPart, Part, Progress
from wiki_embeddings.stages import versions
from wiki_embeddings.stages.shard import Plan, Report, folder_for, make_once, parquet_writer
from wiki_embeddings.stages.shard_boundaries import beyond_the_edge, boundaries, ranks_of
from wiki_embeddings.stages.statistics import article_statistics
from wiki_embeddings.volume import Volume, scratch_folder


@dataclass(frozen=True)
class FetchSpec:
    """One part to fetch.

    Attributes:
        folder: Reference of the output folder.
        name: File name of the part.
        units: Amount of work, in the source's unit.
        part: The source's own description of the part.
        scratch: Reference of the folder for downloads under way.
        articles_per_shard: Mean number of articles in a row group.
    """

    folder: str
    name: str
    units: int
    part: Part
    scratch: str
    articles_per_shard: int


def plan(selection: ArticleSelection, *, articles_per_shard: int) -> Plan[FetchSpec]:
    """Plan the parts of a wiki.

    Raises:
        BadInputError: There is no such wiki or snapshot, or the sample is not installed.
        WikiEmbeddingsError: The source cannot be reached, or is not ready.
    """
    source = registry.source_for(selection)
    planned = source.plan(selection)
    settings: Settings = {
        "raw": {
            **planned.settings,
            "snapshot": planned.snapshot,
            "fraction": selection.fraction,
            "articles_per_shard": articles_per_shard,
            "version": versions.FETCH,
        }
    }
    folder = folder_for(selection.wiki, "raw", None, settings, versions.FETCH)
    return Plan(
        wiki=selection.wiki,
        stage="raw",
        folder=folder,
        upstream=None,
        settings=settings,
        make=fetch_part,
        unit=source.unit,
        bound_by=source.bound_by,
        specs=tuple(
            FetchSpec(
                folder=folder,
                name=f"part-{number:05d}.parquet",
                units=part.units,
                part=part,
                scratch=scratch_folder(folder),
                articles_per_shard=articles_per_shard,
            )
            for number, part in enumerate(planned.parts)
        ),
        rows=planned.articles,
    )


def fetch_part(spec: FetchSpec, volume: Volume, progress: Progress) -> Report:
    """Fetch one part and write it as Parquet.

    Raises:
        BadInputError: The part is corrupt, or differs from the plan.
        WikiEmbeddingsError: The part cannot be fetched now, or cannot be stored.
    """
    source = registry.source_for_part(spec.part)
    scratch = volume.path(spec.scratch)

    def write(path: Path) -> dict[str, Statistic]:
        opened = source.open_part(spec.part, scratch, progress)
        return write_part(opened, path, spec.articles_per_shard)

    report = make_once(spec, volume, write)
    source.discard(spec.part, scratch)
    return report


def write_part(opened: OpenedPart, path: Path, articles_per_shard: int) -> dict[str, Statistic]:
    """Write the articles of an opened part, one row group for each shard.

    Returns:
        Statistics of the written file, and those that the source has counted in the part.

    Raises:
        BadInputError: Page ids do not ascend strictly.
    """
    last_id = -1
    with parquet_writer(path, RAW_SCHEMA) as writer:
        for table in regroup(opened.batches, articles_per_shard):
            last_id = _require_ascending(table, last_id)
            writer.write_table(table, row_group_size=table.num_rows)
    return {**opened.statistics(), **_statistics(path)}


def _statistics(path: Path) -> dict[str, Statistic]:
    """Count a part's articles, read back one row group at a time."""
    with pq.ParquetFile(path) as parquet:
        groups = range(parquet.num_row_groups)
        return merged_stats(article_statistics(parquet.read_row_group(g)) for g in groups)


def regroup(batches: Iterable[pa.RecordBatch], articles_per_shard: int) -> Iterator[pa.Table]:
    """Regroup batches of `RAW_SCHEMA` into one table a shard; see `shard_boundaries`.

    Besides one shard, it holds only the articles that it must look ahead: half as many as a shard
    has on average. Without articles there are no tables.
    """
    radius = articles_per_shard // 2
    waiting = RAW_SCHEMA.empty_table()
    ranks = beyond_the_edge(radius)  # of the undecided last rows of `waiting`, and of those before
    read = ((batch, ranks_of(batch["id"])) for batch in batches)
    for batch, more in chain(read, [(None, beyond_the_edge(radius))]):
        undecided = waiting.num_rows - (len(ranks) - radius)
        if batch is not None:
            waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch])])
        ranks = np.concatenate([ranks, more])
        if len(ranks) <= 2 * radius:
            continue
        done = 0
        for last in (undecided + boundaries(ranks, radius)).tolist():
            yield waiting.slice(done, last + 1 - done)
            done = last + 1
        waiting = waiting.slice(done)
        ranks = ranks[len(ranks) - 2 * radius :]
    if waiting.num_rows:
        yield waiting


def _require_ascending(table: pa.Table, last_id: int) -> int:
    """Require that page ids ascend from `last_id`; returns the last one."""
    ids = table.column("id").to_numpy()
    steps = np.diff(ids, prepend=last_id)
    if (steps <= 0).any():
        wrong = int(ids[int(np.argmax(steps <= 0))])
        raise BadInputError(
            f"Page id {wrong} is duplicated or out of order in its part, so the source is not in "
            "the expected form: report it with the name of the wiki and the snapshot."
        )
    return int(ids[-1])
