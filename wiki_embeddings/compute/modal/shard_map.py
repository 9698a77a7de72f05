"""One map on Modal: references go in, reports come out, and everything about it can be told.

The map is one Modal call with one input a shard. Modal keeps it going, retries what fails and
restarts what was preempted; this side waits for results, counts what it costs, and gives it up
when nothing has finished for too long.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass

import modal

from wiki_embeddings.compute.modal.calls import CallRecord, cancel
from wiki_embeddings.compute.modal.container import ShardError, ShardResult
from wiki_embeddings.compute.modal.errors import PAUSE_S, PERMANENT, TRANSIENT, with_retries
from wiki_embeddings.compute.modal.prices import ContainerSize
from wiki_embeddings.compute.modal.uninterruptible import uninterruptible
from wiki_embeddings.compute.protocol import Event, Failed, Finished, Usage, largest_first
from wiki_embeddings.host import duration
from wiki_embeddings.stages.shard import ShardSpec

_WAITED_FOR = 64
"""Results that are waited for at once. Shards finish about in the order in which they are handed
out, so that the oldest few are those that matter; all of them would be too many open requests."""

_TICK_S = 2.0
"""How often usage is asked for and the deadline looked at while nothing happens."""


_TAKEN_OVER = (
    "Another run has begun to make the same output since, and has cancelled this one's map: follow "
    "that run. What either has finished is kept."
)


@dataclass
class Meter:
    """Adds up what the containers of a map cost.

    Attributes:
        machine: What one container reserves.
        url: Where people watch the map.
        containers: Containers in use when last asked.
        container_s: Seconds of all containers added up, idle ones included.
    """

    machine: ContainerSize
    url: str
    containers: int = 0
    container_s: float = 0.0
    read_at: float = 0.0

    def read(self, containers: int) -> Usage:
        """Take note of how many containers there are now."""
        now = time.monotonic()
        if self.read_at:
            # Between two readings the number may have changed at any moment: the mean of both.
            self.container_s += (now - self.read_at) * (self.containers + containers) / 2
        self.containers, self.read_at = containers, now
        return Usage(
            containers=containers,
            gpu=self.machine.gpu,
            container_s=self.container_s,
            dollars=self.container_s * self.machine.dollars_per_s,
            url=self.url,
        )


@dataclass(frozen=True)
class Started:
    """A map that has been started.

    Attributes:
        function: What it calls, once a shard.
        call: The call.
        order: Place in the plan of each input of the call.
        meter: What it costs.
        deadline_s: Seconds without any result after which it is given up.
    """

    function: modal.Function
    call: modal.FunctionCall
    order: Sequence[int]
    meter: Meter
    deadline_s: float


def run(
    function: modal.Function,
    specs: Sequence[ShardSpec],
    shards: Collection[int],
    reload_token: str,
    *,
    machine: ContainerSize,
    deadline_s: float,
    record: CallRecord,
) -> Generator[Event]:
    """Start a map, the largest shards first, and tell what comes of it until each has an outcome.

    Closing the generator early cancels the map and stops its containers.

    Args:
        function: Takes a spec and a moment, returns `ShardResult`.
        specs: One a shard.
        shards: Places in `specs` of the shards to make.
        reload_token: See `container.VolumeView.as_of`.
        machine: What one container reserves.
        deadline_s: Seconds without any result after which it is given up.
        record: Where its call is written down.

    Raises:
        WikiEmbeddingsError: Modal did not take the call.
    """
    wanted = set(shards)
    order = [shard for shard in largest_first(specs) if shard in wanted]
    call = _spawned(function, [specs[shard] for shard in order], reload_token)
    waiting = None
    try:
        meter = Meter(machine, call.get_dashboard_url())
        with asyncio.Runner() as runner:
            waiting = _Waiting(Started(function, call, order, meter, deadline_s), record, runner)
            record.write(call)
            yield from waiting.events()
    finally:
        if waiting is None or waiting.unfinished:
            cancel(call)
    if record.names(call):
        record.clear()


def _spawned(
    function: modal.Function, inputs: Sequence[ShardSpec], reload_token: str
) -> modal.FunctionCall:
    """Start a call with many inputs; an interrupt meanwhile leaves none behind.

    A repetition after a lost answer may leave a call without inputs on Modal, which does nothing.
    """
    calls: list[modal.FunctionCall] = []

    def spawn() -> modal.FunctionCall:
        call = function.experimental_spawn_map(inputs, kwargs={"reload_token": reload_token})
        calls.append(call)
        return call

    try:
        return uninterruptible(lambda: with_retries("start the map", spawn))
    except Exception:
        raise
    except BaseException:
        for call in calls:
            cancel(call)
        raise


class _Waiting:
    """Waits for the results of a map, a few at a time."""

    def __init__(self, started: Started, record: CallRecord, runner: asyncio.Runner) -> None:
        self._started = started
        self._record = record
        self._runner = runner
        self._ahead = deque(range(len(started.order)))
        self._awaited: dict[asyncio.Task[Event], int] = {}
        self._progress_at = time.monotonic()
        self._told_at = 0.0

    @property
    def unfinished(self) -> list[int]:
        """Inputs whose results have not come."""
        return [*self._awaited.values(), *self._ahead]

    def events(self) -> Generator[Event]:
        yield self._started.meter.read(0)
        while self.unfinished:
            for event in map(self._explained, self._runner.run(self._next())):
                yield event
                if isinstance(event, Failed) and event.fatal:
                    return
            stuck = time.monotonic() - self._progress_at > self._started.deadline_s
            if stuck and not self._runner.run(self._found_ahead()):
                yield from self._given_up()
                return
        yield self._runner.run(self._usage())

    def _explained(self, event: Event) -> Event:
        """Say of a shard that failed if that is only because another run has taken over."""
        if isinstance(event, Failed) and not self._record.names(self._started.call):
            return Failed(event.shard, _TAKEN_OVER, "", fatal=True)
        return event

    async def _next(self) -> list[Event]:
        """Wait a moment for results; whatever has come by then."""
        while self._ahead and len(self._awaited) < _WAITED_FOR:
            index = self._ahead.popleft()
            self._awaited[asyncio.create_task(self._result(index))] = index
        done, _ = await asyncio.wait(
            self._awaited, timeout=_TICK_S, return_when=asyncio.FIRST_COMPLETED
        )
        if done:
            self._progress_at = time.monotonic()
        came: list[Event] = []
        for task in done:
            del self._awaited[task]
            came.append(task.result())
        if time.monotonic() - self._told_at >= _TICK_S:
            came.append(await self._usage())
        return came

    async def _found_ahead(self) -> bool:
        """Whether there are results beyond those that are waited for; they are waited for now."""
        ready = [index for index in self._ahead if await self._is_ready(index)]
        for index in ready:
            self._ahead.remove(index)
            self._awaited[asyncio.create_task(self._result(index))] = index
        return bool(ready)

    async def _is_ready(self, index: int) -> bool:
        try:
            await self._started.call.get.aio(index=index, timeout=0)
        except (TimeoutError, *TRANSIENT):
            return False
        except Exception:  # an outcome too; `_result` tells which
            return True
        return True

    async def _result(self, index: int) -> Event:
        shard = self._started.order[index]
        while True:
            try:
                made: ShardResult = await self._started.call.get.aio(index=index)
            except ShardError as error:
                return Failed(shard, error.cause, error.detail, fatal=False)
            except modal.exception.FunctionTimeoutError as error:
                return Failed(shard, f"It took longer than its time limit: {error}", "", False)
            except PERMANENT as error:
                return Failed(shard, self._told(error), "", fatal=False)
            except TRANSIENT:  # the deadline says when to stop hoping
                await asyncio.sleep(PAUSE_S)
            # Whatever else comes back is what happened to this input; the others are not affected.
            except Exception as error:
                return Failed(shard, self._told(error), "", fatal=False)
            else:
                break
        if made.report is None:
            return Failed(shard, made.cause, "", made.fatal)
        return Finished(shard, made.report)

    def _told(self, error: Exception) -> str:
        cause = f"{type(error).__name__}: {error}".strip(": .")
        return f"Modal ended it: {cause}. Its log: {self._started.meter.url}"

    async def _usage(self) -> Usage:
        self._told_at = time.monotonic()
        try:
            stats = await self._started.function.get_current_stats.aio()
        except (modal.exception.Error, *TRANSIENT):  # a figure for people: the last one does
            return self._started.meter.read(self._started.meter.containers)
        return self._started.meter.read(stats.num_total_runners)

    def _given_up(self) -> Generator[Event]:
        waited = duration(self._started.deadline_s)
        cause = (
            f"No shard of this map had finished for {waited} when it was cancelled, and this one "
            "was still under way. A shard that ends its container each time, as one that needs too "
            f"much memory does, looks like this; the containers' log: {self._started.meter.url}"
        )
        for index in self.unfinished:
            yield Failed(self._started.order[index], cause, "", fatal=False)
