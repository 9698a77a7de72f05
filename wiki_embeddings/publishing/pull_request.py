"""A pull request that names all files of a publication: opened, found again, filled, closed.

Its title names the dataset's manifest, so that a later publisher of the same dataset finds it and
continues.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from huggingface_hub import HfApi, get_session
from huggingface_hub.community import Discussion
from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]  # exported lazily

from wiki_embeddings.downloads.errors import TransientError
from wiki_embeddings.downloads.retries import with_retries
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.hub_files.endpoint import hub_headers, redacted_endpoint
from wiki_embeddings.publishing.differences import (
    describe_paths,
    differing_paths,
    expected_tree,
)
from wiki_embeddings.publishing.hub_calls import (
    RETRY_POLICY,
    ConflictError,
    call_hub,
    call_hub_once,
)
from wiki_embeddings.publishing.publication import Publication
from wiki_embeddings.publishing.repository import Tree, read_tree, resolve_commit

_FILES_PER_COMMIT = 100
"""The Hub checks every file of a commit within a minute; its documentation asks for about so many
(https://huggingface.co/docs/hub/repositories-recommendations). Ten commits a thousand files, where
it allows 128 an hour."""

_MAX_ALTERED_COMMITS = 3
"""Somebody may change a pull request by mistake, hardly after every commit."""

_TITLE = re.compile(r"Publish \d{8} \(manifest [0-9a-f]{16}\)")

_OPEN_STATUSES = {"open", "draft"}

_DESCRIPTION = (
    "Made by wiki_embeddings. It will be merged when all files are there and verified; please do "
    "not change it."
)


@dataclass(frozen=True)
class PullRequest:
    """A pull request.

    Attributes:
        repo_id: Name of the dataset.
        number: Its number there.
        title: Its title.
        author: User who opened it.
    """

    repo_id: str
    number: int
    title: str
    author: str

    @property
    def reference(self) -> str:
        """Its git reference."""
        return f"refs/pr/{self.number}"

    @property
    def url(self) -> str:
        """Its page."""
        return f"{redacted_endpoint()}/datasets/{self.repo_id}/discussions/{self.number}"


def title_for(publication: Publication) -> str:
    """Return the title of the pull request of a publication."""
    return f"Publish {publication.snapshot} (manifest {publication.digest[:16]})"


def find_or_open_pull_request(
    repo_id: str, publication: Publication, base_commit: str, author: str
) -> PullRequest:
    """Find the pull request of a publication, or open one.

    One that began from another commit of `main` is closed, because merging it may fail; so is one
    in which somebody has changed files of the owner. One that somebody else has opened is left
    alone, because its author could still write to it.

    Args:
        repo_id: Name of the dataset.
        publication: What is to be published.
        base_commit: Current commit of `main`.
        author: User who publishes.
    """

    def find() -> PullRequest | None:
        for pull_request in _list_own_pull_requests(repo_id, publication, author):
            if not _is_based_on(pull_request, base_commit):
                close_pull_request(pull_request, "main has moved on since.")
            elif _changes_foreign_files(pull_request, publication, base_commit):
                close_pull_request(pull_request, "it changes files that are not published here.")
            else:
                return pull_request
        return None

    def find_or_open(api: HfApi) -> PullRequest:
        # Look before each try: the answer to an earlier one may have been lost.
        existing = find()
        if existing is not None:
            return existing
        title = title_for(publication)
        created = api.create_pull_request(
            repo_id, title, description=_DESCRIPTION, repo_type="dataset"
        )
        # Look again: another publisher of the same may have opened one at the same time.
        return find() or PullRequest(repo_id, created.num, title, author)

    return call_hub(repo_id, "opening a pull request", find_or_open)


def list_open_pull_requests(repo_id: str) -> list[PullRequest]:
    """List this project's pull requests that are neither merged nor closed, the oldest first."""

    def read(api: HfApi) -> list[Discussion]:
        return list(api.get_repo_discussions(repo_id, repo_type="dataset"))

    pull_requests = [
        PullRequest(repo_id, discussion.num, discussion.title, discussion.author)
        for discussion in call_hub(repo_id, "looking for its pull requests", read)
        if discussion.is_pull_request
        and discussion.status in _OPEN_STATUSES
        and _TITLE.fullmatch(discussion.title)
    ]
    return sorted(pull_requests, key=lambda pull_request: pull_request.number)


def close_own_pull_requests(repo_id: str, publication: Publication, author: str) -> None:
    """Close what an author has opened for a publication that will not be merged."""
    for pull_request in _list_own_pull_requests(repo_id, publication, author):
        close_pull_request(pull_request, "main has moved on since.")


def close_pull_request(pull_request: PullRequest, reason: str) -> None:
    """Close a pull request with a comment, unless it is merged or closed."""
    _set_status(pull_request, "closed", comment=f"Closed: {reason}")


def mark_ready(pull_request: PullRequest) -> None:
    """Mark a draft as ready: drafts are not merged."""
    _set_status(pull_request, "open")


def differences_from(pull_request: PullRequest, expected: Tree) -> list[str]:
    """Return the paths at which a pull request does not hold what it should, sorted."""
    commit = resolve_commit(pull_request.repo_id, pull_request.reference)
    return differing_paths(read_tree(pull_request.repo_id, commit), expected)


def commit_files(pull_request: PullRequest, publication: Publication, expected: Tree) -> None:
    """Commit all that a pull request lacks, a hundred files at a time.

    Its files are listed before each commit, so that a lost answer, or another publisher of the
    same, makes no difference. If a commit is too much for the Hub, the next one has half as many.

    Args:
        pull_request: The pull request.
        publication: What is to be published.
        expected: What the pull request is to hold.

    Raises:
        BadInputError: The Hub refuses, as for a file whose bytes it does not have; or somebody
            else changes the pull request after every commit, or in files of the owner.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    repo_id = pull_request.repo_id
    missing = fewest = len(expected) + 1
    altered = 0
    batch_size = _FILES_PER_COMMIT

    def commit_next_batch() -> int:
        nonlocal missing, batch_size
        parent = resolve_commit(repo_id, pull_request.reference)
        tree = read_tree(repo_id, parent)
        paths = differing_paths(tree, expected)
        foreign = _foreign_paths(paths, expected, publication)
        if foreign:
            raise BadInputError(
                f"{pull_request.url} is not merged: somebody else changes other files in it "
                f"({describe_paths(foreign)}). Find out who, then run again, which opens another "
                "one; readers see the version before."
            )
        missing = len(paths)
        batch = paths[:batch_size]
        try:
            if batch:
                _commit(pull_request, publication, parent, batch)
        except ConflictError as error:  # another publisher of the same was faster: look again
            raise TransientError(str(error), "Run it again.") from error
        except TransientError as error:
            if error.retry_after_s is None:
                batch_size = max(1, len(batch) // 2)
            raise
        return missing

    while with_retries(commit_next_batch, RETRY_POLICY, progress=lambda: -missing):
        altered += missing >= fewest
        fewest = min(fewest, missing)
        if altered >= _MAX_ALTERED_COMMITS:
            raise BadInputError(
                f"{pull_request.url} is given up: somebody else changes it after every commit. "
                "Find out who, and make them stop; then run again. Nothing of it is visible."
            )


def _list_own_pull_requests(
    repo_id: str, publication: Publication, author: str
) -> Iterator[PullRequest]:
    for pull_request in list_open_pull_requests(repo_id):
        if (pull_request.title, pull_request.author) == (title_for(publication), author):
            yield pull_request


def _is_based_on(pull_request: PullRequest, commit: str) -> bool:
    repo_id = pull_request.repo_id
    commits = call_hub(
        repo_id,
        "reading its pull request",
        lambda api: api.list_repo_commits(
            repo_id, repo_type="dataset", revision=pull_request.reference
        ),
    )
    return any(info.commit_id == commit for info in commits)


def _changes_foreign_files(
    pull_request: PullRequest, publication: Publication, base_commit: str
) -> bool:
    expected = expected_tree(read_tree(pull_request.repo_id, base_commit), publication)
    paths = differences_from(pull_request, expected)
    return bool(_foreign_paths(paths, expected, publication))


def _foreign_paths(paths: list[str], expected: Tree, publication: Publication) -> list[str]:
    """Return those of some differing paths that no commit of ours can put right: the owner's."""
    ours = {*publication.texts, *(file.name for file in publication.files)}
    return [path for path in paths if path in expected and path not in ours]


def _set_status(
    pull_request: PullRequest, status: Literal["open", "closed"], comment: str | None = None
) -> None:
    """Set the status, unless the pull request is merged or closed, or has that status."""
    repo_id, number = pull_request.repo_id, pull_request.number

    def set_status(api: HfApi) -> None:
        current = api.get_discussion_details(repo_id, number, repo_type="dataset").status
        if current in _OPEN_STATUSES and current != status:
            api.change_discussion_status(
                repo_id, number, status, repo_type="dataset", comment=comment
            )

    call_hub(repo_id, f"marking a pull request as {status}", set_status)


def _commit(
    pull_request: PullRequest, publication: Publication, parent: str, paths: list[str]
) -> None:
    """Commit some paths of a publication.

    With a request of ours, because the client's `create_commit` uploads again what it has not
    uploaded itself. Format: https://huggingface.co/spaces/huggingface/openapi, `commit`.
    """
    lines = [
        {"key": "header", "value": {"summary": title_for(publication), "parentCommit": parent}},
        *_operations(publication, paths),
    ]
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    def post(api: HfApi) -> None:
        reference = pull_request.reference.replace("/", "%2F")
        response = get_session().post(
            f"{api.endpoint}/api/datasets/{pull_request.repo_id}/commit/{reference}",
            headers={**hub_headers(), "Content-Type": "application/x-ndjson"},
            content=body,
        )
        hf_raise_for_status(response)

    step = f"committing {len(paths)} files to {pull_request.reference}"
    call_hub_once(pull_request.repo_id, step, post)


def _operations(publication: Publication, paths: list[str]) -> Iterator[dict[str, object]]:
    files = {file.name: file for file in publication.files}
    for path in paths:
        if path in publication.texts:
            content = base64.b64encode(publication.texts[path]).decode()
            value = {"path": path, "content": content, "encoding": "base64"}
            yield {"key": "file", "value": value}
        elif path in files:
            file = files[path]
            pointer = {"path": path, "algo": "sha256", "oid": file.sha256, "size": file.bytes}
            yield {"key": "lfsFile", "value": pointer}
        else:
            yield {"key": "deletedFile", "value": {"path": path}}
