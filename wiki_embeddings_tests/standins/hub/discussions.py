"""Discussions and pull requests in the API of the local Hub.

A pull request opens as a draft at main, takes commits on its ref, and is merged path by path: a
path that main and the pull request changed in different ways is a conflict. Where the real Hub's
sentences are unknown, only the status is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from wiki_embeddings_tests.standins.hub.access import may_write, request_account, require_writer
from wiki_embeddings_tests.standins.hub.accounts import Account
from wiki_embeddings_tests.standins.hub.answers import Answer, RefusalError, Request
from wiki_embeddings_tests.standins.hub.refs import find_commit
from wiki_embeddings_tests.standins.hub.repositories import (
    Commit,
    Discussion,
    Repository,
    StoredFile,
    now,
)

DISABLED = "Discussions are disabled for this repo"
TYPES = {"pull_request": True, "discussion": False}
MAY_DISCUSS = {"write", "fineGrained"}
MAIN = "refs/heads/main"


def read(request: Request, repository: Repository, steps: tuple[str, ...]) -> Answer:
    """Answer a page of the discussions, or one of them with its details."""
    _require_discussions(repository)
    if steps:
        return Answer(_details(repository, _find(repository, steps[0])))
    wanted = {name: values[0] for name, values in request.query.items()}
    matching = [
        each
        for each in reversed(repository.discussions)
        if wanted.get("author", each.author) == each.author
        and TYPES.get(wanted.get("type", "all"), each.is_pull_request) == each.is_pull_request
        and _has_status(each, wanted.get("status", "all"))
    ]
    size = request.hub.discussions_page_size
    start = int(wanted.get("p", "0")) * size
    listed = [_summary(repository, each) for each in matching[start : start + size]]
    return Answer({"discussions": listed, "count": len(matching), "start": start})


def change(request: Request, repository: Repository, steps: tuple[str, ...]) -> Answer:
    """Open a discussion, or change one: title, status, comment, merge."""
    _require_discussions(repository)
    account = request_account(request.headers)
    asked = request.json()
    if account.role not in MAY_DISCUSS or not account.may_discuss:
        raise RefusalError(HTTPStatus.FORBIDDEN, None, "Forbidden")
    with repository.lock:
        if not steps:
            opened = _open(repository, asked, account.name)
            return Answer({**_summary(repository, opened), "pullRequest": opened.is_pull_request})
        discussion = _find(repository, steps[0])
        if steps[1] == "comment":
            return Answer({"newMessage": _comment(discussion, account.name, asked["comment"])})
        if steps[1] == "merge":
            require_writer(repository, request.headers)
            return Answer({"newStatus": _merge(repository, discussion, account, asked)})
        if discussion.author != account.name and not may_write(account, repository):
            raise RefusalError(HTTPStatus.FORBIDDEN, None, "Forbidden")
        if steps[1] == "title":
            data = {"from": discussion.title, "to": asked["title"]}
            discussion.title = asked["title"]
            return Answer({"newTitle": _event(discussion, account.name, "title-change", data)})
        assert steps[1] == "status", f"the local Hub does not model {steps[1]}"
        return Answer({"newStatus": _set_status(discussion, account, asked)})


def open_pull_request(
    repository: Repository, title: str, description: str, author: str
) -> Discussion:
    """Open a pull request as a draft, with its ref at main."""
    return _open(repository, {"title": title, "description": description, "pullRequest": 1}, author)


def note_commit(discussion: Discussion, commit: Commit) -> None:
    """Add a commit to the events of a pull request."""
    _event(discussion, commit.author, "commit", {"subject": commit.title, "oid": commit.id})


def merged_files(
    base: Mapping[str, StoredFile], ours: Mapping[str, StoredFile], theirs: Mapping[str, StoredFile]
) -> tuple[dict[str, StoredFile], list[str]]:
    """Merge two sets of files with a common base; return the files and the conflicts."""
    merged, conflicts = dict(ours), []
    for path in sorted({*base, *theirs}):
        before, on_main, proposed = (_etag(files, path) for files in (base, ours, theirs))
        if proposed in {before, on_main}:
            continue
        if on_main != before:
            conflicts.append(path)
        elif path in theirs:
            merged[path] = theirs[path]
        else:
            del merged[path]
    return merged, conflicts


def _etag(files: Mapping[str, StoredFile], path: str) -> str:
    return files[path].etag if path in files else ""


def _require_discussions(repository: Repository) -> None:
    if not repository.has_discussions:
        raise RefusalError(HTTPStatus.FORBIDDEN, None, DISABLED)


def _find(repository: Repository, number: str) -> Discussion:
    if not number.isdigit() or not 0 < int(number) <= len(repository.discussions):
        raise RefusalError(HTTPStatus.NOT_FOUND, None, f"Discussion {number} not found")
    return repository.discussions[int(number) - 1]


def _has_status(discussion: Discussion, status: str) -> bool:
    """True if a discussion is listed under a status; a draft is listed only under all."""
    groups = {"open": {"open"}, "closed": {"closed", "merged"}}
    return discussion.status in groups.get(status, {discussion.status})


def _open(repository: Repository, asked: Mapping[str, Any], author: str) -> Discussion:
    is_pull_request = bool(asked.get("pullRequest"))
    main = find_commit(repository, "main").id
    opened = Discussion(
        len(repository.discussions) + 1,
        asked["title"],
        author,
        is_pull_request,
        status="draft" if is_pull_request else "open",
        base=main,
        created_at=now(),
    )
    repository.discussions.append(opened)
    _comment(opened, author, asked["description"])
    if is_pull_request:
        repository.refs[opened.ref] = main
    return opened


def _set_status(
    discussion: Discussion, account: Account, asked: Mapping[str, Any]
) -> dict[str, Any]:
    if discussion.status == "merged":
        raise RefusalError(HTTPStatus.BAD_REQUEST, None, "This pull request is merged")
    if asked.get("comment"):
        _comment(discussion, account.name, asked["comment"])
    discussion.status = asked["status"]
    return _event(discussion, account.name, "status-change", {"status": asked["status"]})


def _merge(
    repository: Repository, discussion: Discussion, account: Account, asked: Mapping[str, Any]
) -> dict[str, Any]:
    if discussion.status != "open" or not discussion.is_pull_request:
        message = f"Only an open pull request can be merged; this one is {discussion.status}"
        raise RefusalError(HTTPStatus.BAD_REQUEST, None, message)
    files, conflicts = _merged(repository, discussion)
    if conflicts:
        message = f"Merge conflicts in {', '.join(conflicts)}"
        raise RefusalError(HTTPStatus.CONFLICT, None, message)
    if repository.refs[discussion.ref] == discussion.base:
        message = "This pull request changes nothing"
        raise RefusalError(HTTPStatus.BAD_REQUEST, None, message)
    if asked.get("comment"):
        _comment(discussion, account.name, asked["comment"])
    title = f"{discussion.title} (#{discussion.num})"
    discussion.merge_commit = repository.commit(files, MAIN, title=title, author=account.name).id
    discussion.status = "merged"
    return _event(discussion, account.name, "status-change", {"status": "merged"})


def _merged(
    repository: Repository, discussion: Discussion
) -> tuple[dict[str, StoredFile], list[str]]:
    revisions = (discussion.base, MAIN, discussion.ref)
    base, ours, theirs = (find_commit(repository, revision).files for revision in revisions)
    return merged_files(base, ours, theirs)


def _comment(discussion: Discussion, author: str, text: str) -> dict[str, Any]:
    latest = {
        "raw": text,
        "html": f"<p>{text}</p>",
        "updatedAt": now(),
        "author": {"name": author},
    }
    data = {"edited": False, "hidden": False, "latest": latest, "history": []}
    return _event(discussion, author, "comment", data)


def _event(discussion: Discussion, author: str, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    event = {
        "id": f"{discussion.num:012x}{len(discussion.events):012x}",
        "type": kind,
        "createdAt": now(),
        "author": {"name": author},
        "data": data,
    }
    discussion.events.append(event)
    return event


def _summary(repository: Repository, discussion: Discussion) -> dict[str, Any]:
    return {
        "num": discussion.num,
        "title": discussion.title,
        "author": {"name": discussion.author},
        "createdAt": discussion.created_at,
        "status": discussion.status,
        "repo": {"name": repository.repo_id, "type": repository.repo_type},
        "isPullRequest": discussion.is_pull_request,
        "numComments": sum(event["type"] == "comment" for event in discussion.events),
    }


def _details(repository: Repository, discussion: Discussion) -> dict[str, Any]:
    details = {**_summary(repository, discussion), "events": list(discussion.events)}
    if discussion.is_pull_request:
        is_decided = discussion.status == "merged"
        conflicts = [] if is_decided else _merged(repository, discussion)[1]
        changes = {"base": MAIN}
        if discussion.merge_commit:
            changes["mergeCommitId"] = discussion.merge_commit
        details |= {"changes": changes, "filesWithConflicts": conflicts, "diff": ""}
    return details
