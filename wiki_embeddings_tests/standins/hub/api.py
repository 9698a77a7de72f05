"""The API of the local Hub: routes, and information on repositories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs

import yaml

from wiki_embeddings_tests.standins.hub import (
    discussions,
    lfs,
    lifecycle,
    refs,
    writing,
    xet_tokens,
)
from wiki_embeddings_tests.standins.hub.access import (
    find_repository,
    request_account,
    require_writer,
)
from wiki_embeddings_tests.standins.hub.accounts import LONG_AGO, whoami
from wiki_embeddings_tests.standins.hub.answers import (
    REPO_TYPES,
    Answer,
    RefusalError,
    Request,
    parse_revision,
)
from wiki_embeddings_tests.standins.hub.repositories import Commit, Repository, StoredFile

__all__ = ["REPO_TYPES", "Answer", "RefusalError", "api_answer", "find_repository"]

OfRepository = Callable[[Request, Repository, tuple[str, ...]], Answer]
"""Answers for a repository; the steps are those after its name and the word."""


def api_answer(request: Request) -> Answer:
    """Answer a request below `/api`.

    Raises:
        RefusalError: The Hub refuses the request, or the local Hub does not model it.
    """
    method = "GET" if request.method == "HEAD" else request.method
    answer = ON_THE_WHOLE.get((method, "/".join(request.steps)))
    if answer is not None:
        return answer(request)
    plural, namespace, name, *rest = (*request.steps, "", "")[: max(3, len(request.steps))]
    word = rest[0] if rest else "revision"
    repository = find_repository(
        request.hub, plural, f"{namespace}/{name}", request.headers, of_files=word == "auth-check"
    )
    of_repository = OF_REPOSITORIES.get((method, word))
    if of_repository is None:
        message = f"the local Hub does not model {method} {'/'.join(rest)}"
        raise RefusalError(HTTPStatus.NOT_FOUND, None, message)
    return of_repository(request, repository, tuple(rest[1:]))


def _whoami(request: Request) -> Answer:
    return Answer(whoami(request_account(request.headers)))


def _validate_yaml(request: Request) -> Answer:
    """Parse the front matter of a card; its content is not validated."""
    content = str(request.json()["content"])
    front_matter = content.split("---\n")[1] if content.startswith("---\n") else ""
    try:
        metadata = yaml.safe_load(front_matter)
    except yaml.YAMLError as error:
        messages = {"errors": [{"message": str(error)}], "warnings": []}
        raise RefusalError(
            HTTPStatus.BAD_REQUEST, None, "Invalid metadata", content=messages
        ) from error
    missing = {"message": "empty or missing yaml metadata in repo card"}
    return Answer({"errors": [], "warnings": [] if metadata else [missing]})


def _check_access(request: Request, repository: Repository, steps: tuple[str, ...]) -> Answer:
    if steps == ("write",):
        require_writer(repository, request.headers)
    return Answer({})


def _info(request: Request, repository: Repository, steps: tuple[str, ...]) -> Answer:
    commit = refs.find_commit(repository, "/".join(steps) or "main")
    with_blobs = request.is_on("blobs")
    content = {
        "_id": "0" * 24,
        "id": repository.repo_id,
        "author": repository.repo_id.split("/")[0],
        "sha": commit.id,
        "createdAt": LONG_AGO,
        "lastModified": commit.date,
        "private": repository.private,
        "gated": "auto" if repository.gated else False,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "cardData": _card_data(commit),
        "siblings": [_sibling(file, with_blobs=with_blobs) for file in commit.files.values()],
    }
    return Answer(content)


def _card_data(commit: Commit) -> object:
    """The front matter of the card; none if there is no card, or no YAML in it."""
    card = commit.files.get("README.md")
    begin, _, rest = (card.data if card else b"").partition(b"---\n")
    try:
        return None if begin else yaml.safe_load(rest.partition(b"\n---")[0])
    except yaml.YAMLError:
        return None


def _sibling(file: StoredFile, *, with_blobs: bool) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": file.path}
    if with_blobs:
        sibling |= {"size": file.size, "blobId": file.blob_id}
        if file.is_large:
            size = len(file.pointer)
            sibling["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": size}
    return sibling


def _tree(request: Request, repository: Repository, steps: tuple[str, ...]) -> Answer:
    revision, folder = parse_revision(steps)
    commit = refs.find_commit(repository, revision)
    recursive = request.is_on("recursive")
    return refs.page(request, list(_entries(commit, "/".join(folder), recursive=recursive)))


def _entries(commit: Commit, folder: str, *, recursive: bool) -> Iterator[dict[str, Any]]:
    """Files and folders below a folder, each folder before its content."""
    files = commit.files
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


def _paths_info(request: Request, repository: Repository, steps: tuple[str, ...]) -> Answer:
    if "json" in request.headers.get("content-type", ""):
        paths = request.json()["paths"]
    else:
        paths = parse_qs(request.body.decode())["paths"]
    commit = refs.find_commit(repository, "/".join(steps))
    entries = _entries(commit, "", recursive=True)
    return Answer([entry for entry in entries if entry["path"] in paths])


ON_THE_WHOLE: dict[tuple[str, str], Callable[[Request], Answer]] = {
    ("GET", "whoami-v2"): _whoami,
    ("POST", "validate-yaml"): _validate_yaml,
    ("POST", "repos/create"): lifecycle.create,
    ("DELETE", "repos/delete"): lifecycle.delete,
    ("POST", "complete_multipart"): lfs.complete,
}

OF_REPOSITORIES: dict[tuple[str, str], OfRepository] = {
    ("GET", "auth-check"): _check_access,
    ("GET", "revision"): _info,
    ("GET", "tree"): _tree,
    ("POST", "paths-info"): _paths_info,
    ("PUT", "settings"): lifecycle.settings,
    ("GET", "refs"): refs.list_refs,
    ("GET", "commits"): refs.list_commits,
    ("POST", "branch"): refs.create_branch,
    ("DELETE", "branch"): refs.delete_branch,
    ("POST", "tag"): refs.create_tag,
    ("DELETE", "tag"): refs.delete_tag,
    ("POST", "preupload"): writing.preupload,
    ("GET", "xet-write-token"): xet_tokens.write_token,
    ("POST", "commit"): writing.commit,
    ("GET", "discussions"): discussions.read,
    ("POST", "discussions"): discussions.change,
}
