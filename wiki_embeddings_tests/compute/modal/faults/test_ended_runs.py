"""What a map on Modal survives, and how it ends where it cannot: nothing lost, nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import dagster as dg
import pytest
from grpclib import GRPCError, Status

from wiki_embeddings.compute.modal import preflight
from wiki_embeddings.compute.modal.deployment import DEPLOY, SECRET
from wiki_embeddings.compute.protocol import Finished, largest_first
from wiki_embeddings.defs.materialize import ShardsFailedError
from wiki_embeddings.progress import Snapshot
from wiki_embeddings.stages.shard import InputFile
from wiki_embeddings_tests.compute.modal.cloud import failures
from wiki_embeddings_tests.compute.modal.faults.prepared import (
    CUTTER,
    EMBEDDER,
    GPU,
    Prepared,
    commits_intercepted,
    dagster_process,
    failed,
    finished,
    half_way,
    kill_group,
    prepared_cloud,
    until_finished,
)
from wiki_embeddings_tests.standins.modal.calls import RESULT
from wiki_embeddings_tests.standins.modal.containers import Container

CALL_BYTES = 10_000
"""Largest input or output of a call: references, not data."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory, tiny_model):
    with prepared_cloud(tmp_path_factory.mktemp("faults"), tiny_model) as prepared:
        yield prepared
        large = {
            f"{payload.function} {payload.kind}": len(payload.data)
            for payload in prepared.cloud.plane.stats.payloads()
            if len(payload.data) >= CALL_BYTES or payload.as_blob
        }
        assert not large, "no call of any of these tests may carry data"


@pytest.fixture
def prepared(shared: Prepared):
    """The prepared cloud, without a fault on order and without a warm container."""
    shared.end_embedders()
    yield shared
    shared.cloud.plane.faults.clear()


@pytest.fixture
def plane(prepared):
    return prepared.cloud.plane


def assert_over(prepared: Prepared, at_work: list[Container]) -> None:
    """Nothing goes on: each call has ended, and so have the containers that were at work."""
    plane = prepared.cloud.plane
    assert not plane.stats.calls_in_progress()
    plane.wait_until(lambda: all(container.ended for container in at_work), 20.0)
    assert not any(container.running for container in prepared.embedders())


# ---- Without faults: how the work is handed out.


def test_work_is_spread_over_the_containers_that_were_asked_for_the_largest_first(prepared, plane):
    plan = prepared.embedding("spread")
    calls = {item.call.id for item in plane.stats.inputs(EMBEDDER)}
    before = {container.task_id for container in plane.containers}
    prepared.drive(plan, containers=3, inputs=2)
    assert prepared.committed(plan) == prepared.expected

    taken = {
        task: count
        for task, count in plane.stats.inputs_per_container(EMBEDDER).items()
        if task not in before
    }
    assert len(taken) == 3
    assert min(taken.values()) > 0
    (variant,) = {c.live.id for c in plane.containers if c.task_id in taken}
    assert plane.stats.peak_containers(variant) == 3
    assert plane.stats.requested(EMBEDDER)[-1].gpu == GPU != "A10G"
    assert len(plane.stats.deployments("wiki-embeddings")) == 1

    inputs = [item for item in plane.stats.inputs(EMBEDDER) if item.call.id not in calls]
    started = sorted(inputs, key=lambda item: item.output.input_started_at)
    units = sorted((spec.units for spec in plan.specs), reverse=True)
    assert units[0] > units[-1]
    first = {item.index for item in started[:3]}
    assert first <= set(range(6)), "the first to start are among the largest"
    assert [item.index for item in inputs] == list(range(len(units)))


# ---- Commits and reloads.


def test_a_shard_is_on_the_volume_when_its_result_arrives(prepared, plane):
    plan = prepared.embedding("committed")
    killed: set[str] = set()
    for event in prepared.compute(containers=1).map(plan):
        if isinstance(event, Finished):
            made = prepared.committed(plan)
            assert plan.specs[event.shard].name in made
            if not killed:
                plane.kill(prepared.embedders()[0])
                killed = set(made)
    assert prepared.committed(plan) == prepared.expected
    commits = prepared.commits_of(plan)
    assert {commits.count(name) for name in killed} == {1}


def test_a_warm_container_sees_what_others_have_committed_since(prepared, plane):
    first = prepared.embedding("before", shards=1)
    prepared.drive(first, containers=1)
    (warm,) = prepared.embedders()

    cut = prepared.cutting("since", shards=2)
    chunks = prepared.drive(cut).manifest
    assert plane.stats.containers(CUTTER), "another container has made them"
    second = prepared.embedding("since", shards=2)
    specs = tuple(
        replace(spec, chunks=InputFile(chunks.reference(file), file.sha256))
        for spec, file in zip(second.specs, chunks.files, strict=True)
    )
    prepared.drive(replace(second, specs=specs), containers=1)
    assert len(warm.taken) == 3
    made = prepared.committed(second)
    assert made == {name: prepared.expected[name] for name in made}


def test_a_reload_waits_until_no_file_is_open(prepared, plane):
    first = prepared.embedding("closed", shards=1)
    prepared.drive(first, containers=1)
    (warm,) = prepared.embedders()
    path = next(prepared.folder_in(warm.task_id, first).glob("*.parquet"))
    reloads = plane.requests.count("VolumeReload")
    # Counts as a process of the container, because of what stands in its environment.
    opens = "import sys; file = open(sys.argv[1]); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", opens, path],
        env={**os.environ, "MODAL_TASK_ID": warm.task_id},
        stdin=subprocess.PIPE,
    ) as reader:
        plane.wait_until(lambda: os.path.realpath(path) in _open_files(reader.pid))
        plan = prepared.embedding("open", shards=2)
        events = prepared.compute(containers=1).map(plan)
        next(events)  # started
        plane.wait_until(lambda: plane.requests.count("VolumeReload") > reloads + 3)
        assert not prepared.committed(plan)
        reader.communicate()
    assert finished(list(events)) == {0, 1}
    assert len(warm.taken) == 3


def _open_files(process_id: int) -> set[str]:
    return {os.path.realpath(open_) for open_ in Path(f"/proc/{process_id}/fd").iterdir()}


def test_several_inputs_of_a_container_commit_though_each_commit_reloads(prepared, plane):
    plan = prepared.embedding("concurrent")
    plane.volumes.commit_reloads = True
    try:
        prepared.drive(plan, containers=1, inputs=2)
    finally:
        plane.volumes.commit_reloads = False
    assert prepared.committed(plan) == prepared.expected


# ---- Containers and calls that fail.


def test_ten_containers_killed_in_the_middle_change_nothing(prepared, plane):
    plan = prepared.embedding("killed")
    deaths = plane.faults.kill_on_input(2, delay_s=0.01, function=EMBEDDER, times=10)
    outcome = prepared.drive(plan, containers=2)
    assert len(set(deaths.killed)) == 10
    assert prepared.committed(plan) == prepared.expected
    assert [file.name for file in outcome.manifest.files] == list(prepared.expected)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_container_killed_in_its_commit_changes_nothing(prepared, plane, when):
    plan = prepared.embedding(f"commit-{when}", shards=4)
    compute = prepared.compute(containers=1)
    plane.volumes.faults.at_commit(plane.kill, when=when, nth=3)  # the first takes stock
    assert finished(list(compute.map(plan))) == {0, 1, 2, 3}
    made = prepared.committed(plan)
    assert made == {name: prepared.expected[name] for name in made}
    assert len(made) == 4


LONGER_THAN_THE_CLIENT_TRIES = 6


@pytest.mark.parametrize(
    ("rpcs", "from_container"),
    [
        (("FunctionMap", "FunctionPutInputs", "FunctionGetOutputs"), False),
        (("FunctionGetCurrentStats", "VolumePutFiles2", "VolumeGetFile2"), False),
        (("VolumeReload", "VolumeCommit"), True),
        (("FunctionPutOutputs",), True),
        (("FunctionGetInputs",), True),
    ],
)
def test_a_map_survives_a_control_plane_that_does_not_answer(prepared, plane, rpcs, from_container):
    plan = prepared.embedding(f"unavailable-{rpcs[0]}")
    compute = prepared.compute(containers=2)
    faults = {
        rpc: plane.faults.fail(
            rpc, times=LONGER_THAN_THE_CLIENT_TRIES, from_container=from_container
        )
        for rpc in rpcs
    }
    list(compute.map(plan))
    assert {rpc: fault.times for rpc, fault in faults.items()} == dict.fromkeys(faults, 0)
    assert prepared.committed(plan) == prepared.expected


def test_a_lost_answer_makes_no_shard_twice(prepared, plane):
    plan = prepared.embedding("lost")
    compute = prepared.compute(containers=2)
    for rpc in ("FunctionMap", "FunctionPutInputs", "VolumeCommit", "FunctionPutOutputs"):
        plane.faults.fail(rpc, after=True)
    list(compute.map(plan))
    assert prepared.committed(plan) == prepared.expected
    assert sorted(prepared.commits_of(plan)) == sorted(prepared.expected)


# ---- Shards that cannot be made.


def test_a_shard_that_can_never_work_is_named_and_stops_no_other(prepared):
    plan = prepared.embedding("poison")
    poisoned = plan.specs[5]
    reference = f"{plan.folder}-broken.parquet"
    prepared.put({reference: b"a truncated file"})
    broken = replace(poisoned, chunks=InputFile(reference, poisoned.chunks.sha256))
    specs = tuple(broken if spec is poisoned else spec for spec in plan.specs)
    with pytest.raises(ShardsFailedError) as raised:
        prepared.drive(replace(plan, specs=specs), containers=2)

    told = str(raised.value)
    others = len(plan.specs) - 1
    assert f"1 of {others + 1} shards of embeddings (simple) failed, {others} are finished" in told
    assert f"{poisoned.name}: " in told
    assert "is not what its manifest lists" in told
    assert "`WIKI_EMBEDDINGS_COMPUTE=modal wiki-embeddings run --wiki simple" in told
    assert "Traceback" not in told
    assert attempts(prepared, plan.specs.index(poisoned)) == 1
    made = prepared.committed(plan)
    assert made.keys() == prepared.expected.keys() - {poisoned.name}

    outcome = prepared.drive(plan, containers=2)
    assert outcome.progress.reused == sum(spec.units for spec in plan.specs) - poisoned.units
    assert prepared.committed(plan) == prepared.expected


def attempts(prepared: Prepared, shard: int) -> int:
    """How often a shard of the last map was tried."""
    inputs = prepared.cloud.plane.stats.inputs(EMBEDDER)
    last = [item for item in inputs if item.call is inputs[-1].call]
    order = largest_first(prepared.plan.specs)
    (item,) = [item for item in last if order[item.index] == shard]
    return len(item.outcomes)


def test_a_shard_with_an_unforeseen_fault_is_tried_again_and_then_named(prepared):
    plan = prepared.embedding("unforeseen")
    content = b"not Parquet at all"
    reference = f"{plan.folder}-broken.parquet"
    prepared.put({reference: content})
    broken = replace(plan.specs[3], chunks=InputFile(reference, sha256(content).hexdigest()))
    specs = (*plan.specs[:3], broken, *plan.specs[4:])
    with pytest.raises(ShardsFailedError) as raised:
        prepared.drive(replace(plan, specs=specs), containers=2)
    told = str(raised.value)
    assert f"{broken.name}: ArrowInvalid: " in told
    assert "Traceback" in told
    assert "embed.py" in told, "the place in the container is named"
    assert attempts(prepared, 3) == 3
    assert prepared.committed(plan).keys() == prepared.expected.keys() - {broken.name}


def test_a_shard_that_ends_its_container_each_time_ends_with_the_deadline(prepared, plane):
    plan = prepared.embedding("deadly")
    deadly = largest_first(plan.specs)[-1]  # so that all others are finished first

    def meet(shard: str, task_id: str) -> None:
        if shard == plan.specs[deadly].name:
            plane.kill(task_id)
            raise GRPCError(Status.UNAVAILABLE, "killed by a test")

    with commits_intercepted(prepared, plan, meet):
        events = list(prepared.compute(containers=2, deadline_s=8.0).map(plan))
    assert failed(events).keys() == {deadly}
    told = failed(events)[deadly].cause
    assert "No shard of this map had finished for 8 s when it was cancelled" in told
    assert len(finished(events)) == len(plan.specs) - 1
    assert_over(prepared, prepared.at_work())
    assert prepared.committed(plan).keys() == prepared.expected.keys() - {plan.specs[deadly].name}


# ---- Runs that end, and runs that meet.


def test_the_second_of_two_maps_of_one_output_takes_over(prepared, plane):
    plan = prepared.embedding("twice")
    with half_way(prepared, plan, passes=4) as gate:
        first = prepared.compute(containers=2).map(plan)
        came = until_finished(first, 4)
        plane.wait_until(lambda: len(gate.held) == 2)
        second = prepared.compute(containers=1).map(plan)
        kept = until_finished(second, 4)
        gate.opened.set()
    came += list(first)
    (told,) = failed(came).values()
    assert "Another run has begun to make the same output since" in told.cause
    assert told.fatal
    rest = list(second)
    assert finished([*kept, *rest]) == set(range(len(plan.specs)))
    assert sum(e.report.reused for e in kept if isinstance(e, Finished)) == 4
    assert prepared.committed(plan) == prepared.expected
    commits = prepared.commits_of(plan)
    assert {commits.count(name) for name in gate.passed} == {1}


def test_a_map_that_nobody_awaits_any_more_is_cancelled(prepared, plane):
    plan = prepared.embedding("closed-early")
    with half_way(prepared, plan, passes=2) as gate:
        events = prepared.compute(containers=2).map(plan)
        until_finished(events, 2)
        plane.wait_until(lambda: len(gate.held) == 2)
        at_work = prepared.at_work()
        events.close()
    assert_over(prepared, at_work)


def test_after_dagster_was_killed_only_the_rest_is_made(prepared, plane):
    plan = prepared.plan
    prepared.forget(plan)
    with half_way(prepared, plan, passes=5) as gate:
        with dagster_process(prepared, containers=2) as running:
            plane.wait_until(lambda: len(gate.held) == 2 or running.poll() is not None)
            kill_group(running)
            told = running.communicate()[0]
        assert len(gate.held) == 2, told
        (orphan,) = plane.stats.calls_in_progress()
        orphans = prepared.at_work()

        def go_on(snapshot: Snapshot) -> None:
            if snapshot.shards_done:  # what is kept is told once the orphan is cancelled
                plane.wait_until(lambda: all(container.ended for container in orphans))
                gate.opened.set()

        same = {"embeddings": {"containers": 2, "inputs_per_container": 1}}
        result = prepared.cloud.materialize("embeddings", config=same, listener=go_on)
    assert result.success, failures(result)
    assert orphan not in plane.stats.calls_in_progress()
    ends = [item.output.result.status for item in plane.stats.inputs() if item.call.id == orphan]
    assert ends.count(RESULT.GENERIC_STATUS_TERMINATED) == len(plan.specs) - 5

    (made,) = result.asset_materializations_for_node("embeddings")
    kept = sum(spec.units for spec in plan.specs if spec.name in gate.passed)
    total = sum(spec.units for spec in plan.specs)
    assert made.metadata["reused"].value == f"{kept} of {total} chunks"
    commits = prepared.commits_of(plan)
    assert {commits.count(name) for name in prepared.expected} == {1}
    assert prepared.committed(plan) == prepared.expected
    assert made.tags["dagster/data_version"] == prepared.manifest.digest


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT]])
def test_a_run_that_is_terminated_leaves_nothing_at_work_and_can_go_on(prepared, plane, signals):
    plan = prepared.plan
    prepared.forget(plan)
    with half_way(prepared, plan, passes=3) as gate:
        with dagster_process(prepared, containers=2) as running:
            plane.wait_until(lambda: len(gate.held) == 2 or running.poll() is not None)
            at_work = prepared.at_work()
            for sent in signals:
                running.send_signal(sent)
            told = running.communicate(timeout=60)[0]
        assert len(gate.held) == len(at_work) == 2, told
    assert_over(prepared, at_work)
    (run,) = prepared.cloud.instance.get_runs(limit=1)
    assert run.status in {dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE}, told
    assert "DagsterExecutionInterruptedError" in told

    outcome = prepared.drive(plan, containers=1)
    assert outcome.progress.reused == sum(s.units for s in plan.specs if s.name in gate.passed)
    assert outcome.manifest.digest == prepared.manifest.digest
    assert prepared.committed(plan) == prepared.expected


# ---- What is not ready.


def outdate(monkeypatch, _plane):
    monkeypatch.setattr(preflight, "code_version", lambda: "0123456789abcdef")


def lose_the_secret(monkeypatch, plane):
    monkeypatch.delitem(plane.assets.secrets, SECRET)


def lose_the_volume(monkeypatch, _plane):
    monkeypatch.setattr(preflight, "VOLUME", "wiki-embeddings-2")


def deploy_nothing(monkeypatch, _plane):
    monkeypatch.setattr(preflight, "APP", "wiki-embeddings-2")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (outdate, f"but the code here is 0123456789abcdef. Run `{DEPLOY}` again."),
        (lose_the_secret, f"Modal secret {SECRET}: missing. Run `modal secret create {SECRET}"),
        (lose_the_volume, f"Modal volume wiki-embeddings-2: missing. Run `{DEPLOY}`"),
        (deploy_nothing, f"Modal app wiki-embeddings-2: not deployed. Run `{DEPLOY}`."),
    ],
)
def test_an_asset_is_refused_before_any_container_starts_for_it(
    prepared, plane, monkeypatch, spoil, told
):
    preflight._accepted.cache_clear()
    spoil(monkeypatch, plane)
    before = len(plane.containers)
    try:
        result = prepared.cloud.materialize("embeddings")
    finally:
        preflight._accepted.cache_clear()
    (sentence,) = failures(result).values()
    assert told in sentence
    assert {container.live.name for container in plane.containers[before:]} <= {"handshake"}
