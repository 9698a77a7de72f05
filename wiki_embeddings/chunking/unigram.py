r"""Segments of XLM-R's tokenizers: what they are, how they are tokenised, which tokenizers qualify.

These normalise by a table made of NFKC, split at white space, put `▁` before each word and look
for the likeliest pieces of the whole word. What is independent of its neighbours is therefore a
word with the white space after it, and nothing smaller: a comma's tokens depend on the word before
it. This module handles five exceptions:

* The table is applied to what a reader sees as one character. A combining mark after a space joins
  that space, so a segment only ends before a character that surely begins a new one (`_BEGINNING`).
* Some characters become a space or begin with one (`´` becomes a space and a mark). Those begin
  no segment either, and only plain white space ends one.
* Tokenizers without `WhitespaceSplit` make white space at the end of a text one more `▁`. It is
  left out, as if the text ended before: releases of transformers and sentence-transformers
  disagree on it, and no other token depends on it.
* White space before an added token, such as `<s>`, makes a `▁` for some of them. No segment begins
  with one.
* A text without white space is one word however long. It may be cut between any two of its tokens,
  but then the tokens on both sides change: its atoms are `inside_word`, and the chunker tokenises
  the parts on both sides of such a cut again.
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
from wiki_embeddings.chunking.segments import (
    SEAM_TOKENS,
    Ints,
    Segmenter,
    SegmentTable,
    to_offsets,
)
from wiki_embeddings.errors import BadInputError

WORD_MARK = "▁"
"""The character that these tokenizers put before a word; U+2581."""

UNDIVIDED_TOKENS = 64
"""A segment of more tokens may be cut: no word is so long, but a paragraph of Chinese is."""

LONGEST_WORD = UNDIVIDED_TOKENS + SEAM_TOKENS
"""Smallest budget with which any text can be cut."""

_NOT_BEGINNING = r"\u037a\u0e33\u0eb3\ufc5e-\ufc63\ufe70-\ufe7f\uff9e\uff9f"
"""Letters that join the character before them, or that NFKC begins with a space."""

_MORE_BEGINNINGS = (
    r"«»¡¿§©°±·"
    r"\u2010-\u2016\u2018-\u2027\u2030-\u203b\u2190-\u2bff\u3001-\u3029"
    r"\U0001f300-\U0001f3fa\U0001f400-\U0001faff"
)
"""Signs that words and lines often begin with: quotation marks, dashes, arrows, emoji."""

_BEGINNING = rf"(?![{_NOT_BEGINNING}])[\w{re.escape(PUNCTUATION)}{_MORE_BEGINNINGS}]"

_VANISHING = r"\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2581\ufeff\ufffd"
"""Characters that become nothing or a space. At the end of a text some tokenizers drop them
together with a U+0085 before them, which they keep inside a text."""

WHITE_SPACE = "".join(re.findall(f"[{SPACE}]", "".join(map(chr, range(0x3001)))))
"""The characters that separate words, one after another."""


def is_unigram(backend: Tokenizer) -> bool:
    """Return True for a tokenizer of XLM-R's kind, in any of its published forms."""
    return (
        isinstance(backend.model, Unigram)
        and _normalizes_by_character(backend.normalizer)
        and _splits_before_words(backend.pre_tokenizer)
    )


def _normalizes_by_character(part: Any) -> bool:
    """Accept Precompiled, alone or with steps that join repeated spaces or drop trailing ones."""
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
    """Accept Metaspace, alone or after WhitespaceSplit."""
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
    """Refuse a tokenizer whose words depend on each other all the same.

    Args:
        backend: A tokenizer for which `is_unigram` is true.
        path: Its file, for the error.

    Raises:
        BadInputError: It keeps repeated white space, or has a token that a cut could break.
    """
    for token in backend.get_added_tokens_decoder().values():
        if token.single_word or token.rstrip or re.search(f"[{SPACE}]", token.content):
            raise BadInputError(
                f"The tokenizer {path} has the added token {token.content!r}, which includes "
                "white space or must stand alone. Choose a model without such tokens."
            )
    expected = [*_ids(backend, "a"), *_ids(backend, "b")]
    for space in (*WHITE_SPACE, "  ", " \n\n"):
        if _ids(backend, f"a{space}b") != expected:
            raise BadInputError(
                f"The tokenizer {path} makes tokens of the white space {space!r} between words, "
                "so texts cannot be cut there. Choose a model whose tokenizer joins white space."
            )


def make_segmenter(backend: Tokenizer) -> Segmenter:
    """Make the segmenter of a tokenizer that has truncation and padding off."""
    added = [token.content for token in backend.get_added_tokens_decoder().values()]
    return Segmenter(partial(_split, segment_break(added)), _SegmentTokenizer(backend, added))


def segment_break(added_tokens: Sequence[str]) -> re.Pattern[str]:
    """Compile the pattern of white space after which a new segment begins.

    Args:
        added_tokens: Strings that the tokenizer recognises before anything else. It tokenises the
            white space before one separately, and some tokenizers make a token of it.
    """
    added = "|".join(map(re.escape, added_tokens)) or _NO_WORD.pattern
    return re.compile(rf"(?<![{SPACE}{_VANISHING}])[{SPACE}]+(?!{added})(?={_BEGINNING})")


def _split(breaks: re.Pattern[str], text: str) -> list[str]:
    ends = [match.end() for match in breaks.finditer(text)]
    return [text[begin:end] for begin, end in pairwise([0, *ends, len(text)]) if begin < end]


def tokenize_alone(backend: Tokenizer, text: str) -> list[int]:
    """Tokenise a text that is a chunk by itself."""
    return _drop_trailing_space(backend, text, _ids(backend, text))


def _ids(backend: Tokenizer, text: str) -> list[int]:
    ids: list[int] = backend.encode(text, add_special_tokens=False).ids
    return ids


def _drop_trailing_space(backend: Tokenizer, text: str, ids: list[int]) -> list[int]:
    """Drop the token that some tokenizers make of white space at the end of a text."""
    ends_in_space = text[-1:] in WHITE_SPACE and ids[-1:] == [backend.token_to_id(WORD_MARK)]
    return ids[:-1] if ends_in_space else ids


class _Segment(NamedTuple):
    """A tokenised segment: its tokens, and the code points and number of tokens of each atom."""

    tokens: list[int]
    atom_chars: list[int]
    atom_tokens: list[int]


class _SegmentTokenizer:
    """Tokenises one segment at a time; those of plain ASCII by the model alone, twice as fast."""

    def __init__(self, backend: Tokenizer, added_tokens: Sequence[str]) -> None:
        self._backend = backend
        self._model = backend.model
        self._added = added_tokens
        printable = "".join(map(chr, range(ord("!"), ord("~") + 1)))
        normalizer = backend.normalizer
        keeps_ascii = normalizer is None or normalizer.normalize_str(printable) == printable
        self._is_plain = _PLAIN_WORD.fullmatch if keeps_ascii else _NO_WORD.fullmatch

    def __call__(self, segments: Sequence[str]) -> tuple[SegmentTable, Ints]:
        rows = [self._tokenize(segment) for segment in segments]
        atom_offsets = to_offsets(np.array([len(row.atom_chars) for row in rows], np.int64))
        ends_segment = np.zeros(atom_offsets[-1], np.bool_)
        ends_segment[atom_offsets[1:] - 1] = True
        ends_in_space = ends_segment.copy()
        ends_in_space[ends_segment] = [segment[-1].isspace() for segment in segments]
        sizes = np.array([size for row in rows for size in row.atom_tokens], np.int64)
        table = SegmentTable(
            atom_offsets=atom_offsets,
            atom_chars=np.array([chars for row in rows for chars in row.atom_chars], np.int64),
            ends_in_space=ends_in_space,
            inside_word=~ends_segment,
            token_offsets=to_offsets(sizes),
            tokens=np.array([token for row in rows for token in row.tokens], np.uint32),
        )
        return table, np.arange(len(segments))

    def _tokenize(self, segment: str) -> _Segment:
        word = segment.rstrip(WHITE_SPACE)
        if self._is_plain(word) and not any(token in word for token in self._added):
            tokens = [piece.id for piece in self._model.tokenize(WORD_MARK + word)]
            if len(tokens) <= UNDIVIDED_TOKENS:
                return _Segment(tokens, [len(segment)], [len(tokens)])
        encoding = self._backend.encode(segment, add_special_tokens=False)
        tokens = _drop_trailing_space(self._backend, segment, encoding.ids)
        if len(tokens) <= UNDIVIDED_TOKENS:
            return _Segment(tokens, [len(segment)], [len(tokens)])
        starts = [start for start, _ in encoding.offsets[: len(tokens)]]
        return _Segment(tokens, *_divide(segment, starts))


_PLAIN_WORD = re.compile("[!-~]+")
_NO_WORD = re.compile(r"(?!)")

_MAX_MARK_TOKENS = 8
"""No letter of a readable text has more tokens of combining marks than this."""


def _divide(segment: str, token_starts: Sequence[int]) -> tuple[list[int], list[int]]:
    """Divide a long segment into atoms of one token, but keep letters together with their marks.

    Returns:
        The code points and the number of tokens of each atom.
    """
    chars, tokens = [0], [0]
    for token, start in enumerate(token_starts):
        is_mark = unicodedata.category(segment[start])[0] == "M" or segment[start] == "\u200d"
        if token and start > chars[-1] and (not is_mark or token - tokens[-1] > _MAX_MARK_TOKENS):
            chars.append(start)
            tokens.append(token)
    return _sizes([*chars, len(segment)]), _sizes([*tokens, len(token_starts)])


def _sizes(edges: Sequence[int]) -> list[int]:
    return [end - begin for begin, end in pairwise(edges)]
