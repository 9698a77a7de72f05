"""Runs that are closed, killed or terminated, and two runs of one output: nothing stays at work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import dagster as dg
import pytest

from wiki_embeddings.compute.protocol import Finished
from wiki_embeddings.progress import StageProgress
from wiki_embeddings_tests.compute.modal.cloud import CONFIG
from wiki_embeddings_tests.compute.modal.faults.commit_gate import Gate, commits_held
from wiki_embeddings_tests.compute.modal.faults.embedding_cloud import EmbeddingCloud
from wiki_embeddings_tests.compute.modal.faults.map_events import (
    failed,
    finished,
    until_finished,
)
from wiki_embeddings_tests.standins.modal.calls import RESULT
from wiki_embeddings_tests.standins.modal.containers import Container
from wiki_embeddings_tests.support.dagster_runs import failures, metadata, recorded
from wiki_embeddings_tests.support.generated_wiki import WIKI
from wiki_embeddings_tests.support.homes import environment

TWO_CONTAINERS = {**CONFIG["embeddings"], "containers": 2, "inputs_per_container": 1}


@contextmanager
def dagster_process(cloud: EmbeddingCloud) -> Iterator[subprocess.Popen[str]]:
    """Dagster's own command, which materializes the embeddings on Modal, in its own group."""
    home = cloud.cloud.folder
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", "embeddings"]
    command += ["--partition", WIKI, "-m", "wiki_embeddings.definitions"]
    command += ["--config-json", json.dumps({"ops": {"embeddings": {"config": TWO_CONTAINERS}}})]
    more = {"WIKI_EMBEDDINGS_COMPUTE": "modal", "DAGSTER_HOME": str(home)}
    with subprocess.Popen(
        command,
        env=environment(home, **cloud.plane.environment(), **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            yield running
        finally:
            kill_group(running)


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill a process and its children (SIGKILL), if they are alive."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def wait_until_held(cloud: EmbeddingCloud, gate: Gate, running: subprocess.Popen[str]) -> None:
    """Wait until both containers of a run are held in a commit."""
    cloud.plane.wait_until(lambda: len(gate.held) == 2 or running.poll() is not None)


def assert_over(cloud: EmbeddingCloud, containers: list[Container]) -> None:
    """Nothing goes on: each call has ended, and so have these containers, which were at work."""
    plane = cloud.plane
    assert not plane.stats.calls_in_progress()
    plane.wait_until(lambda: all(container.ended for container in containers), 20.0)
    assert not cloud.busy_embedders()


def test_the_second_of_two_maps_of_one_output_takes_over(cloud, plane):
    plan = cloud.embedding("twice")
    with commits_held(cloud, plan, after=4) as gate:
        first = cloud.compute(containers=2).map(plan)
        events = until_finished(first, 4)
        plane.wait_until(lambda: len(gate.held) == 2)
        second = cloud.compute(containers=1).map(plan)
        kept = until_finished(second, 4)
        gate.opened.set()
    events += list(first)
    (failure,) = failed(events).values()
    assert "Another run has begun to make the same output since" in failure.cause
    assert failure.fatal
    assert finished([*kept, *second]) == set(range(len(plan.specs)))
    assert sum(event.report.reused for event in kept if isinstance(event, Finished)) == 4
    assert cloud.committed(plan) == cloud.expected
    commits = cloud.commits(plan)
    assert {commits.count(name) for name in gate.passed} == {1}


def test_a_map_is_cancelled_when_its_events_are_closed(cloud, plane):
    plan = cloud.embedding("closed-early")
    with commits_held(cloud, plan, after=2) as gate:
        events = cloud.compute(containers=2).map(plan)
        until_finished(events, 2)
        plane.wait_until(lambda: len(gate.held) == 2)
        at_work = cloud.busy_embedders()
        events.close()
        assert_over(cloud, at_work)


@pytest.mark.usefixtures("cold")  # a warm container would still see the removed output
def test_after_dagster_was_killed_only_the_rest_is_made(cloud, plane):
    plan = cloud.plan
    cloud.cloud.remove_output(plan.folder)
    with commits_held(cloud, plan, after=5) as gate:
        with dagster_process(cloud) as running:
            wait_until_held(cloud, gate, running)
            kill_group(running)
            output = running.communicate()[0]
        assert len(gate.held) == 2, output
        (orphan,) = plane.stats.calls_in_progress()
        orphans = cloud.busy_embedders()

        def open_gate(snapshot: StageProgress) -> None:
            if snapshot.shards_done:  # kept shards are reported once the orphan is cancelled
                plane.wait_until(lambda: all(container.ended for container in orphans))
                gate.opened.set()

        config = {"embeddings": TWO_CONTAINERS}
        result = cloud.cloud.materialize("embeddings", config=config, listener=open_gate)
    materialized = metadata(result, "embeddings")
    assert orphan not in plane.stats.calls_in_progress()
    ends = [item.output.result.status for item in plane.stats.inputs() if item.call.id == orphan]
    assert ends.count(RESULT.GENERIC_STATUS_TERMINATED) == len(plan.specs) - 5

    kept = sum(spec.units for spec in plan.specs if spec.name in gate.passed)
    assert materialized["chunks_kept"] == kept
    commits = cloud.commits(plan)
    assert {commits.count(name) for name in cloud.expected} == {1}
    assert cloud.committed(plan) == cloud.expected
    materialization = recorded(cloud.cloud.instance, "embeddings", WIKI)
    assert materialization is not None
    assert materialization.data_version == cloud.manifest.digest


@pytest.mark.usefixtures("cold")
@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT]])
def test_a_terminated_run_leaves_nothing_running_and_can_be_continued(cloud, signals):
    plan = cloud.plan
    cloud.cloud.remove_output(plan.folder)
    with commits_held(cloud, plan, after=3) as gate:
        with dagster_process(cloud) as running:
            wait_until_held(cloud, gate, running)
            at_work = cloud.busy_embedders()
            for number in signals:
                running.send_signal(number)
            output = running.communicate(timeout=60)[0]
        assert len(gate.held) == len(at_work) == 2, output
        # Before the gate opens: a container that still lives would commit once more.
        assert_over(cloud, at_work)
    (run,) = cloud.cloud.instance.get_runs(limit=1)
    assert run.status in {dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE}, output
    assert "DagsterExecutionInterruptedError" in output

    materialized = cloud.make_shards(plan, containers=1)
    kept = sum(spec.units for spec in plan.specs if spec.name in gate.passed)
    assert materialized.progress.reused == kept
    assert materialized.manifest.digest == cloud.manifest.digest
    assert cloud.committed(plan) == cloud.expected


@pytest.mark.usefixtures("cold")
def test_a_run_that_has_cost_its_limit_leaves_nothing_at_work_and_can_go_on(cloud, plane):
    plan = cloud.plan
    cloud.cloud.remove_output(plan.folder)
    with commits_held(cloud, plan, after=1):  # else it might be over before its cost is known
        run = cloud.cloud.materialize(
            "embeddings", config={"embeddings": {**TWO_CONTAINERS, "max_dollars": 1e-9}}
        )
        assert "This run may cost $0.00 (max_dollars), and has cost" in failures(run)["embeddings"]
        assert not plane.stats.calls_in_progress()
    again = cloud.cloud.materialize("embeddings", config={"embeddings": TWO_CONTAINERS})
    assert again.success, failures(again)
    assert cloud.committed(plan) == cloud.expected
