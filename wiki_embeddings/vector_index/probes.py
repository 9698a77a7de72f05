"""Which lists a question reads, in how many ranges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wiki_embeddings.vector_index.head import IndexHead

_GAP_BYTES = 64 * 1024
"""Lists between two that are wanted are read as well if they are no larger: 5 ms at 100 Mbit/s,
where another request costs 20 ms."""


@dataclass(frozen=True)
class Budget:
    """What a question may read of the lists.

    Attributes:
        bytes: Most bytes, unless the nearest list alone is larger.
        ranges: Most ranges.
    """

    bytes: int = 10_000_000
    ranges: int = 40


@dataclass(frozen=True)
class ListRange:
    """Lists that lie beside each other in one file.

    Attributes:
        file: Number of the file of lists.
        start: Position of the first list there.
        stop: Position after the last list.
        lists: Their numbers.
    """

    file: int
    start: int
    stop: int
    lists: range


def choose_lists(
    head: IndexHead, question: npt.NDArray[np.float32], budget: Budget
) -> list[ListRange]:
    """Choose the lists whose centroids are nearest to a question, as many as the budget allows."""
    order = np.argsort(-(head.centroids @ question), kind="stable")
    order = order[head.list_rows[order] > 0]
    enough, too_many = 0, len(order) + 1
    chosen: list[ListRange] = []
    wanted = len(order)  # a small index is read whole
    while too_many - enough > 1:
        ranges = _ranges(head, order[:wanted])
        size = sum(each.stop - each.start for each in ranges)
        if wanted <= 1 or (size <= budget.bytes and len(ranges) <= budget.ranges):
            enough, chosen = wanted, ranges
        else:
            too_many = wanted
        wanted = (enough + too_many) // 2
    return chosen


def _ranges(head: IndexHead, wanted: npt.NDArray[np.integer]) -> list[ListRange]:
    """Join lists into ranges."""
    numbers = np.sort(wanted)
    files, starts = head.list_places
    stops = starts + head.list_bytes
    gaps = starts[numbers[1:]] - stops[numbers[:-1]]
    breaks = (files[numbers[1:]] != files[numbers[:-1]]) | (gaps > _GAP_BYTES)
    firsts = numbers[np.concatenate([[True], breaks])] if numbers.size else numbers
    lasts = numbers[np.concatenate([breaks, [True]])] if numbers.size else numbers
    return [
        ListRange(int(files[first]), int(starts[first]), int(stops[last]), range(first, last + 1))
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)
    ]
