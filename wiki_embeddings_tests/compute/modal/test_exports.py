"""A refresh in containers from one of Wikimedia's exports to the next.

The containers keep to the connections that Wikimedia allows, take over what is on the volume
already, and make the files that this machine makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings.sources.connections import FILE_CONNECTIONS
from wiki_embeddings_tests.compute.modal.cloud import Cloud, new_cloud
from wiki_embeddings_tests.standins.dumps import DumpsSite
from wiki_embeddings_tests.support.dagster_runs import metadata
from wiki_embeddings_tests.support.edited_exports import (
    CHUNKS_AFTER,
    DROPPED,
    EMBEDDED,
    FIRST,
    PAGES,
    PAGES_AFTER,
    SECOND,
    TOKEN_BUDGET,
    WIKI_ID,
)
from wiki_embeddings_tests.support.exports import served, write_export

FILES = 6
MADE = ASSET_KEYS[:3]
CONFIG: dict[str, dict[str, Any]] = {
    "raw_wikipedia": {
        "source": "dump",
        "articles_per_shard": 10,
        "containers": 50,
        "max_missing_share": 0.1,
    },
    "chunked_volume": {"token_budget": TOKEN_BUDGET, "containers": 1},
    "embeddings": {"containers": 1},
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DumpsSite]:
    with served(monkeypatch, tmp_path / "site") as site:
        write_export(site.root, WIKI_ID, FIRST, PAGES, files=FILES)
        yield site


@pytest.fixture
def cloud(tmp_path: Path, tiny_model: Path) -> Iterator[Cloud]:
    (tmp_path / "cloud").mkdir()
    with new_cloud(tmp_path / "cloud", tiny_model) as cloud:
        yield cloud


def test_containers_refresh_a_wiki_within_the_connections_that_wikimedia_allows(
    site: DumpsSite, cloud: Cloud
):
    site.order(".bz2", times=FILES, byte_every_s=0.001)  # so that they overlap
    metadata(cloud.materialize(*MADE, config=CONFIG), "embeddings")
    assert len(cloud.plane.stats.inputs("fetch_export_file")) == FILES
    assert cloud.plane.stats.peak_containers("fetch_export_file") == FILE_CONNECTIONS
    assert not cloud.plane.stats.inputs("fetch_part")

    write_export(site.root, WIKI_ID, SECOND, PAGES_AFTER, files=FILES)
    recorded = metadata(cloud.materialize(*MADE, config=CONFIG), "embeddings")

    counts = [recorded[f"{what}_chunks"] for what in ("embedded", "reused", "dropped")]
    assert counts == [EMBEDDED, CHUNKS_AFTER - EMBEDDED, DROPPED]
    assert recorded["saved_dollars"] >= 0
    assert " and $" in recorded["saved"]
    assert site.most_connections <= 3
    assert site.refused == 0
    here, there = cloud.locally(assets=MADE, config=CONFIG), cloud.committed()
    made_here = {name for name in here if name.endswith(".parquet")}
    assert any("/embeddings/" in name for name in made_here)
    assert {name: there[name] for name in made_here} == {name: here[name] for name in made_here}
