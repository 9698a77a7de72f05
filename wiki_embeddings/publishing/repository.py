"""What a dataset repository holds at a commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from huggingface_hub import HfApi, get_session, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]  # exported lazily

from wiki_embeddings.dataset_layout import RECORD
from wiki_embeddings.hub_files.endpoint import hub_headers
from wiki_embeddings.publishing.hub_calls import call_hub
from wiki_embeddings.publishing.publication import parse_record

MAIN = "main"

Tree: TypeAlias = Mapping[str, str]
"""Content by path: `sha256:…` and size of a large file, git's blob id of a file in git itself."""


@dataclass(frozen=True)
class MainBranch:
    """State of `main`.

    Attributes:
        commit: Its commit id.
        record: The record of what is published there; None if that is nothing of this project.
    """

    commit: str
    record: Mapping[str, Any] | None

    @property
    def digest(self) -> str | None:
        """Digest of the manifest of the dataset that is published there."""
        return None if self.record is None else str(self.record["digest"])


def read_main(repo_id: str) -> MainBranch:
    """Read the current state of `main`."""
    commit = resolve_commit(repo_id, MAIN)
    return MainBranch(commit, read_record(repo_id, commit))


def resolve_commit(repo_id: str, revision: str) -> str:
    """Return the commit id of a branch, a tag or a pull request's reference."""
    step = f"looking up {revision}"
    info = call_hub(repo_id, step, lambda api: api.dataset_info(repo_id, revision=revision))
    return str(info.sha)


def read_record(repo_id: str, revision: str) -> Mapping[str, Any] | None:
    """Read the record of what is published at a revision; None if there is none."""
    content = read_file(repo_id, revision, RECORD)
    return None if content is None else parse_record(content)


def read_file(repo_id: str, revision: str, path: str) -> bytes | None:
    """Read a small file at a revision; None if it does not exist."""

    def read(api: HfApi) -> bytes | None:
        url = hf_hub_url(
            repo_id, path, repo_type="dataset", revision=revision, endpoint=api.endpoint
        )
        response = get_session().get(url, headers=hub_headers())
        try:
            hf_raise_for_status(response)
        except EntryNotFoundError:
            return None
        return response.content

    return call_hub(repo_id, f"reading {path}", read)


def read_tree(repo_id: str, commit: str) -> Tree:
    """Read the content of every file at a commit."""

    def read(api: HfApi) -> Tree:
        entries = api.list_repo_tree(repo_id, recursive=True, revision=commit, repo_type="dataset")
        return {entry.path: _content(entry) for entry in entries if isinstance(entry, RepoFile)}

    return call_hub(repo_id, "listing its files", read)


def lfs_content(sha256: str, size: int) -> str:
    """Return the content of a large file, as in a `Tree`."""
    return f"sha256:{sha256} {size}"


def _content(file: RepoFile) -> str:
    return file.blob_id if file.lfs is None else lfs_content(file.lfs.sha256, file.lfs.size)
