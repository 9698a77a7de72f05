"""Chooses where to cut: the cheapest of all ways to keep within the budget.

Each chunk costs the square of the share of the budget that it leaves unused, and each cut has a
cost by its level. Squares make two even chunks cheaper than a full one and a tiny one, so there is
no orphan if another cut is as good. A cut between sections saves more than a little unused budget
costs, so sections are kept apart unless one is short.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wiki_embeddings.chunking.boundaries import Level
from wiki_embeddings.chunking.segments import Ints

CUT_COST = {
    Level.SECTION: -0.3,
    Level.PARAGRAPH: 0.05,
    Level.LINE: 0.1,
    Level.SENTENCE: 0.2,
    Level.WORD: 1.0,
    Level.HEADING: 1000.0,
}
"""Cost of a cut; an empty chunk would cost 1. After a heading only if there is no other way. That
before a section was chosen by retrieval (docs/performance.md): with 0 there are 6 % fewer chunks,
which are found less well.
"""

FINENESS = 32
"""Units smaller than the budget's 32nd part are joined before the choice, which bounds its time
for texts of many short lines."""


def choose_cuts(ends: Sequence[int], levels: Sequence[Level], budget: int) -> list[int]:
    """Choose the cuts with the lowest total cost that keep every chunk within the budget.

    Args:
        ends: Tokens from the beginning of the text to the end of each unit, strictly ascending;
            no unit has more tokens than the budget. The last is the text's end.
        levels: Level of the boundary at each end; the last one is ignored.
        budget: Most tokens in a chunk.

    Returns:
        The ends to cut at, ascending, without the last.
    """
    kept = _join_small_units(ends, levels, budget // FINENESS)
    positions = [0, *(ends[unit] for unit in kept)]
    square = budget * budget
    cut_costs = [0, *(round(CUT_COST[levels[unit]] * square) for unit in kept)]
    costs, chunk_starts = [0], [0]
    first = 0
    for number in range(1, len(positions)):
        unused = budget - positions[number]
        while unused + positions[first] < 0:
            first += 1
        best = first
        best_cost = costs[first] + (unused + positions[first]) ** 2
        for start in range(first + 1, number):
            cost = costs[start] + (unused + positions[start]) ** 2
            if cost < best_cost:
                best, best_cost = start, cost
        costs.append(best_cost + cut_costs[number])
        chunk_starts.append(best)
    return [positions[cut] for cut in _walk_back(chunk_starts)]


def _join_small_units(ends: Sequence[int], levels: Sequence[Level], width: int) -> list[int]:
    """Drop ends close to an end of at least their level; joined units stay within the width."""
    kept: list[int] = []
    starts = [0]  # of each kept unit and the next one
    for unit, end in enumerate(ends):
        while kept and levels[kept[-1]] <= levels[unit] and end - starts[-2] <= width:
            kept.pop()
            starts.pop()
        kept.append(unit)
        starts.append(end)
    return kept


def _walk_back(chunk_starts: Sequence[int]) -> list[int]:
    """Follow the best starts from the end of the text; return the inner ones, ascending."""
    cuts = []
    position = chunk_starts[-1]
    while position:
        cuts.append(position)
        position = chunk_starts[position]
    return cuts[::-1]


def divide_evenly(start: int, end: int, places: Sequence[Ints], budget: int) -> list[int]:
    """Divide a unit that is larger than the budget into parts of about equal size.

    Args:
        start: First token of the unit.
        end: Token after its last one.
        places: Tokens at which the text may be cut, ascending from 0, the preferred kind first.
            Neighbours of the last kind are never more than the budget apart.
        budget: Most tokens in a part.

    Returns:
        The tokens to cut at, ascending; none if the unit fits the budget.
    """
    cuts = []
    while end - start > budget:
        parts = -(-(end - start) // budget)
        share = -(-(end - start) // parts)
        start = _last_place(start, share, places, budget)
        cuts.append(start)
    return cuts


def _last_place(start: int, share: int, places: Sequence[Ints], budget: int) -> int:
    """Return the last good place within the share, or within the budget if there is none."""
    for kind in places:
        place = _last_at_most(kind, start + share)
        if place > start + share // 2:
            return place
    return _last_at_most(places[-1], start + budget)


def _last_at_most(places: Ints, limit: int) -> int:
    return int(places[np.searchsorted(places, limit, side="right") - 1])
