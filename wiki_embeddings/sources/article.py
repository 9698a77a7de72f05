"""What every source of articles yields."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Article:
    """One article of one Wikipedia, as plain text.

    Attributes:
        id: Page id in that Wikipedia; fits int64.
        url: Address of the article for people to open.
        title: Title as the encyclopedia shows it.
        text: Plain text; headings and paragraphs are separated by blank lines.
    """

    id: int
    url: str
    title: str
    text: str
