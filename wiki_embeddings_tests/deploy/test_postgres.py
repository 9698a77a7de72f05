"""The server's own `dagster.yaml`, on a real PostgreSQL server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import dagster as dg
import pytest

from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings.definitions import defs
from wiki_embeddings.defs.automation import JOB
from wiki_embeddings.defs.pools import CORES
from wiki_embeddings_tests.support import postgres
from wiki_embeddings_tests.support.homes import SMALL, command, environment, wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"

pytestmark = pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing())


@dataclass(frozen=True)
class Story:
    """What happened to two runs at once, of which the first was killed.

    Attributes:
        instance: The instance in PostgreSQL.
        killed: The run of `dagster asset materialize` that held the slot.
        waited: The run of the command line that waited for it.
        output: What the latter printed.
    """

    instance: dg.DagsterInstance
    killed: str
    waited: str
    output: str


@pytest.fixture(scope="module")
def story(tmp_path_factory, tiny_model) -> Iterator[Story]:
    """Stop a run that holds the slot, start a second one, kill the first."""
    root = tmp_path_factory.mktemp("server")
    home = root / "dagster"
    home.mkdir()
    shutil.copy(DEPLOY / "dagster.yaml", home)
    with postgres.served() as address:
        variables = environment(root, DAGSTER_HOME=str(home), DAGSTER_POSTGRES_URL=address)
        with (
            mock.patch.dict(os.environ, variables, clear=True),
            dg.DagsterInstance.from_config(str(home)) as instance,
        ):
            yield _happened(instance, variables, root / "log", tiny_model)


def _happened(
    instance: dg.DagsterInstance, variables: dict[str, str], log: Path, model: Path
) -> Story:
    instance.add_dynamic_partitions("wikis", ["sample"])
    storage = instance.event_log_storage
    select = ["--select", "raw_wikipedia", "--partition", "sample"]
    module = ["-m", "wiki_embeddings.definitions"]
    first = subprocess.Popen(
        [sys.executable, "-m", "dagster", "asset", "materialize", *select, *module],
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    second = None
    try:
        wait_until(lambda: bool(storage.get_concurrency_info(CORES).claimed_slots), first)
        first.send_signal(signal.SIGSTOP)
        (held,) = storage.get_concurrency_info(CORES).claimed_slots
        with log.open("w") as output:
            second = subprocess.Popen(
                command("run", "--wiki", "sample", "--model", str(model), *SMALL),
                env=variables,
                stdout=output,
                stderr=output,
            )
        wait_until(lambda: bool(storage.get_concurrency_info(CORES).pending_run_ids), second)
        (waiting,) = storage.get_concurrency_info(CORES).pending_run_ids
        wait_until(lambda: "Waits for a slot" in log.read_text(), second)
        assert instance.get_latest_materialization_event(dg.AssetKey("raw_wikipedia")) is None
        first.kill()
        assert second.wait(240) == 0, log.read_text()
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.wait()
    return Story(instance, held.run_id, waiting, log.read_text())


def test_the_record_is_in_postgresql(story):
    assert type(story.instance.event_log_storage).__name__ == "PostgresEventLogStorage"
    assert type(story.instance.run_storage).__name__ == "PostgresRunStorage"
    assert not list(Path(story.instance.root_directory).rglob("*.db"))


def test_a_run_waits_for_the_slot_of_another_however_each_was_started(story):
    short = story.killed[:8]
    assert f"Waits for a slot of the pool cores: taken by raw_wikipedia of run {short}" in (
        story.output
    )


def test_a_killed_run_is_closed_its_slot_freed_and_it_will_be_started_again(story):
    run = story.instance.get_run_by_id(story.killed)
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert run.tags["dagster/will_retry"] == "true"
    pool = story.instance.event_log_storage.get_concurrency_info(CORES)
    assert pool.slot_count == 1
    assert not pool.claimed_slots
    assert not pool.pending_steps


def test_a_run_of_the_command_line_is_not_started_again(story):
    waited = story.instance.get_run_by_id(story.waited)
    run = story.instance.create_run_for_job(defs.resolve_job_def(JOB), tags=waited.tags)
    story.instance.report_run_failed(run)
    assert story.instance.get_run_by_id(run.run_id).tags["dagster/will_retry"] == "false"


def test_the_four_assets_of_the_sample_and_their_checks_are_read_back(story):
    instance = story.instance
    (record,) = instance.get_run_records(dg.RunsFilter(run_ids=[story.waited]))
    assert record.dagster_run.job_name == JOB
    assert record.dagster_run.status is dg.DagsterRunStatus.SUCCESS
    for asset in ASSET_KEYS:
        event = instance.get_latest_materialization_event(dg.AssetKey(asset))
        assert event is not None
        assert event.run_id == story.waited
        assert event.asset_materialization.partition == "sample"
    evaluations = instance.get_records_for_run(
        story.waited, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ).records
    assert len(evaluations) >= len(ASSET_KEYS)
    results = [record.event_log_entry.asset_check_evaluation for record in evaluations]
    failed = [result.check_name for result in results if not result.passed]
    assert failed == ["recall_at_10"], "weights are random; it only warns"
