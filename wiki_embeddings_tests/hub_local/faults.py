"""Faults that a test orders: which request they hit, how often, and what happens to it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the next requests whose path contains `match`.

    Attributes:
        match: Part of the path.
        times: How many requests it hits.
        status: Answered instead of the file.
        headers: Sent with that status.
        cut_after: Bytes of a body after which the connection is closed.
        reset: Whether it is closed with a reset, so that the client may lose what is on the way.
        stall_after: Bytes of a body after which nothing comes any more.
        alters: Whether the last byte sent is another one.
        ignores_range: Whether all of the file is sent where a range was asked for.
        truncate_to: Bytes to which the file seems to have shrunk.
    """

    match: str
    times: int = 1
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    reset: bool = False
    stall_after: int | None = None
    alters: bool = False
    ignores_range: bool = False
    truncate_to: int | None = None


class Faults:
    """The faults still to come, in the order in which they were ordered; safe with threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def order(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def take_status(self, path: str) -> Fault | None:
        """The next fault for `path`, if it answers in place of the server."""
        return self._take(path, of_body=False)

    def take_body(self, path: str) -> Fault | None:
        """The next fault for `path`, if it hits the body that is sent."""
        return self._take(path, of_body=True)

    def _take(self, path: str, *, of_body: bool) -> Fault | None:
        with self._lock:
            fault = next((fault for fault in self._waiting if fault.match in path), None)
            if fault is None or (fault.status is None) != of_body:
                return None
            place = self._waiting.index(fault)
            rest = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
            self._waiting[place : place + 1] = rest
            return fault
