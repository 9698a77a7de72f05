"""Where a shard ends, and a published file: decided by page ids alone.

So an edit moves no boundary, and a page that is added or removed moves only those near it. A page
has a rank, which looks random; a boundary follows each page whose rank is the highest within
`radius` pages on either side. Two boundaries are then at least `radius + 1` pages apart, and
`2 * radius + 1` on average: of so many neighbours each is equally likely to be the highest. Files
are cut in this way by Bjørner, Blass and Gurevich, "Content-dependent chunking for differential
compression, the local maximum approach" (2010).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

Ranks = npt.NDArray[np.uint64]


def ranks_of(page_ids: npt.ArrayLike) -> Ranks:
    """Give each page id its rank: the finalizer of SplitMix64, which maps no two ids to one.

    Args:
        page_ids: Page ids, not negative.
    """
    mixed = np.asarray(page_ids).astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def beyond_the_edge(radius: int) -> Ranks:
    """Ranks of the neighbours that the first page and the last do not have.

    They are the highest, so that no boundary is so near to an edge that it leaves a tiny shard.
    """
    return np.full(radius, np.iinfo(np.uint64).max)


def boundaries(ranks: Ranks, radius: int) -> npt.NDArray[np.intp]:
    """Find the pages that a boundary follows.

    Args:
        ranks: Ranks of consecutive pages in the order of their ids, of shape `(pages,)`. The first
            and the last `radius` are only neighbours of the others.
        radius: Number of neighbours on either side that a page's rank must exceed.

    Returns:
        Their indices, counted from the first page that is not only a neighbour, ascending.
    """
    highest = sliding_window_view(ranks, 2 * radius + 1).max(axis=1)
    return np.flatnonzero(highest == ranks[radius : len(ranks) - radius])
