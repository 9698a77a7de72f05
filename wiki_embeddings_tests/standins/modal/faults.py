"""Faults that a test orders: failing RPCs, dying containers, a paused scheduler."""

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
        times: Calls still to fail.
        status: The status of the answer.
        after: True to act before failing, as when an answer is lost.
        from_container: True for calls from containers only, False for clients only, None for both.
        hits: Calls that failed.
    """

    rpc: str | None
    times: int
    status: Status
    after: bool
    from_container: bool | None
    hits: int = 0

    def error(self) -> GRPCError:
        """The error that the caller gets."""
        return GRPCError(self.status, "ordered by a test")


@dataclass
class DeathFault:
    """Containers that are killed when they take an input.

    Attributes:
        nth: The deadly input, counted from 1 within a container.
        delay_s: Time between taking the input and the kill.
        function: Only containers of the function of this name.
        times: Containers still to kill.
        killed: Task ids of the killed containers.
    """

    nth: int
    delay_s: float
    function: str | None
    times: int
    killed: list[str] = field(default_factory=list)


class Faults:
    """The ordered faults; tests order them from threads other than the plane's."""

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
        """Let the next calls of an RPC (None: of any) fail, before or after they act."""
        fault = RpcFault(rpc, times, status, after, from_container)
        with self._lock:
            self._rpcs.append(fault)
        return fault

    def kill_on_input(
        self, nth: int = 1, *, delay_s: float = 0.0, function: str | None = None, times: int = 1
    ) -> DeathFault:
        """Kill containers (SIGKILL) when they take their nth input, or some time later."""
        fault = DeathFault(nth, delay_s, function, times)
        with self._lock:
            self._deaths.append(fault)
        return fault

    def pause_scheduling(self) -> None:
        """Start no container and hand out no input until resumed."""
        self.paused = True

    def resume_scheduling(self) -> None:
        """Resume scheduling."""
        self.paused = False
        self._resumed()

    def clear(self) -> None:
        """Forget all orders."""
        with self._lock:
            self._rpcs.clear()
            self._deaths.clear()
        self.resume_scheduling()

    def on_resume(self, resumed: Callable[[], None]) -> None:
        """Register the callback for `resume_scheduling`."""
        self._resumed = resumed

    def due(self, rpc: str, *, from_container: bool) -> RpcFault | None:
        """Take the fault for this call, if one is due."""
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

    def due_death(self, task_id: str, function: str, nth: int) -> DeathFault | None:
        """Take the fault for a container's nth input, if one is due."""
        with self._lock:
            for fault in self._deaths:
                if fault.times > 0 and fault.nth == nth and fault.function in (None, function):
                    fault.times -= 1
                    fault.killed.append(task_id)
                    return fault
        return None
