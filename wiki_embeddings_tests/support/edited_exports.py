"""Two exports of a wiki; the second is made from the first by every kind of edit."""

from __future__ import annotations

from dataclasses import replace

from wiki_embeddings_tests.support.exports import ExportPage

WIKI = "simple"
WIKI_ID = "simplewiki"

FIRST, SECOND = "20261001", "20261101"
"""Dates of the two."""

PARAGRAPHS = 3
"""Paragraphs of an article, each in a section of its own and a chunk of its own."""

TOKEN_BUDGET = 128
"""A paragraph fits into it, and two do not."""


def _paragraph(page: int, number: int, measured: str = "is") -> str:
    return " ".join(
        f"Bridge {bridge} over the river {page} {measured} {page * bridge} metres long."
        for bridge in range(10 * number + 1, 10 * number + 8)
    )


def _article(page: int) -> ExportPage:
    lead, history, economy = (_paragraph(page, number) for number in range(PARAGRAPHS))
    text = f"{lead}\n\n== History ==\n{history}\n\n== Economy ==\n{economy}\n"
    return ExportPage(page, f"River {page}", text)


def _edited(page: ExportPage, *paragraphs: int) -> ExportPage:
    text = page.text or ""
    for number in paragraphs:
        text = text.replace(_paragraph(page.id, number), _paragraph(page.id, number, "was"))
    return replace(page, text=text, revision_id=page.revision + 1)


_ARTICLES = {page: _article(page) for page in range(2, 82, 2)}

PAGES = (
    *_ARTICLES.values(),
    ExportPage(101, "Talk:River 2", "Is it long?", namespace=1),
    ExportPage(103, "Rivers", "#REDIRECT [[River 2]]", redirect="River 2"),
)

EDITED = {
    4: _edited(_ARTICLES[4], 0),
    30: _edited(_ARTICLES[30], 2),
    66: _edited(_ARTICLES[66], 1, 2),
    18: replace(_ARTICLES[18], title="River Eighteen", revision_id=181),
    44: replace(_ARTICLES[44], text=f"<!-- checked -->{_ARTICLES[44].text}", revision_id=441),
    52: replace(_ARTICLES[52], text="#REDIRECT [[River 2]]", redirect="River 2", revision_id=521),
    33: _article(33),
    95: _article(95),
}
"""Pages that are edited, moved, edited without touching the text, made a redirect, and added."""

REMOVED = 70
"""The page that is removed."""

PAGES_AFTER = tuple(
    page for page in ({p.id: p for p in PAGES} | EDITED).values() if page.id != REMOVED
)

GONE = {"River 52", "River 70"}
"""Titles of the articles that the second export lacks."""

EMBEDDED = 4 + PARAGRAPHS + 2 * PARAGRAPHS
"""Chunks to embed: four edited paragraphs, and those of the moved and of the two new articles,
because the title is in front of each."""

CHUNKS_AFTER = PARAGRAPHS * (len(_ARTICLES) - len(GONE) + 2)
"""Chunks of the second export."""

DROPPED = 4 + PARAGRAPHS + len(GONE) * PARAGRAPHS
"""Chunks of the first that the second lacks: what was edited, moved and is gone."""
