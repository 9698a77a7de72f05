"""Tokenises texts run by run, each distinct run once.

The tokens of a run (see `runs`) are the same wherever it stands, and a text's tokens are those of
its runs one after another. Words repeat (Zipf), so most runs are found in a dictionary, and the
tokenizer sees only new ones. It spends most of its time on normalising, which changes nothing but
case in plain ASCII words: those go to its WordPiece model alone.

What was tried on the sample's 2.9 million characters, as a multiple of the rate at which
`encode_batch` alone tokenises whole articles (cuts included, nothing remembered at the start):

* Whole articles, then offsets only where a cut may be: 0.87 by the sum of its parts, and no way
  that tokenises all text can do much better. All offsets as Python lists: 0.75. A single article
  of 10 MB takes the tokenizer 1.3 GB.
* Sentences or paragraphs through `encode_batch_fast`, which makes no offsets: nothing gained,
  because each input costs some µs of its own.
* A table of what stands between two white spaces, new entries through `encode` joined by spaces
  (one by one they take twice as long): 1.6.
* This one, whose entries are single words and signs, the plain ones through the model: 2.6. With
  a table that knows nearly all words, as a worker has after some shards: 3.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer
from tokenizers.models import Model

from wiki_embeddings.chunking.runs import run_pattern

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
TokenIds = npt.NDArray[np.uint16 | np.uint32]
TokenType = np.dtype[np.uint16 | np.uint32]

UNDIVIDED_TOKENS = 16
"""A run of more tokens (signs or letters of scripts without white space) may be cut between its
words."""

BLOCK_RUNS = 1024
"""New runs tokenised in one call: enough to hide its cost, few enough for the CPU's cache."""

REMEMBERED_CHARS = 1 << 22
"""The table starts anew beyond this many code points, about half a million runs and 100 MB."""


@dataclass(frozen=True)
class Rules:
    """What a BERT tokenizer does, as far as runs depend on it.

    Attributes:
        longest_word: Code points of the longest word that it looks up, hence most tokens of one.
        lowercase: Whether it makes letters small.
        split_ideographs: Whether it makes each ideograph a word.
        added_tokens: Strings that it recognises before all else, such as [SEP].
    """

    longest_word: int
    lowercase: bool
    split_ideographs: bool
    added_tokens: tuple[str, ...]


@dataclass(frozen=True)
class TokenizedText:
    """A text as its atoms: pieces of text that are never cut, one after another.

    An atom is a run, or a word of a run that has many tokens.

    Attributes:
        char_ends: Code point at which each atom ends; int64, shape (atoms,).
        token_ends: Token at which each atom ends; int64, shape (atoms,).
        spaced: Whether white space ends the atom; bool, shape (atoms,).
        tokens: Token ids, without special tokens; uint16 or uint32, shape (tokens,).
    """

    char_ends: Ints
    token_ends: Ints
    spaced: Bools
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
    """What is known of runs: columns of runs, of their atoms, and of the atoms' tokens.

    Attributes:
        run_atoms: Atom at which each run begins, and the end; int64, shape (runs + 1,).
        atom_chars: Code points of each atom; int64, shape (atoms,).
        spaced: Whether white space ends the atom; bool, shape (atoms,).
        atom_tokens: Token at which each atom begins, and the end; int64, shape (atoms + 1,).
        tokens: Token ids; uint16 or uint32, shape (tokens,).
    """

    run_atoms: Ints
    atom_chars: Ints
    spaced: Bools
    atom_tokens: Ints
    tokens: TokenIds


class _Numbers(dict[str, int]):
    """Numbers the runs in the order in which they are first looked up."""

    def __missing__(self, run: str) -> int:
        number = self[run] = len(self)
        return number


class RunTable:
    """Tokenises texts and remembers the tokens of each distinct run."""

    def __init__(self, backend: Tokenizer, dtype: TokenType, rules: Rules) -> None:
        """Makes an empty table.

        Args:
            backend: The tokenizer, with truncation and padding off.
            dtype: Type that holds each of its token ids.
            rules: What it does.
        """
        self._backend = backend
        self._rules = rules
        self._dtype = dtype
        self._find_runs = run_pattern(
            split_ideographs=rules.split_ideographs, kept_whole=rules.added_tokens
        ).findall
        self._has_plain_words = not any(map(str.isalnum, rules.added_tokens))
        self._forget()

    def tokenize(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Tokenises texts.

        Args:
            texts: Texts without lone surrogates.
        """
        if self._table.atom_chars.sum() > REMEMBERED_CHARS:
            self._forget()
        number = self._numbers.__getitem__
        numbers = [np.array([*map(number, self._find_runs(text))], np.int64) for text in texts]
        self._learn(list(islice(self._numbers, len(self._rows), None)))
        return [_spell_out(self._table, self._rows[numbers_of_text]) for numbers_of_text in numbers]

    def _forget(self) -> None:
        self._numbers = _Numbers()
        self._rows: Ints = np.empty(0, np.int64)  # row of the table for each number
        self._table = _empty_table(self._dtype)

    def _learn(self, runs: Sequence[str]) -> None:
        """Adds new runs to the table, plain words before others."""
        plain = np.array([self._is_plain(run) for run in runs], np.bool_)
        order = np.concatenate([np.flatnonzero(plain), np.flatnonzero(~plain)])
        new_rows = np.empty_like(order)
        new_rows[order] = len(self._table.run_atoms) - 1 + np.arange(len(order))
        ordered = [runs[number] for number in order]
        words, others = ordered[: plain.sum()], ordered[plain.sum() :]
        blocks = [others[i : i + BLOCK_RUNS] for i in range(0, len(others), BLOCK_RUNS)]
        self._table = _concatenate(
            [
                self._table,
                _tokenize_plain_words(self._backend.model, words, self._rules.lowercase),
                *(_tokenize_runs(self._backend, block) for block in blocks),
            ]
        )
        self._rows = np.concatenate([self._rows, new_rows])

    def _is_plain(self, run: str) -> bool:
        """Tells whether the tokenizer's normalizer changes at most the case of the run's word."""
        word = run.rstrip()
        return self._has_plain_words and word.isascii() and word.isalnum()


def _tokenize_plain_words(model: Model, runs: Sequence[str], lowercase: bool) -> _Table:
    """Tokenises runs that are ASCII letters and digits; each has one atom."""
    words = [run.rstrip() for run in runs]
    tokens: list[int] = []
    token_ends = [0]
    for word in words:
        pieces = model.tokenize(word.lower() if lowercase else word)
        tokens += [piece.id for piece in pieces]
        token_ends.append(len(tokens))
    return _Table(
        run_atoms=np.arange(len(runs) + 1),
        atom_chars=_lengths(runs),
        spaced=_lengths(runs) > _lengths(words),
        atom_tokens=np.array(token_ends, np.int64),
        tokens=np.array(tokens, np.uint32),
    )


def _tokenize_runs(backend: Tokenizer, runs: Sequence[str]) -> _Table:
    """Tokenises runs of any kind in one call, joined by spaces, and finds the atoms of each."""
    encoding = backend.encode(" ".join(runs), add_special_tokens=False)
    # A token may take in white space before it, as some models' [MASK] does, so its place is that
    # of its last character.
    token_places = np.array([end - 1 for _, end in encoding.offsets], np.int64)
    token_starts = np.array([start for start, _ in encoding.offsets], np.int64)
    begins_word = np.diff(np.array(encoding.word_ids, np.int64), prepend=-1) != 0

    run_starts = _begin_and_ends(_lengths(runs) + 1)
    run_of_token = np.searchsorted(run_starts, token_places, side="right") - 1
    divided = np.bincount(run_of_token, minlength=len(runs)) > UNDIVIDED_TOKENS
    continues_run = np.diff(run_of_token, prepend=-1) == 0
    inner_starts = token_starts[begins_word & continues_run & divided[run_of_token]]

    atom_starts = np.sort(np.concatenate([run_starts, inner_starts]))
    run_atoms = np.searchsorted(atom_starts, run_starts)
    atom_chars = np.diff(atom_starts)
    atom_chars[run_atoms[1:] - 1] -= 1  # the space that joined the run to the next one
    spaced = np.zeros(len(atom_chars), np.bool_)
    spaced[run_atoms[1:] - 1] = [run[-1].isspace() for run in runs]
    return _Table(
        run_atoms=run_atoms,
        atom_chars=atom_chars,
        spaced=spaced,
        atom_tokens=np.searchsorted(token_places, atom_starts),
        tokens=np.array(encoding.ids, np.uint32),
    )


def _empty_table(dtype: TokenType) -> _Table:
    none = np.zeros(0, np.int64)
    return _Table(
        run_atoms=_begin_and_ends(none),
        atom_chars=none,
        spaced=none.astype(np.bool_),
        atom_tokens=_begin_and_ends(none),
        tokens=none.astype(dtype),
    )


def _concatenate(tables: Sequence[_Table]) -> _Table:
    """Puts tables one after another, counting on where the one before ends."""
    return _Table(
        run_atoms=_concatenate_ends([table.run_atoms for table in tables]),
        atom_chars=np.concatenate([table.atom_chars for table in tables]),
        spaced=np.concatenate([table.spaced for table in tables]),
        atom_tokens=_concatenate_ends([table.atom_tokens for table in tables]),
        tokens=np.concatenate(
            [table.tokens for table in tables], dtype=tables[0].tokens.dtype, casting="unsafe"
        ),
    )


def _concatenate_ends(columns: Sequence[Ints]) -> Ints:
    return _begin_and_ends(np.concatenate([np.diff(column) for column in columns]))


def _spell_out(table: _Table, runs: Ints) -> TokenizedText:
    """Looks up the atoms and tokens of a text's runs, given by their rows."""
    atoms = _members(table.run_atoms, runs)
    return TokenizedText(
        char_ends=np.cumsum(table.atom_chars[atoms]),
        token_ends=np.cumsum(table.atom_tokens[atoms + 1] - table.atom_tokens[atoms]),
        spaced=table.spaced[atoms],
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


def _lengths(runs: Sequence[str]) -> Ints:
    return np.fromiter(map(len, runs), np.int64, len(runs))
