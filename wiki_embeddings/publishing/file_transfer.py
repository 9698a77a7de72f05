"""Uploads one file's bytes to the Hub's store, where they wait for a commit that names them.

The store goes by content: what it has already is not sent again, and a killed upload that is
repeated sends what was missing. Nothing becomes visible by it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.hub_files.errors import TRANSIENT_STATUSES, TransientError
from wiki_embeddings.hub_files.retries import with_retries
from wiki_embeddings.publishing.hub_calls import RETRY_POLICY, ask_once

_STATUS = re.compile(r"HTTP status \w+ error \((\d{3})\b")
"""How `hf_xet` tells of an answer."""

_PATIENCE = replace(RETRY_POLICY, longest_retry_after_s=330.0)
"""Requests are counted over five minutes, only commits over an hour; and a map has a deadline."""

_WORTH_ANOTHER_TRY = {*TRANSIENT_STATUSES, 401}
"""Unauthorized too: the store's own token may have expired, and the next try gets another one."""


def upload(repo_id: str, name: str, path: Path, sha256: str) -> None:
    """Upload a file, unless the Hub has its bytes.

    Args:
        repo_id: Name of the dataset.
        name: What the file will be called there.
        path: The file here.
        sha256: What its bytes must be: compared with what the client has read while it sent them.

    Raises:
        BadInputError: The Hub refuses, or the file has other bytes.
        WikiEmbeddingsError: The Hub cannot be reached, or stays busy.
    """
    sent = (
        "none"
        if not path.is_file()
        else with_retries(partial(_send, repo_id, name, path), _PATIENCE)
    )
    if sent != sha256:
        raise BadInputError(
            f"{path} is not what its manifest lists (SHA-256 {sha256[:16]}…, found {sent[:16]}): "
            "materialize hub_dataset again, which makes only this file again."
        )


def _send(repo_id: str, name: str, path: Path) -> str:
    """Send a file's bytes; gives the SHA-256 of what was sent."""
    step = f"uploading {name}"
    # Made anew for each try: it remembers how far it came, and a client may be wrong about that.
    addition = CommitOperationAdd(path_in_repo=name, path_or_fileobj=path)

    def preupload(api: HfApi) -> None:
        try:
            api.preupload_lfs_files(
                repo_id, [addition], repo_type="dataset", num_threads=1, free_memory=False
            )
        # The client says `RuntimeError` of a store that fails, `hf_xet` one or the other.
        except (RuntimeError, ConnectionError, TimeoutError) as error:
            if isinstance(error.__cause__, HfHubHTTPError):
                raise error.__cause__ from None
            # Not `from error`: its text may hold a signed address.
            raise _error_of_transfer(error, repo_id, step) from None

    ask_once(repo_id, step, preupload)
    return addition.upload_info.sha256.hex()


def _error_of_transfer(error: Exception, repo_id: str, step: str) -> WikiEmbeddingsError:
    """What a transfer failed of: worth another try, unless the store refuses."""
    answered = _STATUS.search(str(error))
    what = f"Cannot publish to {repo_id} ({step}): the transfer fails"
    status = int(answered[1]) if answered else None
    if status is not None and status < 500 and status not in _WORTH_ANOTHER_TRY:
        return BadInputError(
            f"{what}, because the store refuses it with status {status}: the token may have lost "
            "its rights, or a private repository its room. Look at its settings on the Hub, and "
            "run again."
        )
    answers = f" (the store answers with status {status})" if status else ""
    return TransientError(f"{what}{answers}.", "Run it again later; what has been done is kept.")
