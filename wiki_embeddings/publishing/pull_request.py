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

from wiki_embeddings.hub_files.endpoint import endpoint_name, hub_headers
from wiki_embeddings.hub_files.failures import PassingError
from wiki_embeddings.hub_files.retries import keep_trying
from wiki_embeddings.publishing.hub_calls import PATIENCE, MovedOnError, ask, ask_once
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
class Proposal:
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
        return f"{endpoint_name()}/datasets/{self.repo_id}/discussions/{self.number}"


def title_of(publication: Publication) -> str:
    """Title of the pull request of a publication."""
    return f"Publish {publication.snapshot} (manifest {publication.digest[:16]})"


def open_proposal(
    repo_id: str, publication: Publication, base_commit: str, author: str
) -> Proposal:
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

    def find_or_create(api: HfApi) -> Proposal:
        # Looks each time: the answer to an earlier try may have been lost.
        present = _oldest(repo_id, title, base_commit, author)
        if present is not None:
            return present
        opened = api.create_pull_request(
            repo_id, title, description=_DESCRIPTION, repo_type="dataset"
        )
        # And afterwards: another publisher of the same may have opened one at the same moment.
        mine = Proposal(repo_id, opened.num, title, author)
        return _oldest(repo_id, title, base_commit, author) or mine

    return ask(repo_id, "opening a pull request", find_or_create)


def _oldest(repo_id: str, title: str, base_commit: str, author: str) -> Proposal | None:
    """The author's first open one of a title that begins there; those before it are closed."""
    for proposal in open_proposals(repo_id):
        if (proposal.title, proposal.author) == (title, author):
            if _begins_at(proposal, base_commit):
                return proposal
            close(proposal, "main has moved on since.")
    return None


def withdraw(repo_id: str, publication: Publication, author: str) -> None:
    """Close what an author has opened for a publication that is not to be merged any more."""
    for proposal in open_proposals(repo_id):
        if (proposal.title, proposal.author) == (title_of(publication), author):
            close(proposal, "main has moved on since.")


def open_proposals(repo_id: str) -> list[Proposal]:
    """Pull requests of this project that are neither merged nor closed, the oldest first."""

    def listed(api: HfApi) -> list[Discussion]:
        return list(api.get_repo_discussions(repo_id, repo_type="dataset"))

    found = [
        Proposal(repo_id, discussion.num, discussion.title, discussion.author)
        for discussion in ask(repo_id, "looking for its pull requests", listed)
        if discussion.is_pull_request
        and discussion.status in _OPEN
        and _TITLE.fullmatch(discussion.title)
    ]
    return sorted(found, key=lambda proposal: proposal.number)


def _begins_at(proposal: Proposal, commit: str) -> bool:
    repo_id = proposal.repo_id
    commits = ask(
        repo_id,
        "reading its pull request",
        lambda api: api.list_repo_commits(
            repo_id, repo_type="dataset", revision=proposal.reference
        ),
    )
    return any(found.commit_id == commit for found in commits)


def close(proposal: Proposal, why: str) -> None:
    """Close a pull request with a word of why, unless another has merged or closed it."""
    repo_id, number = proposal.repo_id, proposal.number

    def shut(api: HfApi) -> None:
        found = api.get_discussion_details(repo_id, number, repo_type="dataset")
        if found.status in _OPEN:
            api.change_discussion_status(
                repo_id, number, "closed", repo_type="dataset", comment=f"Closed: {why}"
            )

    ask(repo_id, "closing a pull request", shut)


def fill(proposal: Proposal, publication: Publication) -> None:
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
        head = commit_of(proposal.repo_id, proposal.reference)
        lacking = differences(tree_once(proposal.repo_id, head), publication)
        missing = len(lacking)
        if lacking:
            batch = lacking[:at_once]
            try:
                _commit(proposal, publication, head, batch)
            except MovedOnError as error:  # another publisher of the same was faster: look again
                raise PassingError(str(error), "Run it again.") from error
            except PassingError as error:
                if error.retry_after_s is None:
                    at_once = max(1, len(batch) // 2)
                raise
        return missing

    while keep_trying(step, PATIENCE, progress_mark=lambda: -missing):
        pass


def _commit(proposal: Proposal, publication: Publication, parent: str, paths: list[str]) -> None:
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
        reference = proposal.reference.replace("/", "%2F")
        response = get_session().post(
            f"{api.endpoint}/api/datasets/{proposal.repo_id}/commit/{reference}",
            headers={**hub_headers(), "Content-Type": "application/x-ndjson"},
            content=body,
        )
        hf_raise_for_status(response)

    ask_once(proposal.repo_id, f"committing {len(paths)} files to {proposal.reference}", post)


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
