"""What a dataset repository holds at one commit, and what would have to change in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha1
from typing import Any, TypeAlias

from huggingface_hub import HfApi, get_session, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]  # exported lazily

from wiki_embeddings.dataset_layout import FOLDERS, RECORD
from wiki_embeddings.hub_files.endpoint import hub_headers
from wiki_embeddings.publishing.hub_calls import ask, ask_once
from wiki_embeddings.publishing.publication import Publication, read_record

MAIN = "main"

_FOLDERS = tuple(f"{folder}/" for folder in set(FOLDERS.values()))
"""Where data files lie: nothing else may be there, while the owner may add files elsewhere."""

Tree: TypeAlias = Mapping[str, str]
"""Content by path: `sha256:…` and size of a large file, git's blob id of one that lies in git."""


@dataclass(frozen=True)
class Head:
    """A revision of a repository at one moment.

    Attributes:
        commit: Its commit id.
        record: What is published there; None where that is nothing of this project.
    """

    commit: str
    record: Mapping[str, Any] | None

    @property
    def digest(self) -> str | None:
        """Digest of the dataset's manifest that is published there."""
        return None if self.record is None else str(self.record["digest"])


def head_of(repo_id: str, revision: str) -> Head:
    """Look up what a revision is now.

    Raises:
        WikiEmbeddingsError: The Hub refuses, or cannot be reached.
    """
    commit = commit_of(repo_id, revision)
    return Head(commit, record_at(repo_id, commit))


def commit_of(repo_id: str, revision: str) -> str:
    """Commit id of a branch, a tag or a pull request's reference."""
    step = f"looking up {revision}"
    info = ask(repo_id, step, lambda api: api.dataset_info(repo_id, revision=revision))
    return str(info.sha)


def record_at(repo_id: str, revision: str) -> Mapping[str, Any] | None:
    """The record of what is published at a revision; None where there is none."""
    content = file_at(repo_id, revision, RECORD)
    return None if content is None else read_record(content)


def file_at(repo_id: str, revision: str, path: str) -> bytes | None:
    """A small file as it is at a revision; None where there is none."""

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

    return ask(repo_id, f"reading {path}", read)


def tree_at(repo_id: str, commit: str) -> Tree:
    """What every file is at a commit."""
    return ask(repo_id, "listing its files", lambda api: _tree(api, repo_id, commit))


def tree_once(repo_id: str, commit: str) -> Tree:
    """The same without trying again."""
    return ask_once(repo_id, "listing its files", lambda api: _tree(api, repo_id, commit))


def _tree(api: HfApi, repo_id: str, commit: str) -> Tree:
    entries = api.list_repo_tree(repo_id, recursive=True, revision=commit, repo_type="dataset")
    return {entry.path: _content(entry) for entry in entries if isinstance(entry, RepoFile)}


def _content(file: RepoFile) -> str:
    if file.lfs is not None:
        return large(file.lfs.sha256, file.lfs.size)
    return file.blob_id


def large(sha256: str, size: int) -> str:
    """Content of a large file, as a tree has it."""
    return f"sha256:{sha256} {size}"


def wanted(publication: Publication) -> Tree:
    """What the files of a publication have to be."""
    return {
        **{file.name: large(file.sha256, file.bytes) for file in publication.files},
        **{name: _blob_id(text) for name, text in publication.texts.items()},
    }


def _blob_id(content: bytes) -> str:
    """Git's object id of a file (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects)."""
    return sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def differences(there: Tree, publication: Publication) -> list[str]:
    """Paths at which a repository is not what it has to be, in order.

    Files of data that do not belong there count; whatever else its owner has added does not.
    """
    return sorted(set(_wrong(there, wanted(publication))) | set(strangers(there, publication)))


def _wrong(there: Tree, expected: Tree) -> Iterator[str]:
    yield from (path for path, content in expected.items() if there.get(path) != content)


def strangers(there: Tree, publication: Publication) -> list[str]:
    """Files of data that do not belong to a publication, in order."""
    expected = wanted(publication)
    return sorted(path for path in there if path.startswith(_FOLDERS) and path not in expected)


def data_differences(there: Tree, publication: Publication) -> list[str]:
    """The same without the card, which the owner may have edited since."""
    texts = set(publication.texts) - {RECORD}
    return [path for path in differences(there, publication) if path not in texts]
