from __future__ import annotations

import numpy as np

from wiki_embeddings.vector_index.kmeans import train
from wiki_embeddings.vector_index.quantization import nearest_centroids


def blobs(count: int, rows_each: int, dimensions: int = 16) -> np.ndarray:
    """Rows around points on a line, so that it is known which of the points are neighbours."""
    rng = np.random.default_rng(0)
    centres = np.zeros((count, dimensions))
    centres[:, 0] = np.linspace(-100, 100, count)
    rows = np.repeat(centres, rows_each, axis=0) + rng.standard_normal(
        (count * rows_each, dimensions)
    )
    return np.rint(rng.permutation(rows)).astype(np.int8)


def test_each_cluster_gets_centroids_and_the_lists_are_even():
    sample = blobs(16, 50)
    centroids = train(sample, 16)
    sizes = np.bincount(nearest_centroids(sample, centroids), minlength=len(centroids))
    assert len(centroids) <= 16
    assert sizes.max() < 4 * sizes.mean()
    distances = np.abs(sample[:, None, 0].astype(int) - centroids[None, :, 0]).min(axis=1)
    assert distances.mean() < 8


def test_centroids_that_are_alike_lie_beside_each_other():
    centroids = train(blobs(16, 50), 16)
    steps = np.abs(np.diff(centroids[:, 0].astype(int)))
    shuffled = np.random.default_rng(1).permutation(centroids)[:, 0].astype(int)
    assert steps.sum() < 0.6 * np.abs(np.diff(shuffled)).sum()


def test_equal_rows_and_fewer_rows_than_centroids_are_no_problem():
    assert len(train(np.ones((5, 8), np.int8), 3)) <= 3
    assert train(np.ones((1, 8), np.int8), 1).tolist() == [[1] * 8]
