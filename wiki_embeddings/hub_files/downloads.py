"""Downloads one file of a snapshot, complete and verified, however often the connection breaks.

Bytes are collected beside the destination under another name, so that a later process continues
where an earlier one was killed. A resumed request sends no validator (`If-Range`): the commit pins
the bytes, the store that the Hub redirects to has other entity tags, and the digest decides.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

import httpx2
from huggingface_hub import get_session, hf_hub_url
from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # exported lazily

from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.hub_files.endpoint import endpoint, hub_headers, redacted_endpoint
from wiki_embeddings.hub_files.errors import (
    TransientError,
    error_for_response,
    translate_http_errors,
)
from wiki_embeddings.hub_files.partial_file import PartialFile, is_complete
from wiki_embeddings.hub_files.retries import RetryPolicy, with_retries
from wiki_embeddings.hub_files.snapshots import HubFile, HubSnapshot
from wiki_embeddings.volume import translate_storage_errors

PARTIAL_SUFFIX = ".partial"
"""Added to the destination's name while bytes are missing."""

LOCK_SUFFIX = ".lock"
"""Added to the destination's name for the empty file on which processes lock."""

_ADVICE = "Check HF_ENDPOINT and the proxy, then run it again."

_DOWNLOAD_POLICY = RetryPolicy()

log = logging.getLogger(__name__)


def download(
    snapshot: HubSnapshot,
    file: HubFile,
    destination: Path,
    *,
    progress: Callable[[int], None] = lambda _: None,
    policy: RetryPolicy = _DOWNLOAD_POLICY,
) -> None:
    """Make `destination` hold exactly the bytes of `file`.

    Downloads only what neither `destination` nor an earlier, interrupted call has. If several
    processes ask for the same destination, one downloads and the others wait for it.

    Args:
        snapshot: The repository and the commit.
        file: One of its files.
        destination: Path of the result; its folder is created if missing.
        progress: Called with numbers of bytes, found or downloaded, that add up to `file.size`.
        policy: How long to keep trying when the connection breaks.

    Raises:
        BadInputError: The Hub refuses: no such file, or the token may not read it.
        UnusableVolumeError: The disk is full, or the folder cannot be written to.
        WikiEmbeddingsError: The Hub cannot be reached, or sends other bytes than it lists. What
            was downloaded stays for the next call.
    """
    with translate_storage_errors(destination.parent):
        destination.parent.mkdir(parents=True, exist_ok=True)
        if not is_complete(destination, file):
            with WeakFileLock(destination.with_name(destination.name + LOCK_SUFFIX)):
                if not is_complete(destination, file):
                    _download_verified(snapshot, file, destination, progress, policy)
                    return
    progress(file.size)


def _download_verified(
    snapshot: HubSnapshot,
    file: HubFile,
    destination: Path,
    progress: Callable[[int], None],
    policy: RetryPolicy,
) -> None:
    """Download the missing bytes, verify all, and rename; start over once if the digest differs."""
    path = destination.with_name(destination.name + PARTIAL_SUFFIX)
    with closing(PartialFile(path, file, progress)) as partial:
        _download_missing(snapshot, file, partial, policy)
        if not partial.is_complete():
            log.warning("%s has other bytes than the Hub lists; downloading it again.", file.path)
            partial.restart()
            _download_missing(snapshot, file, partial, policy)
        if not partial.is_complete():
            path.unlink()
            raise _digest_error(snapshot, file, partial)
        partial.sync()
    path.replace(destination)


def _download_missing(
    snapshot: HubSnapshot, file: HubFile, partial: PartialFile, policy: RetryPolicy
) -> None:
    """Download until the size is the listed one, through any number of connections."""
    target = f"{file.path} of the {snapshot.repo_type} {snapshot.repo_id} at {snapshot.commit}"
    url = hf_hub_url(
        snapshot.repo_id,
        file.path,
        repo_type=snapshot.repo_type,
        revision=snapshot.commit,
        endpoint=endpoint(),
    )
    with_retries(
        lambda: _download_once(url, file, partial, target, policy.timeout()),
        policy,
        lambda: partial.peak_size,
    )


def _download_once(
    url: str, file: HubFile, partial: PartialFile, target: str, timeout: httpx2.Timeout
) -> None:
    """Download the missing bytes through one connection.

    Raises:
        TransientError: The connection ended before the last byte.
    """
    if partial.size >= file.size:
        return
    # In a compressed response, a range would count compressed bytes.
    headers = {**hub_headers(), "Accept-Encoding": "identity"}
    if partial.size:
        headers["Range"] = f"bytes={partial.size}-"
    with (
        translate_http_errors(target),
        get_session().stream("GET", url, headers=headers, timeout=timeout) as response,
    ):
        _check_response(response, partial, target)
        for data in response.iter_bytes():
            partial.append(data)
            if partial.size > file.size:
                return
    if partial.size < file.size:
        reason = f"Cannot read {target}: it ended after {partial.size} of {file.size} bytes."
        raise TransientError(reason, _ADVICE)


def _check_response(response: httpx2.Response, partial: PartialFile, target: str) -> None:
    """Check that the body holds bytes of the file; restart `partial` if it begins elsewhere."""
    if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        size = partial.size
        partial.restart()
        raise TransientError(f"Cannot read {target}: it has nothing after byte {size}.", _ADVICE)
    if not response.is_success:
        raise error_for_response(response, target)
    if not _begins_at(response, partial.size):
        partial.restart()


def _begins_at(response: httpx2.Response, position: int) -> bool:
    """Return whether the body begins at `position`; a server may ignore the range."""
    if response.status_code != HTTPStatus.PARTIAL_CONTENT:
        return position == 0
    return response.headers.get("Content-Range", "").startswith(f"bytes {position}-")


def _digest_error(
    snapshot: HubSnapshot, file: HubFile, partial: PartialFile
) -> WikiEmbeddingsError:
    kind = "SHA-256" if file.sha256 else "git blob id"
    expected = file.sha256 or file.blob_id
    return WikiEmbeddingsError(
        f"{file.path} of {snapshot.repo_id} arrived twice with other bytes than the Hub lists "
        f"({kind} {partial.digest()} instead of {expected}), and was deleted. Something between "
        f"here and {redacted_endpoint()} alters it: check HF_ENDPOINT and the proxy, then run it "
        "again."
    )
