"""Ways to use an article's sections when it is cut and embedded, for benchmarks/retrieval.py.

An article is divided into pieces, each with the text that stands in front of its chunks; the
chunker then cuts each piece as if it were an article with that title.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from unittest.mock import patch

import numpy as np

from benchmarks.questions import Article
from wiki_embeddings.chunking import Chunks, ChunkSettings, chunk_articles, section_paths
from wiki_embeddings.chunking.boundaries import Level
from wiki_embeddings.chunking.cuts import CUT_COST
from wiki_embeddings.chunking.sections import SEPARATOR
from wiki_embeddings.chunking.tokenizer import ChunkTokenizer

SECTION_TOKENS = 32
"""Room for a section's path beside the title: the sample's longest has 32 tokens, half of them at
most 5."""

CHARS_PER_TOKEN = 4
"""About as many as in the sample; decides only which sections are short."""


@dataclass(frozen=True)
class Variant:
    """One way to use sections.

    Attributes:
        section_prefix: True to put the section's path in front of each chunk, after the title.
        spare_tokens: Tokens of the budget that the chunks leave unused.
        section_cost: Cost of a cut before a section, for the chunker.
        shortest_section: Cuts before every section, but joins those with fewer tokens to the next;
            None to leave that to the chunker.
    """

    section_prefix: bool = False
    spare_tokens: int = 0
    section_cost: float = CUT_COST[Level.SECTION]
    shortest_section: int | None = None


VARIANTS: Mapping[str, Variant] = {
    "as by default": Variant(),
    "section in front": Variant(section_prefix=True, spare_tokens=SECTION_TOKENS),
    "as small, without it": Variant(spare_tokens=SECTION_TOKENS),
    "cost of a section 0": Variant(section_cost=0.0),
    "cost of a section -0.1": Variant(section_cost=-0.1),
    "cost of a section -0.2": Variant(section_cost=-0.2),
    "cost of a section -0.4": Variant(section_cost=-0.4),
    "cost of a section -0.5": Variant(section_cost=-0.5),
    "cost of a section -0.8": Variant(section_cost=-0.8),
    "every section": Variant(shortest_section=0),
    "every section, and in front": Variant(section_prefix=True, shortest_section=0),
    "sections of 64 tokens": Variant(shortest_section=64),
    "sections of 64 tokens, and in front": Variant(section_prefix=True, shortest_section=64),
}
"""The variants by name; the first is what the others are compared with."""


@dataclass(frozen=True)
class _Piece:
    """A part of an article that is cut on its own; `prefix` stands in front of its chunks."""

    article: int
    start: int
    text: str
    prefix: str


def cut_variant(
    tokenizer: ChunkTokenizer,
    settings: ChunkSettings,
    articles: Sequence[Article],
    variant: Variant,
) -> Chunks:
    """Cut articles into chunks.

    Args:
        tokenizer: The model's tokenizer.
        settings: Budget and prefixes; the title is put in front.
        articles: The articles.
        variant: How to use their sections.
    """
    budget = settings.token_budget - variant.spare_tokens
    pieces = [piece for number, a in enumerate(articles) for piece in _divide(number, a, variant)]
    with patch.dict(CUT_COST, {Level.SECTION: variant.section_cost}):
        chunks = _cut(tokenizer, replace(settings, token_budget=budget), pieces)
    if variant.section_prefix and variant.shortest_section is None:
        named = list(_name_sections(articles, chunks))  # they fit into the whole budget
        chunks = _cut(tokenizer, settings, named)
    return chunks


def _cut(tokenizer: ChunkTokenizer, settings: ChunkSettings, pieces: Sequence[_Piece]) -> Chunks:
    """Cut pieces; the chunks are numbered by article and start there."""
    prefixes, texts = [piece.prefix for piece in pieces], [piece.text for piece in pieces]
    chunks = chunk_articles(tokenizer, prefixes, texts, replace(settings, title_prefix=True))
    articles = np.array([piece.article for piece in pieces])[chunks.article]
    starts = np.array([piece.start for piece in pieces])[chunks.article]
    return replace(chunks, article=articles, start=starts + chunks.start)


def _divide(number: int, article: Article, variant: Variant) -> Iterator[_Piece]:
    """Divide an article into sections that are long enough; the last one takes the rest."""
    starts = [0]
    if variant.shortest_section is not None:
        shortest = max(1, variant.shortest_section * CHARS_PER_TOKEN)
        for start, _ in article.headings:
            if start - starts[-1] >= shortest:
                starts.append(start)
    sections = section_paths(article.text, article.headings, starts)
    for start, end, section in zip(starts, [*starts[1:], len(article.text)], sections, strict=True):
        named = section if variant.section_prefix and variant.shortest_section is not None else ""
        yield _Piece(number, start, article.text[start:end], _prefix(article, named))


def _name_sections(articles: Sequence[Article], chunks: Chunks) -> Iterator[_Piece]:
    """Make a piece of each chunk, with its section in front."""
    for number, article in enumerate(articles):
        rows = np.flatnonzero(chunks.article == number)
        starts = chunks.start[rows].tolist()
        sections = section_paths(article.text, article.headings, starts)
        for row, start, section in zip(rows, starts, sections, strict=True):
            yield _Piece(number, start, chunks.text[row], _prefix(article, section))


def _prefix(article: Article, section: str) -> str:
    return f"{article.title}{SEPARATOR}{section}" if section else article.title
