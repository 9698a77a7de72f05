"""What the articles are read from, as Dagster records it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wiki_embeddings.asset_keys import RAW_WIKIPEDIA, WIKIPEDIA_EXPORT
from wiki_embeddings.bundled import DUMP, DUMP_NAME
from wiki_embeddings.definitions import defs
from wiki_embeddings.defs.wikipedia_export import last_seen
from wiki_embeddings.defs.wikis import add_wiki
from wiki_embeddings.volume import sha256_of_file
from wiki_embeddings_tests.standins.dumps import DumpsSite
from wiki_embeddings_tests.support.dagster_runs import (
    failures,
    materialize,
    new_instance,
    resources,
)
from wiki_embeddings_tests.support.exports import ExportPage, served, write_export

KEY = dg.AssetKey(WIKIPEDIA_EXPORT)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DumpsSite]:
    with served(monkeypatch, tmp_path / "site") as site:
        write_export(site.root, "dewiki", "20261101", [ExportPage(1, "Snow", "Snow is white.")])
        yield site


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "instance"
    home.mkdir()
    with new_instance(home) as instance:
        for wiki in ("sample", "de"):
            add_wiki(instance, wiki)
        yield instance


def observe(instance: dg.DagsterInstance, wiki: str | None) -> dg.ExecuteInProcessResult:
    """Observe the exports as the UI does."""
    job = dg.define_asset_job("observe", selection=[WIKIPEDIA_EXPORT])
    loaded = dg.Definitions(assets=defs.assets, jobs=[job], resources=defs.resources)
    return loaded.resolve_job_def("observe").execute_in_process(
        instance=instance, partition_key=wiki, raise_on_error=False
    )


def last_observation(instance: dg.DagsterInstance, wiki: str) -> Any:
    wanted = dg.AssetRecordsFilter(asset_key=KEY, asset_partitions=[wiki])
    (record,) = instance.fetch_observations(wanted, limit=1).records
    return record


def test_an_observation_has_the_date_the_files_and_a_version_of_the_checksums(instance, site):
    assert observe(instance, "de").success
    (checksums,) = site.root.rglob("SHA256SUMS")
    assert last_seen(instance, "de") == sha256_of_file(checksums)
    observation = last_observation(instance, "de").asset_observation
    shown = {name: entry.value for name, entry in observation.metadata.items()}
    assert shown["snapshot"] == "20261101"
    assert shown["link"].startswith(f"{site.url}/other/mediawiki_content_current/dewiki/2026-11-01")
    assert shown["files"] == ["dewiki-2026-11-01-p1p1.xml.bz2"]
    assert last_seen(instance, "sample") is None


@pytest.mark.usefixtures("site")
def test_without_a_partition_all_wikis_are_looked_at(instance):
    assert observe(instance, None).success
    assert last_seen(instance, "de") is not None
    assert last_seen(instance, "sample") == DUMP.sha256[DUMP_NAME], "which needs no network"


def test_a_site_that_refuses_fails_the_observation_in_a_sentence(instance, site):
    site.order("dewiki", status=403)
    (message,) = failures(observe(instance, "de")).values()
    assert "status 403" in message
    assert "WIKI_EMBEDDINGS_CONTACT" in message


def test_a_materialization_records_what_it_has_read_as_its_input(instance, tmp_path):
    config = {RAW_WIKIPEDIA: {"fraction": 0.05}}
    ran = materialize(instance, "sample", [RAW_WIKIPEDIA], config, resources(tmp_path))
    assert ran.success, failures(ran)
    assert last_seen(instance, "sample") == DUMP.sha256[DUMP_NAME]
    (made,) = ran.asset_materializations_for_node(RAW_WIKIPEDIA)
    pointer = (made.tags or {})[f"dagster/input_event_pointer/{WIKIPEDIA_EXPORT}"]
    assert pointer == str(last_observation(instance, "sample").storage_id)
