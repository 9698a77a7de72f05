"""The API of the local Hub: what it says of repositories, and to whom."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs

from wiki_embeddings_tests.hub_local.accounts import ACCOUNTS, LONG_AGO, TOKEN, whoami
from wiki_embeddings_tests.hub_local.local_hub import LocalHub
from wiki_embeddings_tests.hub_local.repositories import Repository, StoredFile

REPO_TYPES = {"models": "model", "datasets": "dataset"}


class RefusalError(Exception):
    """An answer that is an error, with the headers that the Hub explains it by."""

    def __init__(self, status: int, code: str | None, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True)
class Answer:
    content: Any
    headers: Mapping[str, str] = field(default_factory=dict)


def token_of(headers: Mapping[str, str]) -> str:
    """The token of whoever asks; empty without.

    Raises:
        RefusalError: Nobody has such a token.
    """
    token = headers.get("authorization", "").removeprefix("Bearer ")
    if token and token not in ACCOUNTS:
        message = "Invalid credentials in Authorization header"
        raise RefusalError(HTTPStatus.UNAUTHORIZED, None, message)
    return token


def find_repository(
    hub: LocalHub, plural: str, repo_id: str, headers: Mapping[str, str], *, of_files: bool
) -> Repository:
    """Finds a repository for whoever asks.

    Args:
        headers: Those of the request, names in lower case.
        of_files: Whether its files are asked for, which gating forbids.

    Raises:
        RefusalError: It does not exist, or not for them.
    """
    token = token_of(headers)
    repository = hub.repositories.get((REPO_TYPES.get(plural, ""), repo_id))
    if repository is None or (repository.private and token != TOKEN):
        if not token:
            message = "Invalid username or password."
            raise RefusalError(HTTPStatus.UNAUTHORIZED, "RepoNotFound", message)
        raise RefusalError(HTTPStatus.NOT_FOUND, "RepoNotFound", "Repository not found")
    if of_files and repository.gated and token != TOKEN:
        status = HTTPStatus.FORBIDDEN if token else HTTPStatus.UNAUTHORIZED
        raise RefusalError(status, "GatedRepo", f"Access to {repo_id} is restricted.")
    return repository


def api_answer(
    hub: LocalHub,
    steps: list[str],
    query: Mapping[str, list[str]],
    headers: Mapping[str, str],
    body: bytes,
) -> Answer:
    """Answers `/api/{models|datasets}/{namespace}/{name}[/…]` and `/api/whoami-v2`.

    Args:
        steps: Parts of the path after `/api`.

    Raises:
        RefusalError: It exists neither here nor, where the local Hub models it, on the real one.
    """
    if steps == ["whoami-v2"]:
        return Answer(_whoami(headers))
    plural, namespace, name, *rest = [*steps, "", ""][: max(3, len(steps))]
    asks_access = rest[:1] == ["auth-check"]
    repo_id = f"{namespace}/{name}"
    repository = find_repository(hub, plural, repo_id, headers, of_files=asks_access)
    if asks_access:
        return Answer({})
    if not rest or rest[0] == "revision":
        commit = _commit(repository, "/".join(rest[1:]) or "main")
        return Answer(_info(repository, commit, with_blobs=_is_on(query, "blobs")))
    if rest[0] == "tree":
        entries = list(_tree(repository, rest[1], "/".join(rest[2:]), _is_on(query, "recursive")))
        return _page(hub, steps, query, entries)
    if rest[0] == "paths-info":
        return Answer(_paths_info(repository, rest[1], body, headers))
    raise RefusalError(HTTPStatus.NOT_FOUND, None, f"the local Hub does not model {'/'.join(rest)}")


def _whoami(headers: Mapping[str, str]) -> dict[str, Any]:
    token = token_of(headers)
    if not token:
        raise RefusalError(HTTPStatus.UNAUTHORIZED, None, "Invalid username or password.")
    return whoami(ACCOUNTS[token])


def _is_on(query: Mapping[str, list[str]], name: str) -> bool:
    return query.get(name, [""])[0].lower() in {"true", "1"}


def _commit(repository: Repository, revision: str) -> str:
    commit = repository.resolve(revision)
    if commit is None:
        raise RefusalError(HTTPStatus.NOT_FOUND, "RevisionNotFound", f"Invalid rev id: {revision}")
    return commit


def _info(repository: Repository, commit: str, *, with_blobs: bool) -> dict[str, Any]:
    return {
        "_id": "0" * 24,
        "id": repository.repo_id,
        "author": repository.repo_id.split("/")[0],
        "sha": commit,
        "createdAt": LONG_AGO,
        "lastModified": LONG_AGO,
        "private": repository.private,
        "gated": "auto" if repository.gated else False,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "siblings": [
            _sibling(file, with_blobs=with_blobs) for file in repository.commits[commit].values()
        ],
    }


def _sibling(file: StoredFile, *, with_blobs: bool) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": file.path}
    if with_blobs:
        sibling |= {"size": file.size, "blobId": file.blob_id}
        if file.is_large:
            pointer_size = len(file.pointer)
            lfs = {"sha256": file.sha256, "size": file.size, "pointerSize": pointer_size}
            sibling["lfs"] = lfs
    return sibling


def _tree(
    repository: Repository, revision: str, folder: str, recursive: bool
) -> Iterator[dict[str, Any]]:
    """Files and folders below a folder, each folder before what is in it."""
    files = repository.commits[_commit(repository, revision)]
    below = [file for path, file in files.items() if not folder or path.startswith(f"{folder}/")]
    if folder and not below:
        raise RefusalError(HTTPStatus.NOT_FOUND, "EntryNotFound", f"{folder} does not exist")
    shown: set[str] = set()
    root = PurePosixPath(folder)
    for file in below:
        parents = [parent for parent in PurePosixPath(file.path).parents if parent != root]
        inner = [str(parent) for parent in reversed(parents) if parent.is_relative_to(root)]
        for path in (inner if recursive else inner[:1]) if inner else []:
            if path not in shown:
                shown.add(path)
                yield {"type": "directory", "oid": "0" * 40, "size": 0, "path": path}
        if recursive or not inner:
            yield _entry(file)


def _entry(file: StoredFile) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "type": "file",
        "oid": file.blob_id,
        "size": file.size,
        "path": file.path,
    }
    if file.is_large:
        size = len(file.pointer)
        entry["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": size}
    return entry


def _page(
    hub: LocalHub, steps: list[str], query: Mapping[str, list[str]], entries: list[dict[str, Any]]
) -> Answer:
    """One page of a tree, with a link to the next."""
    begin = int(query.get("cursor", ["0"])[0])
    end = begin + hub.page_size
    if end >= len(entries):
        return Answer(entries[begin:])
    kept = "".join(f"{name}={query[name][0]}&" for name in ("recursive", "expand") if name in query)
    link = f"<{hub.url}/api/{'/'.join(steps)}?{kept}cursor={end}>"
    return Answer(entries[begin:end], {"Link": f'{link}; rel="next"'})


def _paths_info(
    repository: Repository, revision: str, body: bytes, headers: Mapping[str, str]
) -> list[dict[str, Any]]:
    if "json" in headers.get("content-type", ""):
        paths = json.loads(body)["paths"]
    else:
        paths = parse_qs(body.decode())["paths"]
    tree = _tree(repository, revision, "", recursive=True)
    return [entry for entry in tree if entry["path"] in paths]
