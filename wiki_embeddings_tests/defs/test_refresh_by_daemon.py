"""From a new export to the published dataset, by the real daemon, without a hand on it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from wiki_embeddings.bundled import bundled_dump
from wiki_embeddings_tests.support.exports import (
    ExportPage,
    complete,
    export_folder,
    served,
    write_export,
)
from wiki_embeddings_tests.support.homes import cli
from wiki_embeddings_tests.support.served_ui import graphql, served_ui

_START = """
mutation {startSensor(sensorSelector: {sensorName: "new_exports",
    repositoryName: "__repository__", repositoryLocationName: "wiki_embeddings"}) {
  __typename}}"""
_RUNS = """
{runsOrError(filter: {tags: [{key: "wiki_embeddings/export", value: "simple-20261101"}]}) {
  ... on Runs {results {status tags {key value} stats {... on RunStatsSnapshot {stepsFailed}}}}}}"""
_STALE = '{assetNodes {assetKey {path} staleStatus(partition: "simple")}}'

WITHIN_S = 900.0

PAGES = [
    ExportPage(12, "Anarchism", "Anarchists reject the state."),
    ExportPage(25, "Autism", "Autism begins in childhood."),
]
"""Pages that the next export has too: if many were gone, a check would stop the refresh."""


def serve_bundled_dump(site: Path) -> None:
    """Add the bundled dump to a site of exports, as that of Simple English of November."""
    folder = export_folder(site, "simplewiki", "20261101")
    folder.mkdir(parents=True)
    shutil.copy(bundled_dump(), folder / "simplewiki-2026-11-01-p1p99999.xml.bz2")
    complete(folder)


@pytest.mark.timeout(1200)
def test_a_new_export_is_published_without_a_hand_on_it(tmp_path, monkeypatch, tiny_model):
    home = tmp_path / "home"
    with served(monkeypatch, tmp_path / "site") as site:
        write_export(site.root, "simplewiki", "20261001", PAGES)
        first = cli(
            home, "run", "--wiki", "simple", "--model", str(tiny_model),
            WIKI_EMBEDDINGS_DUMPS_URL=site.url,
        )  # fmt: skip
        assert first.returncode == 0, first.stderr
        added = cli(home, "add", "simple", "--refresh", WIKI_EMBEDDINGS_DUMPS_URL=site.url)
        assert added.returncode == 0, added.stderr
        serve_bundled_dump(site.root)
        with served_ui(home, WIKI_EMBEDDINGS_DUMPS_URL=site.url) as ui:
            assert graphql(ui, _START)["startSensor"]["__typename"] == "Sensor"
            run = wait_for_run(ui, home)
            nodes = graphql(ui, _STALE)["assetNodes"]
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    assert tags["dagster/run_key"] == "simple-20261101-1"
    assert tags["dagster/sensor_name"] == "new_exports"
    assert {node["staleStatus"] for node in nodes} == {"FRESH"}
    assert site.most_connections <= 3
    (dataset,) = (home / "hub").glob("wikipedia-simple-*")
    card = (dataset / "README.md").read_text()
    assert "20261101" in card
    assert len(titles(home)) > 100


def wait_for_run(ui: str, home: Path) -> dict:
    """Wait until the run that the sensor requests has succeeded."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        runs = graphql(ui, _RUNS)["runsOrError"]["results"]
        assert len(runs) <= 1, "each export is requested once"
        if runs and runs[0]["status"] == "SUCCESS":
            return runs[0]
        assert not runs or runs[0]["status"] != "FAILURE", (home / "ui.log").read_text()
        assert time.monotonic() < deadline, (home / "ui.log").read_text()
        time.sleep(0.5)


def titles(home: Path) -> set[str]:
    """Titles in the newest data of the published dataset."""
    import pyarrow.parquet as pq

    (dataset,) = (home / "hub").glob("wikipedia-simple-*")
    files = sorted(dataset.resolve().glob("data/train-*.parquet"))
    return {title for file in files for title in pq.read_table(file)["title"].to_pylist()}
