"""Maps that are held up, or struck, in the commits of their shards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from grpclib import GRPCError, Status

from wiki_embeddings.stages.shard import Plan
from wiki_embeddings_tests.compute.modal.faults.embedding_cloud import EmbeddingCloud


@contextmanager
def commits_intercepted(
    cloud: EmbeddingCloud, plan: Plan[Any], intercept: Callable[[str, str], None]
) -> Iterator[None]:
    """Call a function before each commit of a shard of a plan.

    Args:
        cloud: The cloud.
        plan: The plan.
        intercept: Takes the shard's name and the container's task id; may wait, kill, or raise.
    """
    store = cloud.plane.volumes
    commit = store.commit
    names = {spec.name for spec in plan.specs}

    def intercepted_commit(volume_id: str, task_id: str | None) -> None:
        if task_id in {container.task_id for container in cloud.embedders()}:
            written = {path.name for path in cloud.folder_in(task_id, plan).glob("*.parquet")}
            for name in sorted(written & names - cloud.committed(plan).keys()):
                intercept(name, str(task_id))
        commit(volume_id, task_id)

    store.commit = intercepted_commit  # type: ignore[method-assign]
    try:
        yield
    finally:
        store.commit = commit  # type: ignore[method-assign]


@dataclass(frozen=True)
class Gate:
    """Lets some commits of a map through, and holds the others until it is opened.

    Attributes:
        passes: Number of commits that it lets through.
        passed: Shards that it let through.
        held: Shards that it holds, or held.
        opened: Set when it is open.
    """

    passes: int
    passed: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    opened: threading.Event = field(default_factory=threading.Event)

    def intercept(self, shard: str, _task_id: str) -> None:
        """Let a commit through, or hold it and then refuse it."""
        if len(self.passed) < self.passes:
            self.passed.add(shard)
        elif not self.opened.is_set():
            self.held.add(shard)
            self.opened.wait(60.0)
            raise GRPCError(Status.UNAVAILABLE, "held by a test")


@contextmanager
def commits_held(cloud: EmbeddingCloud, plan: Plan[Any], after: int) -> Iterator[Gate]:
    """Hold all commits of a map after the first few, as if they took very long.

    Use at most two containers with one input each: the plane has few threads for commits.
    """
    gate = Gate(passes=after)
    with commits_intercepted(cloud, plan, gate.intercept):
        try:
            yield gate
        finally:
            gate.opened.set()
