"""The index of a dataset through its runs: made, measured, kept from snapshot to snapshot."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.defs.search_index import kept_centroids
from wiki_embeddings.manifest import Manifest, existing_manifest, upstream_manifest
from wiki_embeddings.search.byte_ranges import FolderRanges
from wiki_embeddings.search.indexed import IndexedRows
from wiki_embeddings.volume import Volume, index_quality_record
from wiki_embeddings_tests.defs.conftest import ARTICLES
from wiki_embeddings_tests.defs.sandbox import Sandbox
from wiki_embeddings_tests.sources.article_tables import parquet
from wiki_embeddings_tests.support import dagster_runs
from wiki_embeddings_tests.support.generated_wiki import WIKI, serve, wikipedia


def run_with_index(sandbox: Sandbox, assets: tuple[str, ...]) -> tuple[Manifest, dict[str, bool]]:
    """Materialize assets, with an index; give the dataset's manifest, and which checks passed."""
    config: dict[str, dict[str, Any]] = {
        "raw_wikipedia": {"source": "hub"},
        "chunked_volume": {"model": str(sandbox.model), "token_budget": 128},
        "embeddings": {},
        "hub_dataset": {"index": "on"},
    }
    run = dagster_runs.materialize(
        sandbox.instance,
        WIKI,
        assets,
        {asset: config[asset] for asset in assets},
        sandbox.resources(),
    )
    folder = dagster_runs.metadata(run, "hub_dataset")["folder"]
    return existing_manifest(sandbox_volume(sandbox), folder), dagster_runs.checks(run)


def sandbox_volume(sandbox: Sandbox) -> Volume:
    return Volume(sandbox.root / "volume")


def test_an_index_is_published_and_its_centroids_stay_as_long_as_they_serve(embedded_sandbox, hub):
    volume = sandbox_volume(embedded_sandbox)
    first, passed = run_with_index(embedded_sandbox, ("hub_dataset",))
    assert passed["index_finds_nearest"]
    (card,) = (embedded_sandbox.root / "hub").glob("*/README.md")
    assert "nearest to a question it finds 100.0%" in card.read_text()
    opened = IndexedRows(FolderRanges(card.parent))
    assert opened.head.rows == first.rows
    opened.close()

    serve(hub, parquet(wikipedia(range(ARTICLES + 2))))
    second, _ = run_with_index(embedded_sandbox, ASSET_KEYS)
    codes, codes_before = (
        existing_manifest(volume, dataset.settings["hub"]["index"]["folder"])
        for dataset in (second, first)
    )
    assert second.rows > first.rows
    assert codes.settings["index"] == codes_before.settings["index"], "the same centroids"

    compute = LocalCompute(volume.root, cores=1)
    newer = replace(upstream_manifest(volume, second), folder="another/snapshot")
    assert kept_centroids(embedded_sandbox.instance, compute, newer) is not None
    record = index_quality_record(second.folder)
    measured = json.loads(volume.read_bytes(record))
    volume.write_bytes(record, json.dumps({**measured, "recall": 0.9}).encode())
    assert kept_centroids(embedded_sandbox.instance, compute, newer) is None
