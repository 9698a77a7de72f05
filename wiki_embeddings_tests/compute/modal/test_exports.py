"""Wikimedia's exports in Modal's containers, within the connections that Wikimedia allows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from wiki_embeddings.sources.connections import FILE_CONNECTIONS
from wiki_embeddings_tests.compute.modal.cloud import Cloud, new_cloud
from wiki_embeddings_tests.standins.dumps import DumpsSite
from wiki_embeddings_tests.support.dagster_runs import failures, metadata
from wiki_embeddings_tests.support.exports import ExportPage, served, write_export

FILES = 6


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DumpsSite]:
    with served(monkeypatch, tmp_path / "site") as site:
        pages = [ExportPage(n, f"River {n}", f"The river {n}.") for n in range(1, 10 * FILES + 1)]
        write_export(site.root, "simplewiki", "20261101", pages, files=FILES)
        yield site


@pytest.fixture
def cloud(tmp_path: Path, tiny_model: Path) -> Iterator[Cloud]:
    (tmp_path / "cloud").mkdir()
    with new_cloud(tmp_path / "cloud", tiny_model) as cloud:
        yield cloud


def test_all_containers_together_keep_to_the_connections_that_wikimedia_allows(
    site: DumpsSite, cloud: Cloud
):
    site.order(".bz2", times=FILES, byte_every_s=0.001)
    config = {"raw_wikipedia": {"source": "dump", "containers": 50}}

    run = cloud.materialize("raw_wikipedia", config=config)

    assert run.success, failures(run)
    assert metadata(run, "raw_wikipedia")["dagster/row_count"] == 10 * FILES
    assert len(cloud.plane.stats.inputs("fetch_export_file")) == FILES
    assert cloud.plane.stats.peak_containers("fetch_export_file") == FILE_CONNECTIONS
    assert not cloud.plane.stats.inputs("fetch_part")
    assert site.most_connections <= 3
    assert site.refused == 0
    locally = cloud.locally(assets=("raw_wikipedia",), config=config)
    part = next(name for name in locally if name.endswith("part-00003.parquet"))
    assert cloud.committed()[part] == locally[part]
