"""Batches by token budget over sequences sorted by length: nothing is padded, memory is bounded."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def longest_first(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Indices of sequences, the longest first, those of one length in the order in which they are.

    What needs the most memory comes first, so that a shortage shows at once.

    Args:
        lengths: Tokens of each sequence, shape `(sequences,)`.
    """
    return np.argsort(-lengths, kind="stable")


def end_of_batch(ends: npt.NDArray[np.int64], begin: int, token_budget: int) -> int:
    """Finds where a batch ends that pads nothing.

    Args:
        ends: Tokens up to the end of each sequence, shape `(sequences,)`.
        begin: Index of the batch's first sequence.
        token_budget: Most tokens in the batch. A longer sequence is a batch alone.

    Returns:
        One more than the index of the batch's last sequence.
    """
    before = int(ends[begin - 1]) if begin else 0
    return max(begin + 1, int(np.searchsorted(ends, before + token_budget, side="right")))
