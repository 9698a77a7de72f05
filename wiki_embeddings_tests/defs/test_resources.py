"""The compute's resource: what a run has learnt is shared by its steps, and by no other run."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from wiki_embeddings.compute.modal.memory import RunMemory
from wiki_embeddings.defs.resources import ComputeResource


def test_the_steps_of_a_run_share_a_memory_and_the_next_run_has_its_own(tmp_path: Path) -> None:
    memories: list[RunMemory] = []

    @dg.asset
    def first(compute: ComputeResource) -> None:
        memories.append(compute._memory)

    @dg.asset(deps=[first])
    def second(compute: ComputeResource) -> None:
        memories.append(compute._memory)

    resources = {"compute": ComputeResource(volume=str(tmp_path))}
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(2):
            dg.materialize([first, second], resources=resources, instance=instance)
    assert memories[0] is memories[1]
    assert memories[2] is memories[3]
    assert memories[0] is not memories[2]
