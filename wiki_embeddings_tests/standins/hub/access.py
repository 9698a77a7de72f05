"""Who may do what on the local Hub, and the sentences with which the Hub refuses the rest.

A token that may write is held to its user: his own namespace, and those of his organisations in
which his role allows it; a contributor writes to what he made. A fine-grained one is held to its
scopes.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from wiki_embeddings_tests.standins.hub.accounts import ACCOUNTS, TOKEN, Account
from wiki_embeddings_tests.standins.hub.answers import REPO_TYPES, RefusalError
from wiki_embeddings_tests.standins.hub.local_hub import LocalHub
from wiki_embeddings_tests.standins.hub.repositories import Repository

NEEDS_WRITE_TOKEN = "you must use a write token to upload to a repository"
NOT_AUTHORIZED = "Authorization error."
ONLY_BY_PULL_REQUEST = "Forbidden: pass `create_pr=1` as a query parameter to create a Pull Request"
FORBIDDEN = "Forbidden"
NO_SPACE = (
    "Private repository storage limit reached, please upgrade your plan to increase your private "
    "storage limit."
)
WRITES = "repo.write"


def request_token(headers: Mapping[str, str]) -> str:
    """The token of whoever asks; empty without.

    Raises:
        RefusalError: Nobody has such a token.
    """
    token = headers.get("authorization", "").removeprefix("Bearer ")
    if token and token not in ACCOUNTS:
        message = "Invalid credentials in Authorization header"
        raise RefusalError(HTTPStatus.UNAUTHORIZED, None, message)
    return token


def request_account(headers: Mapping[str, str]) -> Account:
    """The account of whoever asks.

    Raises:
        RefusalError: There is no token, or nobody has it.
    """
    token = request_token(headers)
    if not token:
        raise RefusalError(HTTPStatus.UNAUTHORIZED, None, "Invalid username or password.")
    return ACCOUNTS[token]


def find_repository(
    hub: LocalHub, plural: str, repo_id: str, headers: Mapping[str, str], *, of_files: bool
) -> Repository:
    """Finds a repository for whoever asks.

    Args:
        hub: Where.
        plural: Its type, as paths have it.
        repo_id: Its name.
        headers: Those of the request, names in lower case.
        of_files: Whether its files are asked for, which gating forbids.

    Raises:
        RefusalError: It does not exist, or not for them.
    """
    token = request_token(headers)
    repository = hub.repositories.get((REPO_TYPES.get(plural, ""), repo_id))
    if repository is None or (repository.private and not _may_read(token, repository)):
        if not token:
            message = "Invalid username or password."
            raise RefusalError(HTTPStatus.UNAUTHORIZED, "RepoNotFound", message)
        raise RefusalError(HTTPStatus.NOT_FOUND, "RepoNotFound", "Repository not found")
    if of_files and repository.gated and not _may_read(token, repository):
        status = HTTPStatus.FORBIDDEN if token else HTTPStatus.UNAUTHORIZED
        raise RefusalError(status, "GatedRepo", f"Access to {repo_id} is restricted.")
    return repository


def may_write(account: Account, repository: Repository) -> bool:
    """Whether an account may write to a repository."""
    if (repository.repo_type, repository.repo_id, WRITES) in _scopes(account):
        return True
    namespace = repository.repo_id.split("/")[0]
    return may_write_in(account, namespace, is_creator=repository.creator == account.name)


def may_write_in(account: Account, namespace: str, *, is_creator: bool) -> bool:
    """Whether an account may write to what lies in a namespace.

    Args:
        account: Of the token.
        namespace: Of a user or an organisation.
        is_creator: Whether the account made what it writes to, or is about to.
    """
    if account.role == "read":
        return False
    if account.role == "fineGrained":
        return not {("user", namespace, WRITES), ("org", namespace, WRITES)}.isdisjoint(
            _scopes(account)
        )
    role = dict(account.orgs).get(namespace)
    may_by_role = role in {"admin", "write"} or (role == "contributor" and is_creator)
    return namespace == account.name or may_by_role


def require_writer(
    repository: Repository, headers: Mapping[str, str], sentence: str = FORBIDDEN
) -> Account:
    """The account of whoever asks, who may write to the repository.

    Raises:
        RefusalError: He may not.
    """
    account = request_account(headers)
    if not may_write(account, repository):
        raise RefusalError(HTTPStatus.FORBIDDEN, None, sentence)
    return account


def require_uploader(
    repository: Repository, headers: Mapping[str, str], revision: str | None
) -> Account:
    """The account of whoever asks, who may upload large objects for a revision.

    Args:
        repository: Where to.
        headers: Those of the request, names in lower case.
        revision: For a commit on it; None for a new pull request, which more people may make.

    Raises:
        RefusalError: He may not.
    """
    account = request_account(headers)
    if account.role == "read":
        raise RefusalError(HTTPStatus.FORBIDDEN, None, NEEDS_WRITE_TOKEN)
    if revision is not None and not may_commit(account, repository, revision):
        raise RefusalError(HTTPStatus.FORBIDDEN, None, NOT_AUTHORIZED)
    return account


def may_commit(account: Account, repository: Repository, revision: str) -> bool:
    """Whether an account may commit to a revision: if it may write, or to its pull request."""
    pull_request = repository.find_pull_request(revision)
    is_author = pull_request is not None and pull_request.author == account.name
    return may_write(account, repository) or (is_author and account.role != "read")


def check_private_quota(hub: LocalHub, repository: Repository, incoming_bytes: int = 0) -> None:
    """Refuses what a private repository has no space for.

    Args:
        hub: That has the quota.
        repository: Where to; a public one has no quota.
        incoming_bytes: Of large objects; 0 if not known, which a quota that is spent refuses.

    Raises:
        RefusalError: The private repositories of that namespace would hold more than they may.
    """
    if hub.private_quota_bytes is None or not repository.private:
        return
    namespace = repository.repo_id.split("/")[0]
    held = sum(
        hub.objects.size(sha256)
        for other in list(hub.repositories.values())
        if other.private and other.repo_id.split("/")[0] == namespace
        for sha256 in list(other.objects)
    )
    if held + max(1, incoming_bytes) > hub.private_quota_bytes:
        raise RefusalError(HTTPStatus.FORBIDDEN, None, NO_SPACE)


def _may_read(token: str, repository: Repository) -> bool:
    """Whether a token opens a private or gated repository."""
    if not token or token == TOKEN:
        return bool(token)
    account = ACCOUNTS[token]
    namespace = repository.repo_id.split("/")[0]
    if account.role == "fineGrained":
        return any(name in {namespace, repository.repo_id} for _, name, _ in _scopes(account))
    return namespace == account.name or namespace in dict(account.orgs)


def _scopes(account: Account) -> set[tuple[str, str, str]]:
    """Type, name and permission of what a fine-grained token is for."""
    return {
        (kind, name, permission)
        for kind, name, permissions in account.scopes
        for permission in permissions
    }
