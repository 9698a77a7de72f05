"""Tokenises texts run by run, each distinct run once.

The tokens of a run are the same wherever it stands, and a text's tokens are those of its runs one
after another. Words repeat (Zipf), so most runs are found in a dictionary, and the tokenizer sees
only new ones. What a run is and how new ones are tokenised is known to `wordpiece` and `unigram`.
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

REMEMBERED_CHARS = 1 << 22
"""The table starts anew beyond this many code points, about half a million runs and 100 MB."""

SEAM_TOKENS = 4
"""Room that is kept for what a cut inside a joined run may add; mostly it is one token."""


@dataclass(frozen=True)
class TokenizedText:
    """A text as its atoms: pieces of text that are never cut, one after another.

    An atom is a run, or a part of a run that has many tokens.

    Attributes:
        char_ends: Code point at which each atom ends; int64, shape (atoms,).
        token_ends: Token at which each atom ends; int64, shape (atoms,).
        spaced: Whether white space ends the atom; bool, shape (atoms,).
        joined: Whether a cut after the atom changes the tokens on both sides, which then have to
            be tokenised again; bool, shape (atoms,).
        tokens: Token ids, without special tokens; uint16 or uint32, shape (tokens,).
    """

    char_ends: Ints
    token_ends: Ints
    spaced: Bools
    joined: Bools
    tokens: TokenIds

    def tokens_before(self, positions: Sequence[int]) -> list[int]:
        """Counts the tokens before code points inside the text; 0 for one inside an atom."""
        atoms = np.searchsorted(self.char_ends, positions)
        at_end = self.char_ends[atoms] == positions
        counts: list[int] = np.where(at_end, self.token_ends[atoms], 0).tolist()
        return counts

    def chars_before(self, tokens: Sequence[int]) -> list[int]:
        """Counts the code points before tokens that begin an atom, those without tokens too."""
        counts: list[int] = self.char_ends[self._last_atoms(tokens)].tolist()
        return counts

    def tears(self, tokens: Sequence[int]) -> list[bool]:
        """Tells which cuts before tokens that begin an atom change the tokens around them."""
        torn: list[bool] = self.joined[self._last_atoms(tokens)].tolist()
        return torn

    def _last_atoms(self, tokens: Sequence[int]) -> Ints:
        """The atom before each token that begins an atom, one without tokens if there is one."""
        return np.searchsorted(self.token_ends, tokens, side="right") - 1


@dataclass(frozen=True)
class Table:
    """What is known of runs: columns of runs, of their atoms, and of the atoms' tokens.

    Attributes:
        run_atoms: Atom at which each run begins, and the end; int64, shape (runs + 1,).
        atom_chars: Code points of each atom; int64, shape (atoms,).
        spaced: Whether white space ends the atom; bool, shape (atoms,).
        joined: Whether a cut after the atom changes tokens; bool, shape (atoms,).
        atom_tokens: Token at which each atom begins, and the end; int64, shape (atoms + 1,).
        tokens: Token ids; uint16 or uint32, shape (tokens,).
    """

    run_atoms: Ints
    atom_chars: Ints
    spaced: Bools
    joined: Bools
    atom_tokens: Ints
    tokens: TokenIds


@dataclass(frozen=True)
class Runs:
    """How a kind of tokenizer is used run by run.

    Attributes:
        find: Divides a text into its runs, which put together are the text.
        tokenize: Tokenises distinct runs: their rows in any order, and the row of each run.
    """

    find: Callable[[str], list[str]]
    tokenize: Callable[[Sequence[str]], tuple[Table, Ints]]


class _Numbers(dict[str, int]):
    """Numbers the runs in the order in which they are first looked up."""

    def __missing__(self, run: str) -> int:
        number = self[run] = len(self)
        return number


class RunTable:
    """Tokenises texts and remembers the tokens of each distinct run."""

    def __init__(self, runs: Runs, dtype: TokenType) -> None:
        """Makes an empty table.

        Args:
            runs: How to find and tokenise runs.
            dtype: Type that holds each token id.
        """
        self._runs = runs
        self._dtype = dtype
        self._forget()

    def tokenize(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Tokenises texts.

        Args:
            texts: Texts without lone surrogates.
        """
        if self._table.atom_chars.sum() > REMEMBERED_CHARS:
            self._forget()
        number = self._numbers.__getitem__
        numbers = [np.array([*map(number, self._runs.find(text))], np.int64) for text in texts]
        self._learn(list(islice(self._numbers, len(self._rows), None)))
        return [_spell_out(self._table, self._rows[numbers_of_text]) for numbers_of_text in numbers]

    def _forget(self) -> None:
        self._numbers = _Numbers()
        self._rows: Ints = np.empty(0, np.int64)  # row of the table for each number
        self._table = empty_table(self._dtype)

    def _learn(self, runs: Sequence[str]) -> None:
        """Adds new runs to the table."""
        new, rows = self._runs.tokenize(runs)
        self._rows = np.concatenate([self._rows, len(self._table.run_atoms) - 1 + rows])
        self._table = concatenate([self._table, new])


def empty_table(dtype: TokenType) -> Table:
    """Makes a table of no runs."""
    none = np.zeros(0, np.int64)
    return Table(
        run_atoms=begin_and_ends(none),
        atom_chars=none,
        spaced=none.astype(np.bool_),
        joined=none.astype(np.bool_),
        atom_tokens=begin_and_ends(none),
        tokens=none.astype(dtype),
    )


def concatenate(tables: Sequence[Table]) -> Table:
    """Puts tables one after another, counting on where the one before ends."""
    return Table(
        run_atoms=_concatenate_ends([table.run_atoms for table in tables]),
        atom_chars=np.concatenate([table.atom_chars for table in tables]),
        spaced=np.concatenate([table.spaced for table in tables]),
        joined=np.concatenate([table.joined for table in tables]),
        atom_tokens=_concatenate_ends([table.atom_tokens for table in tables]),
        tokens=np.concatenate(
            [table.tokens for table in tables], dtype=tables[0].tokens.dtype, casting="unsafe"
        ),
    )


def _concatenate_ends(columns: Sequence[Ints]) -> Ints:
    return begin_and_ends(np.concatenate([np.diff(column) for column in columns]))


def _spell_out(table: Table, runs: Ints) -> TokenizedText:
    """Looks up the atoms and tokens of a text's runs, given by their rows."""
    atoms = _members(table.run_atoms, runs)
    return TokenizedText(
        char_ends=np.cumsum(table.atom_chars[atoms]),
        token_ends=np.cumsum(table.atom_tokens[atoms + 1] - table.atom_tokens[atoms]),
        spaced=table.spaced[atoms],
        joined=table.joined[atoms],
        tokens=table.tokens[_members(table.atom_tokens, atoms)],
    )


def _members(group_starts: Ints, groups: Ints) -> Ints:
    """Lists the members of groups, where group g has those from group_starts[g] to the next.

    Args:
        group_starts: First member of each group, and the end; shape (all groups + 1,).
        groups: Numbers of the groups wanted, in any order, repeated or not; shape (groups,).

    Returns:
        Numbers of the members of each group in turn; int64, shape (members,).
    """
    starts = group_starts[groups]
    sizes = group_starts[groups + 1] - starts
    listed = np.cumsum(sizes)
    return np.repeat(starts - listed + sizes, sizes) + np.arange(sizes.sum())


def begin_and_ends(sizes: Ints) -> Ints:
    """Returns where things of these sizes begin when laid end to end, and where the last ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])


def lengths(runs: Sequence[str]) -> Ints:
    """Counts the code points of each run."""
    return np.fromiter(map(len, runs), np.int64, len(runs))
