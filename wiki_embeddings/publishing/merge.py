"""The last step of publishing: everything is named, verified, merged at one stroke and tagged.

May be stopped anywhere and called again: it looks what is there and goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass

from huggingface_hub import HfApi

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.hub_files.endpoint import redacted_endpoint
from wiki_embeddings.hub_files.retries import with_retries
from wiki_embeddings.manifest import existing_manifest
from wiki_embeddings.publishing.card_declarations import card_declares
from wiki_embeddings.publishing.hub_calls import RETRY_POLICY, MovedOnError, ask, ask_once
from wiki_embeddings.publishing.publication import Publication, compose
from wiki_embeddings.publishing.pull_request import (
    PullRequest,
    close,
    fill,
    open_pull_request,
    open_pull_requests,
    title_of,
    withdraw,
)
from wiki_embeddings.publishing.repository import (
    MAIN,
    Head,
    commit_of,
    data_differences,
    differences,
    head_of,
    tree_at,
)
from wiki_embeddings.publishing.tags import set_tag, tag_for
from wiki_embeddings.volume import Volume

_NAMED = 5
"""Paths that an error names."""


@dataclass(frozen=True)
class Published:
    """What came of publishing.

    Attributes:
        repo_id: Name of the dataset on the Hub.
        url: Where people see it.
        commit: Commit of `main` that holds it.
        tag: Tag that will always name it.
        changed: Whether `main` has changed; not, where the same had been published already.
        pull_request: Where people see the pull request; empty without one.
    """

    repo_id: str
    url: str
    commit: str
    tag: str
    changed: bool
    pull_request: str


def conclude(
    volume: Volume, folder: str, repo_id: str, *, author: str, replaces: str | None
) -> Published:
    """Publish a dataset whose files have been uploaded.

    Args:
        volume: Where the dataset lies.
        folder: Reference of its folder.
        repo_id: Name on the Hub, where there is a repository of it.
        author: Who publishes.
        replaces: Digest of the dataset that was published before the first upload; None without
            one. If it is another one now, somebody else has published meanwhile.

    Raises:
        BadInputError: The Hub refuses; or what it has is not what was meant; or somebody else has
            published meanwhile. Readers see the old version, or that of the other one.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    url = f"{redacted_endpoint()}/datasets/{repo_id}"
    published = existing_manifest(volume, folder)
    head = head_of(repo_id, MAIN)
    tag = tag_for(repo_id, published)
    publication = compose(volume, published, head.record, repo_id, tag.name)
    if is_published(repo_id, head, publication):
        if not tag.is_there:  # whoever has merged this was stopped before its last steps
            _close_left(repo_id, publication)
            set_tag(repo_id, tag, head.commit)
        changed = replaces != publication.digest  # by a try whose container was lost afterwards
        return Published(repo_id, url, head.commit, tag.name, changed, "")
    if head.digest != replaces:
        withdraw(repo_id, publication, author)
        raise _too_late(repo_id)
    pull_request = open_pull_request(repo_id, publication, head.commit, author)
    try:
        fill(pull_request, publication)
        _make_mergeable(pull_request)
        _refuse_altered(pull_request, publication)
        commit = _merge(pull_request, publication, head.commit)
    except (BadInputError, MovedOnError):
        # Whoever is late finds its pull request closed or merged: what counts is `main`.
        commit = _commit_of_another(pull_request, publication, head.commit)
        if commit == head.commit:
            raise
    _refuse_unlike(repo_id, commit, publication)
    _close_left(repo_id, publication)
    set_tag(repo_id, tag, commit)
    return Published(repo_id, url, commit, tag.name, True, pull_request.url)


def is_published(repo_id: str, head: Head, publication: Publication) -> bool:
    """Whether `main` holds a publication already, file by file, and its card still opens it."""
    if head.digest != publication.digest:
        return False
    if data_differences(tree_at(repo_id, head.commit), publication):
        return False
    return card_declares(repo_id, head.commit, publication)


def _make_mergeable(pull_request: PullRequest) -> None:
    """Declare a draft to be ready: drafts are not merged."""
    repo_id, number = pull_request.repo_id, pull_request.number

    def publish(api: HfApi) -> None:
        found = api.get_discussion_details(repo_id, number, repo_type="dataset")
        if found.status == "draft":
            api.change_discussion_status(repo_id, number, "open", repo_type="dataset")

    ask(repo_id, "readying its pull request", publish)


def _refuse_altered(pull_request: PullRequest, publication: Publication) -> None:
    """Make sure that a pull request holds what is to be published, and nothing else of data.

    Raises:
        BadInputError: It does not.
    """
    head = commit_of(pull_request.repo_id, pull_request.reference)
    wrong = differences(tree_at(pull_request.repo_id, head), publication)
    if wrong:
        raise BadInputError(
            f"{pull_request.url} is not merged, because it does not hold what was committed to it: "
            f"{_some(wrong)} by path, size or SHA-256. Somebody else writes to it: see to that, "
            "then run again, which puts it right; readers see the version before."
        )


def _merge(pull_request: PullRequest, publication: Publication, base_commit: str) -> str:
    """Merge a pull request; gives the commit of `main` that this makes.

    Raises:
        MovedOnError: Something else is on `main` meanwhile.
        BadInputError: The Hub refuses.
    """
    repo_id, number = pull_request.repo_id, pull_request.number

    def merge() -> str:
        head = head_of(repo_id, MAIN)
        if head.commit == base_commit:
            ask_once(
                repo_id,
                "merging its pull request",
                lambda api: api.merge_pull_request(repo_id, number, repo_type="dataset"),
            )
        # Else the answer to an earlier try was lost, or another publisher of the same was faster.
        elif head.digest != publication.digest:
            raise MovedOnError("")
        return _merged_as(pull_request) or commit_of(repo_id, MAIN)

    try:
        return with_retries(merge, RETRY_POLICY)
    except (BadInputError, MovedOnError) as refusal:
        if commit_of(repo_id, MAIN) != base_commit:
            raise
        # Found again by its title, it would be refused again.
        close(pull_request, "it cannot be merged.")
        raise BadInputError(
            f"{pull_request.url} was not merged: {refusal} Run again, which opens another one."
        ) from refusal


def _merged_as(pull_request: PullRequest) -> str | None:
    """Commit of `main` as which a pull request was merged, whatever has come after it."""
    repo_id, number = pull_request.repo_id, pull_request.number
    found = ask(
        repo_id,
        "looking up its merge",
        lambda api: api.get_discussion_details(repo_id, number, repo_type="dataset"),
    )
    return found.merge_commit_oid


def _commit_of_another(
    pull_request: PullRequest, publication: Publication, base_commit: str
) -> str:
    """Commit of `main` to which another publisher of the same has brought it; or as it was.

    Raises:
        BadInputError: `main` has moved on to something else, so that this publisher has lost: not
            to be tried again, which would put this version over the other one without anybody
            wanting it.
    """
    repo_id = pull_request.repo_id
    head = head_of(repo_id, MAIN)
    if head.commit != base_commit and head.digest != publication.digest:
        close(pull_request, "main has moved on since.")
        raise _too_late(repo_id)
    return head.commit


def _too_late(repo_id: str) -> BadInputError:
    return BadInputError(
        f"{repo_id} has changed while this was being published to it: another publisher was "
        f"faster, or its owner. See {redacted_endpoint()}/datasets/{repo_id}/commits/main. Nothing "
        "of this version is visible; run again to publish it over the other one."
    )


def _refuse_unlike(repo_id: str, commit: str, publication: Publication) -> None:
    """Make sure that what has been merged is what was meant.

    Raises:
        BadInputError: It is not.
    """
    wrong = data_differences(tree_at(repo_id, commit), publication)
    if wrong:
        raise BadInputError(
            f"{repo_id} at {commit} holds something else than was merged: {_some(wrong)}. Somebody "
            "else writes to it; run again, which puts it right."
        )


def _some(paths: list[str]) -> str:
    named = ", ".join(paths[:_NAMED])
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return f"{named}{more} differ{'s' if len(paths) == 1 else ''}"


def _close_left(repo_id: str, publication: Publication) -> None:
    """Close the pull requests of other publishers, killed or late, once a publication is merged."""
    for other in open_pull_requests(repo_id):
        close(other, f"{title_of(publication)} has been merged.")
