"""Exports of a generated wiki, in the layout of Wikimedia's MediaWiki Content File Exports."""

from __future__ import annotations

import bz2
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest

from wiki_embeddings_tests.standins.dumps import DumpsSite, dumps_site

SITEINFO = """\
  <siteinfo>
    <sitename>Wikipedia</sitename>
    <dbname>{wiki_id}</dbname>
    <base>https://{language}.wikipedia.org/wiki/Main_Page</base>
    <generator>MediaWiki Content File Export 0.3</generator>
    <case>first-letter</case>
    <namespaces>
      <namespace key="-2" case="first-letter">Media</namespace>
      <namespace key="0" case="first-letter" />
      <namespace key="1" case="first-letter">Talk</namespace>
      <namespace key="6" case="first-letter">File</namespace>
      <namespace key="10" case="first-letter">Template</namespace>
      <namespace key="14" case="first-letter">Category</namespace>
    </namespaces>
  </siteinfo>
"""


@dataclass(frozen=True)
class ExportPage:
    """A page with its newest revision.

    Attributes:
        id: Page id.
        title: Title with the name of its namespace.
        text: Its wikitext; None if it is suppressed.
        namespace: Number of the namespace.
        redirect: Title of the page that it redirects to.
        model: Content model.
        revision_id: Id of the revision; None for ten times the page id.
        timestamp: Time of the revision.
    """

    id: int
    title: str
    text: str | None
    namespace: int = 0
    redirect: str | None = None
    model: str = "wikitext"
    revision_id: int | None = None
    timestamp: str = "2026-10-30T12:00:00Z"

    @property
    def revision(self) -> int:
        """Id of the revision."""
        return 10 * self.id if self.revision_id is None else self.revision_id


def write_export(
    root: Path, wiki_id: str, date: str, pages: Sequence[ExportPage], files: int = 2
) -> Path:
    """Write a complete export below the root of a site.

    Args:
        root: Root of the site.
        wiki_id: Name of the wiki's database, such as `simplewiki`.
        date: Date, as `2026-11-01` or `20261101`.
        pages: Its pages, in any order. None give one file without pages.
        files: Number of files; no more than there are pages are written.

    Returns:
        The folder of the files.
    """
    folder = export_folder(root, wiki_id, date)
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(pages, key=lambda page: page.id)
    number = max(1, min(files, len(ordered)))
    bounds = [len(ordered) * index // number for index in range(number + 1)]
    for first, end in pairwise(bounds):
        some = ordered[first:end]
        ids = [page.id for page in some] or [1]
        name = f"{wiki_id}-{folder.parts[-3]}-p{ids[0]}p{ids[-1]}.xml.bz2"
        (folder / name).write_bytes(bz2.compress(export_xml(wiki_id, some).encode()))
    complete(folder)
    return folder


def export_folder(root: Path, wiki_id: str, date: str) -> Path:
    """Return the folder of an export's files, which need not exist."""
    day = date if "-" in date else f"{date[:4]}-{date[4:6]}-{date[6:]}"
    return root / "other" / "mediawiki_content_current" / wiki_id / day / "xml" / "bzip2"


def complete(folder: Path) -> None:
    """Write what says that an export is complete, for the files that are in its folder now."""
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in sorted(folder.glob("*.xml.bz2"))
    ]
    (folder / "SHA256SUMS").write_text("".join(lines))
    (folder / "_SUCCESS").write_text("")


def export_xml(wiki_id: str, pages: Iterable[ExportPage]) -> str:
    """Write pages as one complete document of MediaWiki's export schema 0.11."""
    return "".join(xml_pieces(wiki_id, pages))


def xml_pieces(wiki_id: str, pages: Iterable[ExportPage]) -> Iterator[str]:
    """Yield the pieces of `export_xml`, a page each, so that a large one need not be held."""
    language = wiki_id.removesuffix("wiki").replace("_", "-")
    yield (
        '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" '
        f'xml:lang="{language}">\n{SITEINFO.format(wiki_id=wiki_id, language=language)}'
    )
    for page in pages:
        yield page_xml(page)
    yield "</mediawiki>\n"


def page_xml(page: ExportPage) -> str:
    """Write one page."""
    redirect = (
        "" if page.redirect is None else f"    <redirect title={quoteattr(page.redirect)} />\n"
    )
    if page.text is None:
        text = '<text bytes="100" deleted="deleted" />'
    elif page.text:
        size = len(page.text.encode())
        text = f'<text bytes="{size}" xml:space="preserve">{escape(page.text)}</text>'
    else:
        text = '<text bytes="0" />'
    return f"""\
  <page>
    <title>{escape(page.title)}</title>
    <ns>{page.namespace}</ns>
    <id>{page.id}</id>
{redirect}    <revision>
      <id>{page.revision}</id>
      <parentid>1</parentid>
      <timestamp>{page.timestamp}</timestamp>
      <contributor>
        <username>Ada</username>
        <id>7</id>
      </contributor>
      <comment>a comment</comment>
      <model>{page.model}</model>
      <format>text/x-wiki</format>
      {text}
      <sha1>phoiac9h4m842xq45sp7s6u21eteeq1</sha1>
    </revision>
  </page>
"""


@contextmanager
def served(monkeypatch: pytest.MonkeyPatch, root: Path) -> Iterator[DumpsSite]:
    """Serve the exports below a folder as the site of this process and its children."""
    root.mkdir(parents=True, exist_ok=True)
    with dumps_site(root) as site:
        monkeypatch.setenv("WIKI_EMBEDDINGS_DUMPS_URL", site.url)
        monkeypatch.delenv("WIKI_EMBEDDINGS_DUMPS_MIRROR", raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield site
