"""Earlier outputs of an asset, as Dagster has them on record."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.defs import materializations
from wiki_embeddings.defs.materializations import FOLDER, earlier_manifests
from wiki_embeddings.manifest import Manifest, Settings, write_manifest
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.support.dagster_runs import new_instance


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with new_instance(tmp_path) as instance:
        yield instance


def record(
    instance: dg.DagsterInstance, volume: Volume, snapshot: str, wiki: str = "toy"
) -> Manifest:
    """Complete an output and record its materialization, as an asset does."""
    settings: Settings = {"raw": {"snapshot": snapshot}}
    manifest = Manifest(wiki, "raw", f"{wiki}/raw/{snapshot}", None, settings, ())
    write_manifest(volume, manifest)
    tags = {"dagster/data_version": manifest.digest}
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            "raw_wikipedia", metadata={FOLDER: manifest.folder}, partition=wiki, tags=tags
        )
    )
    return manifest


def earlier(instance: dg.DagsterInstance, volume: Volume, snapshot: str) -> list[Manifest]:
    compute = LocalCompute(volume.root, cores=1)
    folder = f"toy/raw/{snapshot}"
    return list(earlier_manifests(instance, compute, "raw_wikipedia", "toy", folder))


def test_earlier_outputs_come_newest_first_and_once(
    instance: dg.DagsterInstance, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(materializations, "_PAGE", 2)  # several queries
    record(instance, volume, "now", wiki="another")
    recorded = [record(instance, volume, name) for name in ("old", "middle", "old", "new", "now")]
    assert earlier(instance, volume, "now") == [recorded[3], recorded[2], recorded[1]]
    assert earlier(instance, volume, "next")[0] == recorded[4]


def test_an_output_that_is_gone_altered_or_unreadable_is_skipped(
    instance: dg.DagsterInstance, volume: Volume, caplog: pytest.LogCaptureFixture
) -> None:
    oldest = record(instance, volume, "oldest")
    for name in ("gone", "altered", "unreadable"):
        record(instance, volume, name)
    shutil.rmtree(volume.path("toy/raw/gone"))
    write_manifest(volume, replace(oldest, folder="toy/raw/altered"))
    volume.write_bytes("toy/raw/unreadable/manifest.json", b"{")
    assert earlier(instance, volume, "now") == [oldest]
    assert "altered has changed since it was made" in caplog.text
    assert "unreadable/manifest.json is not JSON" in caplog.text
