r"""Runs of XLM-R's tokenizers: what they are, how they are tokenised, which tokenizers have them.

These normalise by a table made of NFKC, split at white space, put `▁` before each word and look
for the likeliest pieces of the whole word. What is independent of its neighbours is therefore a
word with the white space after it, and nothing smaller: a comma's tokens depend on the word before
it. Five things would spoil that and are looked after here:

* The table is applied to what a reader sees as one character. A combining mark after a space takes
  that space into its own, so a run only ends before what surely begins a character (`_BEGINNING`).
* Some characters become a space or begin with one (`´` becomes a space and a mark). Those begin
  no run either, and none but plain white space ends one.
* Tokenizers without `WhitespaceSplit` make white space at the end of a text one more `▁`. It is
  left out, as if the text ended before: releases of transformers and sentence-transformers
  disagree on it, and no other token depends on it.
* White space before an added token, such as `<s>`, makes a `▁` for some of them. No run begins with
  one.
* A text without white space is one word however long. It may be cut between any two of its tokens,
  but then the tokens on both sides change: its atoms are `joined`, and whoever cuts between them
  tokenises the parts again.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import Unigram

from wiki_embeddings.chunking.characters import PUNCTUATION, SPACE
from wiki_embeddings.chunking.segments import SEAM_TOKENS, Ints, Runs, Table, begin_and_ends
from wiki_embeddings.errors import BadInputError

WORD_MARK = "▁"
"""What these tokenizers put before a word; U+2581."""

UNDIVIDED_TOKENS = 64
"""A run of more tokens may be cut inside: no word is so long, but a paragraph of Chinese is."""

LONGEST_WORD = UNDIVIDED_TOKENS + SEAM_TOKENS
"""Tokens that a budget must hold, so that any text can be cut."""

_NO_BEGINNING = r"\u037a\u0e33\u0eb3\ufc5e-\ufc63\ufe70-\ufe7f\uff9e\uff9f"
"""Letters that join the character before them, or that NFKC begins with a space."""

_MORE_BEGINNINGS = (
    r"«»¡¿§©°±·"
    r"\u2010-\u2016\u2018-\u2027\u2030-\u203b\u2190-\u2bff\u3001-\u3029"
    r"\U0001f300-\U0001f3fa\U0001f400-\U0001faff"
)
"""Signs that words and lines often begin with: quotation marks, dashes, arrows, emoji."""

_BEGINNING = rf"(?![{_NO_BEGINNING}])[\w{re.escape(PUNCTUATION)}{_MORE_BEGINNINGS}]"

_VANISHING = r"\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2581\ufeff\ufffd"
"""What becomes nothing or a space. At the end of a text some tokenizers drop it together with
U+0085 before it, which they keep inside a text."""

WHITE_SPACE = "".join(re.findall(f"[{SPACE}]", "".join(map(chr, range(0x3001)))))
"""The characters that separate words, one after another."""


def is_unigram(backend: Tokenizer) -> bool:
    """Tells whether a tokenizer is made as XLM-R's are, in any of the ways that are published."""
    return (
        isinstance(backend.model, Unigram)
        and _normalizes_by_character(backend.normalizer)
        and _splits_before_words(backend.pre_tokenizer)
    )


def _normalizes_by_character(part: Any) -> bool:
    """Precompiled, perhaps with what joins repeated spaces and drops those at the end."""
    if part is None:
        return False
    state = _state(part)
    steps = state["normalizers"] if state["type"] == "Sequence" else [state]
    return all(
        step["type"] == "Precompiled"
        or (step["type"] == "Strip" and not step["strip_left"])
        or (step["type"] == "Replace" and step["pattern"] == {"Regex": " {2,}"})
        for step in steps
    )


def _splits_before_words(part: Any) -> bool:
    """Metaspace, perhaps after WhitespaceSplit."""
    if part is None:
        return False
    state = _state(part)
    steps = state["pretokenizers"] if state["type"] == "Sequence" else [state]
    metaspace = steps[-1] if steps else {}
    return (
        [step["type"] for step in steps] in (["Metaspace"], ["WhitespaceSplit", "Metaspace"])
        and metaspace["prepend_scheme"] == "always"
        and metaspace["split"] is True
    )


def _state(part: Any) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(part.__getstate__())
    return state


def check_unigram(backend: Tokenizer, path: Path) -> None:
    """Refuses a tokenizer whose words are not independent of each other after all.

    Args:
        backend: One that `is_unigram`.
        path: Its file, to be named if it is refused.

    Raises:
        BadInputError: It keeps repeated white space, or it has a token that a cut could harm.
    """
    for token in backend.get_added_tokens_decoder().values():
        if token.single_word or token.rstrip or re.search(f"[{SPACE}]", token.content):
            raise BadInputError(
                f"The tokenizer {path} has the added token {token.content!r}, which takes in "
                "white space or must stand alone. Choose a model without such tokens."
            )
    apart = [*_ids(backend, "a"), *_ids(backend, "b")]
    for space in (*WHITE_SPACE, "  ", " \n\n"):
        if _ids(backend, f"a{space}b") != apart:
            raise BadInputError(
                f"The tokenizer {path} makes tokens of the white space {space!r} between words, "
                "so texts cannot be cut there. Choose a model whose tokenizer joins white space."
            )


def unigram_runs(backend: Tokenizer) -> Runs:
    """Says how to use a tokenizer run by run.

    Args:
        backend: The tokenizer, with truncation and padding off.
    """
    added = [token.content for token in backend.get_added_tokens_decoder().values()]
    return Runs(partial(_find_runs, run_break(added)), _RunTokenizer(backend, added))


def run_break(added_tokens: Sequence[str]) -> re.Pattern[str]:
    """Makes the pattern of white space after which a new run begins.

    Args:
        added_tokens: Strings that the tokenizer recognises before all else. White space before
            one is a text of its own, and some tokenizers make a token of it.
    """
    added = "|".join(map(re.escape, added_tokens)) or _NO_WORD.pattern
    return re.compile(rf"(?<![{SPACE}{_VANISHING}])[{SPACE}]+(?!{added})(?={_BEGINNING})")


def _find_runs(breaks: re.Pattern[str], text: str) -> list[str]:
    ends = [found.end() for found in breaks.finditer(text)]
    return [text[begin:end] for begin, end in pairwise([0, *ends, len(text)]) if begin < end]


def tokenize_alone(backend: Tokenizer, text: str) -> list[int]:
    """Tokenises a text that is a chunk by itself."""
    return _without_end(backend, text, _ids(backend, text))


def _ids(backend: Tokenizer, text: str) -> list[int]:
    ids: list[int] = backend.encode(text, add_special_tokens=False).ids
    return ids


def _without_end(backend: Tokenizer, text: str, ids: list[int]) -> list[int]:
    """Leaves out the token that some tokenizers make of white space at the end of a text."""
    ends_in_space = text[-1:] in WHITE_SPACE and ids[-1:] == [backend.token_to_id(WORD_MARK)]
    return ids[:-1] if ends_in_space else ids


class _Run(NamedTuple):
    """A run: its tokens, and of each of its atoms the code points and the number of tokens."""

    tokens: list[int]
    atom_chars: list[int]
    atom_tokens: list[int]


class _RunTokenizer:
    """Tokenises one run at a time; those of plain ASCII by the model alone, twice as fast."""

    def __init__(self, backend: Tokenizer, added_tokens: Sequence[str]) -> None:
        self._backend = backend
        self._model = backend.model
        self._added = added_tokens
        printable = "".join(map(chr, range(ord("!"), ord("~") + 1)))
        normalizer = backend.normalizer
        keeps_ascii = normalizer is None or normalizer.normalize_str(printable) == printable
        self._is_plain = _PLAIN_WORD.fullmatch if keeps_ascii else _NO_WORD.fullmatch

    def __call__(self, runs: Sequence[str]) -> tuple[Table, Ints]:
        rows = [self._tokenize(run) for run in runs]
        atoms = [len(row.atom_chars) for row in rows]
        run_atoms = begin_and_ends(np.array(atoms, np.int64))
        ends_run = np.zeros(run_atoms[-1], np.bool_)
        ends_run[run_atoms[1:] - 1] = True
        spaced = ends_run.copy()
        spaced[ends_run] = [run[-1].isspace() for run in runs]
        sizes = np.array([size for row in rows for size in row.atom_tokens], np.int64)
        table = Table(
            run_atoms=run_atoms,
            atom_chars=np.array([chars for row in rows for chars in row.atom_chars], np.int64),
            spaced=spaced,
            joined=~ends_run,
            atom_tokens=begin_and_ends(sizes),
            tokens=np.array([token for row in rows for token in row.tokens], np.uint32),
        )
        return table, np.arange(len(runs))

    def _tokenize(self, run: str) -> _Run:
        word = run.rstrip(WHITE_SPACE)
        if self._is_plain(word) and not any(token in word for token in self._added):
            tokens = [piece.id for piece in self._model.tokenize(WORD_MARK + word)]
            if len(tokens) <= UNDIVIDED_TOKENS:
                return _Run(tokens, [len(run)], [len(tokens)])
        encoding = self._backend.encode(run, add_special_tokens=False)
        tokens = _without_end(self._backend, run, encoding.ids)
        if len(tokens) <= UNDIVIDED_TOKENS:
            return _Run(tokens, [len(run)], [len(tokens)])
        starts = [start for start, _ in encoding.offsets[: len(tokens)]]
        return _Run(tokens, *_divide(run, starts))


_PLAIN_WORD = re.compile("[!-~]+")
_NO_WORD = re.compile(r"(?!)")

_MARKS_APART = 8
"""A letter with more tokens of combining marks than this is no letter that anybody reads."""


def _divide(run: str, token_starts: Sequence[int]) -> tuple[list[int], list[int]]:
    """Divides a long run into atoms, a token each, but keeps letters together with their marks.

    Returns:
        The code points and the number of tokens of each atom.
    """
    chars, tokens = [0], [0]
    for token, start in enumerate(token_starts):
        is_mark = unicodedata.category(run[start])[0] == "M" or run[start] == "\u200d"
        if token and start > chars[-1] and (not is_mark or token - tokens[-1] > _MARKS_APART):
            chars.append(start)
            tokens.append(token)
    return _sizes([*chars, len(run)]), _sizes([*tokens, len(token_starts)])


def _sizes(edges: Sequence[int]) -> list[int]:
    return [end - begin for begin, end in pairwise(edges)]
