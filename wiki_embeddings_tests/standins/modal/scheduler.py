"""The scheduler: starts containers for waiting inputs, hands inputs out, ends idle containers."""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections import Counter, deque
from dataclasses import dataclass, field

from grpclib import GRPCError
from modal_proto import api_pb2

from wiki_embeddings_tests.standins.modal.assets import new_id
from wiki_embeddings_tests.standins.modal.calls import RESULT, Call, Calls, Input, State
from wiki_embeddings_tests.standins.modal.containers import Container, Launcher
from wiki_embeddings_tests.standins.modal.faults import Faults
from wiki_embeddings_tests.standins.modal.notifier import Notifier
from wiki_embeddings_tests.standins.modal.options import Options
from wiki_embeddings_tests.standins.modal.registry import App, LiveFunction, Registry

_STARTUP_TIMEOUT_S = 300


@dataclass
class Pool:
    """The containers of one function or variant, and the inputs that wait for them.

    Attributes:
        function_id: The function or variant.
        queue: Waiting inputs.
        containers: Live containers.
        crashes: Crashes in a row, without an output in between.
        not_before: When the next container may start (monotonic clock); later after crashes.
        notifier: Notified when there is an input, or a container is to end.
    """

    function_id: str
    queue: deque[Input] = field(default_factory=deque)
    containers: list[Container] = field(default_factory=list)
    crashes: int = 0
    not_before: float = 0.0
    notifier: Notifier = field(default_factory=Notifier)


class Scheduler:
    """All pools.

    Attributes:
        containers: All containers, also ended ones, by task id, oldest first.
        peaks: Most containers alive at a time, by function name and by function id.
        errors: Exceptions in starting containers: defects of the plane, never of a test.
    """

    def __init__(
        self,
        registry: Registry,
        calls: Calls,
        launcher: Launcher,
        faults: Faults,
        options: Options,
    ) -> None:
        self.containers: dict[str, Container] = {}
        self.peaks: Counter[str] = Counter()
        self.errors: list[Exception] = []
        self._registry = registry
        self._calls = calls
        self._launcher = launcher
        self._faults = faults
        self._options = options
        self._pools: dict[str, Pool] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def pool(self, function_id: str) -> Pool:
        """The pool of a function or a variant."""
        return self._pools.setdefault(function_id, Pool(function_id))

    def enqueue(self, item: Input, *, first: bool = False) -> None:
        """Queue an input, behind the others or before them."""
        pool = self.pool(item.call.function_id)
        item.state = State.QUEUED
        item.task_id = None
        if first:
            pool.queue.appendleft(item)
        else:
            pool.queue.append(item)
        pool.notifier.notify()
        self._scale(pool)

    async def next_input(self, container: Container) -> Input | None:
        """Wait for the next input for a container; None means that it must end."""
        pool = self.pool(container.live.id)
        container.ready = True
        window_s = self._options.scaledown_window_s or container.live.scaledown_window_s
        while True:
            if container.draining:
                return None
            if pool.queue and not self._faults.paused:
                return self._hand_out(pool.queue.popleft(), container)
            idle_s = time.monotonic() - container.idle_since
            if container.running:
                await pool.notifier.wait()
            elif idle_s >= window_s:
                container.draining = True
            else:
                await pool.notifier.wait(window_s - idle_s)

    def put_output(self, container: Container, put: api_pb2.FunctionPutOutputsItem) -> None:
        """Take a container's output of an input; ignored if it no longer has that input."""
        item = container.running.get(put.input_id)
        if item is None or put.retry_count != item.retry_count:
            return
        self._release(item)
        self.pool(container.live.id).crashes = 0
        self._calls.end_attempt(item, put.result, again=self._enqueue_later, put=put)

    def cancel(self, call: Call, *, terminate_containers: bool) -> None:
        """Cancel all unfinished inputs of a call."""
        pool = self.pool(call.function_id)
        for item in call.unfinished():
            item.cancelled = True
            container = self._container_of(item)
            if container is None:
                if item in pool.queue:
                    pool.queue.remove(item)
                self._terminate(item)
            elif terminate_containers:
                self._terminate(item)
                self.stop(container)
            else:
                container.cancellations.append(item.id)
                container.notifier.notify()

    def stop(self, container: Container) -> None:
        """Interrupt a container, once, and kill it after a grace."""
        container.draining = True
        if container.signalled:
            return
        container.signal(signal.SIGINT)
        loop = asyncio.get_running_loop()
        loop.call_later(self._options.kill_grace_s, container.signal, signal.SIGKILL)

    def drain(self, container: Container) -> None:
        """Let a container finish its inputs, and end."""
        container.draining = True
        self.pool(container.live.id).notifier.notify()

    def redeployed(self, app: App) -> None:
        """End containers of older versions of an app once they are idle."""
        for pool in self._pools.values():
            live = self._live(pool)
            for container in pool.containers:
                if container.live.app is app and (
                    live is None or container.live.definition_id != live.definition_id
                ):
                    self.drain(container)
            self._scale(pool)

    def stopped(self, app: App) -> None:
        """End the containers and the inputs of a stopped app."""
        for pool in self._pools.values():
            if self._registry.find_app(pool.function_id) is app:
                for container in pool.containers:
                    self.stop(container)
                    for item in list(container.running.values()):
                        self._terminate(item)
                while pool.queue:
                    self._terminate(pool.queue.popleft())

    def resume(self) -> None:
        """Resume after a pause."""
        for pool in self._pools.values():
            pool.notifier.notify()
            self._scale(pool)

    async def close(self) -> None:
        """Kill all containers and wait until they are gone."""
        self._closed = True
        for container in self.containers.values():
            container.kill()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _live(self, pool: Pool) -> LiveFunction | None:
        try:
            return self._registry.live(pool.function_id)
        except GRPCError:
            return None

    def _scale(self, pool: Pool) -> None:
        live = self._live(pool)
        if live is None or self._closed or self._faults.paused:
            return
        if time.monotonic() < pool.not_before:
            return
        current = [c for c in pool.containers if c.live.definition_id == live.definition_id]
        usable = [container for container in current if not container.draining]
        demand = len(pool.queue) + sum(len(container.running) for container in usable)
        wanted = math.ceil(demand / live.concurrency) - len(usable)
        limit = live.max_containers or self._options.container_limit
        for _ in range(min(wanted, limit - len(current))):
            self._start(pool, live)

    def _start(self, pool: Pool, live: LiveFunction) -> None:
        task_id = new_id("ta")
        container = Container(task_id, live, self._launcher.folder / task_id)
        self.containers[task_id] = container
        pool.containers.append(container)
        same_name = sum(
            other.live.name == live.name
            for others in self._pools.values()
            for other in others.containers
        )
        self.peaks[live.name] = max(self.peaks[live.name], same_name)
        self.peaks[live.id] = max(self.peaks[live.id], len(pool.containers))
        task = asyncio.create_task(self._run(pool, container), name=task_id)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, pool: Pool, container: Container) -> None:
        """Run a container from its start to its end."""
        try:
            await self._launcher.launch(container)
            if self._closed:
                container.kill()
            startup_s = container.live.function.startup_timeout_secs or _STARTUP_TIMEOUT_S
            late = asyncio.get_running_loop().call_later(startup_s, container.kill_unless_ready)
            await self._launcher.wait(container)
            late.cancel()
        except Exception as error:  # raised when the plane is closed
            self.errors.append(error)
        pool.containers.remove(container)
        self._finish(pool, container)

    def _finish(self, pool: Pool, container: Container) -> None:
        """Hand the inputs of a container that has ended to others."""
        crashed = not container.draining
        container.ended = container.draining = True
        pool.crashes = pool.crashes + 1 if crashed else 0
        if pool.crashes > 1:
            wait_s = self._options.crash_backoff_s(pool.crashes)
            pool.not_before = time.monotonic() + wait_s
            asyncio.get_running_loop().call_later(wait_s + 0.01, self._scale, pool)
        for item in reversed(list(container.running.values())):
            self._release(item)
            if item.cancelled:
                self._terminate(item)
            else:
                self.enqueue(item, first=True)
        self._scale(pool)

    def _hand_out(self, item: Input, container: Container) -> Input:
        item.state = State.RUNNING
        item.task_id = container.task_id
        container.running[item.id] = item
        container.taken.append(item.id)
        loop = asyncio.get_running_loop()
        if timeout_s := container.live.function.timeout_secs:
            attempt = len(item.outcomes)
            loop.call_later(timeout_s, self._time_out, item, container, attempt)
        fault = self._faults.due_death(container.task_id, container.live.name, len(container.taken))
        if fault:
            loop.call_later(fault.delay_s, container.signal, signal.SIGKILL)
        return item

    def _time_out(self, item: Input, container: Container, attempt: int) -> None:
        if item.task_id != container.task_id or len(item.outcomes) != attempt:
            return
        self._release(item)
        timeout_s = container.live.function.timeout_secs
        result = api_pb2.GenericResult(
            status=RESULT.GENERIC_STATUS_TIMEOUT,
            exception=f"Task's current input {item.id} hit its timeout of {timeout_s}s",
        )
        container.kill()
        self._calls.end_attempt(item, result, again=self._enqueue_later)

    def _terminate(self, item: Input) -> None:
        self._release(item)
        result = api_pb2.GenericResult(
            status=RESULT.GENERIC_STATUS_TERMINATED, exception="Input was cancelled by user"
        )
        self._calls.end_attempt(item, result, again=self._enqueue_later)

    def _release(self, item: Input) -> None:
        container = self._container_of(item)
        if container is not None:
            container.running.pop(item.id, None)
            item.task_id = None
            if not container.running:
                container.idle_since = time.monotonic()
                self.pool(container.live.id).notifier.notify()

    def _container_of(self, item: Input) -> Container | None:
        return self.containers[item.task_id] if item.task_id is not None else None

    def _enqueue_later(self, item: Input, delay_s: float) -> None:
        asyncio.get_running_loop().call_later(delay_s, self._enqueue_again, item)

    def _enqueue_again(self, item: Input) -> None:
        if item.state is State.RETRYING:
            self.enqueue(item)
