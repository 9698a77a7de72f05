r"""Tokenises texts run by run, each distinct run once.

The tokens of a run (see `runs`) are the same wherever it stands, and a text's tokens are those of
its runs one after another. Words repeat (Zipf), so most runs are found in a dictionary and the
tokenizer sees only new ones.

What was tried on the sample's 2.9 million characters, per core:

* Whole articles through `encode`, then offsets only where a cut may be: about 0.9 times the rate
  of the tokenizer alone, which is the limit of any way that tokenises all text; reading all
  offsets as Python lists brings it down to 0.8. One article of 10 MB takes 1.3 GB and three times
  as long for each character as a short one.
* Sentences or paragraphs through `encode_batch_fast`, which makes no offsets: no faster, because
  each call costs about 5 µs.
* This one: the table. Its new runs go through `encode` joined by spaces, a thousand at a time;
  alone each would cost three times as much.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

Ints = npt.NDArray[np.int64]
TokenIds = npt.NDArray[np.uint16 | np.uint32]
TokenType = np.dtype[np.uint16 | np.uint32]

UNDIVIDED_TOKENS = 16
"""A run of more tokens (an address, a sentence in Japanese) may be cut between its words."""

BLOCK_RUNS = 1024
"""New runs tokenised in one call: enough to hide its cost, few enough for the CPU's cache."""

BLOCK_CHARS = 1 << 16
"""A block ends early at this many code points, so that long runs do not add up."""

REMEMBERED_CHARS = 1 << 22
"""The table starts anew beyond this many code points, about half a million runs and 100 MB."""


@dataclass(frozen=True)
class TokenizedText:
    """A text as its atoms: pieces of text that are never cut, one after another.

    An atom is a run, or a word of a run that has many tokens.

    Attributes:
        char_ends: Code point at which each atom ends; int64, shape (atoms,).
        token_ends: Token at which each atom ends; int64, shape (atoms,).
        ends_run: Whether the atom is the last of its run; bool, shape (atoms,).
        tokens: Token ids, without special tokens; uint16 or uint32, shape (tokens,).
    """

    char_ends: Ints
    token_ends: Ints
    ends_run: npt.NDArray[np.bool_]
    tokens: TokenIds

    def tokens_before(self, positions: Sequence[int]) -> list[int]:
        """Counts the tokens before code points inside the text; 0 for one inside an atom."""
        atoms = np.searchsorted(self.char_ends, positions)
        at_end = self.char_ends[atoms] == positions
        counts: list[int] = np.where(at_end, self.token_ends[atoms], 0).tolist()
        return counts

    def chars_before(self, tokens: Sequence[int]) -> list[int]:
        """Counts the code points before tokens that begin an atom, those without tokens too."""
        atoms = np.searchsorted(self.token_ends, tokens, side="right") - 1
        counts: list[int] = self.char_ends[atoms].tolist()
        return counts


@dataclass(frozen=True)
class _Table:
    """What is known of the runs: columns of runs, of their atoms, and of the atoms' tokens.

    Attributes:
        run_atoms: Atom at which each run begins, and the end; int64, shape (runs + 1,).
        atom_chars: Code points of each atom; int64, shape (atoms,).
        atom_tokens: Token at which each atom begins, and the end; int64, shape (atoms + 1,).
        tokens: Token ids; uint16 or uint32, shape (tokens,).
    """

    run_atoms: Ints
    atom_chars: Ints
    atom_tokens: Ints
    tokens: TokenIds


class _Index(dict[str, int]):
    """Numbers the runs in the order in which they are first looked up."""

    def __missing__(self, run: str) -> int:
        number = self[run] = len(self)
        return number


class RunTable:
    """Tokenises texts and remembers the tokens of each distinct run."""

    def __init__(self, backend: Tokenizer, dtype: TokenType, runs: re.Pattern[str]) -> None:
        """Makes an empty table.

        Args:
            backend: The tokenizer, with truncation and padding off.
            dtype: Type that holds each of its token ids.
            runs: What `run_pattern` made for the tokenizer.
        """
        self._backend = backend
        self._find_runs = runs.findall
        self._dtype = dtype
        self._forget()

    def tokenize(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Tokenises texts.

        Args:
            texts: Texts without lone surrogates.
        """
        if self._table.atom_chars.sum() > REMEMBERED_CHARS:
            self._forget()
        number = self._index.__getitem__
        runs = [np.array([*map(number, self._find_runs(text))], np.int64) for text in texts]
        self._learn()
        return [_spell_out(self._table, runs_of_text) for runs_of_text in runs]

    def _forget(self) -> None:
        self._index = _Index()
        self._table = _Table(
            run_atoms=np.zeros(1, np.int64),
            atom_chars=np.empty(0, np.int64),
            atom_tokens=np.zeros(1, np.int64),
            tokens=np.empty(0, self._dtype),
        )

    def _learn(self) -> None:
        """Tokenises the runs that are numbered but not in the table."""
        new = list(islice(self._index, len(self._table.run_atoms) - 1, None))
        blocks = [_tokenize_runs(self._backend, block) for block in _blocks(new)]
        self._table = _concatenate([self._table, *blocks], self._dtype)


def _blocks(runs: Sequence[str]) -> Iterator[list[str]]:
    """Divides runs into blocks to be tokenised in one call each."""
    block: list[str] = []
    chars = 0
    for run in runs:
        block.append(run)
        chars += len(run)
        if len(block) == BLOCK_RUNS or chars >= BLOCK_CHARS:
            yield block
            block, chars = [], 0
    if block:
        yield block


def _tokenize_runs(backend: Tokenizer, runs: Sequence[str]) -> _Table:
    """Tokenises runs in one call, joined by spaces, and finds the atoms of each."""
    encoding = backend.encode(" ".join(runs), add_special_tokens=False)
    tokens = np.array(encoding.ids, np.uint32)
    token_starts = np.array([start for start, _ in encoding.offsets], np.int64)
    begins_word = np.diff(np.array(encoding.word_ids, np.int64), prepend=-1) != 0

    run_starts = _begin_and_ends(np.array([len(run) + 1 for run in runs], np.int64))
    run_of_token = np.searchsorted(run_starts, token_starts, side="right") - 1
    divided = np.bincount(run_of_token, minlength=len(runs)) > UNDIVIDED_TOKENS
    continues_run = np.diff(run_of_token, prepend=-1) == 0
    inner_starts = token_starts[begins_word & continues_run & divided[run_of_token]]

    atom_starts = np.sort(np.concatenate([run_starts, inner_starts]))
    atom_chars = np.diff(atom_starts)
    run_atoms = np.searchsorted(atom_starts, run_starts)
    atom_chars[run_atoms[1:] - 1] -= 1  # the space that joined the run to the next one
    return _Table(
        run_atoms=run_atoms,
        atom_chars=atom_chars,
        atom_tokens=np.searchsorted(token_starts, atom_starts),
        tokens=tokens,
    )


def _concatenate(tables: Sequence[_Table], dtype: TokenType) -> _Table:
    """Puts tables one after another, counting on where the one before ends."""
    return _Table(
        run_atoms=_concatenate_ends([table.run_atoms for table in tables]),
        atom_chars=np.concatenate([table.atom_chars for table in tables]),
        atom_tokens=_concatenate_ends([table.atom_tokens for table in tables]),
        tokens=np.concatenate([table.tokens for table in tables]).astype(dtype, copy=False),
    )


def _concatenate_ends(columns: Sequence[Ints]) -> Ints:
    return _begin_and_ends(np.concatenate([np.diff(column) for column in columns]))


def _spell_out(table: _Table, runs: Ints) -> TokenizedText:
    """Looks up the atoms and tokens of a text's runs, given by their numbers."""
    atoms = _members(table.run_atoms, runs)
    ends_run = np.zeros(len(atoms), np.bool_)
    ends_run[np.cumsum(table.run_atoms[runs + 1] - table.run_atoms[runs]) - 1] = True
    return TokenizedText(
        char_ends=np.cumsum(table.atom_chars[atoms]),
        token_ends=np.cumsum(table.atom_tokens[atoms + 1] - table.atom_tokens[atoms]),
        ends_run=ends_run,
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


def _begin_and_ends(sizes: Ints) -> Ints:
    """Returns where things of these sizes begin when laid end to end, and where the last ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
