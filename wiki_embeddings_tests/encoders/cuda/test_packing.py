from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.encoders.batching import batch_end, equal_length_runs, longest_first
from wiki_embeddings.encoders.cuda.packing import pack, pack_passages
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.encoders.sequences import SequenceBuilder
from wiki_embeddings.encoders.token_lists import TokenLists
from wiki_embeddings.errors import BadInputError
from wiki_embeddings_tests.encoders.references import TINY

lengths_lists = st.lists(st.integers(2, 512), min_size=1, max_size=300).map(
    lambda values: np.array(values, dtype=np.int64)
)
texts_lists = st.lists(st.lists(st.integers(0, 60_000), max_size=20), max_size=60).map(
    lambda texts: [np.array(text, dtype=np.uint16) for text in texts]
)
frames = st.lists(st.integers(0, 60_000), max_size=4).map(lambda ids: np.array(ids, dtype=np.int32))


def batches(lengths, budget):
    order = longest_first(lengths)
    ends = np.cumsum(lengths[order])
    found = []
    begin = 0
    while begin < len(order):
        end = batch_end(ends, begin, budget)
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
def test_the_longest_sequences_come_first_and_ties_keep_their_order(lengths):
    order = longest_first(lengths)
    assert list(order) == sorted(range(len(lengths)), key=lambda index: -lengths[index])


@given(lengths_lists)
def test_each_run_has_all_neighbours_of_one_length(lengths):
    runs = list(equal_length_runs(lengths))
    rebuilt = [length for first, end, length in runs for _ in range(first, end)]
    assert rebuilt == lengths.tolist()
    assert all(left[2] != right[2] for left, right in pairwise(runs))


@given(texts_lists, frames, frames)
def test_packed_sequences_are_the_framed_texts_end_to_end(texts, head, tail):
    sequences = pack(TokenLists.from_arrays(texts), head, tail)
    framed = [np.concatenate([head, text, tail]) for text in texts]
    assert sorted(sequences.rows) == list(range(len(texts)))
    assert sequences.offsets[0] == 0
    assert sequences.offsets[-1] == len(sequences.ids) == len(sequences.positions)
    for row, begin, end in zip(
        sequences.rows, sequences.offsets, sequences.offsets[1:], strict=False
    ):
        np.testing.assert_array_equal(sequences.ids[begin:end], framed[row])
        np.testing.assert_array_equal(sequences.positions[begin:end], np.arange(end - begin))
    assert sequences.ids.dtype == sequences.positions.dtype == np.int32


@pytest.fixture(scope="module")
def model():
    return resolve(TINY)


@pytest.fixture(scope="module")
def builder(model):
    return SequenceBuilder(model)


@given(
    st.lists(st.lists(st.integers(0, 131), max_size=58), max_size=40), st.sampled_from(["u2", "i8"])
)
def test_passages_in_token_lists_are_packed_as_one_by_one(model, builder, texts, dtype):
    passages = [np.array(text, dtype=dtype) for text in texts]
    together = pack_passages(TokenLists.from_arrays(passages), builder, model)
    one_by_one = pack_passages(passages, builder, model)
    for left, right in zip(vars(together).values(), vars(one_by_one).values(), strict=True):
        np.testing.assert_array_equal(left, right)
        assert left.dtype == right.dtype


@pytest.mark.parametrize(
    ("passage", "reason"),
    [
        (np.full(63, 5, np.uint16), r"Passage 1 has 63 tokens.*reads at most 60"),
        (np.array([5, 132], np.uint16), r"Passage 1 has token ids from 5 to 132"),
        (np.array([5, -1], np.int64), r"Passage 1 has token ids from -1 to 5"),
        (np.array([5.0]), r"float64 of shape .*token ids are integers"),
    ],
)
def test_faulty_passages_in_token_lists_are_refused_by_number(model, builder, passage, reason):
    passages = TokenLists.from_arrays([np.array([7], dtype=passage.dtype), passage])
    with pytest.raises(BadInputError, match=reason):
        pack_passages(passages, builder, model)


def test_token_lists_are_a_sequence_of_their_texts():
    texts = [np.array(text, np.uint16) for text in ([7, 8], [], [9])]
    lists = TokenLists.from_arrays(texts)
    assert len(lists) == 3
    for found, expected in zip(lists, texts, strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(lists[-1], [9])
    np.testing.assert_array_equal(lists[1:].ids, [9])
    np.testing.assert_array_equal(lists[::-1][0], [9])
    with pytest.raises(IndexError):
        lists[3]
    assert lists[0].base is lists.ids


def test_token_lists_may_be_empty():
    assert len(TokenLists.from_arrays([])) == 0
    assert list(TokenLists(np.empty(0, np.uint16), np.zeros(1, np.int64))) == []
    assert len(pack(TokenLists.from_arrays([])).rows) == 0
