"""Downloads one file of a snapshot from the Hub; see `downloads.verified`.

The commit pins the bytes, whichever store the Hub redirects to.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2
from huggingface_hub import get_session, hf_hub_url

from wiki_embeddings.downloads.retries import RetryPolicy
from wiki_embeddings.downloads.verified import Origin, download_verified
from wiki_embeddings.hub_files.endpoint import endpoint, hub_headers, redacted_endpoint
from wiki_embeddings.hub_files.errors import error_for_response, translate_http_errors
from wiki_embeddings.hub_files.snapshots import HubFile, HubSnapshot

_DOWNLOAD_POLICY = RetryPolicy()


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
    download_verified(_origin(snapshot, file), file, destination, progress, policy)


def _origin(snapshot: HubSnapshot, file: HubFile) -> Origin:
    target = f"{file.path} of the {snapshot.repo_type} {snapshot.repo_id} at {snapshot.commit}"
    url = hf_hub_url(
        snapshot.repo_id,
        file.path,
        repo_type=snapshot.repo_type,
        revision=snapshot.commit,
        endpoint=endpoint(),
    )

    @contextmanager
    def stream(headers: Mapping[str, str], timeout: httpx2.Timeout) -> Generator[httpx2.Response]:
        headers = {**hub_headers(), **headers}
        with (
            translate_http_errors(target),
            get_session().stream("GET", url, headers=headers, timeout=timeout) as response,
        ):
            yield response

    return Origin(
        target=target,
        publisher="the Hub",
        advice="Check HF_ENDPOINT and the proxy, then run it again.",
        altered=(
            f"Something between here and {redacted_endpoint()} alters it: check HF_ENDPOINT and "
            "the proxy, then run it again."
        ),
        stream=stream,
        refusal=lambda response: error_for_response(response, target),
    )
