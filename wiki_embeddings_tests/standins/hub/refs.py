"""Branches, tags and commits in the API of the local Hub, and pages of long lists."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from wiki_embeddings_tests.standins.hub.access import require_writer
from wiki_embeddings_tests.standins.hub.answers import Answer, RefusalError, Request
from wiki_embeddings_tests.standins.hub.repositories import Commit, Repository

KINDS = {"heads": "branches", "tags": "tags", "pr": "pullRequests"}
KEPT_BY_LINKS = ("recursive", "expand", "expand[]")


def find_commit(repository: Repository, revision: str) -> Commit:
    """The commit of a revision.

    Raises:
        RefusalError: There is none.
    """
    commit = repository.resolve(revision)
    if commit is None:
        raise RefusalError(HTTPStatus.NOT_FOUND, "RevisionNotFound", f"Invalid rev id: {revision}")
    return repository.commits[commit]


def page(request: Request, entries: list[dict[str, Any]]) -> Answer:
    """One page of a list, with a link to the next."""
    begin = int(request.query.get("cursor", ["0"])[0])
    end = begin + request.hub.page_size
    if end >= len(entries):
        return Answer(entries[begin:])
    kept = "".join(
        f"{name}={request.query[name][0]}&" for name in KEPT_BY_LINKS if name in request.query
    )
    path = "/".join(quote(step, safe="") for step in request.steps)
    link = f"<{request.hub.url}/api/{path}?{kept}cursor={end}>"
    return Answer(entries[begin:end], {"Link": f'{link}; rel="next"'})


def list_refs(request: Request, repository: Repository, _steps: tuple[str, ...]) -> Answer:
    """Answer branches and tags, and pull requests if requested."""
    listed: dict[str, list[dict[str, str]]] = {name: [] for name in ("converts", *KINDS.values())}
    for ref, commit in list(repository.refs.items()):
        _, kind, name = ref.split("/", 2)
        listed[KINDS[kind]].append({"name": name, "ref": ref, "targetCommit": commit})
    if not request.is_on("include_prs"):
        del listed["pullRequests"]
    return Answer(listed)


def list_commits(request: Request, repository: Repository, steps: tuple[str, ...]) -> Answer:
    """Answer the commits of a revision, newest first."""
    newest = find_commit(repository, "/".join(steps))
    return page(request, [_commit_entry(commit) for commit in _history(repository, newest)])


def create_branch(request: Request, repository: Repository, steps: tuple[str, ...]) -> Answer:
    """Create a branch at the revision in the body, or at main."""
    require_writer(repository, request.headers)
    start = find_commit(repository, request.json().get("startingPoint", "main"))
    return _create(repository, f"refs/heads/{'/'.join(steps)}", start)


def create_tag(request: Request, repository: Repository, steps: tuple[str, ...]) -> Answer:
    """Create the tag in the body, at a revision."""
    require_writer(repository, request.headers)
    tagged = find_commit(repository, "/".join(steps))
    return _create(repository, f"refs/tags/{request.json()['tag']}", tagged)


def delete_branch(request: Request, repository: Repository, steps: tuple[str, ...]) -> Answer:
    require_writer(repository, request.headers)
    name = "/".join(steps)
    if name == "main":
        raise RefusalError(HTTPStatus.FORBIDDEN, None, "Cannot delete the default branch")
    return _delete(repository, f"refs/heads/{name}")


def delete_tag(request: Request, repository: Repository, steps: tuple[str, ...]) -> Answer:
    require_writer(repository, request.headers)
    return _delete(repository, f"refs/tags/{'/'.join(steps)}")


def _create(repository: Repository, ref: str, commit: Commit) -> Answer:
    with repository.lock:
        if ref in repository.refs:
            raise RefusalError(HTTPStatus.CONFLICT, None, f"Reference already exists: {ref}")
        repository.refs[ref] = commit.id
    return Answer({"ref": ref})


def _delete(repository: Repository, ref: str) -> Answer:
    with repository.lock:
        if ref not in repository.refs:
            raise RefusalError(HTTPStatus.NOT_FOUND, "RevisionNotFound", f"No {ref}")
        del repository.refs[ref]
    return Answer({})


def _history(repository: Repository, commit: Commit) -> Iterator[Commit]:
    yield commit
    while commit.parent:
        commit = repository.commits[commit.parent]
        yield commit


def _commit_entry(commit: Commit) -> dict[str, Any]:
    return {
        "id": commit.id,
        "title": commit.title,
        "message": commit.message,
        "authors": [{"user": commit.author, "avatar": f"/avatars/{commit.author}.svg"}],
        "date": commit.date,
    }
