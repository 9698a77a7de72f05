"""Sequences laid end to end, the longest first: what an engine computes that pads nothing.

A batch is a slice of them. Nothing here takes time for each sequence: neighbours of one length form
a rectangle, and there are only as many of those as there are lengths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from wiki_embeddings.encoders.batching import longest_first
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.protocol import TokenIds
from wiki_embeddings.encoders.sequences import Ids, SequenceMaker
from wiki_embeddings.encoders.token_lists import TokenLists, offsets_of, token_lists

_NOTHING: Ids = np.empty(0, dtype=np.int32)


@dataclass(frozen=True)
class Packed:
    """Sequences end to end, the longest first, those of one length in the order they came in.

    What needs the most memory comes first, so that a shortage shows at once.

    Attributes:
        rows: Which of the sequences that came in each one is, int64 of shape `(sequences,)`.
        ids: Token ids, with special tokens, int32 of shape `(tokens,)`.
        places: Place of each token in its sequence, from 0, likewise.
        offsets: Where each sequence begins and the last one ends, int64 of shape
            `(sequences + 1,)`.
    """

    rows: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int32]
    places: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]


def packed_passages(
    passages: Sequence[TokenIds], sequences: SequenceMaker, model: ResolvedModel
) -> Packed:
    """Packs passages that are tokenised already, with special tokens and the model's prefix.

    Args:
        passages: Token ids of each passage, without those; quickest in `TokenLists`.
        sequences: Makes sequences of them one by one.
        model: The model that reads them.

    Raises:
        BadInputError: A passage is longer than the model reads, has ids outside its vocabulary,
            or is no sequence of integers.
    """
    # What an empty passage becomes: all that is put before a passage, and the one token after it.
    frame = sequences.from_passages([_NOTHING])[0]
    if isinstance(passages, TokenLists) and _can_be_read(passages, model, len(frame)):
        return packed(passages, frame[:-1], frame[-1:])
    # One by one, so that an error can say which passage is at fault.
    return packed(token_lists(sequences.from_passages(passages)))


def _can_be_read(passages: TokenLists, model: ResolvedModel, added: int) -> bool:
    if passages.ids.dtype.kind not in "iu" or not passages.ids.size:
        return False
    fits = int(passages.lengths.max()) + added <= model.max_length
    return fits and 0 <= int(passages.ids.min()) <= int(passages.ids.max()) < model.vocab_size


def packed(sequences: TokenLists, head: Ids = _NOTHING, tail: Ids = _NOTHING) -> Packed:
    """Lays sequences end to end, the longest first.

    Args:
        sequences: Token ids of each.
        head: Token ids to put before each sequence.
        tail: Token ids to put after it.
    """
    added = len(head) + len(tail)
    lengths = sequences.lengths + added
    rows = longest_first(lengths)
    lengths = lengths[rows]
    offsets = offsets_of(lengths)
    begins = sequences.offsets[rows]
    ids = np.empty(offsets[-1], dtype=np.int32)
    places = np.empty_like(ids)
    for first, end, length in runs(lengths):
        if not length:
            break
        tokens = slice(offsets[first], offsets[end])
        rectangle = ids[tokens].reshape(-1, length)
        rectangle[:, : len(head)] = head
        windows = sliding_window_view(sequences.ids, length - added)
        rectangle[:, len(head) : length - len(tail)] = windows[begins[first:end]]
        rectangle[:, length - len(tail) :] = tail
        places[tokens].reshape(-1, length)[:] = np.arange(length, dtype=np.int32)
    return Packed(rows, ids, places, offsets)


def runs(lengths: npt.NDArray[np.integer]) -> Iterator[tuple[int, int, int]]:
    """First, and one more than the last, of each run of neighbours of one length; and that length.

    Args:
        lengths: Tokens of each sequence, of shape `(sequences,)`.
    """
    if not len(lengths):
        return
    first = 0
    for end in [*(np.flatnonzero(np.diff(lengths)) + 1).tolist(), len(lengths)]:
        yield first, end, int(lengths[first])
        first = end
