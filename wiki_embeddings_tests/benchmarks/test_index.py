from __future__ import annotations

import numpy as np
import pytest

from benchmarks.index import ENGLISH_ROWS, extrapolated, ours, share_for
from wiki_embeddings.stages.index_plan import ROWS_PER_LIST


def test_the_share_is_that_of_the_rows_read_until_enough_are_found():
    read = np.array([[100, 200, 300, 400], [500, 600, 700, 1000]])
    assert share_for(0.5, read, 1000) == 0.4
    assert share_for(0.95, read, 1000) == 1.0


@pytest.mark.parametrize("with_list_rows", [False, True])
def test_a_power_law_is_extrapolated_exactly(with_list_rows):
    def share(rows: int, per_list: int) -> float:
        return (rows / per_list) ** -0.7 * (per_list**-0.2 if with_list_rows else 1)

    measured = {
        (rows, per_list): np.full((3, 10), share(rows, per_list) * rows)
        for rows in (2_000, 8_000)
        for per_list in (10, 40)
    }
    found = extrapolated(measured, np.arange(3), with_list_rows=with_list_rows)
    assert found == pytest.approx(share(ENGLISH_ROWS, ROWS_PER_LIST), rel=1e-6)


def test_our_engine_finds_nearly_all(tmp_path):
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((2000, 64), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    *_, (_, found, read) = ours(vectors, vectors[:20], tmp_path)
    assert (found[:, 0] == np.arange(20)).all()
    assert read.endswith("kB")
