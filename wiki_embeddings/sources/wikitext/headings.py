"""Joins cleaned blocks into one text, and notes where its headings are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wiki_embeddings.sources.wikitext.markers import HEADING, restore

_GAP = "\n\n"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading, which is a line of its own.

    Attributes:
        start: Code point of the text at which it begins.
        level: 1 to 6, as in HTML; the sections of an article have level 2.
    """

    start: int
    level: int


@dataclass(frozen=True, slots=True)
class ConvertedText:
    """A page's text.

    Attributes:
        text: Plain text.
        headings: Its headings, in the order of the text.
    """

    text: str
    headings: tuple[Heading, ...]


def join_blocks(blocks: Iterable[str]) -> ConvertedText:
    """Join paragraphs and headings, with one blank line between them.

    Args:
        blocks: Headings still have their marker and level in front; empty ones are left out.
    """
    parts: list[str] = []
    headings: list[Heading] = []
    start = 0
    for block in blocks:
        is_heading = block.startswith(HEADING)
        part = restore(block[2:].strip() if is_heading else block)
        if not part:
            continue
        if is_heading:
            headings.append(Heading(start, int(block[1])))
        parts.append(part)
        start += len(part) + len(_GAP)
    return ConvertedText(_GAP.join(parts), tuple(headings))
