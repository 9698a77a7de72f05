"""What Wikimedia's site of exports offers: MediaWiki Content File Exports of current content.

    {site}/other/mediawiki_content_current/{wiki_id}/{YYYY-MM-DD}/xml/bzip2/
        {wiki_id}-{date}-p{first}p{last}.xml.bz2         a range of page ids
        {wiki_id}-{date}-p{page}r{first}r{last}.xml.bz2  some revisions of an oversized page
        SHA256SUMS   _SUCCESS

An export is complete when `SHA256SUMS` is there, which is written last and lists its files. All of
this is read from the origin, never from a mirror. Light to import.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote

from wiki_embeddings import settings
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.volume import MiB, sha256_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wiki_embeddings.sources.site_requests import Lookups

EXPORTS = "other/mediawiki_content_current"
CHECKSUMS = "SHA256SUMS"
SUCCESS = "_SUCCESS"

_LISTING_LIMIT = 4 * MiB
_NEWEST = 6
"""Dates that are looked at; about three are kept, and only the newest can be unfinished."""

_OTHER_IDS = {"be-tarask": "be_x_old"}
"""Languages whose database is not named by their code."""

_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S+)")
"""A line of `sha256sum`: the hash, then a blank or an asterisk for binary mode, then the name."""

_NAME = re.compile(
    r"(?P<wiki_id>[a-z0-9_]+)-(?P<date>\d{4}-\d\d-\d\d)-p(?P<page>\d{1,18})"
    r"(p(?P<last>\d{1,18})|r(?P<first_revision>\d{1,18})r(?P<last_revision>\d{1,18}))\.xml\.bz2"
)


class UnfinishedExportError(WikiEmbeddingsError):
    """Wikimedia is still writing an export, or has withdrawn it."""


@dataclass(frozen=True)
class ExportFile:
    """One file of an export.

    Attributes:
        name: Its name, without a folder.
        sha256: SHA-256 in hexadecimal.
    """

    name: str
    sha256: str

    @property
    def first_page(self) -> int:
        """Id of the first page that it may have."""
        return int(_matched(self.name)["page"])

    @property
    def last_page(self) -> int:
        """Id of the last page that it may have."""
        name = _matched(self.name)
        return int(name["last"] or name["page"])

    @property
    def revisions(self) -> tuple[int, int] | None:
        """First and last revision, if it has only these of its one page; else None."""
        name = _matched(self.name)
        if name["first_revision"] is None:
            return None
        return int(name["first_revision"]), int(name["last_revision"])


@dataclass(frozen=True)
class Export:
    """A complete export of one wiki.

    Attributes:
        wiki_id: Name of the wiki's database, such as `enwiki`.
        snapshot: Date of the export, such as `20261101`.
        files: Its files, by first page.
        checksums_sha256: SHA-256 of `SHA256SUMS`, which stands for the content of all files.
        url: Address of its folder at the origin; ends with a slash.
    """

    wiki_id: str
    snapshot: str
    files: tuple[ExportFile, ...]
    checksums_sha256: str
    url: str


def wiki_id(wiki: str) -> str:
    """Return the name of a wiki's database: `zh_min_nanwiki` for `zh-min-nan`.

    Args:
        wiki: Language code of a Wikipedia, as in its address.

    Raises:
        BadInputError: It is no language code.
    """
    settings.require_wiki(wiki)
    return _OTHER_IDS.get(wiki, wiki).replace("-", "_") + "wiki"


def newest_export(wiki: str, within_s: float = math.inf) -> Export:
    """Look up the newest complete export of a wiki.

    Args:
        wiki: Language code of a Wikipedia.
        within_s: Longest time for it, in seconds; asks nothing more after that.

    Raises:
        BadInputError: There is no such wiki, or no export of it.
        UnfinishedExportError: None is complete yet.
        BusyError: Other processes of this machine are asking the site.
        WikiEmbeddingsError: The site cannot be reached, or answers with something else.
    """
    from wiki_embeddings.sources.site_requests import lookups

    with lookups(within_s) as site:
        dates = _dates(site, wiki)
        for day in dates[:_NEWEST]:
            export = _complete_export(site, wiki, day)
            if export is not None:
                return export
        newest = _folder(wiki, dates[0])
        if not site.read(newest, _LISTING_LIMIT):
            raise BadInputError(
                f"{newest} does not exist, so Wikimedia exports {wiki} no longer: it may be a "
                "closed wiki. Use the source `hub`."
            )
    raise UnfinishedExportError(
        f"None of the exports of {wiki} is complete ({_named(dates)}): Wikimedia is still writing "
        "them, which takes days for a large wiki. Run it again later."
    )


def export_of(wiki: str, snapshot: str) -> Export:
    """Look up one export of a wiki.

    Args:
        wiki: Language code of a Wikipedia.
        snapshot: Date of the export, such as `20261101`.

    Raises:
        BadInputError: There is no such wiki, or no export of that date; names those that exist.
        UnfinishedExportError: It is not complete yet.
        WikiEmbeddingsError: The site cannot be reached, or answers with something else.
    """
    from wiki_embeddings.sources.site_requests import lookups

    day = _date(snapshot)
    if day is None:
        raise BadInputError(f"{snapshot!r} is not the date of an export: write it as 20261101.")
    with lookups() as site:
        dates = _dates(site, wiki)
        if day not in dates:
            raise BadInputError(
                f"Wikimedia has no export of {wiki} of {snapshot}; it keeps about three months. "
                f"There are {_named(dates)}: use one of these, or leave the snapshot out for the "
                "newest complete one."
            )
        export = _complete_export(site, wiki, day)
    if export is None:
        raise UnfinishedExportError(
            f"The export of {wiki} of {snapshot} is not complete: Wikimedia is still writing it, "
            "which takes days for a large wiki. Run it again later, or leave the snapshot out for "
            "the newest complete one."
        )
    return export


def file_sizes(export: Export, files: Sequence[ExportFile]) -> list[int]:
    """Ask for the sizes of some files of an export, in bytes.

    Raises:
        UnfinishedExportError: One is not there.
        BadInputError: The site refuses.
        WikiEmbeddingsError: The site cannot be reached.
    """
    from wiki_embeddings.sources.site_requests import lookups

    with lookups() as site:
        sizes = [(file, site.size(export.url + file.name)) for file in files]
    for file, size in sizes:
        if size is None:
            raise UnfinishedExportError(
                f"{export.url}{file.name} is listed in {CHECKSUMS}, but not there: Wikimedia is "
                "changing this export or has withdrawn it. Run it again later."
            )
    return [size for _, size in sizes if size is not None]


def _dates(site: Lookups, wiki: str) -> list[str]:
    """List the dates of a wiki's exports, such as `2026-11-01`, the newest first."""
    name = wiki_id(wiki)
    url = f"{settings.dumps().url}/{EXPORTS}/{name}/"
    listing = site.read(url, _LISTING_LIMIT)
    if listing is None:
        raise BadInputError(
            f"Wikimedia exports no wiki {name}, so {wiki!r} is not the language code of a "
            f"Wikipedia: look it up at {settings.dumps().url}/{EXPORTS}/."
        )
    links = _linked_names(listing)
    dates = sorted((day for day in links if _date(day.replace("-", ""))), reverse=True)
    if not dates:
        raise BadInputError(
            f"Wikimedia has no export of {wiki} ({url} lists none): it may be a closed wiki. Use "
            "the source `hub`."
        )
    return dates


def _complete_export(site: Lookups, wiki: str, day: str) -> Export | None:
    """Read what an export consists of; None if it is not complete."""
    url = _folder(wiki, day)
    listed = site.read(url + CHECKSUMS, _LISTING_LIMIT)
    if listed is None or site.size(url + SUCCESS) is None:
        return None
    return Export(
        wiki_id=wiki_id(wiki),
        snapshot=day.replace("-", ""),
        files=_files(listed, wiki_id(wiki), day, url + CHECKSUMS),
        checksums_sha256=sha256_of(listed),
        url=url,
    )


def _files(listed: bytes, name: str, day: str, where: str) -> tuple[ExportFile, ...]:
    """Read `SHA256SUMS`; the names in it become names of files here, so they must be of the form.

    Raises:
        WikiEmbeddingsError: It is something else, or has a file twice, or one of another export.
    """
    if not listed.endswith(b"\n"):
        raise UnfinishedExportError(
            f"{where} is still being written: it ends within a line. Run it again later."
        )
    files: dict[str, ExportFile] = {}
    for number, line in enumerate(listed.decode(errors="replace").splitlines(), 1):
        match = _LINE.fullmatch(line)
        found = match and _NAME.fullmatch(match[2])
        if not (match and found and found["wiki_id"] == name and found["date"] == day):
            raise _not_checksums(where, f"line {number} is {line[:100]!r}")
        if match[2] in files:
            raise _not_checksums(where, f"line {number} has a file again: {match[2]}")
        files[match[2]] = ExportFile(match[2], match[1])
    return tuple(sorted(files.values(), key=lambda file: (file.first_page, file.revisions or ())))


def _not_checksums(where: str, fault: str) -> WikiEmbeddingsError:
    return WikiEmbeddingsError(
        f"{where} is not a list of the checksums of this export: {fault}. Check "
        "WIKI_EMBEDDINGS_DUMPS_URL and the proxy, then run it again."
    )


def _folder(wiki: str, day: str) -> str:
    return f"{settings.dumps().url}/{EXPORTS}/{wiki_id(wiki)}/{day}/xml/bzip2/"


def _date(snapshot: str) -> str | None:
    """Write the date of a snapshot as the site does: `2026-11-01`; None if it is none."""
    if not re.fullmatch(r"\d{8}", snapshot, re.ASCII):
        return None
    day = f"{snapshot[:4]}-{snapshot[4:6]}-{snapshot[6:]}"
    try:
        date.fromisoformat(day)
    except ValueError:
        return None
    return day


def _named(dates: list[str]) -> str:
    return ", ".join(day.replace("-", "") for day in dates[:_NEWEST])


def _matched(name: str) -> re.Match[str]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise BadInputError(f"{name!r} is not the name of a file of an export.")
    return match


def _linked_names(listing: bytes) -> list[str]:
    """Return the last parts of the paths that a listing links to."""
    parser = _Links()
    parser.feed(listing.decode(errors="replace"))
    parser.close()
    return [unquote(link).rstrip("/").rpartition("/")[2] for link in parser.links]


class _Links(HTMLParser):
    """Collects the targets of links, in any listing of a folder in HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect a link."""
        if tag == "a":
            self.links += [value for name, value in attrs if name == "href" and value]
