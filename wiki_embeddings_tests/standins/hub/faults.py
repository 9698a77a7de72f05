"""Faults that a test orders: which request they hit, how often, and what happens to it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Stage = Literal["request", "status", "answer", "body"]
"""What of an exchange goes wrong: its request, its status, its answer, or the file it sends."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the next requests whose path contains `match`.

    Attributes:
        match: Part of the path.
        times: How many requests it hits.
        method: Of those requests; None for any.
        receive_cut_after: Bytes of a request's body after which the connection is closed.
        receive_stall_after: Bytes of a request's body after which nothing is read any more.
        status: Answered instead of the file.
        headers: Sent with that status.
        loses_answer: Whether the work is done, and the connection closed without an answer.
        cut_after: Bytes of a body after which the connection is closed.
        reset: Whether it is closed with a reset, so that the client may lose what is on the way.
        stall_after: Bytes of a body after which nothing comes any more.
        alters: Whether the last byte sent is another one.
        ignores_range: Whether all of the file is sent where a range was asked for.
        truncate_to: Bytes to which the file seems to have shrunk.
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
    """Requests that wait until a test lets them go on.

    Attributes:
        reached: Set when the first of them has arrived, all of it.
    """

    def __init__(self, match: str, method: str | None, skip: int) -> None:
        self.reached = threading.Event()
        self._match, self._method, self._to_skip = match, method, skip
        self._decided = threading.Event()
        self._dropped = False
        self._lock = threading.Lock()

    def release(self) -> None:
        """Lets them go on, and those still to come."""
        self._decided.set()

    def drop(self) -> None:
        """Closes their connections; nothing was done. Those still to come go on."""
        self._dropped = True
        self._decided.set()

    def waits(self, method: str, path: str) -> bool:
        """Whether it is for this request to wait."""
        if self._decided.is_set() or not _hits(self._match, self._method, method, path):
            return False
        with self._lock:
            self._to_skip -= 1
            return self._to_skip < 0

    def wait(self) -> bool:
        """Waits as one of the requests; whether it may go on."""
        self.reached.set()
        self._decided.wait()
        return not self._dropped


class Faults:
    """The faults still to come, in the order in which they were ordered; safe with threads."""

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
        """Waits for as long as a test holds such requests; False if the connection is to close."""
        with self._lock:
            held = next((held for held in self._held if held.waits(method, path)), None)
        return held is None or held.wait()

    def release_all(self) -> None:
        """Lets every request go on that a test holds."""
        for held in self._held:
            held.release()

    def take(self, stage: Stage, method: str, path: str) -> Fault | None:
        """The next fault for such a request, if it hits this stage of it."""
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
