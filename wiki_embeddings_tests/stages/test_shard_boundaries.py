"""Boundaries by page ids: what an edit, a new page and a removed one change."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wiki_embeddings.stages.shard_boundaries import beyond_the_edge, boundaries, ranks_of

RADIUS = 5

page_ids = st.lists(st.integers(1, 400), unique=True, max_size=200).map(sorted)


def last_ids(ids: Sequence[int], radius: int = RADIUS) -> list[int]:
    """Page ids that a boundary follows."""
    edge = beyond_the_edge(radius)
    ranks = np.concatenate([edge, ranks_of(ids), edge])
    return [ids[last] for last in boundaries(ranks, radius)] if ids else []


@given(page_ids)
@settings(max_examples=30)
def test_boundaries_are_neither_near_to_each_other_nor_to_an_edge(ids):
    places = [-1, *(ids.index(last) for last in last_ids(ids)), len(ids) - 1]
    gaps = [other - one for one, other in pairwise(places)]
    assert all(gap > RADIUS for gap in gaps[:-1])
    assert gaps[-1] >= RADIUS or len(gaps) == 1


@given(page_ids.filter(bool), st.data())
@settings(max_examples=50)
def test_a_page_that_is_added_or_removed_moves_only_boundaries_near_it(ids, data):
    changed = data.draw(st.sampled_from(ids))
    others = [i for i in ids if i != changed]
    place = ids.index(changed)
    near = set(ids[max(0, place - RADIUS) : place + RADIUS + 1])
    assert set(last_ids(ids)) ^ set(last_ids(others)) <= near


def test_shards_are_of_the_wanted_size_on_average_and_never_much_larger():
    ids = np.cumsum(np.random.default_rng(0).integers(1, 30, 100_000))
    sizes = np.diff([np.searchsorted(ids, last) for last in last_ids(list(ids), radius=50)])
    assert np.mean(sizes) == pytest.approx(101, rel=0.05)
    assert min(sizes) > 50
    assert max(sizes) < 5 * 101


def test_a_rank_is_what_split_mix_makes_of_the_id():
    state = np.array([0x9E3779B97F4A7C15], np.uint64)  # of a generator with seed 0, after one step
    assert ranks_of(state).tolist() == [0xE220A8397B1DCDAF]  # and its well-known first number
    assert len(np.unique(ranks_of(np.arange(100_000)))) == 100_000
