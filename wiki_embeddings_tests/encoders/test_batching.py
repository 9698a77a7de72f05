from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.encoders.batching import padded, token_batches

lengths_lists = st.lists(st.integers(2, 512), max_size=300).map(
    lambda values: np.array(values, dtype=np.int64)
)


@given(lengths_lists, st.integers(1, 4096))
def test_every_sequence_is_in_exactly_one_batch(lengths, budget):
    batches = token_batches(lengths, budget)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))


@given(lengths_lists, st.integers(1, 4096))
def test_a_batch_keeps_the_budget_unless_it_is_one_sequence(lengths, budget):
    for batch in token_batches(lengths, budget):
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= budget


@given(lengths_lists, st.integers(1, 4096))
def test_little_of_a_batch_is_padding(lengths, budget):
    for batch in token_batches(lengths, budget):
        longest = lengths[batch].max()
        assert lengths[batch].min() >= min(longest * 7 / 8, longest - 4)


@given(lengths_lists, st.integers(1, 4096))
def test_batches_go_from_long_to_short(lengths, budget):
    order = np.concatenate([*token_batches(lengths, budget), np.array([], dtype=np.int64)])
    assert np.all(np.diff(lengths[order.astype(np.int64)]) <= 0)


def test_sequences_of_one_length_fill_their_batches():
    batches = token_batches(np.full(10, 100, dtype=np.int64), 400)
    assert [len(batch) for batch in batches] == [4, 4, 2]


def test_rows_are_padded_on_the_right():
    rows = padded([np.array([5, 6, 7], dtype=np.int32), np.array([8], dtype=np.int32)], 1)
    np.testing.assert_array_equal(rows, [[5, 6, 7], [8, 1, 1]])
    assert rows.dtype == np.int32
