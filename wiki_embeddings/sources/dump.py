"""Articles from Wikimedia's MediaWiki Content File Exports: the whole of a wiki, every month.

A part is one file of an export. It is fetched over one connection, from a mirror if there is one,
and verified by the SHA-256 that the origin lists; then it is decoded, parsed and converted on all
cores of the machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wiki_embeddings import settings
from wiki_embeddings.sources import dumps_site
from wiki_embeddings.sources.dumps_site import Export, ExportFile
from wiki_embeddings.sources.protocol import (
    ArticleSelection,
    OpenedPart,
    Progress,
    Source,
    SourcePlan,
    check_fraction,
)
from wiki_embeddings.sources.wikitext import CONVERSION

if TYPE_CHECKING:
    from wiki_embeddings.sources.export_download import ExportDownload

SOURCE_NAME = "mediawiki_content_current"
"""What the settings of an output call this source: Wikimedia's name of these exports."""


@dataclass(frozen=True)
class DumpPart:
    """One file of an export. It names all that fetching it needs: a container has no settings.

    Attributes:
        index: Number of the part, from 0.
        name: Name of the file.
        size: Bytes.
        sha256: SHA-256 in hexadecimal, as the origin lists it.
        first_page: Id of the first page that it may have.
        last_page: Id of the last one.
        urls: Addresses of the file, in the order to try: the mirror's, then the origin's.
        user_agent: The User-Agent to send.
        keep: Share of its articles to keep.
    """

    index: int
    name: str
    size: int
    sha256: str
    first_page: int
    last_page: int
    urls: tuple[str, ...]
    user_agent: str
    keep: float

    @property
    def units(self) -> int:
        """Bytes, which are fetched and then read."""
        return 2 * self.size


def plan(selection: ArticleSelection) -> SourcePlan[DumpPart]:
    """Look up an export and its files: the newest complete one, unless a date is given.

    Args:
        selection: The wiki and the date. A fraction takes no more files than contain that share of
            the articles, and samples them evenly by page id.

    Returns:
        One part a file, each about two gigabytes for the largest editions.

    Raises:
        BadInputError: There is no such wiki or export, or the fraction is out of range.
        UnfinishedExportError: Wikimedia is still writing the export.
        WikiEmbeddingsError: The site cannot be reached.
    """
    from wiki_embeddings.sources.sampling import choose_files
    from wiki_embeddings.sources.site_requests import user_agent

    check_fraction(selection.fraction)
    if selection.snapshot is None:
        export = dumps_site.newest_export(selection.wiki)
    else:
        export = dumps_site.export_of(selection.wiki, selection.snapshot)
    fetched, keep = choose_files(files_of_newest_revisions(export.files), selection.fraction)
    sizes = dumps_site.file_sizes(export, fetched)
    site = settings.dumps()
    return SourcePlan(
        snapshot=export.snapshot,
        settings={
            "source": SOURCE_NAME,
            "wiki_id": export.wiki_id,
            "revision": export.checksums_sha256,
            "conversion": CONVERSION,
            "fraction": selection.fraction,
        },
        parts=tuple(
            DumpPart(
                index=index,
                name=file.name,
                size=size,
                sha256=file.sha256,
                first_page=file.first_page,
                last_page=file.last_page,
                urls=_addresses(export, file, site),
                user_agent=user_agent(site.contact),
                keep=keep,
            )
            for index, (file, size) in enumerate(zip(fetched, sizes, strict=True))
        ),
    )


def files_of_newest_revisions(files: Iterable[ExportFile]) -> list[ExportFile]:
    """Leave out the files with the older revisions of an oversized page.

    Such a page has files to itself, each with some of its revisions. Current content has one
    revision of a page, so there is hardly ever more than one; if there is, the last one counts.
    """
    newest: dict[tuple[int, bool], ExportFile] = {}
    for file in sorted(files, key=lambda file: file.revisions or (0, 0)):
        newest[file.first_page, file.revisions is not None] = file
    return sorted(newest.values(), key=lambda file: (file.first_page, file.last_page))


def open_part(part: DumpPart, scratch: Path, progress: Progress) -> OpenedPart:
    """Download the missing bytes of a part, and open it; reading the batches converts it.

    Args:
        part: From `plan`.
        scratch: Folder for the downloaded file, which stays until `discard`.
        progress: Called with the bytes found or fetched, then with those read.

    Raises:
        BadInputError: The file was withdrawn. Reading the batches raises it if the file is no
            export, or is damaged although its checksum is right.
        WikiEmbeddingsError: The file cannot be fetched or stored.
    """
    from wiki_embeddings.sources.export_articles import read_export
    from wiki_embeddings.sources.export_download import download_export_file

    path = _download_path(part, scratch)
    download_export_file(_download(part), path, progress)
    return read_export(
        path,
        keep=part.keep,
        pages=(part.first_page, part.last_page),
        units=part.size,
        progress=progress,
    )


def discard(part: DumpPart, scratch: Path) -> None:
    """Remove all that fetching a part left in `scratch`, if anything."""
    from wiki_embeddings.downloads.verified import discard_download

    discard_download(_download_path(part, scratch))


def _download(part: DumpPart) -> ExportDownload:
    from wiki_embeddings.sources.export_download import ExportDownload

    return ExportDownload(part.urls, part.size, part.sha256, part.user_agent)


def _download_path(part: DumpPart, scratch: Path) -> Path:
    """Return the path of a part's download; the digest keeps two versions of a file apart."""
    return scratch / f"{part.sha256[:12]}-{part.name}"


def _addresses(export: Export, file: ExportFile, site: settings.DumpsSettings) -> tuple[str, ...]:
    origin = export.url + file.name
    if site.mirror is None:
        return (origin,)
    return (site.mirror + origin.removeprefix(site.url), origin)


SOURCE = Source(
    serves=lambda _selection: True,
    plan=plan,
    part_type=DumpPart,
    open_part=open_part,
    discard=discard,
    unit="bytes",
    bound_by="site",
)
