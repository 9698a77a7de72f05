"""A pull request that names all files of a publication: opened, found again, filled, closed.

Its title names the dataset's manifest, so that whoever publishes the same goes on with the same
pull request.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from huggingface_hub import HfApi, get_session
from huggingface_hub.community import Discussion
from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]  # exported lazily

from wiki_embeddings.hub_files.endpoint import hub_headers, redacted_endpoint
from wiki_embeddings.hub_files.errors import TransientError
from wiki_embeddings.hub_files.retries import with_retries
from wiki_embeddings.publishing.hub_calls import RETRY_POLICY, MovedOnError, ask, ask_once
from wiki_embeddings.publishing.publication import Publication
from wiki_embeddings.publishing.repository import commit_of, differences, tree_once

_FILES_IN_A_COMMIT = 100
"""The Hub checks every file of a commit within a minute; its documentation asks for about so many
(https://huggingface.co/docs/hub/repositories-recommendations). Ten commits a thousand files, where
it allows 128 an hour."""

_TITLE = re.compile(r"Publish \d{8} \(manifest [0-9a-f]{16}\)")

_OPEN = {"open", "draft"}

_DESCRIPTION = (
    "Made by wiki_embeddings. It is merged once all files are there and verified; please leave it "
    "alone."
)


@dataclass(frozen=True)
class PullRequest:
    """A pull request.

    Attributes:
        repo_id: Name of the dataset.
        number: Its number there.
        title: Its title.
        author: Who has opened it.
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
        """Where people see it."""
        return f"{redacted_endpoint()}/datasets/{self.repo_id}/discussions/{self.number}"


def title_of(publication: Publication) -> str:
    """Title of the pull request of a publication."""
    return f"Publish {publication.snapshot} (manifest {publication.digest[:16]})"


def open_pull_request(
    repo_id: str, publication: Publication, base_commit: str, author: str
) -> PullRequest:
    """Find the pull request of a publication, or open one.

    One that began from another state of `main` is closed: it may not merge any more. One that
    somebody else has opened is left alone, because he could go on writing to it.

    Args:
        repo_id: Name of the dataset.
        publication: What is to be published.
        base_commit: `main` as it is now.
        author: Who publishes.

    Raises:
        BadInputError: The Hub refuses.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    title = title_of(publication)

    def find_or_create(api: HfApi) -> PullRequest:
        # Looks each time: the answer to an earlier try may have been lost.
        present = _oldest(repo_id, title, base_commit, author)
        if present is not None:
            return present
        opened = api.create_pull_request(
            repo_id, title, description=_DESCRIPTION, repo_type="dataset"
        )
        # And afterwards: another publisher of the same may have opened one at the same moment.
        mine = PullRequest(repo_id, opened.num, title, author)
        return _oldest(repo_id, title, base_commit, author) or mine

    return ask(repo_id, "opening a pull request", find_or_create)


def _oldest(repo_id: str, title: str, base_commit: str, author: str) -> PullRequest | None:
    """The author's first open one of a title that begins there; those before it are closed."""
    for pull_request in open_pull_requests(repo_id):
        if (pull_request.title, pull_request.author) == (title, author):
            if _begins_at(pull_request, base_commit):
                return pull_request
            close(pull_request, "main has moved on since.")
    return None


def withdraw(repo_id: str, publication: Publication, author: str) -> None:
    """Close what an author has opened for a publication that is not to be merged any more."""
    for pull_request in open_pull_requests(repo_id):
        if (pull_request.title, pull_request.author) == (title_of(publication), author):
            close(pull_request, "main has moved on since.")


def open_pull_requests(repo_id: str) -> list[PullRequest]:
    """Pull requests of this project that are neither merged nor closed, the oldest first."""

    def listed(api: HfApi) -> list[Discussion]:
        return list(api.get_repo_discussions(repo_id, repo_type="dataset"))

    found = [
        PullRequest(repo_id, discussion.num, discussion.title, discussion.author)
        for discussion in ask(repo_id, "looking for its pull requests", listed)
        if discussion.is_pull_request
        and discussion.status in _OPEN
        and _TITLE.fullmatch(discussion.title)
    ]
    return sorted(found, key=lambda pull_request: pull_request.number)


def _begins_at(pull_request: PullRequest, commit: str) -> bool:
    repo_id = pull_request.repo_id
    commits = ask(
        repo_id,
        "reading its pull request",
        lambda api: api.list_repo_commits(
            repo_id, repo_type="dataset", revision=pull_request.reference
        ),
    )
    return any(found.commit_id == commit for found in commits)


def close(pull_request: PullRequest, why: str) -> None:
    """Close a pull request with a word of why, unless another has merged or closed it."""
    repo_id, number = pull_request.repo_id, pull_request.number

    def shut(api: HfApi) -> None:
        found = api.get_discussion_details(repo_id, number, repo_type="dataset")
        if found.status in _OPEN:
            api.change_discussion_status(
                repo_id, number, "closed", repo_type="dataset", comment=f"Closed: {why}"
            )

    ask(repo_id, "closing a pull request", shut)


def fill(pull_request: PullRequest, publication: Publication) -> None:
    """Commit to a pull request whatever it lacks, a hundred files at a time.

    Each time it is looked at anew, so that an answer that was lost, or another publisher of the
    same, makes no difference. A commit that the Hub does not get done is tried with half as many.

    Raises:
        BadInputError: The Hub refuses, as for a file whose bytes it does not have.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    missing = len(publication.files) + len(publication.texts) + 1
    at_once = _FILES_IN_A_COMMIT

    def step() -> int:
        nonlocal missing, at_once
        head = commit_of(pull_request.repo_id, pull_request.reference)
        lacking = differences(tree_once(pull_request.repo_id, head), publication)
        missing = len(lacking)
        if lacking:
            batch = lacking[:at_once]
            try:
                _commit(pull_request, publication, head, batch)
            except MovedOnError as error:  # another publisher of the same was faster: look again
                raise TransientError(str(error), "Run it again.") from error
            except TransientError as error:
                if error.retry_after_s is None:
                    at_once = max(1, len(batch) // 2)
                raise
        return missing

    while with_retries(step, RETRY_POLICY, progress=lambda: -missing):
        pass


def _commit(
    pull_request: PullRequest, publication: Publication, parent: str, paths: list[str]
) -> None:
    """Commit some paths of a publication.

    Our own request, because the client's `create_commit` wants to upload again whatever it has not
    uploaded itself. Format: https://huggingface.co/spaces/huggingface/openapi, `commit`.
    """
    lines = [
        {"key": "header", "value": {"summary": title_of(publication), "parentCommit": parent}},
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

    ask_once(
        pull_request.repo_id, f"committing {len(paths)} files to {pull_request.reference}", post
    )


def _operations(publication: Publication, paths: list[str]) -> Iterator[dict[str, object]]:
    files = {file.name: file for file in publication.files}
    for path in paths:
        if path in publication.texts:
            content = base64.b64encode(publication.texts[path]).decode()
            value = {"path": path, "content": content, "encoding": "base64"}
            yield {"key": "file", "value": value}
        elif path in files:
            file = files[path]
            large = {"path": path, "algo": "sha256", "oid": file.sha256, "size": file.bytes}
            yield {"key": "lfsFile", "value": large}
        else:
            yield {"key": "deletedFile", "value": {"path": path}}
