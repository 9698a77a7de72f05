"""The local compute: stages on the processes of this machine.

Its own small pool rather than `concurrent.futures`, because there one killed worker fails every
shard that is waiting; here it costs its own shard, which is tried once more.
"""

from __future__ import annotations

import multiprocessing
import shlex
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Concatenate, cast

from filelock import FileLock, Timeout

from wiki_embeddings.compute.local.worker import Assignment, serve
from wiki_embeddings.compute.protocol import (
    ArgumentsT,
    Event,
    Failed,
    Finished,
    ResultT,
    largest_first,
)
from wiki_embeddings.encoders.protocol import EncoderInfo
from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.stages.shard import Plan, SpecT
from wiki_embeddings.volume import Volume, translate_storage_errors

_ATTEMPTS = 2
"""A worker that was killed may have been unlucky once, hardly twice on the same shard."""

_DOWNLOADS = 4
"""Downloads side by side: enough to fill a line, few enough to sort their parts in memory."""


@dataclass(frozen=True)
class LocalCompute:
    """Runs stages in worker processes of this machine, over a folder.

    Attributes:
        root: The folder that is the volume.
        cores: Processor cores to use.
    """

    root: Path
    cores: int

    @property
    def name(self) -> str:
        """What people call it."""
        return f"this machine, {self.cores} cores"

    @property
    def files(self) -> Volume:
        """The volume's small files."""
        return Volume(self.root)

    @property
    def folder(self) -> Path:
        """The volume's folder."""
        return self.root

    def command(self, words: Sequence[str]) -> str:
        """A command line that runs here as this run did."""
        return shlex.join(words)

    def describe(
        self, model: str, revision: str | None, engine: str, precision: str | None = None
    ) -> EncoderInfo:
        """What an encoder would be on this machine."""
        from wiki_embeddings import encoders  # loads a model's tokenizer library

        return encoders.describe(model, engine, revision=revision, precision=precision)

    def call(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """Call a function of a stage, in this process."""
        return function(Volume(self.root), *args, **kwargs)

    def call_hub(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """The same; here nothing else is needed."""
        return function(Volume(self.root), *args, **kwargs)

    def map(self, plan: Plan[SpecT]) -> Generator[Event]:
        """Make all shards of a plan in worker processes; see `Compute.map`."""
        places = {"core": self.cores, "machine": 1, "network": _DOWNLOADS}
        with _only_run(Volume(self.root), plan):
            pool = _Pool(plan, Volume(self.root), places[plan.bound_by])
            try:
                yield from pool.events()
            finally:
                pool.close()


@contextmanager
def _only_run(volume: Volume, plan: Plan[SpecT]) -> Iterator[None]:
    """Keep a second run of the same plan away; the system lets go when this process ends."""
    place = volume.path(f"{plan.folder}.lock")
    with translate_storage_errors(place.parent):
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise WikiEmbeddingsError(
                f"Another run is making {volume.path(plan.folder)} right now: wait for it, or stop "
                "it; what it has finished is kept."
            ) from error
    try:
        yield
    finally:
        lock.release()


@dataclass
class _Worker:
    """One worker process and the shard that it has in hand."""

    process: BaseProcess
    connection: Connection
    shard: int


class _Pool:
    """Worker processes for one plan."""

    def __init__(self, plan: Plan[SpecT], volume: Volume, places: int) -> None:
        self._plan: Plan[Any] = plan
        self._volume = volume
        self._places = places
        self._waiting = deque(largest_first(plan.specs))
        self._deaths = [0] * len(plan.specs)
        self._crew: dict[Connection, _Worker] = {}

    def events(self) -> Iterator[Event]:
        while self._waiting or self._crew:
            while self._waiting and len(self._crew) < self._places:
                self._hire(self._waiting.popleft())
            for connection in wait(list(self._crew)):
                event = self._news_of(self._crew[cast("Connection", connection)])
                if event is not None:
                    yield event
                if isinstance(event, Failed) and event.fatal:
                    return

    def close(self) -> None:
        """Stop every worker, whatever it is doing."""
        for worker in self._crew.values():
            worker.process.kill()
            worker.process.join()
            worker.connection.close()
        self._crew.clear()

    def _hire(self, shard: int) -> None:
        # Fresh interpreters: a fork of a process with threads (Dagster's, Arrow's) can deadlock.
        context = multiprocessing.get_context("spawn")
        resource_tracker.ensure_running()  # unblocks signals, so it has to be there before
        ours, theirs = context.Pipe()
        process = context.Process(
            target=serve, args=(theirs, self._plan.make, self._volume), daemon=True
        )
        # Until the worker ignores Ctrl-C itself, it inherits that the signal has to wait.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        theirs.close()  # so that the end of the process is the end of the connection
        worker = _Worker(process, ours, shard)
        self._crew[ours] = worker
        self._assign(worker, shard)

    def _assign(self, worker: _Worker, shard: int) -> None:
        worker.shard = shard
        with suppress(BrokenPipeError):  # a worker that is gone is noticed when news is awaited
            worker.connection.send(Assignment(shard, self._plan.specs[shard]))

    def _news_of(self, worker: _Worker) -> Event | None:
        try:
            event: Event = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            return self._lost(worker)
        if isinstance(event, Failed) and event.fatal:
            return event  # the map ends with it: nothing is begun that would only be killed
        if isinstance(event, Finished | Failed):
            self._next(worker)
        return event

    def _next(self, worker: _Worker) -> None:
        if self._waiting:
            self._assign(worker, self._waiting.popleft())
        else:
            self._leave(worker)

    def _leave(self, worker: _Worker) -> None:
        del self._crew[worker.connection]
        worker.connection.close()
        worker.process.join()

    def _lost(self, worker: _Worker) -> Event | None:
        self._leave(worker)
        self._deaths[worker.shard] += 1
        if self._deaths[worker.shard] < _ATTEMPTS:
            self._waiting.append(worker.shard)
            return None
        cause = (
            f"Its worker process ended {_ATTEMPTS} times ({_exit_reason(worker.process.exitcode)})."
        )
        return Failed(worker.shard, cause, "", fatal=False)


def _exit_reason(exit_code: int | None) -> str:
    if exit_code == -signal.SIGKILL:
        return "killed by SIGKILL, as the system does when memory runs out"
    if exit_code is not None and exit_code < 0:
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"exit status {exit_code}"
