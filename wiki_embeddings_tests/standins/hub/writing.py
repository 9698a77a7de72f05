"""Commits in the API of the local Hub: upload modes, and the commit itself."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from http import HTTPStatus
from math import ceil
from pathlib import PurePosixPath
from typing import Any

from wiki_embeddings_tests.standins.hub import discussions
from wiki_embeddings_tests.standins.hub.access import (
    ONLY_BY_PULL_REQUEST,
    may_commit,
    request_account,
    require_uploader,
)
from wiki_embeddings_tests.standins.hub.answers import Answer, RefusalError, Request
from wiki_embeddings_tests.standins.hub.local_hub import LocalHub
from wiki_embeddings_tests.standins.hub.refs import find_commit
from wiki_embeddings_tests.standins.hub.repositories import (
    Repository,
    StoredFile,
    git_file,
    is_kept_outside_of_git,
    large_file,
)

DANGLING = (
    "Your push was rejected because an LFS pointer pointed to a file that does not exist. For "
    "instance, this can happen if you used git push --no-verify to push your changes. "
    "Offending file: - {}"
)
MOVED = "A commit has happened since. Please refresh and try again."
TOO_MANY_COMMITS = (
    "You have exceeded the rate limit for repository commits ({} per hour). You can retry this "
    "action in about {} seconds."
)
API_LIMIT = {
    "RateLimit": '"api";r=990;t=300',
    "RateLimit-Policy": '"fixed window";"api";q=1000;w=300',
}
"""The limit of all requests, told with every answer; it is not what stops commits."""


def preupload(request: Request, repository: Repository, steps: tuple[str, ...]) -> Answer:
    """Answer for each file: its upload mode, whether it is ignored, and its current id."""
    revision = "/".join(steps)
    require_uploader(repository, request.headers, None if request.is_on("create_pr") else revision)
    commit = find_commit(repository, revision)
    asked = request.json()
    ignored = _ignored(commit.files, asked.get("gitIgnore"))
    files = [
        {
            "path": file["path"],
            "uploadMode": _upload_mode(file),
            "shouldIgnore": any(_matches(file["path"], pattern) for pattern in ignored),
            **_existing_entries(commit.files.get(file["path"])),
        }
        for file in asked["files"]
    ]
    return Answer({"commitOid": commit.id, "files": files})


def commit(request: Request, repository: Repository, steps: tuple[str, ...]) -> Answer:
    """Make a commit on a branch, on a pull request, or on a new pull request.

    As on the real Hub, a commit without a change is made all the same; only the client leaves such
    commits out.
    """
    revision = "/".join(steps)
    opens = request.is_on("create_pr")
    account = request_account(request.headers)
    if account.role == "read" or not (opens or may_commit(account, repository, revision)):
        raise RefusalError(HTTPStatus.FORBIDDEN, None, ONLY_BY_PULL_REQUEST)
    header, *operations = [json.loads(line) for line in request.body.splitlines()]
    most = request.hub.most_operations
    is_too_large = most is not None and len(operations) > most
    if is_too_large and not request.hub.commits_before_504:
        raise RefusalError(HTTPStatus.GATEWAY_TIMEOUT, None, "Gateway Time-out")
    with repository.lock:
        parent = find_commit(repository, revision)
        if header["value"].get("parentCommit", parent.id) != parent.id:
            raise RefusalError(HTTPStatus.PRECONDITION_FAILED, None, MOVED)
        files = _changed(request.hub, repository, parent.files, operations)
        ref = repository.find_ref(revision)
        if ref is None or ref.startswith("refs/tags/"):
            raise RefusalError(HTTPStatus.NOT_FOUND, "RevisionNotFound", f"No branch {revision}")
        _count_commit(request.hub, repository)
        title, message = header["value"]["summary"], header["value"].get("description", "")
        pull_request = repository.find_pull_request(ref)
        if opens:
            pull_request = discussions.open_pull_request(repository, title, message, account.name)
            pull_request.status = "open"
            ref = pull_request.ref
        elif pull_request and pull_request.status not in {"draft", "open"}:
            message = f"This pull request is {pull_request.status}"
            raise RefusalError(HTTPStatus.BAD_REQUEST, None, message)
        made = repository.commit(files, ref, title=title, message=message, author=account.name)
        if pull_request:
            discussions.note_commit(pull_request, made)
    for path, data in request.hub.meddling.items():
        request.hub.alter_stored(
            repository.repo_id, ref, path, data, repo_type=repository.repo_type
        )
    if is_too_large:
        raise RefusalError(HTTPStatus.GATEWAY_TIMEOUT, None, "Gateway Time-out")
    url = f"{request.hub.url}/{repository.path}"
    content = {
        "success": True,
        "commitOid": made.id,
        "commitUrl": f"{url}/commit/{made.id}",
        "hookOutput": "",
    }
    if opens and pull_request:
        content["pullRequestUrl"] = f"{url}/discussions/{pull_request.num}"
    return Answer(content)


def _upload_mode(file: Mapping[str, Any]) -> str:
    sample = base64.b64decode(file["sample"])
    is_large = is_kept_outside_of_git(file["path"], file["size"]) or _is_binary(sample)
    return "lfs" if is_large and file["size"] else "regular"


def _is_binary(sample: bytes) -> bool:
    """True if the beginning of a file is not text; its last character may be cut."""
    text = sample.decode("utf-8", errors="replace").rstrip("\N{REPLACEMENT CHARACTER}")
    return "\0" in text or "\N{REPLACEMENT CHARACTER}" in text


def _existing_entries(file: StoredFile | None) -> dict[str, str]:
    return {"oid": file.etag} if file else {}


def _ignored(files: Mapping[str, StoredFile], given: str | None) -> list[str]:
    """Patterns of the given `.gitignore`, or else of the present one."""
    present = files.get(".gitignore")
    text = given if given is not None else present.data.decode() if present else ""
    return [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]


def _matches(path: str, pattern: str) -> bool:
    return fnmatch(path, pattern) or fnmatch(PurePosixPath(path).name, pattern)


def _changed(
    hub: LocalHub,
    repository: Repository,
    files: Mapping[str, StoredFile],
    operations: list[dict[str, Any]],
) -> dict[str, StoredFile]:
    """The files after the operations of a commit."""
    changed = dict(files)
    for operation in operations:
        value, path = operation["value"], operation["value"]["path"]
        if operation["key"] == "file":
            changed[path] = git_file(path, base64.b64decode(value["content"]))
        elif operation["key"] == "lfsFile":
            if value["oid"] not in repository.objects:
                raise RefusalError(HTTPStatus.BAD_REQUEST, None, DANGLING.format(path))
            changed[path] = large_file(path, value["oid"], hub.objects)
        else:
            for gone in _deleted(changed, operation["key"], path):
                del changed[gone]
    return changed


def _deleted(files: Mapping[str, StoredFile], key: str, path: str) -> list[str]:
    is_folder = {"deletedFile": False, "deletedFolder": True}[key]
    folder = f"{path.rstrip('/')}/"
    gone = [each for each in files if (each.startswith(folder) if is_folder else each == path)]
    if not gone:
        message = f"A file with this name doesn't exist: {path}"
        raise RefusalError(HTTPStatus.NOT_FOUND, "EntryNotFound", message)
    return gone


def _count_commit(hub: LocalHub, repository: Repository) -> None:
    """Count a commit against the limit per hour.

    Raises:
        RefusalError: There were too many.
    """
    now = time.monotonic()
    recent = list(_within(repository.committed_at, now - hub.commit_window_s))
    if len(recent) >= hub.commits_per_hour:
        wait_s = ceil(recent[0] + hub.commit_window_s - now)
        message = TOO_MANY_COMMITS.format(hub.commits_per_hour, wait_s)
        headers = {**API_LIMIT, "Retry-After": str(wait_s)}
        raise RefusalError(HTTPStatus.TOO_MANY_REQUESTS, None, message, headers=headers)
    repository.committed_at = [*recent, now]


def _within(times: list[float], since: float) -> Iterator[float]:
    return (each for each in times if each > since)
