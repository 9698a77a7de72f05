"""Faults that a test orders: the requests that they hit, how often, and their effect."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Fault:
    """A fault of the next requests whose path contains `match`.

    Attributes:
        match: Part of the path.
        times: Number of requests that it hits.
        method: Method of the requests; None for any.
        status: Status to answer instead.
        headers: Headers of that answer, such as `Retry-After` or `Location`.
        cut_after: Bytes of the body after which the connection is closed.
        stall_after: Bytes of the body after which no more is sent until the site closes.
        byte_every_s: Seconds before each byte of the body.
        alters: True to change the last byte of the body.
        ignores_range: True to send the whole file where a range was requested.
        without_length: True to leave out `Content-Length` and close the connection at the end.
    """

    match: str
    times: int = 1
    method: str | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    stall_after: int | None = None
    byte_every_s: float = 0.0
    alters: bool = False
    ignores_range: bool = False
    without_length: bool = False


class Faults:
    """The ordered faults, first come first; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def order(self, fault: Fault) -> None:
        """Add a fault after those that wait."""
        with self._lock:
            self._waiting.append(fault)

    def take(self, method: str, path: str) -> Fault:
        """Take the next fault for a request; one without an effect if none is ordered."""
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if fault.match in path and fault.method in {None, method}:
                    rest = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                    self._waiting[place : place + 1] = rest
                    return fault
        return Fault(match="")
