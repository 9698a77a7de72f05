"""One map on Modal: specs go in, reports come out.

The map is one Modal call with one input per shard. Modal keeps it going, retries failed inputs and
restarts preempted ones; this side waits for results, adds up the cost, and cancels the map if no
shard finishes for too long.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Collection, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import modal

from wiki_embeddings.compute.modal import map_calls
from wiki_embeddings.compute.modal.calls import CallRecord, is_deployed
from wiki_embeddings.compute.modal.container import ShardError, ShardResult
from wiki_embeddings.compute.modal.deployment import APP, DEPLOY
from wiki_embeddings.compute.modal.errors import (
    RETRY_PAUSE_S,
    TRANSIENT,
    is_transient,
)
from wiki_embeddings.compute.modal.map_calls import MapCall
from wiki_embeddings.compute.modal.prices import ContainerSize
from wiki_embeddings.compute.protocol import Event, Failed, Finished, Usage, largest_first
from wiki_embeddings.host import duration
from wiki_embeddings.stages.shard import ShardSpec

_MAX_AWAITED = 64
"""Results awaited at once. Shards finish roughly in the order of the inputs, so the oldest few are
the next to come; awaiting all would be too many open requests."""

_POLL_S = 2.0
"""Longest wait before usage is updated and the deadlines checked."""

_RESULT_WAIT_S = 50.0
"""Longest wait of one request for a result. The client polls an expired call without a pause and
without an end if it may wait for ever; in a finite wait it finds that the call has expired."""

_EXPIRED = (
    "Modal no longer knows of it: it has no result, and is not in progress. The call was ended "
    "from outside, or is days old."
)

_APP_STOPPED = f"The app {APP} was stopped during the map: run `{DEPLOY}`, then the same again."

_TAKEN_OVER = (
    "Another run has begun to make the same output since, and has cancelled this one's map: follow "
    "that run. The finished shards of both are kept."
)


@dataclass(frozen=True)
class Deadlines:
    """When a map is given up.

    Attributes:
        progress_s: Seconds without any result, from the first container on.
        queue_s: Seconds without any container, before the first one: GPUs may be scarce for hours.
    """

    progress_s: float
    queue_s: float


@dataclass
class UsageMeter:
    """Adds up the cost of a map's containers.

    Attributes:
        size: What one container reserves.
        most_containers: Containers that the map may use.
        url: Dashboard page of the call under way; empty before the first.
        containers: Containers in use at the last reading.
        container_s: Seconds summed over all containers, idle ones included.
        read_at: Time of the last reading; None before the first.
    """

    size: ContainerSize
    most_containers: int
    url: str = ""
    containers: int = 0
    container_s: float = 0.0
    read_at: float | None = None

    def read(self, containers: int) -> Usage:
        """Add the time since the last reading, with the number of containers in use now."""
        now = time.monotonic()
        if self.read_at is not None:
            # The number may have changed at any time between two readings: take their mean.
            self.container_s += (now - self.read_at) * (self.containers + containers) / 2
        self.containers, self.read_at = containers, now
        price = self.size.dollars_per_s
        return Usage(
            containers=containers,
            most_containers=self.most_containers,
            gpu=self.size.gpu,
            container_s=self.container_s,
            dollars=None if price is None else self.container_s * price,
            url=self.url,
        )


def run(
    function: modal.Function,
    specs: Sequence[ShardSpec],
    shards: Collection[int],
    reload_token: str,
    *,
    meter: UsageMeter,
    deadlines: Deadlines,
    record: CallRecord,
) -> Generator[Event]:
    """Start a map, the largest shards first, and yield its events until each shard has an outcome.

    Closing the generator early cancels the map and stops its containers.

    Args:
        function: Takes a spec and a reload token, returns `ShardResult`.
        specs: All specs of the plan.
        shards: Indices in `specs` of the shards to make.
        reload_token: See `container.VolumeView.reloaded`.
        meter: Adds up the cost, over several calls for one output.
        deadlines: When the map is given up and cancelled.
        record: The record of the call that makes the output.

    Raises:
        WikiEmbeddingsError: Modal did not take the call.
    """
    wanted = set(shards)
    order = [shard for shard in largest_first(specs) if shard in wanted]
    record.take_over()  # a run that has begun since the finished shards were looked for
    call = map_calls.start(function, [specs[shard] for shard in order], reload_token)
    results = None
    try:
        meter.url, meter.read_at = call.url, None
        results = _MapResults(function, call, order, meter, record)
        record.write(call.ids)
        with asyncio.Runner() as runner:
            yield from results.events(runner, deadlines)
    finally:
        if results is None or results.unfinished:
            call.cancel()
    if record.is_current(call.ids):
        record.clear()


@dataclass
class _MapResults:
    """Awaits the results of a map, a few at a time.

    Attributes:
        function: The function that the call maps.
        call: The call.
        order: Index in the plan of the shard of each input.
        meter: Adds up the cost.
        record: The record of the call that makes the output.
    """

    function: modal.Function
    call: MapCall
    order: Sequence[int]
    meter: UsageMeter
    record: CallRecord

    def __post_init__(self) -> None:
        self._queued = deque(range(len(self.order)))
        self._awaited: dict[asyncio.Task[Event], int] = {}
        self._began_at = time.monotonic()
        self._last_sign_of_work_at: float | None = None
        self._usage_read_at = 0.0

    @property
    def unfinished(self) -> list[int]:
        """Inputs without a result yet."""
        return [*self._awaited.values(), *self._queued]

    def events(self, runner: asyncio.Runner, deadlines: Deadlines) -> Generator[Event]:
        yield self.meter.read(0)
        while self.unfinished:
            events = [self._explain_takeover(e) for e in runner.run(self._next_events())]
            is_stopped = any(isinstance(e, Failed) and e.cause == _APP_STOPPED for e in events)
            for event in events:
                yield event
                if isinstance(event, Failed) and event.fatal and not is_stopped:
                    return
            if is_stopped:
                yield from self._fail_unfinished(_APP_STOPPED)
                return
            cause = self._exceeded(deadlines)
            if cause and not runner.run(self._await_ready()):
                yield from self._fail_unfinished(cause)
                return
        yield runner.run(self._usage())

    def _exceeded(self, deadlines: Deadlines) -> str:
        """Return which deadline is exceeded, as the cause of a failure; empty if none is."""
        now = time.monotonic()
        if self._last_sign_of_work_at is None:
            if now - self._began_at <= deadlines.queue_s:
                return ""
            return (
                f"Modal had no container for this map within {duration(deadlines.queue_s)}, so it "
                "was cancelled. Its GPUs may be scarce: try again later, or with another GPU; the "
                f"queue: {self.meter.url}"
            )
        if now - self._last_sign_of_work_at > deadlines.progress_s:
            return (
                f"No shard of this map had finished for {duration(deadlines.progress_s)} when it "
                "was cancelled, and this one was still in progress. This is what a shard looks "
                "like that ends its container each time, such as one that needs too much memory; "
                f"the containers' log: {self.meter.url}"
            )
        return ""

    def _explain_takeover(self, event: Event) -> Event:
        """Replace a failure whose only reason is that another run has taken over."""
        if isinstance(event, Failed) and not self.record.is_current(self.call.ids):
            return Failed(event.shard, _TAKEN_OVER, fatal=True)
        return event

    async def _next_events(self) -> list[Event]:
        """Wait briefly for results; return those that have come, and the usage if it is due."""
        while self._queued and len(self._awaited) < _MAX_AWAITED:
            self._await(self._queued.popleft())
        done, _ = await asyncio.wait(
            self._awaited, timeout=_POLL_S, return_when=asyncio.FIRST_COMPLETED
        )
        if done:
            self._last_sign_of_work_at = time.monotonic()
        events: list[Event] = []
        for task in done:
            del self._awaited[task]
            events.append(task.result())
        if time.monotonic() - self._usage_read_at >= _POLL_S:
            events.append(await self._usage())
        return events

    def _await(self, index: int) -> None:
        self._awaited[asyncio.create_task(self._result(index))] = index

    async def _await_ready(self) -> bool:
        """Await those queued inputs that have a result already; return True if there are any."""
        ready = [index for index in self._queued if await self._is_ready(index)]
        for index in ready:
            self._queued.remove(index)
            self._await(index)
        return bool(ready)

    async def _is_ready(self, index: int) -> bool:
        try:
            await self.call.result(index, timeout_s=0.0)
        except Exception as error:  # anything but a time-out or a lost connection is a result
            return not isinstance(error, TimeoutError) and not is_transient(error)
        return True

    async def _result(self, index: int) -> Event:
        """Wait for the outcome of one input for as long as it takes."""
        shard = self.order[index]
        while True:
            try:
                result: ShardResult = await self.call.result(index, _RESULT_WAIT_S)
            except TimeoutError:  # Python's own: no result yet
                continue
            except ShardError as error:
                return Failed(shard, error.cause, error.detail, may_pass=error.may_pass)
            except modal.exception.FunctionTimeoutError as error:
                return Failed(shard, f"It took longer than its time limit: {error}")
            # Any other exception is the outcome of this input; the others are not affected.
            except Exception as error:
                if not is_transient(error):
                    cause = await self._why_ended(error)
                    return Failed(shard, cause, fatal=cause == _APP_STOPPED)
                await asyncio.sleep(RETRY_PAUSE_S)  # the map's deadline bounds this loop
                continue
            if result.report is None:
                return Failed(shard, result.cause, fatal=result.fatal, may_pass=result.may_pass)
            return Finished(shard, result.report)

    async def _why_ended(self, error: Exception) -> str:
        """Say why an input has ended without an outcome of its own."""
        with suppress(modal.exception.Error, *TRANSIENT):  # then the error itself has to do
            if not await is_deployed():
                return _APP_STOPPED
        if isinstance(error, modal.exception.OutputExpiredError):
            return f"{_EXPIRED} Its log: {self.meter.url}"
        cause = f"{type(error).__name__}: {error}".strip(": .")
        return f"Modal ended it: {cause}. Its log: {self.meter.url}"

    async def _usage(self) -> Usage:
        self._usage_read_at = time.monotonic()
        try:
            stats = await self.function.get_current_stats.aio()
        except (modal.exception.Error, *TRANSIENT):  # only for people: the last figure will do
            return self.meter.read(self.meter.containers)
        if stats.num_total_runners and self._last_sign_of_work_at is None:
            self._last_sign_of_work_at = time.monotonic()
        return self.meter.read(stats.num_total_runners)

    def _fail_unfinished(self, cause: str) -> Generator[Event]:
        for index in self.unfinished:
            yield Failed(self.order[index], cause)
