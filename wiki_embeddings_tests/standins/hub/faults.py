"""Faults that a test orders: the requests that they hit, how often, and their effect."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Stage = Literal["request", "status", "answer", "body"]
"""What of an exchange goes wrong: its request, its status, its answer, or the file it sends."""


@dataclass(frozen=True)
class Fault:
    """A fault of the next requests whose path contains `match`.

    Attributes:
        match: Part of the path.
        times: Number of requests that it hits.
        method: Method of the requests; None for any.
        receive_cut_after: Bytes of a request's body after which the connection is closed.
        receive_stall_after: Bytes of a request's body after which no more is read.
        status: Status to answer instead.
        headers: Headers of that answer.
        loses_answer: True to do the work, then close the connection without an answer.
        cut_after: Bytes of a body after which the connection is closed.
        reset: True to close it with a reset, which may lose data on its way.
        stall_after: Bytes of a body after which no more is sent.
        alters: True to change the last byte.
        ignores_range: True to send the whole file where a range was requested.
        truncate_to: Bytes to which the file appears to have shrunk.
    """

    match: str
    times: int = 1
    method: str | None = None
    receive_cut_after: int | None = None
    receive_stall_after: int | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    loses_answer: bool = False
    cut_after: int | None = None
    reset: bool = False
    stall_after: int | None = None
    alters: bool = False
    ignores_range: bool = False
    truncate_to: int | None = None

    @property
    def stage(self) -> Stage:
        if self.receive_cut_after is not None or self.receive_stall_after is not None:
            return "request"
        if self.status is not None:
            return "status"
        return "answer" if self.loses_answer else "body"


class Held:
    """Requests that a test holds until it releases or drops them.

    Attributes:
        reached: Set when the first of them has arrived completely.
    """

    def __init__(self, match: str, method: str | None, skip: int) -> None:
        self.reached = threading.Event()
        self._match, self._method, self._to_skip = match, method, skip
        self._decided = threading.Event()
        self._dropped = False
        self._lock = threading.Lock()

    def release(self) -> None:
        """Let them go on, and later ones too."""
        self._decided.set()

    def drop(self) -> None:
        """Close their connections, with nothing done. Later ones go on."""
        self._dropped = True
        self._decided.set()

    def waits(self, method: str, path: str) -> bool:
        """True if this request has to wait."""
        if self._decided.is_set() or not _hits(self._match, self._method, method, path):
            return False
        with self._lock:
            self._to_skip -= 1
            return self._to_skip < 0

    def wait(self) -> bool:
        """Wait as one of the requests; False if the connection must close."""
        self.reached.set()
        self._decided.wait()
        return not self._dropped


class Faults:
    """The ordered faults, first come first; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []
        self._held: list[Held] = []

    def order(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def hold(self, held: Held) -> None:
        with self._lock:
            self._held.append(held)

    def may_go_on(self, method: str, path: str) -> bool:
        """Wait while a test holds such requests; False if the connection must close."""
        with self._lock:
            held = next((held for held in self._held if held.waits(method, path)), None)
        return held is None or held.wait()

    def release_all(self) -> None:
        """Release all held requests."""
        for held in self._held:
            held.release()

    def take(self, stage: Stage, method: str, path: str) -> Fault | None:
        """Take the next fault for a request, if it belongs to this stage."""
        with self._lock:
            hits = (
                fault for fault in self._waiting if _hits(fault.match, fault.method, method, path)
            )
            fault = next(hits, None)
            if fault is None or fault.stage != stage:
                return None
            place = self._waiting.index(fault)
            rest = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
            self._waiting[place : place + 1] = rest
            return fault


def _hits(match: str, only: str | None, method: str, path: str) -> bool:
    return match in path and only in {None, method}
