"""Turns a batch of articles into chunks: tokenise once, find boundaries, choose cuts.

Cuts are chosen in tokens; in characters, a cut lies where the next word with tokens begins, so
white space and characters without tokens stay with the chunk before. If a text without white
space has to be cut inside what its tokenizer takes for one word, the parts are tokenised again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wiki_embeddings.chunking.boundaries import Level, find_boundaries
from wiki_embeddings.chunking.cuts import choose_cuts, divide_evenly
from wiki_embeddings.chunking.segments import SEAM_TOKENS, Ints, TokenIds, TokenizedText
from wiki_embeddings.chunking.settings import ChunkSettings, check_settings
from wiki_embeddings.chunking.tokenizer import ChunkTokenizer
from wiki_embeddings.errors import BadInputError


@dataclass(frozen=True)
class Chunks:
    """The chunks of a batch of articles, as columns; an article's chunks follow one another.

    Attributes:
        article: Number of the chunk's article in the batch; int64, shape (chunks,).
        chunk_index: Number of the chunk in its article, from 0; int32, shape (chunks,).
        start: Code point of the article's text at which the chunk begins; int64, shape (chunks,).
        text: Text of each chunk; those of an article, joined, are its text.
        tokens: Token ids of all chunks, one after another, without special tokens; the title's
            come before the text's if the settings say so; uint16 if the vocabulary allows it,
            otherwise uint32; shape (tokens,).
        token_offsets: Token at which each chunk begins, and the end; int64, shape (chunks + 1,).
    """

    article: Ints
    chunk_index: npt.NDArray[np.int32]
    start: Ints
    text: list[str]
    tokens: TokenIds
    token_offsets: Ints

    def __len__(self) -> int:
        return len(self.text)


def chunk_articles(
    tokenizer: ChunkTokenizer,
    titles: Sequence[str],
    texts: Sequence[str],
    settings: ChunkSettings,
) -> Chunks:
    """Cut articles into chunks.

    Every article has at least one chunk; an empty article has one without text. A batch of one to
    a few MiB of text is best: it needs about six times its size in memory while it runs (an article
    of 10 MB about 200 MB), and larger batches are hardly faster.

    Args:
        tokenizer: The model's tokenizer; keep it from batch to batch.
        titles: Title of each article.
        texts: Plain text of each article.
        settings: Budget and prefixes.

    Raises:
        BadInputError: The budget cannot hold a word, or a title or text has a lone surrogate.
    """
    budget = check_settings(tokenizer, settings)
    for title, text in zip(titles, texts, strict=True):
        _check_characters(title, text)
    no_tokens = np.empty(0, tokenizer.token_dtype)
    prefixes = [no_tokens] * len(titles)
    if settings.title_prefix:
        text_room = max(-(-budget // 2), tokenizer.longest_word)
        prefixes = [_truncate(title, budget - text_room) for title in tokenizer.tokenize(titles)]
    bodies = tokenizer.tokenize(texts)
    rows = [
        _Chunk(article, index, start, text[start:end], prefix, tokens)
        for article, (prefix, text, body) in enumerate(zip(prefixes, texts, bodies, strict=True))
        for index, (start, end, tokens) in enumerate(
            _cut(tokenizer, text, body, budget - len(prefix))
        )
    ]
    return _as_columns(rows, no_tokens)


class _Chunk(NamedTuple):
    """One chunk as a row; `prefix` and `body` are the tokens of the title and of the text."""

    article: int
    chunk_index: int
    start: int
    text: str
    prefix: TokenIds
    body: TokenIds


_Span = tuple[int, int, TokenIds]
"""Code points at which a part of a text begins and ends, and its tokens."""


def _cut(tokenizer: ChunkTokenizer, text: str, body: TokenizedText, budget: int) -> Iterator[_Span]:
    """Yield the parts into which a text is cut."""
    cuts = _find_cuts(text, body, budget)
    chars = pairwise([0, *body.chars_before(cuts), len(text)])
    tokens = pairwise([0, *cuts, len(body.tokens)])
    inside_words = pairwise([False, *body.cuts_words(cuts), False])
    for (start, end), (first, last), inside in zip(chars, tokens, inside_words, strict=True):
        if any(inside):
            yield from _retokenize(tokenizer, text, body, (start, end), budget)
        else:
            yield start, end, body.tokens[first:last]


def _retokenize(
    tokenizer: ChunkTokenizer, text: str, body: TokenizedText, part: tuple[int, int], budget: int
) -> Iterator[_Span]:
    """Yield a part with the tokens of its text alone, in halves if they exceed the budget."""
    start, end = part
    tokens = tokenizer.tokenize_alone(text[start:end])
    if len(tokens) <= budget or end - start == 1:
        yield start, end, tokens
        return
    middle = (start + end) // 2
    place = int(body.char_ends[np.searchsorted(body.char_ends, middle)])
    cut = place if start < place < end else middle
    for half in ((start, cut), (cut, end)):
        yield from _retokenize(tokenizer, text, body, half, budget)


def _as_columns(rows: Sequence[_Chunk], no_tokens: TokenIds) -> Chunks:
    sizes = np.array([len(row.prefix) + len(row.body) for row in rows], np.int64)
    parts = [part for row in rows for part in (row.prefix, row.body)]
    return Chunks(
        article=np.array([row.article for row in rows], np.int64),
        chunk_index=np.array([row.chunk_index for row in rows], np.int32),
        start=np.array([row.start for row in rows], np.int64),
        text=[row.text for row in rows],
        tokens=np.concatenate([no_tokens, *parts]),
        token_offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
    )


def _check_characters(title: str, text: str) -> None:
    """Refuse lone surrogates, which are not Unicode text."""
    for name, value in (("title", title), ("text", text)):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            escaped = title.encode(errors="backslashreplace").decode()
            raise BadInputError(
                f"The {name} of the article “{escaped}” has a lone surrogate "
                f"(U+{ord(value[error.start]):04X}) at character {error.start}, which UTF-8 cannot "
                "hold: repair the source or leave the article out."
            ) from error


def _truncate(title: TokenizedText, room: int) -> TokenIds:
    """Return the tokens of as many of the title's words as there is room for."""
    words = np.searchsorted(title.token_ends, room, side="right")
    return title.tokens[: title.token_ends[words - 1] if words else 0]


def _find_cuts(text: str, body: TokenizedText, budget: int) -> list[int]:
    """Return the tokens before which the text is cut, ascending."""
    if len(body.tokens) <= budget:
        return []
    if body.inside_word.any():
        budget -= SEAM_TOKENS
    units = _find_units(text, body, budget)
    return choose_cuts(list(units), list(units.values()), budget)


def _find_units(text: str, body: TokenizedText, budget: int) -> dict[int, Level]:
    """Divide a text into units that stay whole: sentences, and parts of those over the budget.

    Returns:
        The level of the boundary after each unit, by the number of tokens up to there, ascending.
    """
    boundaries = find_boundaries(text)
    ends = body.tokens_before([boundary.position for boundary in boundaries])
    total = len(body.tokens)
    units = {
        end: boundary.level
        for end, boundary in zip(ends, boundaries, strict=True)
        if 0 < end < total
    }
    units[total] = Level.SECTION
    inner = _divide_large_units([0, *units], body, budget)
    return dict(sorted({**units, **dict.fromkeys(inner, Level.WORD)}.items())) if inner else units


def _divide_large_units(ends: Sequence[int], body: TokenizedText, budget: int) -> list[int]:
    """Return the tokens at which units over the budget are divided, at white space if possible."""
    large = [(start, end) for start, end in pairwise(ends) if end - start > budget]
    if not large:
        return []
    words = np.concatenate([np.zeros(1, np.int64), body.token_ends])
    spaces = words[np.concatenate([np.ones(1, np.bool_), body.ends_in_space])]
    return [
        cut for start, end in large for cut in divide_evenly(start, end, (spaces, words), budget)
    ]
