"""Tags: a name for every published snapshot, which never moves."""

from __future__ import annotations

from dataclasses import dataclass

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.publishing.hub_calls import ConflictError, call_hub
from wiki_embeddings.publishing.repository import read_record, resolve_commit


@dataclass(frozen=True)
class Tag:
    """A tag of a dataset.

    Attributes:
        name: Its name.
        is_set: Whether it exists already.
    """

    name: str
    is_set: bool


def choose_tag(repo_id: str, manifest: Manifest) -> Tag:
    """Return the tag that a dataset has, or is to get.

    It is the snapshot. If another version of that snapshot has this name, the first digits of the
    manifest's digest are added.

    Raises:
        BadInputError: Both names belong to something else.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    refs = call_hub(
        repo_id,
        "looking up its tags",
        lambda api: api.list_repo_refs(repo_id, repo_type="dataset"),
    )
    existing = {tag.name for tag in refs.tags}
    snapshot = str(manifest.settings["raw"]["snapshot"])
    names = (snapshot, f"{snapshot}-{manifest.digest[:8]}")
    for name in names:
        if name not in existing:
            return Tag(name, is_set=False)
        record = read_record(repo_id, name)
        if record is not None and record["digest"] == manifest.digest:
            return Tag(name, is_set=True)
    raise BadInputError(
        f"{repo_id} has tags {names[0]} and {names[1]} of something else: delete the second one "
        "there, and run again."
    )


def create_tag(repo_id: str, tag: Tag, commit: str) -> None:
    """Create a tag at a commit, unless it is set.

    Raises:
        ConflictError: It exists at another commit.
        WikiEmbeddingsError: The Hub refuses, or cannot be reached.
    """
    if tag.is_set:
        return
    try:
        call_hub(
            repo_id,
            f"tagging it {tag.name}",
            lambda api: api.create_tag(repo_id, tag=tag.name, revision=commit, repo_type="dataset"),
        )
    except ConflictError:  # another publisher of the same, or a try whose answer was lost
        if resolve_commit(repo_id, tag.name) != commit:
            raise
