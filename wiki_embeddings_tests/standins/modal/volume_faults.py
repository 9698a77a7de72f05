"""Faults in the middle of a commit.

Commits that merely fail are ordered where all failing RPCs are: `Faults.fail("VolumeCommit")`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from grpclib import GRPCError, Status

When = Literal["before", "after"]


@dataclass
class _Order:
    """An action for the commit at which `countdown` reaches 0."""

    countdown: int
    when: When
    action: Callable[[str], None]


class VolumeFaults:
    """The ordered faults of the next commits."""

    def __init__(self) -> None:
        self._orders: list[_Order] = []
        self._lock = threading.Lock()

    def at_commit(self, action: Callable[[str], None], when: When = "before", nth: int = 1) -> None:
        """Call `action(task_id)` once, before or after the nth commit from now.

        The action should kill the container. With "before", the commit does not take place. Either
        way it is answered with UNAVAILABLE.
        """
        with self._lock:
            self._orders.append(_Order(nth, when, action))

    @contextmanager
    def around_commit(self, task_id: str) -> Iterator[None]:
        """Run the actions that are due at this commit."""
        due = self._due()
        _run_orders(due, "before", task_id)
        yield
        _run_orders(due, "after", task_id)

    def _due(self) -> list[_Order]:
        with self._lock:
            for order in self._orders:
                order.countdown -= 1
            due = [order for order in self._orders if order.countdown == 0]
            self._orders = [order for order in self._orders if order.countdown > 0]
        return due


def _run_orders(orders: list[_Order], when: When, task_id: str) -> None:
    struck = [order for order in orders if order.when == when]
    for order in struck:
        order.action(task_id)
    if struck:
        raise GRPCError(Status.UNAVAILABLE, f"{task_id} was struck {when} its commit, as ordered")
