"""A dataset with an index on a volume, for tests of what builds it and of what reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.defs.materialize import materialize
from wiki_embeddings.manifest import Manifest, Upstream, write_manifest
from wiki_embeddings.progress import silent
from wiki_embeddings.schemas import embedding_schema
from wiki_embeddings.stages import dataset, embed, index_plan
from wiki_embeddings.stages.shard import Plan, describe_parquet
from wiki_embeddings.stages.statistics import vector_statistics
from wiki_embeddings.volume import Volume, output_folder
from wiki_embeddings_tests.support import synthetic

DIMENSIONS = 64
SHARDS = 4
SHARD_ROWS = 1500
ROWS = SHARDS * SHARD_ROWS


@dataclass(frozen=True)
class IndexedDataset:
    """A dataset with an index.

    Attributes:
        volume: Where it is.
        vectors: Manifest of its embeddings.
        codes: Manifest of the codes that its index is made from.
        dataset: Its manifest.
    """

    volume: Volume
    vectors: Manifest
    codes: Manifest
    dataset: Manifest

    @property
    def folder(self) -> Path:
        """Folder of the dataset."""
        return self.volume.path(self.dataset.folder)


def clustered_vectors(seed: int, rows: int = ROWS) -> np.ndarray:
    """Unit vectors around sixty points, float16."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((60, DIMENSIONS))
    vectors = centres[rng.integers(0, 60, rows)] + 0.7 * rng.standard_normal((rows, DIMENSIONS))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def write_clustered_embeddings(
    volume: Volume, seed: int = 1, *, shards: int = SHARDS, shard_rows: int = SHARD_ROWS
) -> Manifest:
    """Write shards of embeddings with clustered vectors, and their manifest."""
    folder = output_folder("simple", "embeddings", f"{seed:016x}")
    volume.path(folder).mkdir(parents=True)
    vectors = clustered_vectors(seed, shards * shard_rows)
    files = []
    for number in range(shards):
        first = number * shard_rows
        part = pa.array(vectors[first : first + shard_rows].ravel())
        table = synthetic.rows(first, shard_rows, 1).drop(["embedding"])
        table = table.append_column(
            embedding_schema(DIMENSIONS).field("embedding"),
            pa.FixedSizeListArray.from_arrays(part, DIMENSIONS),
        )
        path = volume.path(folder) / f"shard-{number:05d}.parquet"
        embed.write_table(path, table)
        files.append(describe_parquet(path, path.name, vector_statistics(table)))
    encoder = {**synthetic.SETTINGS["embeddings"], "dimensions": DIMENSIONS}
    settings = {**synthetic.SETTINGS, "embeddings": encoder}
    manifest = Manifest(
        "simple", "embeddings", folder, Upstream("nowhere", ""), settings, tuple(files)
    )
    write_manifest(volume, manifest)
    return manifest


def build_index(
    volume: Volume, vectors: Manifest, *, rows_per_list: int = 100, cores: int = 0
) -> IndexedDataset:
    """Make a dataset with an index of embeddings.

    Args:
        volume: Where it is made.
        vectors: Manifest of the embeddings.
        rows_per_list: Rows of a list on average.
        cores: Processes that make it; 0 for this one alone, which is faster.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(index_plan, "ROWS_PER_LIST", rows_per_list)
        patched.setattr(index_plan, "QUESTIONS", 100)
        centroids = _made(volume, index_plan.plan_centroids(vectors), cores)
        codes = _made(volume, index_plan.plan_codes(vectors, centroids), cores)
        plan = dataset.plan(vectors, shards_per_file=2, codes=codes)
        made = _made(volume, plan, cores, dataset.plan_head(plan, codes))
    return IndexedDataset(volume, vectors, codes, made)


def _made(volume: Volume, plan: Plan[Any], cores: int, last: Plan[Any] | None = None) -> Manifest:
    if cores:
        compute = LocalCompute(volume.root, cores=cores)
        return materialize(plan, compute, silent, "hub_dataset", last=last).manifest
    specs = (*plan.specs, *(last.specs if last else ()))
    manifest = plan.manifest(plan.make(spec, volume, _ignored).file for spec in specs)
    write_manifest(volume, manifest)
    return manifest


def _ignored(_: int) -> None:
    """Count nothing."""
