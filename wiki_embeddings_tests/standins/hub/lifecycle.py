"""Creating, changing and deleting repositories in the API of the local Hub."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from wiki_embeddings_tests.standins.hub.access import (
    find_repository,
    may_write_in,
    request_account,
    require_writer,
)
from wiki_embeddings_tests.standins.hub.answers import Answer, RefusalError, Request
from wiki_embeddings_tests.standins.hub.repositories import (
    LARGE_SUFFIXES,
    Repository,
    git_file,
)

GITATTRIBUTES = "".join(
    f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in sorted(LARGE_SUFFIXES)
).encode()


def create(request: Request) -> Answer:
    """Create a repository, with a first commit of the default `.gitattributes`."""
    asked = request.json()
    account = request_account(request.headers)
    namespace = asked.get("organization") or account.name
    repo_type = asked.get("type") or "model"
    if not may_write_in(account, namespace, is_creator=True):
        message = (
            f'You don\'t have the rights to create a {repo_type} under the namespace "{namespace}"'
        )
        raise RefusalError(HTTPStatus.FORBIDDEN, None, message)
    repo_id = f"{namespace}/{asked['name']}"
    repository = Repository(repo_id, repo_type, private=_is_private(asked), creator=account.name)
    files = {".gitattributes": git_file(".gitattributes", GITATTRIBUTES)}
    repository.commit(files, "refs/heads/main", title="initial commit", author=account.name)
    present = request.hub.repositories.setdefault((repo_type, repo_id), repository)
    url = f"{request.hub.url}/{present.path}"
    if present is not repository:
        message = f"You already created this {repo_type} repo: {repo_id}"
        content = {"error": message, "url": url}
        raise RefusalError(HTTPStatus.CONFLICT, None, message, content=content)
    return Answer({"url": url, "name": repo_id, "private": repository.private})


def delete(request: Request) -> Answer:
    """Delete a repository."""
    asked = request.json()
    namespace = asked.get("organization") or request_account(request.headers).name
    repo_type = asked.get("type") or "model"
    repo_id = f"{namespace}/{asked['name']}"
    repository = find_repository(
        request.hub, f"{repo_type}s", repo_id, request.headers, of_files=False
    )
    require_writer(repository, request.headers)
    del request.hub.repositories[repo_type, repo_id]
    return Answer({})


def settings(request: Request, repository: Repository, _steps: tuple[str, ...]) -> Answer:
    """Change the visibility of a repository, and whether it has discussions."""
    require_writer(repository, request.headers)
    asked = request.json()
    if {"visibility", "private"} & set(asked):
        repository.private = _is_private(asked)
    if "gated" in asked:
        repository.gated = bool(asked["gated"])
    if "discussionsDisabled" in asked:
        repository.has_discussions = not asked["discussionsDisabled"]
    return Answer({"private": repository.private})


def _is_private(asked: dict[str, Any]) -> bool:
    return asked.get("visibility") == "private" or bool(asked.get("private"))
