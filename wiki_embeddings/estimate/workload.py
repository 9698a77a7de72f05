"""How much there is to do: articles and characters of an edition become chunks, tokens and shards.

The rule for chunks was measured on the sample with our chunker, at budgets of 128, 256 and 512.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.estimate.editions import Edition

SPECIAL_TOKENS = 2
"""`[CLS]` and `[SEP]`, or what stands for them."""

_TITLE_TOKENS = 2.15
"""Mean tokens of a title in the sample, over its chunks."""

_UNFILLED_TOKENS = 28.4
_UNFILLED_BUDGET = 256
_UNFILLED_POWER = 0.62
"""Tokens that a chunk inside an article leaves free, because it ends where a sentence or paragraph
does: 18.9 of 128, 28.4 of 256, 44.7 of 512."""

_LAST_CHUNK = 0.5
"""An article's last chunk is half full on average. With it the rule gives the number of chunks to
within 5 % for articles that are cut at all, and to 20 % where all are about as long as a chunk."""

_SPREAD = 1.025
"""Sum of the squared lengths over their sum, against their mean: 1.012 in the sample, 1.04 where
its articles are cut to 3,000 characters, which is an article of the English edition."""


@dataclass(frozen=True)
class Workload:
    """What a run goes through.

    Attributes:
        articles: Number of articles.
        characters: Characters of their text.
        text_bytes: Bytes of it in UTF-8.
        chunks: Number of chunks.
        stored_tokens: Tokens of the chunks, titles included.
        encoded_tokens: What the encoder computes: with special tokens.
        attended: Mean length of the chunk in which a token stands.
        parts: Bytes of text in each part that is kept.
        file_bytes: Bytes of text in a file that is fetched: a share of the articles is taken from
            whole files.
        shards: Bytes of text in each shard.
    """

    articles: float
    characters: float
    text_bytes: float
    chunks: float
    stored_tokens: float
    encoded_tokens: float
    attended: float
    parts: tuple[float, ...]
    file_bytes: float
    shards: tuple[float, ...]


def workload_of(
    edition: Edition,
    *,
    fraction: float,
    token_budget: int,
    title_prefix: bool,
    shard_bytes: float,
) -> Workload:
    """Count what a run over an edition goes through.

    Args:
        edition: Its size.
        fraction: Share of its articles.
        token_budget: Most tokens in a chunk, special tokens and title included.
        title_prefix: Whether the title stands in front of each chunk.
        shard_bytes: Bytes of text in a shard.

    Raises:
        BadInputError: The budget leaves no room for text.
    """
    characters = edition.characters.value * fraction
    articles = max(1.0, edition.articles.value * fraction)
    text_bytes = edition.text_bytes * fraction
    title = _TITLE_TOKENS if title_prefix else 0.0
    unfilled = _UNFILLED_TOKENS * (token_budget / _UNFILLED_BUDGET) ** _UNFILLED_POWER
    full = token_budget - SPECIAL_TOKENS - title - unfilled
    if full < 1:
        raise BadInputError(f"A budget of {token_budget} tokens leaves no room for text.")
    text_tokens = characters * edition.script.tokens_per_character
    chunks = max(articles, text_tokens / full + _LAST_CHUNK * articles)
    stored = text_tokens + title * chunks
    encoded = stored + SPECIAL_TOKENS * chunks
    parts = math.ceil(edition.parts * fraction)
    part_bytes = text_bytes / parts
    return Workload(
        articles=articles,
        characters=characters,
        text_bytes=text_bytes,
        chunks=chunks,
        stored_tokens=stored,
        encoded_tokens=encoded,
        attended=min(float(token_budget), encoded / chunks * _SPREAD),
        parts=(part_bytes,) * parts,
        file_bytes=edition.text_bytes / edition.parts,
        shards=_row_groups(part_bytes, shard_bytes) * parts,
    )


def _row_groups(part_bytes: float, shard_bytes: float) -> tuple[float, ...]:
    """The shards of one part: full ones, and what is left."""
    full, left = divmod(part_bytes, shard_bytes)
    return (shard_bytes,) * int(full) + ((left,) if left else ())
