from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.encoders.batching import end_of_batch, longest_first, packed

lengths_lists = st.lists(st.integers(2, 512), min_size=1, max_size=300).map(
    lambda values: np.array(values, dtype=np.int64)
)


def batches(lengths, budget):
    order = longest_first(lengths)
    ends = np.cumsum(lengths[order])
    found = []
    begin = 0
    while begin < len(order):
        end = end_of_batch(ends, begin, budget)
        found.append(order[begin:end])
        begin = end
    return found


@given(lengths_lists, st.integers(1, 4096))
def test_every_sequence_is_in_exactly_one_batch(lengths, budget):
    assert sorted(np.concatenate(batches(lengths, budget))) == list(range(len(lengths)))


@given(lengths_lists, st.integers(1, 4096))
def test_a_batch_is_as_full_as_the_budget_allows(lengths, budget):
    found = batches(lengths, budget)
    for batch, following in zip(found, [*found[1:], None], strict=True):
        assert lengths[batch].sum() <= budget or len(batch) == 1
        if following is not None:
            assert lengths[batch].sum() + lengths[following[0]] > budget


@given(lengths_lists)
def test_the_longest_come_first_and_equals_keep_their_order(lengths):
    order = longest_first(lengths)
    assert list(order) == sorted(range(len(lengths)), key=lambda index: -lengths[index])


def test_sequences_are_laid_end_to_end():
    ids, places, offsets = packed([np.array([7, 8, 9], np.int32), np.array([5, 6], np.int32)])
    np.testing.assert_array_equal(ids, [7, 8, 9, 5, 6])
    np.testing.assert_array_equal(places, [0, 1, 2, 0, 1])
    np.testing.assert_array_equal(offsets, [0, 3, 5])
    assert ids.dtype == places.dtype == offsets.dtype == np.int32
