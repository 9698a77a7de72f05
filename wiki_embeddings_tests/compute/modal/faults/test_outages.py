"""Containers that die and calls that fail: a map makes every shard all the same, and none twice."""

from __future__ import annotations

import modal
import pytest

from wiki_embeddings.compute.modal.deployment import APP, DEPLOY, VOLUME
from wiki_embeddings_tests.compute.modal.faults.commit_gate import commits_held
from wiki_embeddings_tests.compute.modal.faults.embedding_cloud import EMBEDDER
from wiki_embeddings_tests.compute.modal.faults.map_events import failed, finished, until_finished

MORE_THAN_THE_CLIENT_RETRIES = 6


@pytest.mark.usefixtures("cold")
def test_ten_containers_killed_in_the_middle_change_nothing(cloud, plane):
    plan = cloud.embedding("killed")
    deaths = plane.faults.kill_on_input(2, delay_s=0.01, function=EMBEDDER, times=10)
    cloud.put({f"{plan.folder}/.shard-00000.parquet.7@elsewhere.0123abcd.tmp": b"half a shard"})
    manifest = cloud.make_shards(plan, containers=2).manifest
    assert len(set(deaths.killed)) == 10
    assert not [path for path in plane.volumes.files(VOLUME) if path.endswith(".tmp")]
    assert cloud.committed(plan) == cloud.expected
    assert [file.name for file in manifest.files] == list(cloud.expected)


@pytest.mark.usefixtures("cold")  # an idle container that ends commits, too
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_container_killed_in_its_commit_changes_nothing(cloud, plane, when):
    plan = cloud.embedding(f"commit-{when}", shards=4)
    compute = cloud.compute(containers=1)
    plane.volumes.faults.at_commit(plane.kill, when=when, nth=3)  # the first lists what is finished
    assert finished(list(compute.map(plan))) == {0, 1, 2, 3}
    committed = cloud.committed(plan)
    assert committed == {name: cloud.expected[name] for name in committed}
    assert len(committed) == 4


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
def test_a_map_survives_a_control_plane_that_does_not_answer(cloud, plane, rpcs, from_container):
    plan = cloud.embedding(f"unavailable-{rpcs[0]}")
    compute = cloud.compute(containers=2)
    faults = {
        rpc: plane.faults.fail(
            rpc, times=MORE_THAN_THE_CLIENT_RETRIES, from_container=from_container
        )
        for rpc in rpcs
    }
    list(compute.map(plan))
    assert {rpc: fault.times for rpc, fault in faults.items()} == dict.fromkeys(faults, 0)
    assert cloud.committed(plan) == cloud.expected


@pytest.mark.usefixtures("cold")
def test_an_app_stopped_during_a_map_says_deploy_again_and_names_the_rest(cloud, plane):
    plan = cloud.embedding("stopped")
    events = cloud.compute(containers=2).map(plan)
    with commits_held(cloud, plan, after=2) as gate:
        received = until_finished(events, 2)
        plane.wait_until(lambda: len(gate.held) == 2)
        at_work = cloud.busy_embedders()
        plane.run_cli("app", "stop", APP, "--yes")
        # Before the gate opens: a container that still lives would commit once more.
        plane.wait_until(lambda: all(container.ended for container in at_work))
    try:
        received += list(events)
    finally:
        cloud.cloud.deploy()
    unfinished = set(range(len(plan.specs))) - finished(received)
    assert failed(received).keys() == unfinished
    assert len(unfinished) == len(plan.specs) - 2
    assert {failure.cause for failure in failed(received).values()} == {
        f"The app {APP} was stopped during the map: run `{DEPLOY}`, then the same again."
    }


def test_a_client_without_experimental_functions_makes_the_same(cloud, monkeypatch):
    plan = cloud.embedding("stable")
    monkeypatch.delattr(modal.Function, "experimental_spawn_map")
    list(cloud.compute(containers=2).map(plan))
    assert cloud.committed(plan) == cloud.expected
    inputs = [item for item in cloud.plane.stats.inputs(EMBEDDER) if item.call.inputs]
    assert len({item.call.id for item in inputs[-len(plan.specs) :]}) == len(plan.specs)


def test_a_lost_answer_makes_no_shard_twice(cloud, plane):
    plan = cloud.embedding("lost")
    compute = cloud.compute(containers=2)
    for rpc in ("FunctionMap", "FunctionPutInputs", "VolumeCommit", "FunctionPutOutputs"):
        plane.faults.fail(rpc, after=True)
    list(compute.map(plan))
    assert cloud.committed(plan) == cloud.expected
    assert sorted(cloud.commits(plan)) == sorted(cloud.expected)
