from __future__ import annotations

from itertools import accumulate, combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.chunking.boundaries import Level
from wiki_embeddings.chunking.cuts import CUT_COST, choose_cuts, divide_evenly

BUDGET = 100
units = st.lists(st.tuples(st.integers(1, BUDGET), st.sampled_from(Level)), min_size=1)


def sizes(cuts: list[int], total: int) -> list[int]:
    return [end - start for start, end in pairwise([0, *cuts, total])]


def cut(units: list[tuple[int, Level]]) -> tuple[list[int], list[Level], list[int]]:
    ends = list(accumulate(size for size, _ in units))
    levels = [level for _, level in units]
    return ends, levels, choose_cuts(ends, levels, BUDGET)


@given(units)
def test_every_chunk_fits_the_budget_and_ends_where_a_unit_ends(units: list[tuple[int, Level]]):
    ends, _, cuts = cut(units)
    assert set(cuts) <= set(ends[:-1])
    assert all(0 < size <= BUDGET for size in sizes(cuts, ends[-1]))


@given(st.lists(st.tuples(st.integers(4, BUDGET), st.sampled_from(Level)), min_size=1, max_size=9))
def test_no_other_cuts_cost_less(units: list[tuple[int, Level]]):
    ends, levels, cuts = cut(units)
    level_at = dict(zip(ends, levels, strict=True))

    def cost(cuts: list[int]) -> float:
        unused = sum((1 - size / BUDGET) ** 2 for size in sizes(cuts, ends[-1]))
        return unused + sum(CUT_COST[level_at[cut]] for cut in cuts)

    possible = [
        list(some)
        for count in range(len(ends))
        for some in combinations(ends[:-1], count)
        if max(sizes(list(some), ends[-1])) <= BUDGET
    ]
    assert cost(cuts) == pytest.approx(min(map(cost, possible)))


def test_two_even_chunks_are_better_than_a_full_one_and_an_orphan():
    _, _, cuts = cut([(10, Level.SENTENCE)] * 11)
    assert cuts in ([50], [60])


def test_a_section_is_a_better_end_than_a_fuller_chunk():
    _, _, cuts = cut(
        [(40, Level.PARAGRAPH), (40, Level.SECTION), (15, Level.PARAGRAPH), (60, Level.SECTION)]
    )
    assert cuts == [80]


def test_a_chunk_ends_elsewhere_than_after_a_heading_if_it_can():
    _, _, cuts = cut([(5, Level.SENTENCE), (60, Level.HEADING), (40, Level.SECTION)])
    assert cuts == [5]


def test_a_text_of_short_lines_is_still_cut_at_paragraphs():
    ten_lines = [(1, Level.LINE)] * 9 + [(1, Level.PARAGRAPH)]
    ends, levels, cuts = cut(ten_lines * 100)
    level_at = dict(zip(ends, levels, strict=True))
    assert {level_at[cut] for cut in cuts} == {Level.PARAGRAPH}


gaps_between_words = st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=60)


@given(gaps_between_words)
def test_parts_of_a_large_unit_fit_the_budget_and_end_where_words_end(
    gaps: list[tuple[int, bool]],
):
    words = np.array([0, *accumulate(size for size, _ in gaps)], np.int64)
    spaces = words[[True, *(ends_in_space for _, ends_in_space in gaps)]]
    end = int(words[-1])
    cuts = divide_evenly(0, end, (spaces, words), 40)
    assert set(cuts) <= set(words.tolist())
    assert all(0 < size <= 40 for size in sizes(cuts, end))


def test_a_large_unit_is_divided_evenly():
    words = np.arange(0, 211, 1)
    assert divide_evenly(0, 210, (words, words), BUDGET) == [70, 140]


def test_a_large_unit_is_divided_at_white_space_if_possible():
    spaces = np.array([0, 60, 150])
    words = np.arange(151)
    assert divide_evenly(0, 150, (spaces, words), BUDGET) == [60]


def test_a_unit_within_the_budget_is_not_divided():
    words = np.arange(101)
    assert divide_evenly(0, 100, (words, words), BUDGET) == []
