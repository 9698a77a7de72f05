from __future__ import annotations

import pytest

from wiki_embeddings.dataset_layout import data_file, incomplete_series


def train(*numbers: int, count: int = 3) -> list[str]:
    return [f"data/train-{number:05d}-of-{count:05d}.parquet" for number in numbers]


@pytest.mark.parametrize(
    "paths",
    [
        [data_file("default", number, 12) for number in range(12)],
        ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
        [*train(0, 1, 2), "data/test-00000-of-00001.parquet"],
        ["articles.parquet", "more.parquet"],
        [],
    ],
    ids=["from 0", "from 1", "two series", "without numbers", "none"],
)
def test_a_complete_series_has_no_fault(paths):
    assert incomplete_series(paths) is None


@pytest.mark.parametrize(
    ("paths", "fault"),
    [
        (train(1, 2), "data/train-00000-of-00003.parquet is missing"),
        (train(0, 2), "data/train-00001-of-00003.parquet is missing"),
        (train(0, 1), "data/train-00002-of-00003.parquet is missing"),
        (train(2), "data/train-00000-of-00003.parquet and 1 more are missing"),
        (
            [*train(0, 1, 2), "data/test-00001-of-00002.parquet"],
            "data/test-00000-of-00002.parquet is missing",
        ),
        (
            [*train(0, count=2), *train(1)],
            "data/train is numbered out of 00002 and 00003, so files of two versions are mixed",
        ),
        (train(0, 1, 2, 7), "data/train goes on to number 7, although it has 00003 files"),
        (
            [*train(0, 1, 2), "data/extra.parquet"],
            "data/extra.parquet has no number, although others have",
        ),
    ],
)
def test_what_is_wrong_with_a_series_is_named(paths, fault):
    assert incomplete_series(paths) == fault
    assert incomplete_series(reversed(paths)) == fault
