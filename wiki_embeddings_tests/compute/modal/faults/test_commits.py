"""Commits and reloads of the volume during a map."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from wiki_embeddings.compute.protocol import Finished
from wiki_embeddings.stages.shard import InputFile
from wiki_embeddings_tests.compute.modal.faults.embedding_cloud import CHUNKER
from wiki_embeddings_tests.compute.modal.faults.map_events import finished


@pytest.mark.usefixtures("cold")
def test_a_shard_is_on_the_volume_when_its_result_arrives(cloud, plane):
    plan = cloud.embedding("committed")
    killed: set[str] = set()
    for event in cloud.compute(containers=1).map(plan):
        if isinstance(event, Finished):
            committed = cloud.committed(plan)
            assert plan.specs[event.shard].name in committed
            if not killed:
                plane.kill(cloud.embedders()[0])
                killed = set(committed)
    assert cloud.committed(plan) == cloud.expected
    commits = cloud.commits(plan)
    assert {commits.count(name) for name in killed} == {1}


@pytest.mark.usefixtures("cold")
def test_a_warm_container_sees_later_commits_of_others(cloud, plane):
    first = cloud.embedding("before", shards=1)
    cloud.make_shards(first, containers=1)
    (warm,) = cloud.embedders()

    chunks = cloud.make_shards(cloud.chunking("since", shards=2)).manifest
    assert plane.stats.containers(CHUNKER), "another container has made them"
    second = cloud.embedding("since", shards=2)
    specs = tuple(
        replace(spec, chunks=InputFile(chunks.reference(file), file.sha256))
        for spec, file in zip(second.specs, chunks.files, strict=True)
    )
    cloud.make_shards(replace(second, specs=specs), containers=1)
    assert len(warm.taken) == 3
    committed = cloud.committed(second)
    assert committed == {name: cloud.expected[name] for name in committed}


@pytest.mark.usefixtures("cold")
def test_a_reload_waits_until_no_file_is_open(cloud, plane):
    first = cloud.embedding("closed", shards=1)
    cloud.make_shards(first, containers=1)
    (warm,) = cloud.embedders()
    path = next(cloud.folder_in(warm.task_id, first).glob("*.parquet"))
    reloads = plane.requests.count("VolumeReload")
    # The task id in its environment makes it a process of the container.
    program = "import sys; file = open(sys.argv[1]); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, path],
        env={**os.environ, "MODAL_TASK_ID": warm.task_id},
        stdin=subprocess.PIPE,
    ) as reader:
        plane.wait_until(lambda: os.path.realpath(path) in _open_files(reader.pid))
        plan = cloud.embedding("open", shards=2)
        events = cloud.compute(containers=1).map(plan)
        next(events)  # started
        plane.wait_until(lambda: plane.requests.count("VolumeReload") > reloads + 3)
        assert not cloud.committed(plan)
        reader.communicate()
    assert finished(list(events)) == {0, 1}
    assert len(warm.taken) == 3


def _open_files(process_id: int) -> set[str]:
    return {os.path.realpath(file) for file in Path(f"/proc/{process_id}/fd").iterdir()}


def test_several_inputs_of_a_container_commit_though_each_commit_reloads(cloud, plane):
    plan = cloud.embedding("concurrent")
    plane.volumes.commit_reloads = True
    try:
        cloud.make_shards(plan, containers=1, inputs=2)
    finally:
        plane.volumes.commit_reloads = False
    assert cloud.committed(plan) == cloud.expected
