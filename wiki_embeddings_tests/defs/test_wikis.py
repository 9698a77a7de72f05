"""The wikis of an instance, and the schedules, the check and the sensor that go through them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wiki_embeddings.asset_keys import RAW_WIKIPEDIA
from wiki_embeddings.definitions import defs
from wiki_embeddings.defs.automation import first_wikis, monthly_refresh
from wiki_embeddings.defs.materializations import FOLDER, SETTINGS
from wiki_embeddings.defs.wikis import (
    add_first_wikis,
    add_wiki,
    known_wikis,
    mark,
    refreshed_wikis,
    remove_wiki,
    wikis,
)
from wiki_embeddings.errors import BadInputError
from wiki_embeddings_tests.support.dagster_runs import new_instance

TODAY = datetime.now(UTC)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with new_instance(tmp_path) as instance:
        yield instance


def add_articles(instance: dg.DagsterInstance, wiki: str, snapshot: str = "20231101") -> None:
    """Record a materialization of `raw_wikipedia`, as releases with static partitions did too."""
    settings = {"raw": {"snapshot": snapshot}}
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            RAW_WIKIPEDIA,
            partition=wiki,
            metadata={FOLDER: f"{wiki}/raw/0", SETTINGS: dg.MetadataValue.json(settings)},
            tags={"dagster/data_version": "1"},
        )
    )


def days_ago(days: int) -> str:
    return f"{TODAY - timedelta(days=days):%Y%m%d}"


def test_the_wikis_to_begin_with_are_added_once_in_their_order(instance):
    for _ in range(2):
        add_first_wikis(instance, ["sample", "de"])
    add_wiki(instance, "fr")
    add_first_wikis(instance, ["es", "de"])
    assert known_wikis(instance) == ["sample", "de", "fr", "es"]


def test_an_instance_that_nobody_has_opened_accepts_the_wikis_to_begin_with(instance):
    assert known_wikis(instance) == []
    assert wikis.has_partition_key("sample", dynamic_partitions_store=instance)
    assert not wikis.has_partition_key("de", dynamic_partitions_store=instance)


def test_what_an_earlier_release_materialized_is_added_and_nothing_else(instance):
    add_articles(instance, "sample")
    add_articles(instance, "simple")
    add_first_wikis(instance, ["sample"])
    assert known_wikis(instance) == ["sample", "simple"]


def test_a_wiki_that_was_removed_stays_removed(instance):
    add_articles(instance, "simple")
    add_first_wikis(instance, ["sample"])
    mark(instance, "simple", refreshed=True)
    remove_wiki(instance, "simple")
    add_first_wikis(instance, ["sample"])
    assert known_wikis(instance) == ["sample"]
    add_wiki(instance, "simple")
    assert refreshed_wikis(instance) == [], "the mark went with it"


def test_a_mark_can_be_set_again_and_taken_away(instance):
    assert add_wiki(instance, "de")
    assert not add_wiki(instance, "de")
    for refreshed in (True, True, False, False):
        mark(instance, "de", refreshed=refreshed)
        assert refreshed_wikis(instance) == (["de"] if refreshed else [])


def test_what_is_unknown_or_never_changes_is_not_marked(instance):
    add_wiki(instance, "sample")
    with pytest.raises(BadInputError, match="no wiki 'de' here, only sample"):
        mark(instance, "de", refreshed=True)
    with pytest.raises(BadInputError, match="sample is installed with the project"):
        mark(instance, "sample", refreshed=True)
    with pytest.raises(BadInputError, match="not the language code"):
        add_wiki(instance, "De")


def test_the_sensor_adds_the_first_wikis_where_dagster_was_started_by_itself(instance, monkeypatch):
    monkeypatch.setenv("WIKI_EMBEDDINGS_WIKIS", "sample,de")
    add_wiki(instance, "sample")
    added: Any = first_wikis(dg.build_sensor_context(instance))
    (request,) = added.dynamic_partitions_requests
    assert (request.partitions_def_name, request.partition_keys) == ("wikis", ["de"])
    add_wiki(instance, "de")
    assert isinstance(first_wikis(dg.build_sensor_context(instance)), dg.SkipReason)


def ticked(context: dg.ScheduleEvaluationContext) -> list[Any]:
    """What the monthly schedule asks for."""
    answers: Any = monthly_refresh(context)
    return list(answers)


def test_the_monthly_refresh_requests_the_newest_export_of_each_marked_wiki(instance):
    for wiki in ("sample", "de", "fr"):
        add_wiki(instance, wiki)
    context = dg.build_schedule_context(
        instance, scheduled_execution_time=datetime(2026, 12, 20, 3, tzinfo=UTC)
    )
    (skipped,) = ticked(context)
    assert "No wiki is marked for refreshing" in skipped.skip_message
    for wiki in ("de", "fr"):
        mark(instance, wiki, refreshed=True)
    requests = ticked(context)
    assert [request.run_key for request in requests] == ["de-2026-12", "fr-2026-12"]
    assert [request.partition_key for request in requests] == ["de", "fr"]
    assert all(not request.run_config for request in requests), "so the newest export is taken"


def age_check(instance: dg.DagsterInstance) -> Any:
    """Run the job of the daily schedule."""
    result = defs.resolve_job_def("check_snapshot_ages").execute_in_process(instance=instance)
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def test_a_marked_wiki_whose_snapshot_is_too_old_has_missed_a_refresh(instance, monkeypatch):
    for wiki, age in {"sample": 3800, "de": 55, "fr": 56, "en": 900}.items():
        add_wiki(instance, wiki)
        add_articles(instance, wiki, days_ago(age))
    for wiki in ("de", "fr"):
        mark(instance, wiki, refreshed=True)
    checked = age_check(instance)
    assert not checked.passed
    assert "sample: its edition is fixed" in checked.description
    assert f"de: its snapshot of {TODAY - timedelta(days=55):%Y-%m-%d} is 55 days old. fr" in (
        checked.description
    )
    assert "is 56 days old, more than 55: a refresh was missed" in checked.description
    assert "is 900 days old; not marked for refreshing" in checked.description
    assert checked.metadata["fr: age_days"].value == 56
    monkeypatch.setenv("WIKI_EMBEDDINGS_MAX_SNAPSHOT_AGE_DAYS", "60")
    assert age_check(instance).passed


def test_a_marked_wiki_that_was_never_fetched_has_missed_its_refresh(instance):
    add_wiki(instance, "de")
    assert age_check(instance).passed
    mark(instance, "de", refreshed=True)
    checked = age_check(instance)
    assert not checked.passed
    assert checked.description == "de: marked for refreshing, but never fetched."
