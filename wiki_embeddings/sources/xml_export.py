"""Reads the pages of a MediaWiki XML export, such as Wikimedia's, one at a time.

Knows XML and compression, and nothing about wikitext. Nothing in a file can make it hold more than
a few texts: what is too large or no article's is skipped while it streams by, and a document type,
with which XML can name other files or grow without end, is refused.

The format: https://www.mediawiki.org/wiki/Help:Export, schema 0.11. Files without a content model
(before 0.6) and those in which a page has several revisions are read as well.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, TypeAlias, TypeVar, cast
from urllib.parse import quote
from xml.parsers import expat

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.sources.export_parser import (
    WIKITEXT,
    ExportParser,
    ParsedPage,
    ParsedRevision,
    ParsedSite,
)
from wiki_embeddings.volume import MiB

ARTICLE_NAMESPACE = 0
"""The same number in every wiki."""

MAX_TEXT_BYTES = 32 * MiB
"""A page whose text is larger is left out. MediaWiki saves no page above 2 MiB by default."""

LeftOut: TypeAlias = Literal[
    "other_namespace", "redirect", "not_wikitext", "missing_text", "too_large"
]
"""Why a page is not an article: it is of another namespace, a redirect, no wikitext (a module in
Lua, for example), its text is suppressed, or larger than `MAX_TEXT_BYTES`."""

ValueT = TypeVar("ValueT")

_PIECE_BYTES = MiB // 4
_ID = re.compile(r"[0-9]{1,18}")
_HIDDEN_NAMESPACES = (-2, 6, 14)  # media, files, categories: links to them show no text
_REDIRECT = re.compile(r"\s*#redirect\b", re.IGNORECASE)
"""Understood by every wiki, whatever its language; its own words stand in `<redirect>`."""

_UNREADABLE = (EOFError, OSError, zlib.error, expat.ExpatError, ValueError)


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """The wiki that an export comes from.

    Attributes:
        language: Its language code.
        article_base: Common beginning of all article URLs; ends with a slash.
        namespaces: Names of the namespaces, in the wiki's language, by number.
    """

    language: str
    article_base: str
    namespaces: Mapping[int, str]

    @property
    def hidden_namespaces(self) -> frozenset[str]:
        """Names of the namespaces whose links show a picture or categorise the page."""
        return frozenset(self.namespaces.get(number, "") for number in _HIDDEN_NAMESPACES) - {""}

    def url(self, title: str) -> str:
        """Return the URL of an article, encoded like those of `wikimedia/wikipedia`."""
        return self.article_base + quote(title)


@dataclass(frozen=True, slots=True)
class Page:
    """One page in its newest revision.

    Attributes:
        id: Page id.
        namespace: Number of the namespace; 0 for articles.
        title: Title with the name of its namespace.
        url: URL for people to open.
        redirect: Title of the page that this one redirects to, "" if only its text says that it
            redirects; None for other pages.
        revision_id: Id of the revision; None in an export without it.
        timestamp: Time at which the revision was saved, as ISO 8601 in UTC.
        left_out: Why it is not an article; None for articles.
        wikitext: Source of the revision; empty for a page that is left out.
    """

    id: int
    namespace: int
    title: str
    url: str
    redirect: str | None
    revision_id: int | None
    timestamp: str
    left_out: LeftOut | None
    wikitext: str


@contextmanager
def opened_export(
    path: Path, cores: int = 1, advice: str = "Download it again."
) -> Generator[tuple[SiteInfo, Iterator[Page]]]:
    """Open an export; gives the site and all pages, in its order and in constant memory.

    Args:
        path: The export: XML, plain or compressed with bzip2 or gzip.
        cores: Processor cores with which bzip2 is decoded.
        advice: What to do about a damaged file.

    Raises:
        BadInputError: The file is not a MediaWiki export, is damaged or truncated, or has a
            document type. Reading the pages raises it too, after the pages before the damage.
    """
    with _translate_errors(path, "before the first page", advice):
        stream = _open(path, cores)
    with stream:
        items = _read(path, stream, advice)
        yield cast("SiteInfo", next(items)), cast("Iterator[Page]", items)


def read_site_info(path: Path) -> SiteInfo:
    """Read the `siteinfo` at the beginning of an export; see `opened_export`."""
    with opened_export(path) as (site, _):
        return site


def iter_pages(path: Path) -> Iterator[Page]:
    """Yield all pages of an export; see `opened_export`."""
    with opened_export(path) as (_, pages):
        yield from pages


def only_articles(pages: Iterable[Page]) -> Iterator[Page]:
    """Leave out whatever is not an article."""
    return (page for page in pages if page.left_out is None)


def _open(path: Path, cores: int) -> IO[bytes]:
    with path.open("rb") as stream:
        magic = stream.read(3)
    if magic == b"BZh":
        import rapidgzip  # a large library, which planning does without

        # Even with one core it takes a third less time than `bz2`; see docs/performance.md.
        decoder = rapidgzip.IndexedBzip2File(str(path), parallelization=cores)
        return cast("IO[bytes]", decoder)
    if magic.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.open(path))
    return path.open("rb")


def _read(path: Path, stream: IO[bytes], advice: str) -> Iterator[SiteInfo | Page]:
    """Yield the site, then its pages; the error for a damaged file says how far it was read."""
    place = "before the first page"
    items = _parse(stream)
    while True:
        with _translate_errors(path, place, advice):
            item = next(items, None)
        if item is None:
            return
        yield item
        if isinstance(item, Page):
            place = f"after the page {item.title!r} (id {item.id})"


@contextmanager
def _translate_errors(path: Path, place: str, advice: str) -> Generator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise BadInputError(
            f"{path} is not a complete MediaWiki XML export: reading stopped {place} "
            f"({type(error).__name__}: {error}). {advice}"
        ) from error


def _parse(stream: IO[bytes]) -> Iterator[SiteInfo | Page]:
    parser = ExportParser(MAX_TEXT_BYTES)
    site = None
    while not parser.is_finished:
        parser.feed(_piece(stream))
        for found in parser.take():
            if site is None:  # an excerpt of an export may lack it and begin with a page
                site = _site(parser.language, found if isinstance(found, ParsedSite) else None)
                yield site
            if isinstance(found, ParsedPage):
                yield _page(site, found)
    if site is None:
        raise ValueError("it has no pages")


def _piece(stream: IO[bytes]) -> bytes:
    try:
        return stream.read(_PIECE_BYTES)
    except RuntimeError as error:  # by which rapidgzip says that a block is damaged
        raise ValueError(str(error)) from error


def _site(language: str, parsed: ParsedSite | None) -> SiteInfo:
    if parsed is None:
        return SiteInfo(language, f"https://{language}.wikipedia.org/wiki/", {})
    main_page = _required(parsed.base, "siteinfo", "base")
    return SiteInfo(
        language=language,
        article_base=main_page.removesuffix(main_page.rpartition("/")[2]),
        namespaces={int(key): name for key, name in parsed.namespaces.items()},
    )


def _page(site: SiteInfo, parsed: ParsedPage) -> Page:
    title = _required(parsed.title, "page", "title")
    revision = _required(parsed.revision, "page", "revision")
    wikitext = "".join(revision.text or [])
    redirect = parsed.redirect
    if redirect is None and _REDIRECT.match(wikitext):
        redirect = ""
    namespace = int(_required(parsed.namespace, "page", "ns"))
    left_out = _left_out(namespace, redirect, revision)
    return Page(
        id=_page_id(_required(parsed.id, "page", "id")),
        namespace=namespace,
        title=title,
        url=site.url(title),
        redirect=redirect,
        revision_id=None if revision.id is None else _page_id(revision.id),
        timestamp=_required(revision.timestamp, "revision", "timestamp"),
        left_out=left_out,
        wikitext="" if left_out else wikitext,
    )


def _left_out(namespace: int, redirect: str | None, revision: ParsedRevision) -> LeftOut | None:
    if namespace != ARTICLE_NAMESPACE:
        return "other_namespace"
    if redirect is not None:
        return "redirect"
    if revision.model != WIKITEXT:
        return "not_wikitext"
    if revision.is_suppressed or revision.text is None:
        return "missing_text"
    return "too_large" if revision.is_too_large else None


def _page_id(text: str) -> int:
    """Read the id of a page or revision, which must fit a column of int64."""
    if not _ID.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not an id")
    return int(text)


def _required(value: ValueT | None, parent: str, name: str) -> ValueT:
    if value is None:
        raise ValueError(f"a <{parent}> has no <{name}>")
    return value
