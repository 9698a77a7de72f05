"""The index of a dataset: how large it is, and how long each of the maps that make it takes.

`stages.index` makes it; docs/search.md says what each step was measured to take.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from wiki_embeddings.estimate import figures
from wiki_embeddings.estimate.figures import Figure
from wiki_embeddings.estimate.workload import Workload
from wiki_embeddings.volume import MiB

ROWS_PER_LIST = 1318
SAMPLE_PER_LIST = 64
SAMPLED_SHARDS = 200
QUESTIONS = 1000
NEAREST = 16
LISTS_FILE_BYTES = 128 * MiB
# As in `stages.index` and `stages.index_plan`, which load NumPy; a test compares them.

_KMEANS_PASSES = 21
"""Over the sample, each comparing a vector with the square root of the number of lists: ten rounds
on each of two levels, and one between them."""

_POSITION_BYTES = 0.16
"""Of a row in the head: 3.4 MB say where the pages of English lie."""

RATES: tuple[Figure, ...] = (
    figures.SAMPLE_ROWS,
    figures.COMPARE,
    figures.ENCODE_ROWS,
    figures.GATHER,
    figures.ASK,
)
"""What the time of its maps rests on."""


@dataclass(frozen=True)
class IndexWork:
    """An index to make.

    Attributes:
        published_bytes: Bytes of its files in the dataset.
        stored_bytes: Bytes of those and of what they are made from, on the volume.
        maps_s: Seconds of the shards of each map, one map after the other.
    """

    published_bytes: float
    stored_bytes: float
    maps_s: tuple[tuple[float, ...], ...]


def count_index_work(work: Workload, dimensions: int, cores: int) -> IndexWork:
    """Count what the index of a dataset takes.

    Args:
        work: What the run processes.
        dimensions: Length of a vector.
        cores: Cores that make a shard.
    """
    rows, shards = work.chunks, len(work.shards)
    lists = max(1, round(rows / ROWS_PER_LIST))
    record = math.ceil(dimensions / 8) + 6
    published = rows * (record + _POSITION_BYTES) + lists * dimensions
    codes = rows * record + shards * (QUESTIONS * NEAREST * 8 + lists * 4)

    def compared_s(vectors: float, centroids: float) -> float:
        return 2 * dimensions * vectors * centroids / figures.COMPARE.value / cores

    sampled = rows * min(1.0, SAMPLED_SHARDS / shards) / figures.SAMPLE_ROWS.value
    centroids_s = sampled + compared_s(
        min(rows, lists * SAMPLE_PER_LIST), _KMEANS_PASSES * math.sqrt(lists)
    )
    row_s = compared_s(1, lists + QUESTIONS) + 1 / figures.ENCODE_ROWS.value
    files = max(1, math.ceil(rows * record / LISTS_FILE_BYTES))
    return IndexWork(
        published_bytes=published,
        stored_bytes=published + codes,
        maps_s=(
            (centroids_s,),
            tuple(rows * row_s * shard / work.text_bytes for shard in work.shards),
            (codes / figures.GATHER.value,) * files,
            (QUESTIONS / figures.ASK.value,),
        ),
    )
