"""Memory does not grow with the wiki: four times the work has the same peak.

Counted are the bytes that Python and NumPy (by `tracemalloc`) and Arrow (by its pool) have at most,
which are the same from run to run within some KiB.
"""

from __future__ import annotations

import multiprocessing
import random
import shutil
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pytest

from wiki_embeddings.manifest import Manifest, Upstream, existing_manifest, write_manifest
from wiki_embeddings.schemas import embedding_schema
from wiki_embeddings.sources.protocol import ArticleSelection
from wiki_embeddings.stages import fetch
from wiki_embeddings.stages.changes import write_changes
from wiki_embeddings.stages.reuse import EarlierShards, find_vectors
from wiki_embeddings.stages.shard import describe_parquet, parquet_writer
from wiki_embeddings.volume import MiB, Volume, reports_folder
from wiki_embeddings_tests.support.exports import ExportPage, served, write_export
from wiki_embeddings_tests.support.synthetic import SETTINGS

Work: TypeAlias = Callable[[Path, int], None]
"""Does in a folder so many times the work of the first size."""

MARGIN = MiB
"""Most bytes that four times the work may add to the peak: groups of pages and buffers that the
first size does not fill. The least that could be held by mistake are the texts of the pages, and
for four times as many pages they are 1.7 MiB more."""


def peak_bytes(work: Callable[[], None]) -> int:
    """Return the bytes that Python has at most during some work, and Arrow has had so far."""
    tracemalloc.start()
    try:
        work()
        _, of_python = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return of_python + (pa.default_memory_pool().max_memory() or 0)


def growth(work: Work, folder: Path) -> int:
    """Return by how many bytes four times some work raises the peak of this process."""
    work(folder, 1)  # what is loaded once is no growth
    once = peak_bytes(lambda: work(folder, 1))
    return peak_bytes(lambda: work(folder, 4)) - once


def growth_alone(work: Work, folder: Path) -> int:
    """Measure the growth in a new process, which Arrow's peak begins with."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        return alone.submit(growth, work, folder).result()


PAGES, PAGE_BYTES = 60, 10_000


def write_pages(root: Path, times: int) -> None:
    texts = [random.Random(n).randbytes(PAGE_BYTES // 2).hex(" ", 4) for n in range(PAGES * times)]
    pages = [ExportPage(n, f"River {n}", text) for n, text in enumerate(texts, start=1)]
    write_export(root, "simplewiki", f"2026{times:02d}01", pages, files=1)


def fetch_pages(folder: Path, times: int) -> None:
    selection = ArticleSelection("simple", source="dump", snapshot=f"2026{times:02d}01")
    plan = fetch.plan(selection, articles_per_shard=10)
    volume = Volume(folder)
    (spec,) = plan.specs
    report = plan.make(spec, volume, lambda _: None)
    assert report.file.rows == PAGES * times
    shutil.rmtree(volume.path(plan.folder))
    shutil.rmtree(volume.path(reports_folder(plan.folder)))


def test_an_export_of_any_size_is_fetched_and_converted_with_the_same_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # so that no other processes convert the pages
    with served(monkeypatch, tmp_path / "site") as site:
        for times in (1, 4):
            write_pages(site.root, times)
        assert growth_alone(fetch_pages, tmp_path) < MARGIN


SHARDS, SHARD_ROWS, DIMENSIONS = 4, 5_000, 64


def passages(shard: int, revision: int) -> pa.Table:
    """Rows of one shard, one passage an article; every hundredth changes with the revision."""
    schema = embedding_schema(DIMENSIONS)
    numbers = range(shard * SHARD_ROWS, (shard + 1) * SHARD_ROWS)
    vectors = np.full(SHARD_ROWS * DIMENSIONS, shard, np.float16)
    revisions = [0 if number % 100 else revision for number in numbers]
    columns = {
        "id": pa.array(numbers),
        "revision_id": pa.array(revisions),
        "hash": pa.array([f"{n:031x}{r}" for n, r in zip(numbers, revisions, strict=True)]),
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors), DIMENSIONS),
    }
    zeros = {
        field.name: pa.repeat(pa.scalar(0).cast(field.type), SHARD_ROWS)
        for field in schema
        if field.name not in columns
    }
    return pa.table({**zeros, **columns}).select(schema.names).cast(schema)


def write_vectors(volume: Volume, times: int, revision: int) -> None:
    folder = vectors_folder(times, revision)
    volume.path(folder).mkdir(parents=True)
    files = []
    for shard in range(SHARDS * times):
        path = volume.path(folder) / f"shard-{shard:05d}.parquet"
        with parquet_writer(path, embedding_schema(DIMENSIONS)) as writer:
            writer.write_table(passages(shard, revision))
        files.append(describe_parquet(path, path.name, {}))
    upstream = Upstream("simple/chunks/0", "")
    manifest = Manifest("simple", "embeddings", folder, upstream, SETTINGS, tuple(files))
    write_manifest(volume, manifest)


def vectors_folder(times: int, revision: int) -> str:
    return f"simple/embeddings/{times}-{revision}"


def compare_snapshots(folder: Path, times: int) -> None:
    volume = Volume(folder)
    before, after = (existing_manifest(volume, vectors_folder(times, n)) for n in (1, 2))
    counts = write_changes(volume, folder / "changes.parquet", before, after)
    assert counts["changed_rows"] == SHARDS * times * SHARD_ROWS // 100


def reuse_vectors(folder: Path, times: int) -> None:
    volume = Volume(folder)
    earlier = existing_manifest(volume, vectors_folder(times, 1))
    last = earlier.files[-1].max_id
    shards = EarlierShards(earlier.as_upstream(), 0, len(earlier.files), 0, last)
    found = find_vectors(volume, shards, passages(0, 2), DIMENSIONS)
    assert np.count_nonzero(found.found) == SHARD_ROWS * 0.99


@pytest.mark.parametrize("work", [compare_snapshots, reuse_vectors])
def test_earlier_shards_of_any_number_are_read_with_the_same_memory(snapshots: Path, work):
    assert growth_alone(work, snapshots) < MARGIN


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a volume with two snapshots of each size."""
    folder = tmp_path_factory.mktemp("snapshots")
    for times in (1, 4):
        for revision in (1, 2):
            write_vectors(Volume(folder), times, revision)
    return folder
