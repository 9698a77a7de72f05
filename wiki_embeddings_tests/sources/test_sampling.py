"""Dry runs always keep the same articles, evenly spread."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.sources.sampling import choose_files, keep_mask

PAGE_IDS = st.lists(st.integers(0, 2**63 - 1), max_size=50).map(
    lambda ids: np.array(ids, dtype=np.int64)
)
FRACTIONS = st.floats(0, 1)


def test_the_share_kept_is_the_fraction_in_every_stretch_of_ids():
    ids = np.arange(1_000_000, dtype=np.int64)

    kept = keep_mask(ids, 0.03).reshape(10, -1).mean(axis=1)

    # Ten stretches of 100,000: one standard deviation is 0.0005.
    np.testing.assert_allclose(kept, 0.03, atol=0.003)


def test_the_hash_is_splitmix64():
    first_of_seed_0 = 0xE220A8397B1DCDAF / 2**64
    zero = np.zeros(1, dtype=np.int64)

    assert keep_mask(zero, first_of_seed_0 + 1e-12).all()
    assert not keep_mask(zero, first_of_seed_0 - 1e-12).any()
    ids = np.arange(30, dtype=np.int64)
    assert np.flatnonzero(keep_mask(ids, 0.2)).tolist() == [3, 10, 18, 21]


@given(st.integers(1, 60), st.floats(0.001, 1))
def test_only_the_files_needed_are_fetched_and_their_articles_make_the_fraction(
    number: int, fraction: float
):
    files, keep = choose_files(range(number), fraction)

    assert list(files) == list(range(len(files)))
    assert keep <= 1
    assert len(files) * keep == pytest.approx(fraction * number)
    assert len(files) - 1 < fraction * number


def test_all_files_are_fetched_whole_and_none_without_any():
    assert choose_files("abc", 1.0) == ("abc", 1.0)
    assert choose_files((), 0.5)[0] == ()


@given(PAGE_IDS)
def test_everything_is_kept_from_one_on_and_nothing_at_zero(ids: np.ndarray):
    assert keep_mask(ids, 1.0).all()
    assert not keep_mask(ids, 0.0).any()


@given(PAGE_IDS, FRACTIONS, FRACTIONS)
def test_a_larger_fraction_keeps_all_that_a_smaller_one_does(
    ids: np.ndarray, one: float, other: float
):
    smaller, larger = sorted((one, other))

    assert not (keep_mask(ids, smaller) & ~keep_mask(ids, larger)).any()


@given(PAGE_IDS, FRACTIONS)
def test_keeping_an_article_does_not_depend_on_its_neighbours(ids: np.ndarray, fraction: float):
    alone = [bool(keep_mask(ids[place : place + 1], fraction)[0]) for place in range(len(ids))]

    assert keep_mask(ids, fraction).tolist() == alone
