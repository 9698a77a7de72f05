"""Batches by token budget over sequences sorted by length: little padding, bounded memory."""

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
