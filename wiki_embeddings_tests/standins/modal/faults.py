"""Faults on order: RPCs that fail, containers that die, a scheduler that stands still."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from grpclib import GRPCError, Status


@dataclass
class RpcFault:
    """Calls of an RPC that fail.

    Attributes:
        rpc: Name of the RPC; None for all.
        times: Calls that still have to fail.
        status: What the caller is told.
        after: Fail after having acted, as when an answer is lost.
        from_container: Only calls from containers (True), only from clients (False), or both.
        hits: Calls that have failed.
    """

    rpc: str | None
    times: int
    status: Status
    after: bool
    from_container: bool | None
    hits: int = 0

    def error(self) -> GRPCError:
        """What the caller is told."""
        return GRPCError(self.status, "ordered by a test")


@dataclass
class DeathFault:
    """Containers that are killed when they take an input.

    Attributes:
        nth: The input, counted from 1 within a container, that is deadly.
        delay_s: Time between taking the input and the death.
        function: Only containers of the function of this name.
        times: Containers that still have to die.
        killed: Task ids of those that died.
    """

    nth: int
    delay_s: float
    function: str | None
    times: int
    killed: list[str] = field(default_factory=list)


class Faults:
    """What tests order; they do so from threads other than the plane's."""

    def __init__(self) -> None:
        self.paused = False
        self._lock = Lock()
        self._rpcs: list[RpcFault] = []
        self._deaths: list[DeathFault] = []
        self._resumed: Callable[[], None] = lambda: None

    def fail(
        self,
        rpc: str | None = None,
        *,
        times: int = 1,
        status: Status = Status.UNAVAILABLE,
        after: bool = False,
        from_container: bool | None = None,
    ) -> RpcFault:
        """Make the next calls of an RPC (None: of any) fail, before or after having acted."""
        fault = RpcFault(rpc, times, status, after, from_container)
        with self._lock:
            self._rpcs.append(fault)
        return fault

    def kill_on_input(
        self, nth: int = 1, *, delay_s: float = 0.0, function: str | None = None, times: int = 1
    ) -> DeathFault:
        """Kill containers (SIGKILL) when they take their nth input, or some time after that."""
        fault = DeathFault(nth, delay_s, function, times)
        with self._lock:
            self._deaths.append(fault)
        return fault

    def pause_scheduling(self) -> None:
        """Start no container and hand out no input from now on."""
        self.paused = True

    def resume_scheduling(self) -> None:
        """Go on."""
        self.paused = False
        self._resumed()

    def clear(self) -> None:
        """Forget all orders; what has happened stays."""
        with self._lock:
            self._rpcs.clear()
            self._deaths.clear()
        self.resume_scheduling()

    def on_resume(self, resumed: Callable[[], None]) -> None:
        """What the scheduler wants called when it may go on."""
        self._resumed = resumed

    def due(self, rpc: str, *, from_container: bool) -> RpcFault | None:
        """The fault that this call meets, counted as done."""
        with self._lock:
            for fault in self._rpcs:
                if (
                    fault.times > 0
                    and fault.rpc in (None, rpc)
                    and fault.from_container in (None, from_container)
                ):
                    fault.times -= 1
                    fault.hits += 1
                    return fault
        return None

    def deadly(self, task_id: str, function: str, nth: int) -> DeathFault | None:
        """The fault that a container meets with its nth input, counted as done."""
        with self._lock:
            for fault in self._deaths:
                if fault.times > 0 and fault.nth == nth and fault.function in (None, function):
                    fault.times -= 1
                    fault.killed.append(task_id)
                    return fault
        return None
