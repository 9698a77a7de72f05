"""When a map's shards are done: list scheduling, as in the computes."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence


def schedule(
    shards_s: Sequence[float], start_s: float, containers: int, inputs: int
) -> tuple[float, ...]:
    """Return when each container that is started finishes its last shard.

    The longest shards go first, each to whichever container is free first. All containers are
    assumed to start at once. A container shares its rate among the shards in hand; that its last
    one runs faster alone is ignored, so the tail is an upper bound.

    Args:
        shards_s: Seconds that each shard takes alone in a container; at least one.
        start_s: Seconds until the containers work.
        containers: Most containers.
        inputs: Shards that a container has in hand at once.
    """
    started = min(containers, math.ceil(len(shards_s) / inputs))
    # Of two slots that are free at the same time, the one of the container with less in hand.
    slots = [(start_s, slot, number) for slot in range(inputs) for number in range(started)]
    finishes_s = [start_s] * started
    for shard_s in sorted(shards_s, reverse=True):
        free_s, slot, number = slots[0]
        done_s = free_s + shard_s * min(inputs, len(shards_s))
        finishes_s[number] = max(finishes_s[number], done_s)
        heapq.heapreplace(slots, (done_s, slot, number))
    return tuple(finishes_s)
