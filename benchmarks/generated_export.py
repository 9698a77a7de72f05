"""Exports of a generated wiki of any size, written as a stream.

The pages have the shares of namespaces and the lengths of a middle-sized Wikipedia, and the
wikitext of real articles: paragraphs, tables and templates of the sample, put together anew. A
page's id decides all about it, so any part of the export can be written alone.
"""

from __future__ import annotations

import bz2
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random

from wiki_embeddings.bundled import bundled_dump
from wiki_embeddings.sources.xml_export import iter_pages, only_articles
from wiki_embeddings_tests.support.exports import (
    ExportPage,
    complete,
    export_folder,
    xml_pieces,
)

PAGES_IN_FILE = 25_000

EDITED = 0.018
REMOVED = 0.001
TURNED_INTO_REDIRECT = 0.001
ADDED = 0.001
"""What happens to the articles from one snapshot to the next, as shares: 2 % change, and some are
new."""

_LOG_LENGTH_SPREAD = 1.1
"""Standard deviation of the logarithm of a page's length."""


@dataclass(frozen=True)
class Kind:
    """A kind of page.

    Attributes:
        share: Share of all pages.
        namespace: Number of its namespace.
        prefix: What its titles begin with.
        length: Mean length of its wikitext, in characters.
        model: Content model.
    """

    share: float
    namespace: int
    prefix: str
    length: int
    model: str = "wikitext"


ARTICLE = Kind(0.20, 0, "", 6_500)
REDIRECT = Kind(0.21, 0, "", 0)
KINDS = (
    ARTICLE,
    REDIRECT,
    Kind(0.25, 1, "Talk:", 3_500),
    Kind(0.05, 2, "User:", 2_000),
    Kind(0.10, 3, "User talk:", 4_500),
    Kind(0.03, 4, "Wikipedia:", 8_000),
    Kind(0.03, 6, "File:", 1_000),
    Kind(0.05, 10, "Template:", 2_000),
    Kind(0.07, 14, "Category:", 300),
    Kind(0.01, 828, "Module:", 5_000, "Scribunto"),
)


def write_generated_export(root: Path, wiki_id: str, date: str, pages: int, edition: int) -> int:
    """Write an export below the root of a site.

    Args:
        root: Root of the site.
        wiki_id: Name of the wiki's database.
        date: Date, as `20261101`.
        pages: Number of pages in edition 0.
        edition: 0, or 1 for the same wiki after its changes.

    Returns:
        Characters of wikitext in it.
    """
    folder = export_folder(root, wiki_id, date)
    folder.mkdir(parents=True)
    last = pages + round(ADDED * ARTICLE.share * pages) * edition
    bounds = [*range(1, pages + 1, PAGES_IN_FILE), last + 1]
    parts = [
        _Part(folder, wiki_id, range(first, end), pages, edition) for first, end in pairwise(bounds)
    ]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        written = sum(pool.map(_write_part, parts))
    complete(folder)
    return written


@dataclass(frozen=True)
class _Part:
    """One file of an export.

    Attributes:
        folder: Its folder.
        wiki_id: Name of the wiki's database.
        ids: Ids of its pages.
        pages: Number of pages in edition 0 of the wiki.
        edition: The edition.
    """

    folder: Path
    wiki_id: str
    ids: range
    pages: int
    edition: int


def _write_part(part: _Part) -> int:
    written = 0

    def counted() -> Iterator[ExportPage]:
        nonlocal written
        for page in _pages(part):
            written += len(page.text or "")
            yield page

    date = part.folder.parts[-3]
    name = f"{part.wiki_id}-{date}-p{part.ids[0]}p{part.ids[-1]}.xml.bz2"
    with bz2.open(part.folder / name, "wt", compresslevel=1, encoding="utf-8") as stream:
        stream.writelines(xml_pieces(part.wiki_id, counted()))
    return written


def _pages(part: _Part) -> Iterator[ExportPage]:
    for page_id in part.ids:
        is_new = page_id > part.pages
        page = _article(page_id) if is_new else _page(page_id)
        changed = _changed(page) if part.edition and not is_new else page
        if changed is not None:
            yield changed


def _page(page_id: int) -> ExportPage:
    (kind,) = Random(f"kind {page_id}").choices(KINDS, [kind.share for kind in KINDS])
    if kind is ARTICLE:
        return _article(page_id)
    title = f"{kind.prefix}{_title(page_id)}"
    if kind is REDIRECT:
        return _redirect(page_id, title)
    text = "\n\n".join(_blocks_of(page_id, kind.length))
    return ExportPage(page_id, title, text, kind.namespace, model=kind.model)


def _article(page_id: int) -> ExportPage:
    title = _title(page_id)
    beginning = f"'''{title}''' is a place with {page_id:,} inhabitants."
    text = "\n\n".join([beginning, *_blocks_of(page_id, ARTICLE.length)])
    return ExportPage(page_id, title, text)


def _redirect(page_id: int, title: str) -> ExportPage:
    target = _title(max(1, page_id - 1))
    return ExportPage(page_id, title, f"#REDIRECT [[{target}]]", redirect=target)


def _title(page_id: int) -> str:
    return f"Village {page_id}"


def _blocks_of(page_id: int, mean_length: int) -> list[str]:
    """Draw the blocks of a page, whose length has a log-normal distribution."""
    random = Random(f"text {page_id}")
    length = mean_length * random.lognormvariate(-(_LOG_LENGTH_SPREAD**2) / 2, _LOG_LENGTH_SPREAD)
    chosen: list[str] = []
    while length > 0:
        chosen.append(random.choice(_blocks()))
        length -= len(chosen[-1])
    return chosen


def _changed(page: ExportPage) -> ExportPage | None:
    """Return a page after a month: as before, edited, a redirect, or None if it was deleted."""
    if page.namespace != 0 or page.redirect is not None or page.text is None:
        return page
    random = Random(f"change {page.id}")
    draw = random.random()
    if draw < REMOVED:
        return None
    if draw < REMOVED + TURNED_INTO_REDIRECT:
        return _redirect(page.id, page.title)
    if draw < REMOVED + TURNED_INTO_REDIRECT + EDITED:
        blocks = page.text.split("\n\n")
        blocks[random.randrange(len(blocks))] = random.choice(_blocks())
        return ExportPage(
            page.id,
            page.title,
            "\n\n".join(blocks),
            revision_id=page.revision + 1,
            timestamp="2026-11-20T12:00:00Z",
        )
    return page


@cache
def _blocks() -> tuple[str, ...]:
    """Pieces of the sample's wikitext between empty lines in which all markup is closed."""
    pieces = (
        piece
        for page in only_articles(iter_pages(bundled_dump()))
        for piece in page.wikitext.split("\n\n")
    )
    return tuple(piece for piece in pieces if 40 <= len(piece) <= 4_000 and _is_closed(piece))


def _is_closed(wikitext: str) -> bool:
    pairs = [("{{", "}}"), ("{|", "|}"), ("[[", "]]"), ("<!--", "-->"), ("<ref", "</ref")]
    return all(wikitext.count(opening) == wikitext.count(end) for opening, end in pairs)
