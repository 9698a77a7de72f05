"""Tags: a name for every snapshot that is published, which never moves."""

from __future__ import annotations

from dataclasses import dataclass

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.hub_files.retries import with_retries
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.publishing.hub_calls import RETRY_POLICY, MovedOnError, ask, ask_once
from wiki_embeddings.publishing.repository import commit_of, record_at


@dataclass(frozen=True)
class Tag:
    """A tag of a dataset.

    Attributes:
        name: Its name.
        is_there: Whether it has been set.
    """

    name: str
    is_there: bool


def tag_for(repo_id: str, published: Manifest) -> Tag:
    """The tag of a dataset, which it has or is to get.

    It is the snapshot; where another version of the same snapshot has that name, the beginning of
    this one's manifest's digest is added to it.

    Raises:
        BadInputError: Both names belong to something else.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    refs = ask(
        repo_id,
        "looking up its tags",
        lambda api: api.list_repo_refs(repo_id, repo_type="dataset"),
    )
    there = {tag.name for tag in refs.tags}
    snapshot = str(published.settings["raw"]["snapshot"])
    names = (snapshot, f"{snapshot}-{published.digest[:8]}")
    for name in names:
        if name not in there:
            return Tag(name, is_there=False)
        record = record_at(repo_id, name)
        if record is not None and record["digest"] == published.digest:
            return Tag(name, is_there=True)
    raise BadInputError(
        f"{repo_id} has tags {names[0]} and {names[1]} of something else: delete the second one "
        "there, and run again."
    )


def set_tag(repo_id: str, tag: Tag, commit: str) -> None:
    """Let a tag name a commit from now on.

    Raises:
        MovedOnError: It names another one.
        WikiEmbeddingsError: The Hub refuses, or cannot be reached.
    """

    def create() -> None:
        step = f"tagging it {tag.name}"
        try:
            ask_once(
                repo_id,
                step,
                lambda api: api.create_tag(
                    repo_id, tag=tag.name, revision=commit, repo_type="dataset"
                ),
            )
        except MovedOnError:  # by another publisher of the same, or by a try whose answer was lost
            if commit_of(repo_id, tag.name) != commit:
                raise

    if not tag.is_there:
        with_retries(create, RETRY_POLICY)
