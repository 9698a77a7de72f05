"""Shards on containers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.estimate.schedule import schedule


def test_shards_that_do_not_divide_by_containers_leave_a_tail():
    assert schedule([10.0] * 3, start_s=5.0, containers=2, inputs=1) == (25.0, 15.0)


def test_the_longest_shards_go_first():
    assert max(schedule([1, 1, 1, 1, 4], start_s=0, containers=2, inputs=1)) == 4


def test_no_more_containers_are_started_than_have_work():
    assert len(schedule([1.0] * 6, start_s=0, containers=50, inputs=2)) == 3


def test_two_shards_in_hand_share_their_container():
    together = schedule([10.0, 10.0], start_s=0, containers=1, inputs=2)
    assert together == schedule([10.0, 10.0], start_s=0, containers=1, inputs=1) == (20.0,)


@given(
    shards_s=st.lists(st.floats(0.1, 100), min_size=1, max_size=60),
    containers=st.integers(1, 20),
    inputs=st.integers(1, 3),
)
def test_a_schedule_does_all_the_work_and_wastes_little(shards_s, containers, inputs):
    finishes_s = schedule(shards_s, start_s=3.0, containers=containers, inputs=inputs)
    spread_s = 3.0 + sum(shards_s) / len(finishes_s)
    assert max(finishes_s) >= max(spread_s, 3.0 + max(shards_s)) - 1e-6
    assert max(finishes_s) <= spread_s + inputs * max(shards_s) + 1e-6
    assert len(finishes_s) <= containers
