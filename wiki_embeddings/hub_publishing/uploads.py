"""Uploads one file's bytes to the Hub's store, where they wait for a commit that names them.

The store goes by content: what it has already is not sent again, and a killed upload that is
repeated sends what was missing. Nothing becomes visible by it.
"""

from __future__ import annotations

import re
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.hub_files.failures import PassingError
from wiki_embeddings.hub_files.retries import keep_trying
from wiki_embeddings.hub_publishing.asking import PATIENCE, ask_once

_STATUS = re.compile(r"HTTP status \w+ error \((\d{3})\b")
"""How `hf_xet` tells of an answer."""


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
        "none" if not path.is_file() else keep_trying(lambda: _send(repo_id, name, path), PATIENCE)
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
            status = _STATUS.search(str(error))
            answers = f" (the store answers with status {status[1]})" if status else ""
            # Not `from error`: its text may hold a signed address.
            raise PassingError(
                f"Cannot publish to {repo_id} ({step}): the transfer fails{answers}.",
                "Run it again later; what has been done is kept.",
            ) from None

    ask_once(repo_id, step, preupload)
    return addition.upload_info.sha256.hex()
