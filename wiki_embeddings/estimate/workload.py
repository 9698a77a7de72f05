"""How much there is to do: an edition's articles become chunks, tokens and shards.

The rule for chunks was measured on the sample with our chunker, at budgets of 128, 256 and 512.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.estimate.editions import Edition
from wiki_embeddings.estimate.options import RunOptions

_SPECIAL_TOKENS = 2
"""`[CLS]` and `[SEP]`, or their equivalents."""

_TITLE_TOKENS = 2.15
"""Mean tokens of a title in the sample, over its chunks."""

_UNFILLED_SHARE = 0.177
"""Share of the budget that a chunk inside an article leaves free because it ends with a section,
paragraph or sentence: 0.18 of 128 tokens, 0.177 of 256, 0.19 of 512."""

_LAST_CHUNK = 0.27
"""What an article's last chunk leaves free: little, because the cuts make its chunks even. With it
the rule gives the number of chunks to within 5 % for articles of three chunks or more, and 25 % for
shorter ones."""

_SPREAD = 1.035
"""Mean length of a token's chunk over the mean length of a chunk: 1.027 in the sample, 1.04 with
its articles cut to 3,000 characters, the usual length in the English edition."""


@dataclass(frozen=True)
class Workload:
    """What a run processes.

    Attributes:
        articles: Number of articles.
        characters: Characters of their text.
        text_bytes: Bytes of it in UTF-8.
        chunks: Number of chunks.
        stored_tokens: Tokens of the chunks, titles included.
        encoded_tokens: Tokens that the encoder computes, special ones included.
        attended: Mean length of a token's chunk.
        parts: Files of articles, equally large.
        file_bytes: Bytes of text in a file before `fraction` selects some of its articles.
        shards: Bytes of text in each shard.
    """

    articles: float
    characters: float
    text_bytes: float
    chunks: float
    stored_tokens: float
    encoded_tokens: float
    attended: float
    parts: int
    file_bytes: float
    shards: tuple[float, ...]


def count_workload(edition: Edition, options: RunOptions) -> Workload:
    """Count what a run over an edition processes.

    Raises:
        BadInputError: The token budget leaves no room for text.
    """
    articles = max(1.0, edition.articles.value * options.fraction)
    characters = edition.characters.value * options.fraction
    text_bytes = edition.text_bytes * options.fraction
    title = _TITLE_TOKENS if options.title_prefix else 0.0
    unfilled = _UNFILLED_SHARE * options.token_budget
    room = options.token_budget - _SPECIAL_TOKENS - title - unfilled
    if room < 1:
        raise BadInputError(f"A budget of {options.token_budget} tokens leaves no room for text.")
    text_tokens = characters * edition.tokens_per_character.value
    chunks = max(articles, text_tokens / room + _LAST_CHUNK * articles)
    stored_tokens = text_tokens + title * chunks
    encoded_tokens = stored_tokens + _SPECIAL_TOKENS * chunks
    parts = math.ceil(edition.parts * options.fraction)
    return Workload(
        articles,
        characters,
        text_bytes,
        chunks,
        stored_tokens,
        encoded_tokens,
        attended=min(float(options.token_budget), encoded_tokens / chunks * _SPREAD),
        parts=parts,
        file_bytes=edition.text_bytes / edition.parts,
        shards=_split(text_bytes / parts, text_bytes / articles * options.shard_articles) * parts,
    )


def _split(part_bytes: float, shard_bytes: float) -> tuple[float, ...]:
    """Return the shards of one part: full ones, then what is left."""
    full, left = divmod(part_bytes, shard_bytes)
    return (shard_bytes,) * int(full) + ((left,) if left else ())
