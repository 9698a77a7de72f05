r"""Segments of BERT's tokenizers: what they are, how they are tokenised, which tokenizers qualify.

A segment is a word, a punctuation sign or an ideograph, each with the white space after it
(`"Cafés"`, `",\n\n"`). BERT's tokenizers normalise character by character and split there before
they look for pieces of words, so that a text can be cut there without changing a token. Signs that
they separate too but that are not in `PUNCTUATION` only make a segment longer.

The tokenizers spend most of their time on normalising, which changes only the case of plain ASCII
words: those go to the WordPiece model alone.

What was tried on the sample's 2.9 million characters, as a multiple of the rate at which
`encode_batch` alone tokenises whole articles (cuts included, the cache empty at the start):

* Whole articles, then offsets only where a cut may be: 0.87 by the sum of its parts, and no way
  that tokenises all text can do much better. All offsets as Python lists: 0.75. A single article
  of 10 MB takes the tokenizer 1.3 GB.
* Sentences or paragraphs through `encode_batch_fast`, which makes no offsets: no gain, because
  each input costs a few µs in itself.
* A table of what lies between two white spaces, new entries through `encode` joined by spaces
  (one by one they take twice as long): 1.6.
* This one, whose entries are single words and signs, the plain ones through the model: 2.6. With
  a table that knows nearly all words, as a worker has after a few shards: 3.6.
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

from wiki_embeddings.chunking.characters import IDEOGRAPHS, PUNCTUATION, SPACE
from wiki_embeddings.chunking.segments import (
    Ints,
    Segmenter,
    SegmentTable,
    concatenate_tables,
    count_chars,
    to_offsets,
)
from wiki_embeddings.errors import BadInputError

UNDIVIDED_TOKENS = 16
"""A segment of more tokens (signs or letters of scripts without white space) may be cut between
its words."""

BLOCK_SEGMENTS = 1024
"""New segments tokenised in one call: enough to hide its cost, few enough for the CPU's cache."""


@dataclass(frozen=True)
class Rules:
    """What a BERT tokenizer does, as far as segments depend on it.

    Attributes:
        longest_word: Code points of the longest word that it looks up, hence most tokens of one.
        lowercase: True if it lowercases letters.
        split_ideographs: True if it makes each ideograph a word.
        added_tokens: Strings that it recognises before anything else, such as [SEP].
    """

    longest_word: int
    lowercase: bool
    split_ideographs: bool
    added_tokens: tuple[str, ...]


def is_bert(backend: Tokenizer) -> bool:
    """Return True for a tokenizer of BERT's kind."""
    return (
        isinstance(backend.model, WordPiece)
        and isinstance(backend.normalizer, BertNormalizer)
        and isinstance(backend.pre_tokenizer, BertPreTokenizer)
    )


def read_rules(backend: Tokenizer, path: Path) -> Rules:
    """Read what a tokenizer does, and refuse one whose tokens a cut could change.

    Args:
        backend: A tokenizer for which `is_bert` is true.
        path: Its file, for the error.

    Raises:
        BadInputError: It lacks a token that it needs, or has one that a cut could break.
    """
    model, normalizer = backend.model, backend.normalizer
    assert isinstance(model, WordPiece)  # noqa: S101  # see is_bert
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
    """Refuse a token that depends on the text around it or that a cut could break."""
    if token.single_word or token.rstrip or _CUT_CHARACTERS.search(token.content):
        raise BadInputError(
            f"The tokenizer {path} has the added token {token.content!r}, which includes white "
            "space or ideographs, or must stand alone. Choose a model without such tokens."
        )


def make_segmenter(backend: Tokenizer, rules: Rules) -> Segmenter:
    """Make the segmenter of a tokenizer that has truncation and padding off."""
    return Segmenter(_segment_pattern(rules).findall, partial(_tokenize, backend, rules))


def _segment_pattern(rules: Rules) -> re.Pattern[str]:
    """Compile the pattern that matches a text's segments one after another."""
    unbreakable = set("".join(rules.added_tokens))
    alone = re.escape("".join(sign for sign in PUNCTUATION if sign not in unbreakable))
    if rules.split_ideographs:
        alone += IDEOGRAPHS
    return re.compile(rf"(?:[^{SPACE}{alone}]+|[{SPACE}{alone}])[{SPACE}]*")


def _tokenize(
    backend: Tokenizer, rules: Rules, segments: Sequence[str]
) -> tuple[SegmentTable, Ints]:
    """Tokenise segments, plain words before others."""
    has_plain_words = not any(map(str.isalnum, rules.added_tokens))
    plain = np.array([has_plain_words and _is_plain(segment) for segment in segments], np.bool_)
    order = np.concatenate([np.flatnonzero(plain), np.flatnonzero(~plain)])
    rows = np.empty_like(order)
    rows[order] = np.arange(len(order))
    ordered = [segments[number] for number in order]
    words, others = ordered[: plain.sum()], ordered[plain.sum() :]
    blocks = [others[i : i + BLOCK_SEGMENTS] for i in range(0, len(others), BLOCK_SEGMENTS)]
    tables = [
        _tokenize_plain_words(backend.model, words, rules.lowercase),
        *(_tokenize_block(backend, block) for block in blocks),
    ]
    return concatenate_tables(tables), rows


def _is_plain(segment: str) -> bool:
    """Return True if the tokenizer's normalizer changes at most the case of the segment's word."""
    word = segment.rstrip()
    return word.isascii() and word.isalnum()


def _tokenize_plain_words(model: Model, segments: Sequence[str], lowercase: bool) -> SegmentTable:
    """Tokenise segments of ASCII letters and digits; each has one atom."""
    words = [segment.rstrip() for segment in segments]
    tokens: list[int] = []
    token_offsets = [0]
    for word in words:
        pieces = model.tokenize(word.lower() if lowercase else word)
        tokens += [piece.id for piece in pieces]
        token_offsets.append(len(tokens))
    return SegmentTable(
        atom_offsets=np.arange(len(segments) + 1),
        atom_chars=count_chars(segments),
        ends_in_space=count_chars(segments) > count_chars(words),
        inside_word=np.zeros(len(segments), np.bool_),
        token_offsets=np.array(token_offsets, np.int64),
        tokens=np.array(tokens, np.uint32),
    )


def _tokenize_block(backend: Tokenizer, segments: Sequence[str]) -> SegmentTable:
    """Tokenise segments of any kind in one call, joined by spaces, and find the atoms of each."""
    encoding = backend.encode(" ".join(segments), add_special_tokens=False)
    # A token may include the white space before it, as some models' [MASK] does, so its place is
    # that of its last character.
    token_places = np.array([end - 1 for _, end in encoding.offsets], np.int64)
    token_starts = np.array([start for start, _ in encoding.offsets], np.int64)
    begins_word = np.diff(np.array(encoding.word_ids, np.int64), prepend=-1) != 0

    segment_starts = to_offsets(count_chars(segments) + 1)
    segment_of_token = np.searchsorted(segment_starts, token_places, side="right") - 1
    divided = np.bincount(segment_of_token, minlength=len(segments)) > UNDIVIDED_TOKENS
    continues_segment = np.diff(segment_of_token, prepend=-1) == 0
    inner_starts = token_starts[begins_word & continues_segment & divided[segment_of_token]]

    atom_starts = np.sort(np.concatenate([segment_starts, inner_starts]))
    atom_offsets = np.searchsorted(atom_starts, segment_starts)
    atom_chars = np.diff(atom_starts)
    atom_chars[atom_offsets[1:] - 1] -= 1  # the space that joined the segment to the next one
    ends_in_space = np.zeros(len(atom_chars), np.bool_)
    ends_in_space[atom_offsets[1:] - 1] = [segment[-1].isspace() for segment in segments]
    return SegmentTable(
        atom_offsets=atom_offsets,
        atom_chars=atom_chars,
        ends_in_space=ends_in_space,
        inside_word=np.zeros(len(atom_chars), np.bool_),
        token_offsets=np.searchsorted(token_places, atom_starts),
        tokens=np.array(encoding.ids, np.uint32),
    )
