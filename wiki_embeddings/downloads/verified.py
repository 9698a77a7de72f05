"""Downloads one file, complete and verified, however often the connection breaks.

Bytes are collected beside the destination under another name, so that a later process continues
where an earlier one was killed. A resumed request sends no validator (`If-Range`): the digest
decides, and a mirror or a store that the site redirects to has entity tags of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx2
from filelock import FileLock

from wiki_embeddings.downloads.errors import TransientError
from wiki_embeddings.downloads.partial_file import ListedFile, PartialFile, is_complete
from wiki_embeddings.downloads.retries import RetryPolicy, with_retries
from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.volume import translate_storage_errors

PARTIAL_SUFFIX = ".partial"
"""Added to the destination's name while bytes are missing."""

LOCK_SUFFIX = ".lock"
"""Added to the destination's name for the empty file on which processes lock."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Origin:
    """Where the bytes of a file come from, and how to speak of it.

    Attributes:
        target: The file, as in "Cannot read …".
        publisher: Who lists its digest, as in "other bytes than … lists".
        advice: What a person can do where the connection breaks.
        altered: What a person can do where other bytes arrive.
        stream: Opens a response to GET with these headers, within these timeouts. Turns the
            exceptions of the HTTP client into errors for people: `TransientError` where another try
            may succeed.
        refusal: Returns the error that an unsuccessful response stands for.
    """

    target: str
    publisher: str
    advice: str
    altered: str
    stream: Callable[[Mapping[str, str], httpx2.Timeout], AbstractContextManager[httpx2.Response]]
    refusal: Callable[[httpx2.Response], WikiEmbeddingsError]


def download_verified(
    origin: Origin,
    file: ListedFile,
    destination: Path,
    progress: Callable[[int], None],
    policy: RetryPolicy,
) -> None:
    """Make `destination` hold exactly the bytes of `file`.

    Downloads only what neither `destination` nor an earlier, interrupted call has. If several
    processes ask for the same destination, one downloads and the others wait for it.

    Args:
        origin: Where the bytes come from.
        file: What they must be.
        destination: Path of the result; its folder is created if missing.
        progress: Called with numbers of bytes, found or downloaded, that add up to `file.size`.
        policy: How long to keep trying when the connection breaks.

    Raises:
        UnusableVolumeError: The disk is full, or the folder cannot be written to.
        WikiEmbeddingsError: The origin refuses, cannot be reached, or sends other bytes than are
            listed. What was downloaded stays for the next call, unless it is wrong.
    """
    with translate_storage_errors(destination.parent):
        destination.parent.mkdir(parents=True, exist_ok=True)
        if not is_complete(destination, file):
            with FileLock(destination.with_name(destination.name + LOCK_SUFFIX)):
                if not is_complete(destination, file):
                    _complete(origin, file, destination, progress, policy)
                    return
    progress(file.size)


def discard_download(destination: Path) -> None:
    """Remove all that downloading a file left at its destination and beside it, if anything."""
    for suffix in ("", PARTIAL_SUFFIX, LOCK_SUFFIX):
        destination.with_name(destination.name + suffix).unlink(missing_ok=True)


def _complete(
    origin: Origin,
    file: ListedFile,
    destination: Path,
    progress: Callable[[int], None],
    policy: RetryPolicy,
) -> None:
    """Download the missing bytes, verify all, and rename; start over once if the digest differs."""
    path = destination.with_name(destination.name + PARTIAL_SUFFIX)
    with closing(PartialFile(path, file, progress)) as partial:
        _download_missing(origin, file, partial, policy)
        if not partial.is_complete():
            log.warning(
                "%s has other bytes than %s lists; downloading it again.",
                origin.target,
                origin.publisher,
            )
            partial.restart()
            _download_missing(origin, file, partial, policy)
        if not partial.is_complete():
            path.unlink()
            raise _digest_error(origin, file, partial)
        partial.sync()
    path.replace(destination)


def _download_missing(
    origin: Origin, file: ListedFile, partial: PartialFile, policy: RetryPolicy
) -> None:
    """Download until the size is the listed one, through any number of connections."""
    with_retries(
        lambda: _download_once(origin, file, partial, policy.timeout()),
        policy,
        lambda: partial.peak_size,
    )


def _download_once(
    origin: Origin, file: ListedFile, partial: PartialFile, timeout: httpx2.Timeout
) -> None:
    """Download the missing bytes through one connection.

    Raises:
        TransientError: The connection ended before the last byte.
    """
    if partial.size >= file.size:
        return
    # In a compressed response, a range would count compressed bytes.
    headers = {"Accept-Encoding": "identity"}
    if partial.size:
        headers["Range"] = f"bytes={partial.size}-"
    with origin.stream(headers, timeout) as response:
        _check_response(response, partial, origin)
        for data in response.iter_bytes():
            partial.append(data)
            if partial.size > file.size:
                return
    if partial.size < file.size:
        reason = f"Cannot read {origin.target}: it ended after {partial.size} of {file.size} bytes."
        raise TransientError(reason, origin.advice)


def _check_response(response: httpx2.Response, partial: PartialFile, origin: Origin) -> None:
    """Check that the body holds bytes of the file; restart `partial` if it begins elsewhere."""
    if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        size = partial.size
        partial.restart()
        reason = f"Cannot read {origin.target}: it has nothing after byte {size}."
        raise TransientError(reason, origin.advice)
    if not response.is_success:
        raise origin.refusal(response)
    if not _begins_at(response, partial.size):
        partial.restart()


def _begins_at(response: httpx2.Response, position: int) -> bool:
    """Return whether the body begins at `position`; a server may ignore the range."""
    if response.status_code != HTTPStatus.PARTIAL_CONTENT:
        return position == 0
    return response.headers.get("Content-Range", "").startswith(f"bytes {position}-")


def _digest_error(origin: Origin, file: ListedFile, partial: PartialFile) -> WikiEmbeddingsError:
    kind = "SHA-256" if file.sha256 else "git blob id"
    expected = file.sha256 or file.blob_id
    return WikiEmbeddingsError(
        f"{origin.target} arrived twice with other bytes than {origin.publisher} lists ({kind} "
        f"{partial.digest()} instead of {expected}), and was deleted. {origin.altered}"
    )
