"""Centroids by k-means in two levels, in an order that puts like ones beside each other.

Vectors are grouped first, and each group gets centroids of its own, as many as its share: a
hundredth of the work of k-means over all centroids at once, with recall alike. Groups, and the
centroids in each, are put into a chain from one to the nearest that is left, so that the lists
which a question reads lie together.
"""

from __future__ import annotations

from math import isqrt

import numpy as np
import numpy.typing as npt

from wiki_embeddings.vector_index.quantization import Integers, nearest_centroids

_ROUNDS = 10
"""The mean distance to the centroids falls by less than 1 % after that."""


def train(sample: Integers, count: int) -> Integers:
    """Find centroids.

    Args:
        sample: Vectors, of shape `(rows, dimensions)`; at least one.
        count: Centroids wanted; fewer than rows.

    Returns:
        Centroids, of shape `(at most count, dimensions)`.
    """
    groups = _chain(_kmeans(sample, max(1, isqrt(count))))
    members = nearest_centroids(sample, groups)
    rows = np.bincount(members, minlength=len(groups))
    # As many centroids in all as the rounded running total of the groups' shares says.
    ends = np.rint(np.cumsum(rows) * (count / len(sample))).astype(int)
    found = [
        _chain(_kmeans(sample[members == group], wanted))
        for group, wanted in enumerate(np.diff(ends, prepend=0))
        if wanted and rows[group]
    ]
    return np.concatenate(found)


def _kmeans(sample: Integers, count: int) -> Integers:
    """Find centroids by Lloyd's iteration from evenly spaced rows; an empty one stays as it is."""
    count = min(count, len(sample))
    centroids = sample[np.arange(count) * len(sample) // count]
    for _ in range(_ROUNDS):
        nearest = nearest_centroids(sample, centroids)
        order = np.argsort(nearest, kind="stable")
        present, firsts = np.unique(nearest[order], return_index=True)
        sums = np.add.reduceat(sample[order].astype(np.int32), firsts, axis=0)
        sizes = np.diff(firsts, append=len(sample))
        centroids = centroids.copy()
        centroids[present] = np.rint(sums / sizes[:, None])
    return centroids


def _chain(centroids: Integers) -> Integers:
    """Order centroids: the first, then always the nearest of those that are left."""
    left = np.arange(1, len(centroids))
    order = [0] if len(centroids) else []
    while left.size:
        nearest = _nearest(centroids[left], centroids[order[-1]])
        order.append(int(left[nearest]))
        left = np.delete(left, nearest)
    return centroids[order]


def _nearest(points: Integers, point: npt.NDArray[np.int8]) -> int:
    return int(np.square(points.astype(np.int32) - point).sum(axis=1).argmin())
