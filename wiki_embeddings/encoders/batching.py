"""Batches by token budget over sequences sorted by length: no padding, bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt


def longest_first(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the indices of sequences from longest to shortest, stable for equal lengths.

    The batch that needs the most memory comes first, so that a shortage shows at once.

    Args:
        lengths: Tokens of each sequence, shape `(sequences,)`.
    """
    return np.argsort(-lengths, kind="stable")


def batch_end(ends: npt.NDArray[np.int64], begin: int, token_budget: int) -> int:
    """Return where a batch ends that fills the token budget without padding.

    Args:
        ends: Cumulative sum of the sequences' lengths, shape `(sequences,)`.
        begin: Index of the batch's first sequence.
        token_budget: Most tokens in the batch. A longer sequence is a batch by itself.

    Returns:
        One more than the index of the batch's last sequence.
    """
    before = int(ends[begin - 1]) if begin else 0
    return max(begin + 1, int(np.searchsorted(ends, before + token_budget, side="right")))


def equal_length_runs(lengths: npt.NDArray[np.integer]) -> Iterator[tuple[int, int, int]]:
    """Yield the begin, the end (exclusive) and the length of each run of equal lengths.

    Args:
        lengths: Tokens of each sequence, shape `(sequences,)`.
    """
    if not len(lengths):
        return
    begin = 0
    for end in [*(np.flatnonzero(np.diff(lengths)) + 1).tolist(), len(lengths)]:
        yield begin, end, int(lengths[begin])
        begin = end
