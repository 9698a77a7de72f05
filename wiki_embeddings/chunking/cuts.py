"""Chooses where to cut: the cheapest of all ways that keep the budget.

Each chunk costs the square of the share of the budget that it leaves unused, and each cut costs
by its level. Squares make two even chunks cheaper than a full one and a tiny one, so no orphan is
left where another cut is as good; a section's cut is free, so it is worth some unused budget.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from wiki_embeddings.chunking.boundaries import Level

CUT_COST = {
    Level.SECTION: 0.0,
    Level.PARAGRAPH: 0.05,
    Level.LINE: 0.1,
    Level.SENTENCE: 0.2,
    Level.WORD: 1.0,
    Level.HEADING: 1000.0,
}
"""Cost of a cut, where a chunk of nothing would cost 1; after a heading only if all else fails."""

FINENESS = 32
"""The budget's 32nd part: units smaller than this are joined before the choice, to bound its time
where a text is all short lines."""

Ints = npt.NDArray[np.int64]


def choose_cuts(ends: Sequence[int], levels: Sequence[Level], budget: int) -> list[int]:
    """Chooses cuts so that every chunk keeps the budget, at the least total cost.

    Args:
        ends: Tokens from the beginning of the text to the end of each unit, strictly ascending;
            no unit has more tokens than the budget. The last is the text's end.
        levels: Level of the boundary at each end; the last counts for nothing.
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
    """Drops ends close to an end of at least their level; joined units stay within the width."""
    kept: list[int] = []
    before = [0]  # where the kept unit begins, for each kept unit and the one to come
    for unit, end in enumerate(ends):
        while kept and levels[kept[-1]] <= levels[unit] and end - before[-2] <= width:
            kept.pop()
            before.pop()
        kept.append(unit)
        before.append(end)
    return kept


def _walk_back(chunk_starts: Sequence[int]) -> list[int]:
    """Follows the best starts from the end of the text; returns the inner ones, ascending."""
    cuts = []
    position = chunk_starts[-1]
    while position:
        cuts.append(position)
        position = chunk_starts[position]
    return cuts[::-1]


def divide_evenly(start: int, end: int, places: Sequence[Ints], budget: int) -> list[int]:
    """Divides a unit that is larger than the budget into parts of about one size.

    Args:
        start: Token that the unit begins with.
        end: Token that it ends before.
        places: Tokens at which the text may be cut, ascending from 0, the preferred kind first.
            The last kind leaves nowhere more than the budget between two.
        budget: Most tokens in a part.

    Returns:
        The tokens to cut at, ascending; none where the unit keeps the budget.
    """
    cuts = []
    while end - start > budget:
        parts = -(-(end - start) // budget)
        share = -(-(end - start) // parts)
        start = _last_place(start, share, places, budget)
        cuts.append(start)
    return cuts


def _last_place(start: int, share: int, places: Sequence[Ints], budget: int) -> int:
    """Returns the last good place within the share, or within the budget if there is none."""
    for kind in places:
        place = _last_at_most(kind, start + share)
        if place > start + share // 2:
            return place
    return _last_at_most(places[-1], start + budget)


def _last_at_most(places: Ints, limit: int) -> int:
    return int(places[np.searchsorted(places, limit, side="right") - 1])
