"""The token ids of many texts in one array, so that work on all of them is a few NumPy calls.

Shards store token ids this way, and an engine that outpaces Python takes them this way. To other
code a `TokenLists` is a sequence of arrays, one per text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np
import numpy.typing as npt

from wiki_embeddings.encoders.protocol import TokenIds


class TokenLists(Sequence[TokenIds]):
    """Token ids of each text, as views into one array.

    Attributes:
        ids: Token ids of all texts end to end, of shape `(tokens,)`.
        offsets: Where each text begins in `ids` and the last one ends, int64 of shape
            `(texts + 1,)`.
    """

    def __init__(self, ids: TokenIds, offsets: npt.NDArray[np.int64]) -> None:
        """Store the arrays without copying."""
        self.ids = ids
        self.offsets = offsets

    @classmethod
    def from_arrays(cls, texts: Sequence[TokenIds]) -> TokenLists:
        """Copy the token ids of each text, all of one dtype, into one array."""
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        ids = np.concatenate(texts) if len(texts) else np.empty(0, dtype=np.int32)
        return cls(ids, offsets_from_lengths(lengths))

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Number of tokens of each text, of shape `(texts,)`."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> TokenIds: ...

    @overload
    def __getitem__(self, index: slice) -> TokenLists: ...

    def __getitem__(self, index: int | slice) -> TokenIds | TokenLists:
        if isinstance(index, slice):
            return self.from_arrays([self[text] for text in range(*index.indices(len(self)))])
        text = range(len(self))[index]
        return self.ids[self.offsets[text] : self.offsets[text + 1]]

    def __iter__(self) -> Iterator[TokenIds]:
        for begin, end in pairwise(self.offsets.tolist()):
            yield self.ids[begin:end]


def offsets_from_lengths(lengths: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return where each of several consecutive pieces begins and the last one ends.

    Args:
        lengths: Length of each piece, of shape `(pieces,)`.
    """
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
