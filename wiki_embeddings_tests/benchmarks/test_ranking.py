from __future__ import annotations

import numpy as np
import pytest

from benchmarks.ranking import first_relevant_ranks, hits, paired_difference, reciprocal_ranks


def test_a_rank_counts_the_passages_that_score_higher():
    scores = np.array([[0.1, 0.9, 0.5], [0.1, 0.9, 0.5], [0.1, 0.9, 0.5]])
    assert first_relevant_ranks(scores, [[1], [2], [0]]).tolist() == [1, 2, 3]


def test_the_first_of_several_relevant_passages_counts():
    assert first_relevant_ranks(np.array([[0.1, 0.9, 0.5, 0.7]]), [[0, 3]]).tolist() == [2]


def test_equal_scores_rank_in_the_order_of_passages():
    scores = np.zeros((2, 40))
    assert first_relevant_ranks(scores, [[0], [39]]).tolist() == [1, 40]


def test_passages_with_a_score_of_nan_come_last():
    assert first_relevant_ranks(np.array([[np.nan, -1.0, 0.5]]), [[0]]).tolist() == [3]


def test_recall_and_reciprocal_rank_follow_the_textbook():
    ranks = np.array([1, 2, 5, 11])
    assert [hits(ranks, count).mean() for count in (1, 5, 10, 11)] == [0.25, 0.75, 0.75, 1.0]
    assert reciprocal_ranks(ranks).mean() == pytest.approx((1 + 1 / 2 + 1 / 5 + 1 / 11) / 4)


def test_a_search_method_does_not_differ_from_itself():
    quality = reciprocal_ranks(np.array([1, 3, 2, 40]))
    gain = paired_difference(quality, quality)
    assert (gain.mean, gain.low, gain.high) == (0, 0, 0)
    assert gain.is_noise


def test_a_gain_or_loss_on_nearly_all_questions_is_beyond_chance():
    worse, better = np.full(60, 0.5), np.ones(60)
    worse[:5] = 1
    gain, loss = paired_difference(better, worse), paired_difference(worse, better)
    assert gain.mean == pytest.approx(55 / 60 / 2) == -loss.mean
    assert 0 < gain.low < gain.mean < gain.high
    assert (loss.low, loss.high) == pytest.approx((-gain.high, -gain.low))
    assert not gain.is_noise
    assert not loss.is_noise


def test_gains_and_losses_that_cancel_are_noise():
    one, other = np.tile([1, 0.5], 30), np.tile([0.5, 1], 30)
    assert paired_difference(one, other).mean == 0
    assert paired_difference(one, other).is_noise


def test_the_width_of_an_interval_agrees_with_the_standard_error():
    gains = np.random.default_rng(5).normal(size=400)
    gain = paired_difference(gains, np.zeros(400))
    assert gain.high - gain.low == pytest.approx(2 * 1.96 * gains.std() / 20, rel=0.05)


def test_the_same_seed_gives_the_same_interval():
    quality, reference = np.random.default_rng(5).random((2, 50))
    assert paired_difference(quality, reference) == paired_difference(quality, reference)
    assert paired_difference(quality, reference) != paired_difference(quality, reference, seed=1)
