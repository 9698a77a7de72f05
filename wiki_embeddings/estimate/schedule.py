"""How long a map takes: shards of known length on containers that are started for it.

List scheduling, as the computes do it: the largest shards first, each to whoever is free first. So
the end of a map shows by itself: containers that have nothing left wait for those that have.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """How a map goes.

    Attributes:
        containers: Containers that are started.
        start_s: Seconds until they work.
        finishes_s: When each of them has done its last shard, from the start of the map.
        work_s: Seconds that all shards take, one after another in one container.
    """

    containers: int
    start_s: float
    finishes_s: tuple[float, ...]
    work_s: float

    @property
    def wall_s(self) -> float:
        """Seconds until the last shard is done."""
        return max(self.finishes_s)

    @property
    def container_s(self) -> float:
        """Seconds of all containers added up, from their start to their last shard."""
        return sum(self.finishes_s)

    @property
    def tail_s(self) -> float:
        """Seconds by which the last shard is later than if the work could be divided at will."""
        return max(0.0, self.wall_s - self.start_s - self.work_s / self.containers)


def schedule(
    durations_s: Sequence[float], *, containers: int, inputs: int, start_s: float
) -> Schedule:
    """Hand out shards, the longest first.

    A container that has several shards in hand computes them side by side, each at its share of the
    container's rate. That a shard becomes faster when it is the only one left is not counted, so
    the tail is an upper bound. All containers are supposed to start at once.

    Args:
        durations_s: Seconds that each shard takes in a container by itself; at least one.
        containers: Most containers.
        inputs: Shards that a container has in hand at once.
        start_s: Seconds from the start of the map until a container works.
    """
    started = min(containers, math.ceil(len(durations_s) / inputs))
    # Of two hands that are free at the same moment, the one of the container with less in hand.
    hands = [(start_s, hand, number) for hand in range(inputs) for number in range(started)]
    finishes = [start_s] * started
    heapq.heapify(hands)
    for duration in sorted(durations_s, reverse=True):
        free_s, hand, number = heapq.heappop(hands)
        done_s = free_s + duration * min(inputs, len(durations_s))
        finishes[number] = max(finishes[number], done_s)
        heapq.heappush(hands, (done_s, hand, number))
    return Schedule(started, start_s, tuple(finishes), sum(durations_s))
