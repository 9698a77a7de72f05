"""The last step of publishing: commit all files to a pull request, verify it, merge it, tag it.

It may be stopped anywhere and called again: it looks up how far it got, and continues.
"""

from __future__ import annotations

from dataclasses import dataclass

from wiki_embeddings.downloads.retries import with_retries
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.hub_files.endpoint import redacted_endpoint
from wiki_embeddings.manifest import existing_manifest
from wiki_embeddings.publishing.differences import (
    damaged_paths,
    describe_paths,
    differing_data_paths,
    expected_tree,
    with_card_of,
)
from wiki_embeddings.publishing.hub_calls import (
    RETRY_POLICY,
    ConflictError,
    call_hub,
    call_hub_once,
)
from wiki_embeddings.publishing.publication import Publication, compose
from wiki_embeddings.publishing.pull_request import (
    PullRequest,
    close_own_pull_requests,
    close_pull_request,
    commit_files,
    differences_from,
    find_or_open_pull_request,
    list_open_pull_requests,
    mark_ready,
    title_for,
)
from wiki_embeddings.publishing.repository import (
    MAIN,
    MainBranch,
    Tree,
    read_main,
    read_tree,
    resolve_commit,
)
from wiki_embeddings.publishing.tags import Tag, choose_tag, create_tag
from wiki_embeddings.volume import Volume


@dataclass(frozen=True)
class PublishResult:
    """What publishing did.

    Attributes:
        repo_id: Name of the dataset on the Hub.
        url: Its page.
        commit: Commit of `main` that holds it.
        tag: Its permanent tag.
        has_changed: Whether `main` has changed; false if the same was published already.
        pull_request_url: Page of the pull request; empty without one.
    """

    repo_id: str
    url: str
    commit: str
    tag: str
    has_changed: bool
    pull_request_url: str


def publish_uploaded(
    volume: Volume, folder: str, repo_id: str, *, author: str, previous_digest: str | None
) -> PublishResult:
    """Publish a dataset whose files have been uploaded.

    Args:
        volume: Where the dataset is.
        folder: Reference of its folder.
        repo_id: Name of its repository on the Hub, which exists.
        author: User who publishes.
        previous_digest: Digest of the dataset that was published before the first upload; None if
            there was none. If it differs now, somebody else has published in the meantime.

    Raises:
        BadInputError: The Hub refuses, or holds something else than was committed, or somebody
            else has published meanwhile. Readers see the old version, or the other publisher's.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    url = f"{redacted_endpoint()}/datasets/{repo_id}"
    manifest = existing_manifest(volume, folder)
    main = read_main(repo_id)
    tag = choose_tag(repo_id, manifest)
    publication = compose(volume, manifest, main.record, repo_id, tag.name)
    if is_published(repo_id, main, publication):
        if not tag.is_set:  # the publisher that merged this was stopped before its last steps
            _finish(repo_id, publication, tag, main.commit)
        # Changed by an earlier try of this call, if it was stopped after its merge.
        has_changed = previous_digest != publication.digest
        return PublishResult(repo_id, url, main.commit, tag.name, has_changed, "")
    if main.digest != previous_digest:
        close_own_pull_requests(repo_id, publication, author)
        raise _lost_race_error(repo_id)
    if main.digest in {publication.digest, None}:  # a repair, also of a damaged record
        publication = with_card_of(repo_id, main.commit, publication)
    pull_request = find_or_open_pull_request(repo_id, publication, main.commit, author)
    expected = expected_tree(read_tree(repo_id, main.commit), publication)
    commit = _fill_and_merge(pull_request, publication, main.commit, expected)
    _verify_main(pull_request, publication, commit, expected)
    _finish(repo_id, publication, tag, commit)
    return PublishResult(repo_id, url, commit, tag.name, True, pull_request.url)


def is_published(repo_id: str, main: MainBranch, publication: Publication) -> bool:
    """Return whether `main` holds a publication, file by file, with an intact card."""
    return main.digest == publication.digest and not damaged_paths(
        repo_id, main.commit, publication
    )


def _fill_and_merge(
    pull_request: PullRequest, publication: Publication, base_commit: str, expected: Tree
) -> str:
    """Commit, verify and merge; return the commit of `main` that holds the publication."""
    try:
        commit_files(pull_request, publication, expected)
        mark_ready(pull_request)
        _verify_pull_request(pull_request, expected)
        return _merge(pull_request, publication, base_commit)
    except (BadInputError, ConflictError) as error:
        # If another publisher was faster, the pull request may be closed or merged: `main` decides.
        main = read_main(pull_request.repo_id)
        if main.commit == base_commit:
            raise
        if main.digest == publication.digest:
            return main.commit
        # Do not try again: that would replace the other version without anybody having asked for
        # it.
        close_pull_request(pull_request, "main has moved on since.")
        raise _lost_race_error(pull_request.repo_id) from error


def _merge(pull_request: PullRequest, publication: Publication, base_commit: str) -> str:
    """Merge a pull request; return the resulting commit of `main`."""
    repo_id, number = pull_request.repo_id, pull_request.number

    def merge() -> str:
        main = read_main(repo_id)
        if main.commit == base_commit:
            call_hub_once(
                repo_id,
                "merging its pull request",
                lambda api: api.merge_pull_request(repo_id, number, repo_type="dataset"),
            )
        # Else the answer to an earlier try was lost, or another publisher of the same was faster.
        elif main.digest != publication.digest:
            raise ConflictError("")
        return _merge_commit(pull_request) or resolve_commit(repo_id, MAIN)

    try:
        return with_retries(merge, RETRY_POLICY)
    except (BadInputError, ConflictError) as refusal:
        if resolve_commit(repo_id, MAIN) != base_commit:
            raise
        # The next run would find it by its title, and be refused again.
        close_pull_request(pull_request, "it cannot be merged.")
        raise BadInputError(
            f"{pull_request.url} was not merged: {refusal} Run again to open another one."
        ) from refusal


def _merge_commit(pull_request: PullRequest) -> str | None:
    """Return the commit of `main` that merged a pull request, even if others have followed."""
    repo_id, number = pull_request.repo_id, pull_request.number
    details = call_hub(
        repo_id,
        "looking up its merge",
        lambda api: api.get_discussion_details(repo_id, number, repo_type="dataset"),
    )
    return details.merge_commit_oid


def _verify_pull_request(pull_request: PullRequest, expected: Tree) -> None:
    """Make sure that a pull request changes what the publication does, and nothing else."""
    paths = differences_from(pull_request, expected)
    if paths:
        raise BadInputError(
            f"{pull_request.url} is not merged, because it does not hold what was committed to it: "
            f"{_describe(paths)} by path, size or SHA-256. Somebody else writes to it: find out "
            "who, then run again, which puts it right; readers see the version before."
        )


def _verify_main(
    pull_request: PullRequest, publication: Publication, commit: str, expected: Tree
) -> None:
    """Make sure that `main` holds the publication after the merge, and nothing came along."""
    repo_id = pull_request.repo_id
    paths = differing_data_paths(repo_id, commit, publication)
    if paths:
        raise BadInputError(
            f"{repo_id} at {commit} holds something else than was merged: {_describe(paths)}. "
            "Somebody else writes to it; run again, which puts it right."
        )
    # Another publisher of the same may have merged its own pull request, not this one.
    paths = differences_from(pull_request, expected) if _merge_commit(pull_request) else []
    if paths:
        raise BadInputError(
            f"{pull_request.url} was merged with changes that somebody else made to it at the last "
            f"moment: {_describe(paths)}. The dataset is complete, but look at these, and undo "
            f"them in {redacted_endpoint()}/datasets/{repo_id} unless you want them; then run "
            "again, which tags it."
        )


def _describe(paths: list[str]) -> str:
    return f"{describe_paths(paths)} differ{'s' if len(paths) == 1 else ''}"


def _lost_race_error(repo_id: str) -> BadInputError:
    return BadInputError(
        f"{repo_id} has changed while this was being published to it: another publisher was "
        f"faster, or its owner. See {redacted_endpoint()}/datasets/{repo_id}/commits/main. Nothing "
        "of this version is visible; run again to publish it over the other one."
    )


def _finish(repo_id: str, publication: Publication, tag: Tag, commit: str) -> None:
    """Close what other publishers, killed or late, have left open, and create the tag."""
    for pull_request in list_open_pull_requests(repo_id):
        close_pull_request(pull_request, f"{title_for(publication)} has been merged.")
    create_tag(repo_id, tag, commit)
