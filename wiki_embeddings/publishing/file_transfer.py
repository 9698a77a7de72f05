"""Sends the bytes of one file to the Hub's store, where they wait for a commit that names them.

The store is addressed by content: it is never sent bytes that it has, and a repeated upload sends
only what a killed one did not. Nothing becomes visible.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError

from wiki_embeddings.downloads.errors import TRANSIENT_STATUSES, TransientError
from wiki_embeddings.downloads.retries import with_retries
from wiki_embeddings.errors import BadInputError, OutageError, WikiEmbeddingsError
from wiki_embeddings.publishing.hub_calls import RETRY_POLICY, call_hub_once

_ADDRESS = re.compile(r"https?://\S+")

_XET_STATUS = re.compile(r"HTTP status \w+ error \((\d{3})\b")
"""How `hf_xet` reports the status of a response."""

_POLICY = replace(
    RETRY_POLICY,
    # Each try may send the whole file: so few of them, further apart. In all they take a minute.
    first_wait_s=2.0,
    longest_wait_s=60.0,
    # The Hub counts requests over five minutes, and only commits over an hour; and a map has a
    # deadline.
    longest_retry_after_s=330.0,
)

_RETRIED_STATUSES = {*TRANSIENT_STATUSES, 401}
"""Also Unauthorized: the store's own token may have expired, and the next try gets a new one."""


def transfer_file(repo_id: str, name: str, path: Path, sha256: str) -> None:
    """Upload a file, unless the Hub has its bytes.

    Args:
        repo_id: Name of the dataset.
        name: Path of the file in the repository.
        path: The file here.
        sha256: Expected digest, compared with that of the bytes that the client read.

    Raises:
        BadInputError: The Hub refuses, or the file has other bytes.
        OutageError: The Hub or its store cannot be reached, or stays busy.
    """
    try:
        send = partial(_send, repo_id, name, path)
        sent = with_retries(send, _POLICY) if path.is_file() else "none"
    except TransientError as error:
        raise OutageError(str(error)) from error
    if sent != sha256:
        raise BadInputError(
            f"{path} is not what its manifest lists (SHA-256 {sha256[:16]}…, found {sent[:16]}): "
            "materialize hub_dataset again, which makes only this file again."
        )


def _send(repo_id: str, name: str, path: Path) -> str:
    """Send a file's bytes; return their SHA-256."""
    step = f"uploading {name}"
    # A new one for each try: it remembers its progress, and the client may be wrong about that.
    addition = CommitOperationAdd(path_in_repo=name, path_or_fileobj=path)

    def preupload(api: HfApi) -> None:
        with _translate_transfer_errors(repo_id, step):
            api.preupload_lfs_files(
                repo_id, [addition], repo_type="dataset", num_threads=1, free_memory=False
            )

    call_hub_once(repo_id, step, preupload)
    return addition.upload_info.sha256.hex()


@contextmanager
def _translate_transfer_errors(repo_id: str, step: str) -> Generator[None]:
    """Turn errors of the store into ours, and let those of the Hub through."""
    try:
        yield
    # The client raises `RuntimeError` if the store fails, `hf_xet` any of these.
    except (RuntimeError, ConnectionError, TimeoutError) as error:
        # Not `from error`: its text may hold a signed URL.
        if isinstance(error.__cause__, HfHubHTTPError):
            raise error.__cause__ from None
        raise _transfer_error(error, repo_id, step) from None


def _transfer_error(error: Exception, repo_id: str, step: str) -> WikiEmbeddingsError:
    match = _XET_STATUS.search(str(error))
    status = int(match[1]) if match else None
    problem = f"Cannot publish to {repo_id} ({step}): the transfer fails"
    if status is not None and status < 500 and status not in _RETRIED_STATUSES:
        return BadInputError(
            f"{problem}, because the store refuses it with status {status}: the token may have "
            "lost its rights, or a private repository may be full. Check its settings on the Hub, "
            "and run again."
        )
    reason = f"the store answers with status {status}" if status else _without_addresses(error)
    advice = "Run it again later; finished work is kept."
    return TransientError(f"{problem} ({reason}).", advice)


def _without_addresses(error: Exception) -> str:
    """Return what an error says, without URLs, which may be signed."""
    text = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
    return _ADDRESS.sub("…", text)
