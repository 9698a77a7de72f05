"""Reads the pages of a MediaWiki XML export, such as Wikimedia's dumps, one at a time.

Knows XML and compression, and nothing about wikitext.
"""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from gzip import GzipFile
from pathlib import Path
from typing import IO
from urllib.parse import quote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from wiki_embeddings.errors import BadInputError

ARTICLE_NAMESPACE = 0
"""The same number in every wiki."""

_HIDDEN_NAMESPACES = (-2, 6, 14)  # media, files, categories: links to them show no text
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_UNREADABLE = (EOFError, OSError, zlib.error, ElementTree.ParseError, ValueError)


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
        redirect: Title of the page that this one redirects to; None for other pages.
        revision_id: Id of the revision; None in an export without it.
        timestamp: Time at which the revision was saved, as ISO 8601 in UTC.
        wikitext: Source of the revision.
    """

    id: int
    namespace: int
    title: str
    url: str
    redirect: str | None
    revision_id: int | None
    timestamp: str
    wikitext: str


def read_site_info(path: Path) -> SiteInfo:
    """Read the `siteinfo` at the beginning of an export.

    Args:
        path: The export: XML, plain or compressed with bzip2 or gzip.

    Raises:
        BadInputError: The file is not a MediaWiki export, or is damaged.
    """
    return next(item for item in _read(path) if isinstance(item, SiteInfo))


def iter_pages(path: Path) -> Iterator[Page]:
    """Yield all pages of an export, in its order and in constant memory.

    Args:
        path: The export: XML, plain or compressed with bzip2 or gzip.

    Raises:
        BadInputError: The file is not a MediaWiki export, or is truncated; the pages before the
            damage are yielded first.
    """
    return (item for item in _read(path) if isinstance(item, Page))


def only_articles(pages: Iterable[Page]) -> Iterator[Page]:
    """Leave out redirects and the pages of other namespaces."""
    return (page for page in pages if page.namespace == ARTICLE_NAMESPACE and page.redirect is None)


def _read(path: Path) -> Iterator[SiteInfo | Page]:
    """Yield the site, then its pages; the error for a damaged file says how far it was read."""
    place = "before the first page"
    try:
        with _open(path) as stream:
            for item in _parse(stream):
                yield item
                if isinstance(item, Page):
                    place = f"after the page {item.title!r} (id {item.id})"
    except _UNREADABLE as error:
        raise BadInputError(
            f"{path} is not a complete MediaWiki XML export: reading stopped {place} "
            f"({type(error).__name__}: {error}). Download it again."
        ) from error


def _open(path: Path) -> IO[bytes] | GzipFile:
    with path.open("rb") as stream:
        magic = stream.read(3)
    if magic == b"BZh":
        return bz2.open(path)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.open(path)
    return path.open("rb")


def _parse(stream: IO[bytes] | GzipFile) -> Iterator[SiteInfo | Page]:
    site = None
    for root, element in _iter_elements(stream):
        if site is None:
            site = _read_site(root, element)
            yield site
        if _name(element) == "page":
            yield _read_page(site, element)
        root.clear()
    if site is None:
        raise ValueError("it has no pages")


def _iter_elements(stream: IO[bytes] | GzipFile) -> Iterator[tuple[Element, Element]]:
    """Yield the root with each complete `siteinfo` and `page`."""
    # The file is Wikimedia's or a pinned one, and expat limits the expansion of entities.
    events = ElementTree.iterparse(stream, events=("start", "end"))  # noqa: S314
    _, root = next(events)
    if _name(root) != "mediawiki":
        raise ValueError(f"its root element is <{_name(root)}>")
    for event, element in events:
        if event == "end" and _name(element) in {"siteinfo", "page"}:
            yield root, element


def _read_site(root: Element, first: Element) -> SiteInfo:
    """Read `siteinfo`; an excerpt of an export may lack it and begin with a page."""
    language = root.get(_LANGUAGE, "en")
    if _name(first) != "siteinfo":
        return SiteInfo(language, f"https://{language}.wikipedia.org/wiki/", {})
    main_page = _text(first, "base")
    return SiteInfo(
        language=language,
        article_base=main_page.removesuffix(main_page.rpartition("/")[2]),
        namespaces={
            int(namespace.get("key", "")): namespace.text or ""
            for namespace in _child(first, "namespaces")
        },
    )


def _read_page(site: SiteInfo, element: Element) -> Page:
    title, revision = _text(element, "title"), _child(element, "revision")
    redirect, revision_id = _find(element, "redirect"), _find(revision, "id")
    return Page(
        id=int(_text(element, "id")),
        namespace=int(_text(element, "ns")),
        title=title,
        url=site.url(title),
        redirect=None if redirect is None else redirect.get("title", ""),
        revision_id=None if revision_id is None else int(revision_id.text or ""),
        timestamp=_text(revision, "timestamp"),
        wikitext=_text(revision, "text"),
    )


def _text(parent: Element, name: str) -> str:
    return _child(parent, name).text or ""


def _child(parent: Element, name: str) -> Element:
    """Return the last child of a name: the newest of a page's revisions."""
    found = _find(parent, name)
    if found is None:
        raise ValueError(f"a <{_name(parent)}> has no <{name}>")
    return found


def _find(parent: Element, name: str) -> Element | None:
    return next((child for child in reversed(parent) if _name(child) == name), None)


def _name(element: Element) -> str:
    """Return the name without the XML namespace, which changes with the format's version."""
    return element.tag.rpartition("}")[2]
