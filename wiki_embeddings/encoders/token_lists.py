"""The token ids of many texts in one array, so that work on all of them is a few calls of NumPy.

It is how a shard stores them, and what an engine that is faster than Python takes them as. To
everybody else it is a sequence of arrays, one for each text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np
import numpy.typing as npt

from wiki_embeddings.encoders.protocol import TokenIds


class TokenLists(Sequence[TokenIds]):
    """Token ids of each text, as views into one array; nothing is copied.

    Attributes:
        ids: Token ids of all texts, one text after another, of shape `(tokens,)`.
        offsets: Where each text begins in `ids` and the last one ends, int64 of shape
            `(texts + 1,)`.
    """

    def __init__(self, ids: TokenIds, offsets: npt.NDArray[np.int64]) -> None:
        """Takes both as they are."""
        self.ids = ids
        self.offsets = offsets

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each text, of shape `(texts,)`."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> TokenIds: ...

    @overload
    def __getitem__(self, index: slice) -> TokenLists: ...

    def __getitem__(self, index: int | slice) -> TokenIds | TokenLists:
        if isinstance(index, slice):
            return token_lists([self[place] for place in range(*index.indices(len(self)))])
        place = range(len(self))[index]
        return self.ids[self.offsets[place] : self.offsets[place + 1]]

    def __iter__(self) -> Iterator[TokenIds]:
        bounds = self.offsets.tolist()
        for begin, end in pairwise(bounds):
            yield self.ids[begin:end]


def token_lists(texts: Sequence[TokenIds]) -> TokenLists:
    """Copies arrays of token ids into one.

    Args:
        texts: Token ids of each text, all of one type.
    """
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    ids = np.concatenate(texts) if len(texts) else np.empty(0, dtype=np.int32)
    return TokenLists(ids, offsets_of(lengths))


def offsets_of(lengths: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Where each of some pieces begins and the last one ends, if they lie end to end.

    Args:
        lengths: Length of each piece, of shape `(pieces,)`.
    """
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
