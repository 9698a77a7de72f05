"""The worker processes that make the shards of one plan.

A killed worker costs only the shards that it was working on, which are tried once more, one at a
time: of several, only one may be the cause. With `concurrent.futures` it would fail every waiting
shard; `pebble` has no channel for progress, and with one added is no shorter than this.
"""

from __future__ import annotations

import atexit
import multiprocessing
import signal
from collections import Counter, deque
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any, cast

from wiki_embeddings.compute.local.worker import serve
from wiki_embeddings.compute.protocol import Event, Failed, Finished, largest_first
from wiki_embeddings.volume import Volume

if TYPE_CHECKING:
    from wiki_embeddings.stages.shard import Plan

_MAX_ATTEMPTS = 2
"""A worker may be killed once by bad luck, hardly twice on the same shard."""


@dataclass
class _Worker:
    """One worker process.

    Attributes:
        process: The process.
        connection: Our end of the connection to it.
        shards: Indices of the shards that it is working on.
    """

    process: BaseProcess
    connection: Connection
    shards: set[int] = field(default_factory=set)


class WorkerPool:
    """Worker processes for one plan."""

    def __init__(
        self, plan: Plan[Any], volume: Volume, max_workers: int, *, reuse_workers: bool
    ) -> None:
        """Create a pool; `run` starts the workers.

        Args:
            plan: The plan.
            volume: Where its output is.
            max_workers: Most workers at once.
            reuse_workers: Whether a worker that has finished a shard gets another one. A new one
                takes a second of a core to start, but holds none of the memory that allocators
                keep.
        """
        self._plan = plan
        self._volume = volume
        self._max_workers = max_workers
        self._reuse_workers = reuse_workers
        self._shards_in_hand = plan.shards_in_hand
        self._pending = deque(largest_first(plan.specs))
        self._attempts = Counter[int]()
        self._workers: dict[Connection, _Worker] = {}

    def run(self) -> Generator[Event]:
        """Make all shards; closing the generator kills the workers."""
        # Python waits for all its children when it ends, so one that a second Ctrl-C kept from
        # being killed here would keep this process alive for ever.
        atexit.register(self._kill_workers)
        try:
            while self._pending or self._workers:
                while self._pending and len(self._workers) < self._max_workers:
                    self._fill(self._start_worker())
                for connection in wait(list(self._workers)):
                    for event in self._receive(self._workers[cast("Connection", connection)]):
                        yield event
                        if isinstance(event, Failed) and event.fatal:
                            return
        finally:
            self._kill_workers()
            atexit.unregister(self._kill_workers)

    def _start_worker(self) -> _Worker:
        # Fresh interpreters: a fork of a process with threads (Dagster's, Arrow's) can deadlock.
        context = multiprocessing.get_context("spawn")
        # Starting the tracker unblocks signals, so it must run before they are blocked.
        resource_tracker.ensure_running()
        ours, theirs = context.Pipe()
        # No daemon, which could have no processes of its own; it ends with this one all the same.
        process = context.Process(
            target=serve,
            args=(theirs, self._plan.make, self._volume, self._shards_in_hand),
        )
        # Known before it runs: an exception raised by a signal must not leave it behind.
        self._workers[ours] = worker = _Worker(process, ours)
        # The worker inherits the blocked signal: no Ctrl-C reaches it before it ignores them.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        theirs.close()  # so that our end closes when the process ends
        return worker

    def _fill(self, worker: _Worker) -> None:
        """Give a worker as many shards as it may have in hand."""
        while self._pending and len(worker.shards) < self._shards_in_hand:
            shard = self._pending.popleft()
            worker.shards.add(shard)
            self._attempts[shard] += 1
            with suppress(BrokenPipeError):  # the worker has died, which `_receive` notices
                worker.connection.send((shard, self._plan.specs[shard]))

    def _receive(self, worker: _Worker) -> list[Event]:
        """Receive what a worker has to say: one event, or if it has died, its failed shards."""
        try:
            event: Event = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            return self._handle_death(worker)
        if isinstance(event, Failed) and event.fatal:
            return [event]  # the map ends here: do not start a shard only to kill it
        if isinstance(event, Finished | Failed):
            worker.shards.remove(event.shard)
            if self._reuse_workers:
                self._fill(worker)
            if not worker.shards:
                self._remove(worker)
        return [event]

    def _handle_death(self, worker: _Worker) -> list[Event]:
        """Try a dead worker's shards again; return the failures of those tried often enough."""
        self._remove(worker)
        self._shards_in_hand = 1
        again = [shard for shard in worker.shards if self._attempts[shard] < _MAX_ATTEMPTS]
        self._pending.extend(again)
        reason = _exit_reason(worker.process.exitcode)
        cause = f"Its worker process ended {_MAX_ATTEMPTS} times ({reason})."
        return [Failed(shard, cause) for shard in worker.shards.difference(again)]

    def _remove(self, worker: _Worker) -> None:
        worker.connection.close()
        if worker.process.pid is not None:
            worker.process.join()
        # Last: one that a Ctrl-C keeps from being joined is still to be killed.
        del self._workers[worker.connection]

    def _kill_workers(self) -> None:
        for worker in list(self._workers.values()):
            if worker.process.pid is not None:
                worker.process.kill()
            self._remove(worker)


def _exit_reason(exit_code: int | None) -> str:
    if exit_code == -signal.SIGKILL:
        return "killed by SIGKILL, as the system does when memory runs out"
    if exit_code is not None and exit_code < 0:
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"exit status {exit_code}"
