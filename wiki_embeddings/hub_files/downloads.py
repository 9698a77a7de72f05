"""Fetches one file of a snapshot, whole and verified, however often the connection breaks.

The bytes gather beside the destination under another name, so that a later process goes on where
one was killed. No validator goes with a resumed request (`If-Range`): the commit pins the bytes,
the store that the Hub redirects to has entity tags of its own, and the digest has the last word.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import httpx2
from huggingface_hub import get_session, hf_hub_url
from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # exported lazily

from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.hub_files.endpoint import endpoint, endpoint_name, hub_headers
from wiki_embeddings.hub_files.errors import (
    TransientError,
    error_of_response,
    translate_http_errors,
)
from wiki_embeddings.hub_files.partial_file import PartialFile, is_complete
from wiki_embeddings.hub_files.retries import RetryPolicy, with_retries
from wiki_embeddings.hub_files.snapshots import HubFile, HubSnapshot
from wiki_embeddings.volume import translate_storage_errors

PARTIAL_SUFFIX = ".partial"
"""Added to the destination's name while bytes are missing."""

LOCK_SUFFIX = ".lock"
"""Added to the destination's name for the empty file by which processes wait for each other."""

PARTIAL_CONTENT = 206
RANGE_NOT_SATISFIABLE = 416

TRY_LATER = "Check HF_ENDPOINT and the proxy, then run it again."

DOWNLOAD_POLICY = RetryPolicy()

log = logging.getLogger(__name__)


def download(
    snapshot: HubSnapshot,
    file: HubFile,
    destination: Path,
    *,
    progress: Callable[[int], None] | None = None,
    policy: RetryPolicy = DOWNLOAD_POLICY,
) -> None:
    """Makes `destination` hold exactly the bytes of `file`.

    Nothing is fetched that is already there, in `destination` or in what an earlier call left.
    Several processes may ask for the same destination: one fetches, the others wait for it.

    Args:
        snapshot: Names the repository and the commit.
        file: One of its files.
        destination: Where it goes; its folder is made where missing.
        progress: Told of bytes that are there now, found or fetched; `file.size` in all.
        policy: How long to keep trying when the connection breaks.

    Raises:
        BadInputError: The Hub refuses: no such file, or the token may not read it.
        UnusableVolumeError: The disk is full, or the folder cannot be written to.
        WikiEmbeddingsError: The Hub cannot be reached, or the bytes are not those it announces.
            What was fetched stays for the next call.
    """
    on_progress = progress or _ignore
    with translate_storage_errors(destination.parent):
        destination.parent.mkdir(parents=True, exist_ok=True)
        if not is_complete(destination, file):
            with WeakFileLock(destination.with_name(destination.name + LOCK_SUFFIX)):
                if not is_complete(destination, file):
                    _fetch(snapshot, file, destination, on_progress, policy)
                    return
    on_progress(file.size)


def _ignore(_size: int) -> None:
    """Stands for a progress that nobody watches."""


def _fetch(
    snapshot: HubSnapshot,
    file: HubFile,
    destination: Path,
    on_progress: Callable[[int], None],
    policy: RetryPolicy,
) -> None:
    """Fetches what is missing, verifies it and gives it its name; starts afresh once if wrong."""
    path = destination.with_name(destination.name + PARTIAL_SUFFIX)
    with PartialFile(path, file, on_progress) as partial:
        _fill(snapshot, file, partial, policy)
        if not partial.is_complete():
            log.warning("%s has other bytes than announced; fetching it afresh.", file.path)
            partial.restart()
            _fill(snapshot, file, partial, policy)
        if not partial.is_complete():
            path.unlink()
            raise _altered(snapshot, file, partial)
        partial.sync()
    path.replace(destination)


def _fill(snapshot: HubSnapshot, file: HubFile, partial: PartialFile, policy: RetryPolicy) -> None:
    """Fetches until there are as many bytes as announced, through any number of connections."""
    what = f"{file.path} of the {snapshot.repo_type} {snapshot.repo_id} at {snapshot.commit}"
    url = hf_hub_url(
        snapshot.repo_id,
        file.path,
        repo_type=snapshot.repo_type,
        revision=snapshot.commit,
        endpoint=endpoint(),
    )
    with_retries(
        lambda: _fetch_rest(url, file, partial, what, policy.timeout()),
        policy,
        lambda: partial.furthest,
    )


def _fetch_rest(
    url: str, file: HubFile, partial: PartialFile, what: str, timeout: httpx2.Timeout
) -> None:
    """Fetches the bytes that are missing, through one connection.

    Raises:
        PassingError: The connection ended before the last byte.
    """
    if partial.size >= file.size:
        return
    # Compressed on the way, a range would be one of the compressed bytes.
    headers = {**hub_headers(), "Accept-Encoding": "identity"}
    if partial.size:
        headers["Range"] = f"bytes={partial.size}-"
    request = get_session().stream("GET", url, headers=headers, timeout=timeout)
    with translate_http_errors(what), request as response:
        _check(response, partial, what)
        for data in response.iter_bytes():
            partial.append(data)
            if partial.size > file.size:
                return
    if partial.size < file.size:
        reason = f"Cannot read {what}: it ended after {partial.size} of {file.size} bytes."
        raise TransientError(reason, TRY_LATER)


def _check(response: httpx2.Response, partial: PartialFile, what: str) -> None:
    """Makes sure that what follows are bytes of the file, and where in it they belong."""
    if response.status_code == RANGE_NOT_SATISFIABLE:
        size = partial.size
        partial.restart()
        raise TransientError(f"Cannot read {what}: it has nothing after byte {size}.", TRY_LATER)
    if not response.is_success:
        raise error_of_response(response, what)
    if not _goes_on_at(response, partial.size):
        partial.restart()


def _goes_on_at(response: httpx2.Response, position: int) -> bool:
    """Whether the body begins at `position`; servers may ignore a range and send everything."""
    if response.status_code != PARTIAL_CONTENT:
        return position == 0
    return response.headers.get("Content-Range", "").startswith(f"bytes {position}-")


def _altered(snapshot: HubSnapshot, file: HubFile, partial: PartialFile) -> WikiEmbeddingsError:
    kind = "SHA-256" if file.sha256 else "git blob id"
    expected = file.sha256 or file.blob_id
    return WikiEmbeddingsError(
        f"{file.path} of {snapshot.repo_id} came twice with other bytes than the Hub announces "
        f"({kind} {partial.digest()} instead of {expected}), and was deleted. Something between "
        f"here and {endpoint_name()} alters it: check HF_ENDPOINT and the proxy, then try again."
    )
