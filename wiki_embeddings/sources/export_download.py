"""Downloads a file of an export: from a mirror if there is one, else from the origin."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from wiki_embeddings.downloads.verified import Origin, download_verified
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.sources.protocol import Progress
from wiki_embeddings.sources.site_requests import (
    FILE_POLICY,
    file_connection,
    refusal,
    site_client,
    translate_site_errors,
)
from wiki_embeddings.volume import UnusableVolumeError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExportDownload:
    """A file to download.

    Attributes:
        urls: Its addresses, in the order to try; the origin's is the last.
        size: Bytes.
        sha256: SHA-256 in hexadecimal, as the origin lists it.
        user_agent: The User-Agent to send.
    """

    urls: tuple[str, ...]
    size: int
    sha256: str
    user_agent: str

    @property
    def blob_id(self) -> str:
        """Empty: it is verified by its SHA-256."""
        return ""


def download_export_file(file: ExportDownload, destination: Path, progress: Progress) -> None:
    """Make `destination` hold exactly the bytes of a file; see `download_verified`.

    A mirror may have gaps: whatever it lacks or has in another form comes from the origin.

    Raises:
        BadInputError: The file is no longer there, or the site refuses.
        UnusableVolumeError: The disk is full, or the folder cannot be written to.
        WikiEmbeddingsError: The site cannot be reached, or sends other bytes than it lists.
    """
    *mirrors, origin = file.urls
    once = _reported_once(progress)
    for mirror in mirrors:
        try:
            _download(file, mirror, destination, once())
        except UnusableVolumeError:
            raise
        except WikiEmbeddingsError as error:
            log.warning("%s Taking it from the origin instead.", error)
        else:
            return
    _download(file, origin, destination, once())


def _download(file: ExportDownload, url: str, destination: Path, progress: Progress) -> None:
    with file_connection(url), site_client(file.user_agent, FILE_POLICY) as client:

        @contextmanager
        def stream(
            headers: Mapping[str, str], timeout: httpx2.Timeout
        ) -> Generator[httpx2.Response]:
            with (
                translate_site_errors(url),
                client.stream("GET", url, headers=dict(headers), timeout=timeout) as response,
            ):
                yield response

        origin = Origin(
            target=url,
            publisher="Wikimedia",
            advice="Run it again later: what was fetched is kept.",
            altered=(
                "Something between here and the site alters it, or Wikimedia has replaced it: "
                "check WIKI_EMBEDDINGS_DUMPS_URL, WIKI_EMBEDDINGS_DUMPS_MIRROR and the proxy, then "
                "run it again."
            ),
            stream=stream,
            refusal=lambda response: _refusal(response, url),
        )
        download_verified(origin, file, destination, progress, FILE_POLICY)


def _refusal(response: httpx2.Response, url: str) -> WikiEmbeddingsError:
    if response.status_code in {404, 410}:
        return BadInputError(
            f"{url} is no longer there: Wikimedia has withdrawn it since it was planned. Run it "
            "again without a snapshot for the newest complete export; another one is made from "
            "the beginning."
        )
    return refusal(response, url)


def _reported_once(progress: Progress) -> Callable[[], Progress]:
    """Return a maker of callbacks that count the same bytes from 0 and report none twice."""
    most = 0

    def make() -> Progress:
        done = 0

        def report(units: int) -> None:
            nonlocal done, most
            done += units
            if done > most:
                progress(done - most)
                most = done

        return report

    return make
