"""Batches by token budget over sequences sorted by length: little padding, bounded memory.

An engine either pads: `token_batches` and `padded`; or it pads nothing: `longest_first` and
`end_of_batch`, and `packing` for one that takes sequences end to end.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_PADDING = 1 / 8
"""Most of a sequence that may be padding; a batch that would need more is split."""

_FREE_PADDING = 4
"""Tokens of padding that cost less than another batch."""


def token_batches(lengths: npt.NDArray[np.int64], token_budget: int) -> list[npt.NDArray[np.int64]]:
    """Groups sequences of nearly the same length, the longest first.

    Depends on nothing but its arguments, so that the same texts always meet in the same batches.

    Args:
        lengths: Tokens of each sequence, shape `(sequences,)`.
        token_budget: Most tokens in a batch, padding included. A longer sequence is a batch alone.

    Returns:
        For each batch the indices of its sequences, longest first; each index once in all.
    """
    order = np.argsort(-lengths, kind="stable")
    descending = lengths[order]
    batches = []
    begin = 0
    while begin < len(order):
        longest = int(descending[begin])
        shortest = min(longest * (1 - _PADDING), longest - _FREE_PADDING)
        similar = int(np.searchsorted(-descending, -shortest, side="right"))
        end = min(similar, begin + max(1, token_budget // longest))
        batches.append(order[begin:end])
        begin = end
    return batches


def padded(sequences: Sequence[npt.NDArray[np.int32]], padding: int) -> npt.NDArray[np.int32]:
    """Lays sequences of different lengths into the rows of one array.

    Args:
        sequences: Token ids of each sequence, with special tokens.
        padding: Id that fills each row on the right.

    Returns:
        int32 of shape `(sequences, tokens of the longest)`.
    """
    rows = np.full((len(sequences), max(map(len, sequences))), padding, dtype=np.int32)
    for row, sequence in zip(rows, sequences, strict=True):
        row[: len(sequence)] = sequence
    return rows


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
