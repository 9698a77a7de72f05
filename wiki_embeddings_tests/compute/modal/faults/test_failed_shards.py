"""Shards that cannot be made: they are named, and stop no other."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from grpclib import GRPCError, Status

from wiki_embeddings.compute.protocol import largest_first
from wiki_embeddings.defs.materialize import ShardsFailedError
from wiki_embeddings.stages.shard import InputFile
from wiki_embeddings_tests.compute.modal.faults.commit_gate import commits_intercepted
from wiki_embeddings_tests.compute.modal.faults.embedding_cloud import EMBEDDER, EmbeddingCloud
from wiki_embeddings_tests.compute.modal.faults.map_events import failed, finished


def attempts(cloud: EmbeddingCloud, shard: int) -> int:
    """How often a shard of the last map was tried."""
    inputs = cloud.plane.stats.inputs(EMBEDDER)
    last = [item for item in inputs if item.call is inputs[-1].call]
    order = largest_first(cloud.plan.specs)
    (item,) = [item for item in last if order[item.index] == shard]
    return len(item.outcomes)


def test_a_shard_that_can_never_work_is_named_and_stops_no_other(cloud):
    plan = cloud.embedding("poison")
    poisoned = plan.specs[5]
    reference = f"{plan.folder}-broken.parquet"
    cloud.put({reference: b"a truncated file"})
    broken = replace(poisoned, chunks=InputFile(reference, poisoned.chunks.sha256))
    specs = tuple(broken if spec is poisoned else spec for spec in plan.specs)
    with pytest.raises(ShardsFailedError) as raised:
        cloud.make_shards(replace(plan, specs=specs), containers=2)

    message = str(raised.value)
    others = len(plan.specs) - 1
    failure = (
        f"1 of {others + 1} shards of embeddings (simple) failed; finished and kept: {others}."
    )
    assert failure in message
    assert f"{poisoned.name}: " in message
    assert "differs from its manifest" in message
    assert "`WIKI_EMBEDDINGS_COMPUTE=modal wiki-embeddings run --wiki simple" in message
    assert "Traceback" not in message
    assert attempts(cloud, plan.specs.index(poisoned)) == 1
    assert cloud.committed(plan).keys() == cloud.expected.keys() - {poisoned.name}

    materialized = cloud.make_shards(plan, containers=2)
    assert materialized.progress.reused == sum(spec.units for spec in plan.specs) - poisoned.units
    assert cloud.committed(plan) == cloud.expected


def test_a_shard_with_an_unexpected_error_is_retried_and_then_named(cloud):
    plan = cloud.embedding("unexpected")
    content = b"not Parquet at all"
    reference = f"{plan.folder}-broken.parquet"
    cloud.put({reference: content})
    broken = replace(plan.specs[3], chunks=InputFile(reference, sha256(content).hexdigest()))
    specs = (*plan.specs[:3], broken, *plan.specs[4:])
    with pytest.raises(ShardsFailedError) as raised:
        cloud.make_shards(replace(plan, specs=specs), containers=2)
    message = str(raised.value)
    assert f"{broken.name}: ArrowInvalid: " in message
    assert "Traceback" in message
    assert "embed.py" in message, "the place in the container is named"
    assert attempts(cloud, 3) == 3
    assert cloud.committed(plan).keys() == cloud.expected.keys() - {broken.name}


def test_a_shard_that_kills_its_container_each_time_ends_with_the_deadline(cloud, plane):
    plan = cloud.embedding("deadly")
    deadly = largest_first(plan.specs)[-1]  # so that all others are finished first

    def kill(shard: str, task_id: str) -> None:
        if shard == plan.specs[deadly].name:
            plane.kill(task_id)
            raise GRPCError(Status.UNAVAILABLE, "killed by a test")

    with commits_intercepted(cloud, plan, kill):
        events = list(cloud.compute(containers=2, deadline_s=8.0).map(plan))
    assert failed(events).keys() == {deadly}
    cause = failed(events)[deadly].cause
    assert "No shard of this map had finished for 8 s when it was cancelled" in cause
    assert len(finished(events)) == len(plan.specs) - 1
    assert not plane.stats.calls_in_progress()
    plane.wait_until(lambda: not cloud.busy_embedders(), 20.0)
    assert cloud.committed(plan).keys() == cloud.expected.keys() - {plan.specs[deadly].name}
