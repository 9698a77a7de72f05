"""How a map hands out its shards."""

from __future__ import annotations

import pytest

from wiki_embeddings_tests.compute.modal.faults.embedding_cloud import EMBEDDER, GPU


@pytest.mark.usefixtures("cold")
def test_the_requested_containers_share_the_work_and_the_largest_shards_start_first(cloud, plane):
    plan = cloud.embedding("shared")
    calls = {item.call.id for item in plane.stats.inputs(EMBEDDER)}
    before = {container.task_id for container in plane.containers}
    cloud.make_shards(plan, containers=3, inputs=2)
    assert cloud.committed(plan) == cloud.expected

    taken = {
        task: count
        for task, count in plane.stats.inputs_per_container(EMBEDDER).items()
        if task not in before
    }
    assert len(taken) == 3
    assert min(taken.values()) > 0
    (variant,) = {c.live.id for c in plane.containers if c.task_id in taken}
    assert plane.stats.peak_containers(variant) == 3
    assert plane.stats.requested(EMBEDDER)[-1].gpu == GPU != "A10"
    assert len(plane.stats.deployments("wiki-embeddings")) == 1

    inputs = [item for item in plane.stats.inputs(EMBEDDER) if item.call.id not in calls]
    started = sorted(inputs, key=lambda item: item.output.input_started_at)
    units = sorted((spec.units for spec in plan.specs), reverse=True)
    assert units[0] > units[-1]
    first = {item.index for item in started[:3]}
    assert first <= set(range(6)), "the first to start are among the largest"
    assert [item.index for item in inputs] == list(range(len(units)))
