"""Runs of BERT's tokenizers: what they are, how they are tokenised, which tokenizers have them.

BERT's tokenizers normalise character by character and split at white space and punctuation before
they look for pieces of words, so that a text can be cut there without changing a token. They spend
most of their time on normalising, which changes nothing but case in plain ASCII words: those go to
the WordPiece model alone.

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

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import Model, WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from wiki_embeddings.chunking.characters import IDEOGRAPHS, SPACE
from wiki_embeddings.chunking.runs import run_pattern
from wiki_embeddings.chunking.segments import (
    Ints,
    Runs,
    Table,
    begin_and_ends,
    concatenate,
    lengths,
)
from wiki_embeddings.errors import BadInputError

UNDIVIDED_TOKENS = 16
"""A run of more tokens (signs or letters of scripts without white space) may be cut between its
words."""

BLOCK_RUNS = 1024
"""New runs tokenised in one call: enough to hide its cost, few enough for the CPU's cache."""


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


def is_bert(backend: Tokenizer) -> bool:
    """Tells whether a tokenizer is one of BERT's."""
    return (
        isinstance(backend.model, WordPiece)
        and isinstance(backend.normalizer, BertNormalizer)
        and isinstance(backend.pre_tokenizer, BertPreTokenizer)
    )


def read_rules(backend: Tokenizer, path: Path) -> Rules:
    """Reads what a tokenizer does, and refuses one whose tokens a cut could change.

    Args:
        backend: One of BERT's.
        path: Its file, to be named if it is refused.

    Raises:
        BadInputError: It lacks a token that it needs, or has one that a cut could harm.
    """
    model, normalizer = backend.model, backend.normalizer
    assert isinstance(model, WordPiece)  # noqa: S101  # is_bert said so
    assert isinstance(normalizer, BertNormalizer)  # noqa: S101
    if backend.token_to_id(model.unk_token) is None:
        raise BadInputError(
            f"The vocabulary of the tokenizer {path} lacks its own unknown token "
            f"{model.unk_token!r}, so it fails on unknown words."
        )
    added_tokens = list(backend.get_added_tokens_decoder().values())
    for token in added_tokens:
        _check_added_token(token, path)
    return Rules(
        longest_word=model.max_input_chars_per_word,
        lowercase=normalizer.lowercase,
        split_ideographs=normalizer.handle_chinese_chars,
        added_tokens=tuple(token.content for token in added_tokens),
    )


_CUT_CHARACTERS = re.compile(f"[{SPACE}{IDEOGRAPHS}]")


def _check_added_token(token: AddedToken, path: Path) -> None:
    """Refuses a token that is recognised by what stands around it or could be cut through."""
    if token.single_word or token.rstrip or _CUT_CHARACTERS.search(token.content):
        raise BadInputError(
            f"The tokenizer {path} has the added token {token.content!r}, which takes in white "
            "space, contains ideographs or must stand alone. Choose a model without such tokens."
        )


def wordpiece_runs(backend: Tokenizer, rules: Rules) -> Runs:
    """Says how to use a tokenizer run by run.

    Args:
        backend: The tokenizer, with truncation and padding off.
        rules: What it does.
    """
    find = run_pattern(
        split_ideographs=rules.split_ideographs, kept_whole=rules.added_tokens
    ).findall
    return Runs(find, partial(_tokenize, backend, rules))


def _tokenize(backend: Tokenizer, rules: Rules, runs: Sequence[str]) -> tuple[Table, Ints]:
    """Tokenises runs, plain words before others."""
    has_plain_words = not any(map(str.isalnum, rules.added_tokens))
    plain = np.array([has_plain_words and _is_plain(run) for run in runs], np.bool_)
    order = np.concatenate([np.flatnonzero(plain), np.flatnonzero(~plain)])
    rows = np.empty_like(order)
    rows[order] = np.arange(len(order))
    ordered = [runs[number] for number in order]
    words, others = ordered[: plain.sum()], ordered[plain.sum() :]
    blocks = [others[i : i + BLOCK_RUNS] for i in range(0, len(others), BLOCK_RUNS)]
    tables = [
        _tokenize_plain_words(backend.model, words, rules.lowercase),
        *(_tokenize_block(backend, block) for block in blocks),
    ]
    return concatenate(tables), rows


def _is_plain(run: str) -> bool:
    """Tells whether the tokenizer's normalizer changes at most the case of the run's word."""
    word = run.rstrip()
    return word.isascii() and word.isalnum()


def _tokenize_plain_words(model: Model, runs: Sequence[str], lowercase: bool) -> Table:
    """Tokenises runs that are ASCII letters and digits; each has one atom."""
    words = [run.rstrip() for run in runs]
    tokens: list[int] = []
    token_ends = [0]
    for word in words:
        pieces = model.tokenize(word.lower() if lowercase else word)
        tokens += [piece.id for piece in pieces]
        token_ends.append(len(tokens))
    return Table(
        run_atoms=np.arange(len(runs) + 1),
        atom_chars=lengths(runs),
        spaced=lengths(runs) > lengths(words),
        joined=np.zeros(len(runs), np.bool_),
        atom_tokens=np.array(token_ends, np.int64),
        tokens=np.array(tokens, np.uint32),
    )


def _tokenize_block(backend: Tokenizer, runs: Sequence[str]) -> Table:
    """Tokenises runs of any kind in one call, joined by spaces, and finds the atoms of each."""
    encoding = backend.encode(" ".join(runs), add_special_tokens=False)
    # A token may take in white space before it, as some models' [MASK] does, so its place is that
    # of its last character.
    token_places = np.array([end - 1 for _, end in encoding.offsets], np.int64)
    token_starts = np.array([start for start, _ in encoding.offsets], np.int64)
    begins_word = np.diff(np.array(encoding.word_ids, np.int64), prepend=-1) != 0

    run_starts = begin_and_ends(lengths(runs) + 1)
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
    return Table(
        run_atoms=run_atoms,
        atom_chars=atom_chars,
        spaced=spaced,
        joined=np.zeros(len(atom_chars), np.bool_),
        atom_tokens=np.searchsorted(token_places, atom_starts),
        tokens=np.array(encoding.ids, np.uint32),
    )
