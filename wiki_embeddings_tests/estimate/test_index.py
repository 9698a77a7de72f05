"""The estimate of an index agrees with what makes it, and with what was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wiki_embeddings.estimate import RunOptions, predict
from wiki_embeddings.estimate import index as estimated
from wiki_embeddings.stages import index, index_plan

ENGLISH = RunOptions(gpu="A10", containers=50)


def test_it_counts_with_the_numbers_of_the_stage():
    private = ("SAMPLE_PER_LIST", "SAMPLED_SHARDS", "LISTS_FILE_BYTES")
    for name in ("ROWS_PER_LIST", "QUESTIONS", "NEAREST", *private):
        module = index if name in {"NEAREST", "SAMPLED_SHARDS"} else index_plan
        made_with = getattr(module, f"_{name}" if name in private else name)
        assert getattr(estimated, name) == made_with, name


def test_an_index_takes_as_much_as_the_one_that_was_measured():
    """A million rows in 77 shards, by `python -m benchmarks.index_reading` on two cores."""
    work = predict(RunOptions(wiki="simple")).workload
    shards = (work.text_bytes / 77,) * 77
    counted = estimated.count_index_work(replace(work, chunks=1e6, shards=shards), 384, cores=1)
    assert counted.published_bytes == pytest.approx(54.5e6, rel=0.01)
    centroids_s, codes_s, *_ = map(sum, counted.maps_s)
    assert centroids_s == pytest.approx(13, rel=0.1)
    assert codes_s / 2 == pytest.approx(34, rel=0.1)


def test_the_index_of_english_is_small_cheap_and_a_part_of_the_dataset():
    estimate = predict(ENGLISH)
    dataset = estimate.assets[-1]
    assert estimate.index is not None
    assert estimate.index.published_bytes == pytest.approx(1.18e9, rel=0.01)
    without = dataset.stored_bytes - estimate.index.stored_bytes
    assert 0.04 < estimate.index.published_bytes / without < 0.06
    assert 120 < estimate.index.wall_s < dataset.wall_s
    assert estimate.index.wall_s < 15 * 60
    assert 0.05 < estimate.index.dollars < 1
    assert estimate.index.dollars < dataset.dollars
    assert estimate.index.basis == "predicted"


def test_an_index_takes_longer_on_two_cores_than_on_a_hundred():
    here, there = predict(RunOptions(cores=2)).index, predict(ENGLISH).index
    assert here is not None
    assert there is not None
    assert here.wall_s > 10 * there.wall_s
    assert here.dollars == here.container_s == 0
    assert here.basis == "measured"


def test_a_small_dataset_gets_no_index():
    assert predict(RunOptions(wiki="sample")).index is None
