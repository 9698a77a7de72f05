"""Packs sequences end to end, the longest first, for an engine that computes without padding.

A batch is a slice of them. No step here takes Python time per sequence: neighbours of one length
form a rectangle, and there are only as many rectangles as lengths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from wiki_embeddings.encoders.batching import equal_length_runs, longest_first
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.protocol import TokenIds
from wiki_embeddings.encoders.sequences import EMPTY, InputIds, SequenceBuilder
from wiki_embeddings.encoders.token_lists import TokenLists, offsets_from_lengths


@dataclass(frozen=True)
class PackedSequences:
    """Sequences end to end, the longest first, in input order among those of one length.

    The batch that needs the most memory comes first, so that a shortage shows at once.

    Attributes:
        rows: Index of each sequence in the input, int64 of shape `(sequences,)`.
        ids: Token ids with special tokens, int32 of shape `(tokens,)`.
        positions: Position of each token in its sequence, from 0, int32 of shape `(tokens,)`.
        offsets: Where each sequence begins and the last one ends, int64 of shape
            `(sequences + 1,)`.
    """

    rows: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int32]
    positions: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]


def pack_passages(
    passages: Sequence[TokenIds], sequences: SequenceBuilder, model: ResolvedModel
) -> PackedSequences:
    """Pack tokenised passages with special tokens and the model's prefix.

    Args:
        passages: Token ids of each passage, without those; fastest in `TokenLists`.
        sequences: Builds sequences from passages one by one.
        model: The model that reads them.

    Raises:
        BadInputError: A passage is longer than the model reads, has ids outside its vocabulary,
            or is not a sequence of integers.
    """
    # What an empty passage becomes: everything before a passage, and the one token after it.
    frame = sequences.from_passages([EMPTY])[0]
    if isinstance(passages, TokenLists) and _is_valid(passages, model, len(frame)):
        return pack(passages, frame[:-1], frame[-1:])
    # One by one, so that an error can name the faulty passage.
    return pack(TokenLists.from_arrays(sequences.from_passages(passages)))


def _is_valid(passages: TokenLists, model: ResolvedModel, added: int) -> bool:
    if passages.ids.dtype.kind not in "iu" or not passages.ids.size:
        return False
    fits = int(passages.lengths.max()) + added <= model.max_length
    return fits and 0 <= int(passages.ids.min()) <= int(passages.ids.max()) < model.vocab_size


def pack(sequences: TokenLists, head: InputIds = EMPTY, tail: InputIds = EMPTY) -> PackedSequences:
    """Lay sequences end to end, the longest first.

    Args:
        sequences: Token ids of each sequence.
        head: Token ids to put before each sequence.
        tail: Token ids to put after it.
    """
    added = len(head) + len(tail)
    lengths = sequences.lengths + added
    rows = longest_first(lengths)
    lengths = lengths[rows]
    offsets = offsets_from_lengths(lengths)
    begins = sequences.offsets[rows]
    ids = np.empty(offsets[-1], dtype=np.int32)
    positions = np.empty_like(ids)
    for first, end, length in equal_length_runs(lengths):
        if not length:
            break
        tokens = slice(offsets[first], offsets[end])
        rectangle = ids[tokens].reshape(-1, length)
        rectangle[:, : len(head)] = head
        windows = sliding_window_view(sequences.ids, length - added)
        rectangle[:, len(head) : length - len(tail)] = windows[begins[first:end]]
        rectangle[:, length - len(tail) :] = tail
        positions[tokens].reshape(-1, length)[:] = np.arange(length, dtype=np.int32)
    return PackedSequences(rows, ids, positions, offsets)
