"""The sensor `new_exports` on a real instance, beside a site of exports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wiki_embeddings.asset_keys import HUB_DATASET, RAW_WIKIPEDIA
from wiki_embeddings.definitions import defs
from wiki_embeddings.defs import new_exports
from wiki_embeddings.defs.automation import JOB
from wiki_embeddings.defs.instance import PROCESS_TAG
from wiki_embeddings.defs.materializations import FOLDER, SETTINGS
from wiki_embeddings.defs.wikis import add_wiki, mark, remove_wiki
from wiki_embeddings.host import this_process
from wiki_embeddings.sources.site_requests import lookups
from wiki_embeddings_tests.standins.dumps import DumpsSite
from wiki_embeddings_tests.support.dagster_runs import new_instance
from wiki_embeddings_tests.support.exports import ExportPage, export_folder, served, write_export

pytestmark = pytest.mark.usefixtures("site")

HOUR = 3600.0
PAGES = [ExportPage(1, "Snow", "Snow is white.")]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DumpsSite]:
    """A site with an export of two wikis each."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.01)))
    with served(monkeypatch, tmp_path / "site") as site:
        for wiki_id in ("dewiki", "frwiki"):
            write_export(site.root, wiki_id, "20261001", PAGES)
        yield site


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home of an instance with German and French, of which German is marked."""
    home = tmp_path_factory.mktemp("instance")
    with new_instance(home) as instance:
        for wiki in ("sample", "de", "fr"):
            add_wiki(instance, wiki)
        mark(instance, "de", refreshed=True)
    return home


@pytest.fixture
def instance(prepared: Path, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A copy of that instance: Dagster needs a second to begin a new one."""
    home = tmp_path / "instance"
    shutil.copytree(prepared, home)
    with new_instance(home) as instance:
        yield instance


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> Any:
    """Evaluate the sensor once."""
    context = dg.build_sensor_context(instance, cursor)
    return new_exports.new_exports(context)


def reason(ticked: Any) -> str:
    """Why a tick requested nothing."""
    assert not ticked.run_requests
    return ticked.skip_reason.skip_message


def keys(ticked: Any) -> list[str]:
    return [request.run_key for request in ticked.run_requests or []]


def an_hour_later(ticked: Any) -> str:
    """The cursor of a tick, as if its looks had been an hour ago."""
    return json.dumps({wiki: at - HOUR for wiki, at in json.loads(ticked.cursor).items()})


def add_run(
    instance: dg.DagsterInstance, status: str, request: dg.RunRequest | None = None, wiki="de"
) -> str:
    """Record a run of the job with a status: one that was requested, or another one."""
    tags = {"dagster/partition": wiki, **(request.tags if request else {})}
    run = instance.create_run_for_job(
        defs.resolve_job_def(JOB), status=dg.DagsterRunStatus(status), tags=tags
    )
    return run.run_id


def add_dataset(
    instance: dg.DagsterInstance, snapshot: str, *, fraction: float = 1.0, asset: str = HUB_DATASET
) -> None:
    settings = {"raw": {"snapshot": snapshot, "fraction": fraction}}
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            asset,
            partition="de",
            metadata={FOLDER: "de/hub/0", SETTINGS: dg.MetadataValue.json(settings)},
            tags={"dagster/data_version": "1"},
        )
    )


def test_a_new_export_of_a_marked_wiki_is_requested_with_its_date(site, instance):
    ticked = tick(instance)
    (request,) = ticked.run_requests
    assert request.run_key == "de-20261001-1"
    assert request.partition_key == "de"
    assert request.run_config == {"ops": {RAW_WIKIPEDIA: {"config": {"snapshot": "20261001"}}}}
    assert all("frwiki" not in request.path for request in site.requests)


def test_a_wiki_is_looked_for_once_an_hour_also_after_a_restart(site, instance):
    first = tick(instance)
    asked = len(site.requests)
    again = tick(instance, first.cursor)
    assert not again.run_requests
    assert reason(again).startswith("de: the next look is at ")
    assert len(site.requests) == asked
    assert again.cursor == first.cursor
    assert tick(instance, an_hour_later(first)).cursor != first.cursor
    assert len(site.requests) > asked


@pytest.mark.parametrize("cursor", ["", "[1]", "}", '{"de": "now"}'])
def test_a_damaged_cursor_costs_a_look_and_nothing_more(instance, cursor):
    assert keys(tick(instance, cursor)) == ["de-20261001-1"]


def test_the_cursor_follows_the_wikis_that_are_marked(instance):
    first = tick(instance)
    mark(instance, "fr", refreshed=True)
    second = tick(instance, first.cursor)
    assert keys(second) == ["fr-20261001-1"]
    assert set(json.loads(second.cursor)) == {"de", "fr"}
    remove_wiki(instance, "de")
    assert set(json.loads(tick(instance, second.cursor).cursor)) == {"fr"}


def test_without_a_marked_wiki_the_site_is_left_alone(site, instance):
    mark(instance, "de", refreshed=False)
    ticked = tick(instance)
    assert "No wiki is marked for refreshing: `wiki-embeddings add de" in reason(ticked)
    assert not site.requests


@pytest.mark.parametrize("status", ["NOT_STARTED", "STARTED", "CANCELING"])
def test_nothing_is_requested_while_a_run_of_that_wiki_is_in_progress(site, instance, status):
    add_run(instance, status)
    ticked = tick(instance)
    assert reason(ticked) == "de: a run is in progress."
    assert not site.requests, "so the hour has not begun"
    mark(instance, "fr", refreshed=True)
    assert keys(tick(instance, ticked.cursor)) == ["fr-20261001-1"]


def test_a_run_of_the_command_line_whose_process_was_killed_is_not_in_progress(instance):
    with subprocess.Popen(["true"]) as ended:
        gone = this_process().replace(str(os.getpid()), str(ended.pid), 1)
    run = instance.create_run_for_job(
        defs.resolve_job_def(JOB),
        status=dg.DagsterRunStatus.STARTED,
        tags={"dagster/partition": "de", PROCESS_TAG: gone},
    )
    assert keys(tick(instance)) == ["de-20261001-1"]
    assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.FAILURE


def test_an_export_whose_runs_fail_is_requested_three_more_times_under_new_keys(site, instance):
    ticked = tick(instance)
    requested = []
    while ticked.run_requests:
        (request,) = ticked.run_requests
        requested.append(request.run_key)
        add_run(instance, "FAILURE", request)
        ticked = tick(instance, an_hour_later(ticked))
    assert requested == [f"de-20261001-{n}" for n in (1, 2, 3, 4)]
    assert "4 runs of the newest export, 20261001, have failed" in reason(ticked)
    write_export(site.root, "dewiki", "20261101", PAGES)
    assert keys(tick(instance, an_hour_later(ticked))) == ["de-20261101-1"]


def test_a_run_that_was_deleted_does_not_bring_its_key_back(instance):
    first = tick(instance)
    deleted = add_run(instance, "FAILURE", first.run_requests[0])
    second = tick(instance, an_hour_later(first))
    add_run(instance, "FAILURE", second.run_requests[0])
    instance.delete_run(deleted)
    assert keys(tick(instance, an_hour_later(second))) == ["de-20261001-3"]


def test_a_run_that_was_cancelled_is_not_requested_again(instance):
    first = tick(instance)
    add_run(instance, "CANCELED", first.run_requests[0])
    assert "was cancelled" in reason(tick(instance, an_hour_later(first)))


def test_an_export_that_the_dataset_has_is_not_requested(site, instance):
    add_dataset(instance, "20261001")
    ticked = tick(instance)
    assert reason(ticked) == "de: the dataset is made from the newest export, 20261001, already."
    write_export(site.root, "dewiki", "20261101", PAGES)
    assert keys(tick(instance, an_hour_later(ticked))) == ["de-20261101-1"]


def test_articles_or_a_dry_run_of_an_export_are_no_dataset_of_it(instance):
    add_dataset(instance, "20261001", asset=RAW_WIKIPEDIA)
    assert keys(tick(instance)) == ["de-20261001-1"]
    add_dataset(instance, "20261001", fraction=0.01)
    assert keys(tick(instance)) == ["de-20261001-1"]


def test_an_export_that_is_still_written_is_no_new_one(site, instance):
    add_dataset(instance, "20261001")
    folder = write_export(site.root, "dewiki", "20261101", PAGES)
    (folder / "SHA256SUMS").unlink()
    assert "the dataset is made from the newest export, 20261001, already" in reason(tick(instance))
    (export_folder(site.root, "dewiki", "20261001") / "SHA256SUMS").unlink()
    assert "None of the exports of de is complete" in reason(tick(instance))


def test_a_wiki_that_wikimedia_does_not_have_leaves_the_others_alone(instance):
    add_wiki(instance, "xx")
    mark(instance, "xx", refreshed=True)
    assert keys(tick(instance)) == ["de-20261001-1"]


def test_a_site_that_fails_skips_the_tick_with_its_reason(site, instance):
    site.order("dewiki", status=503, times=100)
    ticked = tick(instance)
    assert "de: Cannot read" in reason(ticked)
    assert "status 503" in reason(ticked)
    assert "Looks again at" in reason(ticked)
    assert "de" in json.loads(ticked.cursor), "a failed look is a look"


def test_a_site_that_cannot_be_reached_skips_the_tick(instance, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setenv("WIKI_EMBEDDINGS_DUMPS_URL", "http://127.0.0.1:9")
    assert "de: Cannot read http://127.0.0.1:9/" in reason(tick(instance))


@pytest.mark.parametrize("fault", [{"stall_after": 10}, {"byte_every_s": 0.1}])
def test_a_look_at_a_site_that_stalls_ends_in_time_and_the_next_wiki_is_looked_for(
    site, instance, monkeypatch, fault
):
    monkeypatch.setattr(new_exports, "LOOK_WITHIN_S", 2.0)
    mark(instance, "fr", refreshed=True)
    site.order("dewiki", **fault)
    started = time.monotonic()
    ticked = tick(instance)
    assert time.monotonic() - started < 15
    assert keys(ticked) == ["fr-20261001-1"]
    assert set(json.loads(ticked.cursor)) == {"de", "fr"}, "the site was asked for both"
    assert sum("dewiki" in request.path for request in site.requests) == 1


def test_a_look_that_finds_another_process_asking_the_site_is_none(site, instance, monkeypatch):
    with lookups(), monkeypatch.context() as patch:
        patch.setattr(new_exports, "LOOK_WITHIN_S", 0.2)
        ticked = tick(instance)
    assert "de: Other processes of this machine have been busy" in reason(ticked)
    assert ticked.cursor == "{}"
    assert not site.requests
    assert keys(tick(instance, ticked.cursor)) == ["de-20261001-1"]


def test_a_tick_of_many_wikis_ends_in_time_and_the_next_goes_on(instance, monkeypatch):
    mark(instance, "fr", refreshed=True)
    monkeypatch.setattr(new_exports, "_TICK_WITHIN_S", -1.0)
    ticked = tick(instance)
    assert "fr: the site is slow, so it waits for the next tick" in reason(ticked)
    assert ticked.cursor == "{}"


def test_what_was_seen_is_recorded_when_it_is_new(site, instance):
    first = tick(instance)
    (observation,) = first.asset_events
    assert observation.partition == "de"
    assert observation.metadata["snapshot"].value == "20261001"
    assert str(observation.metadata["link"].value).startswith(site.url)
    instance.report_runless_asset_event(observation)
    again = tick(instance, an_hour_later(first))
    assert not again.asset_events
    write_export(site.root, "dewiki", "20261101", PAGES)
    assert len(tick(instance, an_hour_later(again)).asset_events) == 1
