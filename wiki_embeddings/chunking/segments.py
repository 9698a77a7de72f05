"""Tokenises texts segment by segment, each distinct segment once.

A segment is a short piece of text whose tokens are the same wherever it stands, so a text's tokens
are those of its segments one after another. Words repeat (Zipf), so most segments are found in a
dictionary, and the tokenizer sees only new ones. `wordpiece` and `unigram` know what a segment is
and how new ones are tokenised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
TokenIds = npt.NDArray[np.uint16 | np.uint32]
TokenType = np.dtype[np.uint16 | np.uint32]

MAX_CACHED_CHARS = 1 << 22
"""The cache is emptied beyond this many code points, about half a million segments and 100 MB."""

SEAM_TOKENS = 4
"""Tokens reserved for those that a cut inside a word may add; mostly it is one."""


@dataclass(frozen=True)
class TokenizedText:
    """A text as its atoms: pieces of text that are never cut, one after another.

    An atom is a segment, or a part of a segment that has many tokens.

    Attributes:
        char_ends: Code point at which each atom ends; int64, shape (atoms,).
        token_ends: Token at which each atom ends; int64, shape (atoms,).
        ends_in_space: True if white space ends the atom; bool, shape (atoms,).
        inside_word: True if a cut after the atom changes the tokens on both sides, which then have
            to be tokenised again; bool, shape (atoms,).
        tokens: Token ids, without special tokens; uint16 or uint32, shape (tokens,).
    """

    char_ends: Ints
    token_ends: Ints
    ends_in_space: Bools
    inside_word: Bools
    tokens: TokenIds

    def tokens_before(self, positions: Sequence[int]) -> list[int]:
        """Count the tokens before code points inside the text; 0 for one inside an atom."""
        atoms = np.searchsorted(self.char_ends, positions)
        at_end = self.char_ends[atoms] == positions
        counts: list[int] = np.where(at_end, self.token_ends[atoms], 0).tolist()
        return counts

    def chars_before(self, tokens: Sequence[int]) -> list[int]:
        """Count the code points before tokens that begin an atom, those without tokens too."""
        counts: list[int] = self.char_ends[self._last_atoms(tokens)].tolist()
        return counts

    def cuts_words(self, tokens: Sequence[int]) -> list[bool]:
        """Return True for each cut inside a word; cuts are before tokens that begin an atom."""
        inside: list[bool] = self.inside_word[self._last_atoms(tokens)].tolist()
        return inside

    def _last_atoms(self, tokens: Sequence[int]) -> Ints:
        """Return the last atom before each token that begins an atom; it may have no tokens."""
        return np.searchsorted(self.token_ends, tokens, side="right") - 1


@dataclass(frozen=True)
class SegmentTable:
    """Columns of segments, of their atoms, and of the atoms' tokens; offsets as in Arrow's lists.

    Attributes:
        atom_offsets: Atom at which each segment begins, and the end; int64, shape (segments + 1,).
        atom_chars: Code points of each atom; int64, shape (atoms,).
        ends_in_space: True if white space ends the atom; bool, shape (atoms,).
        inside_word: True if a cut after the atom changes tokens; bool, shape (atoms,).
        token_offsets: Token at which each atom begins, and the end; int64, shape (atoms + 1,).
        tokens: Token ids; uint16 or uint32, shape (tokens,).
    """

    atom_offsets: Ints
    atom_chars: Ints
    ends_in_space: Bools
    inside_word: Bools
    token_offsets: Ints
    tokens: TokenIds


@dataclass(frozen=True)
class Segmenter:
    """How a kind of tokenizer is used segment by segment.

    Attributes:
        split: Splits a text into its segments; joined, they are the text.
        tokenize: Tokenises distinct segments; returns a table of them in any order, and the row of
            each segment.
    """

    split: Callable[[str], list[str]]
    tokenize: Callable[[Sequence[str]], tuple[SegmentTable, Ints]]


class _SegmentNumbers(dict[str, int]):
    """Numbers the segments in the order of their first look-up."""

    def __missing__(self, segment: str) -> int:
        number = self[segment] = len(self)
        return number


class SegmentCache:
    """Tokenises texts and remembers the tokens of each distinct segment."""

    def __init__(self, segmenter: Segmenter, dtype: TokenType) -> None:
        """Make an empty cache.

        Args:
            segmenter: Splits texts and tokenises segments.
            dtype: Type that holds each token id.
        """
        self._segmenter = segmenter
        self._dtype = dtype
        self._clear()

    def tokenize(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Tokenise texts, which must not have lone surrogates."""
        if self._table.atom_chars.sum() > MAX_CACHED_CHARS:
            self._clear()
        number, split = self._numbers.__getitem__, self._segmenter.split
        numbers = [np.array([*map(number, split(text))], np.int64) for text in texts]
        self._add(list(islice(self._numbers, len(self._rows), None)))
        return [_look_up(self._table, self._rows[numbers_of_text]) for numbers_of_text in numbers]

    def _clear(self) -> None:
        self._numbers = _SegmentNumbers()
        self._rows: Ints = np.empty(0, np.int64)  # row of the table for each number
        self._table = _empty_table(self._dtype)

    def _add(self, segments: Sequence[str]) -> None:
        new, rows = self._segmenter.tokenize(segments)
        self._rows = np.concatenate([self._rows, len(self._table.atom_offsets) - 1 + rows])
        self._table = concatenate_tables([self._table, new])


def _empty_table(dtype: TokenType) -> SegmentTable:
    empty = np.zeros(0, np.int64)
    return SegmentTable(
        atom_offsets=to_offsets(empty),
        atom_chars=empty,
        ends_in_space=empty.astype(np.bool_),
        inside_word=empty.astype(np.bool_),
        token_offsets=to_offsets(empty),
        tokens=empty.astype(dtype),
    )


def concatenate_tables(tables: Sequence[SegmentTable]) -> SegmentTable:
    """Concatenate tables; the token ids keep the type of the first."""
    return SegmentTable(
        atom_offsets=_concatenate_offsets([table.atom_offsets for table in tables]),
        atom_chars=np.concatenate([table.atom_chars for table in tables]),
        ends_in_space=np.concatenate([table.ends_in_space for table in tables]),
        inside_word=np.concatenate([table.inside_word for table in tables]),
        token_offsets=_concatenate_offsets([table.token_offsets for table in tables]),
        tokens=np.concatenate(
            [table.tokens for table in tables], dtype=tables[0].tokens.dtype, casting="unsafe"
        ),
    )


def _concatenate_offsets(columns: Sequence[Ints]) -> Ints:
    return to_offsets(np.concatenate([np.diff(column) for column in columns]))


def _look_up(table: SegmentTable, rows: Ints) -> TokenizedText:
    """Look up the atoms and tokens of a text, given the rows of its segments."""
    atoms = _list_elements(table.atom_offsets, rows)
    return TokenizedText(
        char_ends=np.cumsum(table.atom_chars[atoms]),
        token_ends=np.cumsum(table.token_offsets[atoms + 1] - table.token_offsets[atoms]),
        ends_in_space=table.ends_in_space[atoms],
        inside_word=table.inside_word[atoms],
        tokens=table.tokens[_list_elements(table.token_offsets, atoms)],
    )


def _list_elements(offsets: Ints, lists: Ints) -> Ints:
    """Return the indices of the elements of lists: those of list i begin at offsets[i].

    Args:
        offsets: First element of each list, and the end; shape (all lists + 1,).
        lists: Numbers of the lists wanted, in any order, repeated or not; shape (lists,).

    Returns:
        Indices of the elements of each list in turn; int64, shape (elements,).
    """
    starts = offsets[lists]
    sizes = offsets[lists + 1] - starts
    ends = np.cumsum(sizes)
    return np.repeat(starts - ends + sizes, sizes) + np.arange(sizes.sum())


def to_offsets(sizes: Ints) -> Ints:
    """Return where items of these sizes begin when laid end to end, and where the last ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])


def count_chars(segments: Sequence[str]) -> Ints:
    """Count the code points of each segment."""
    return np.fromiter(map(len, segments), np.int64, len(segments))
