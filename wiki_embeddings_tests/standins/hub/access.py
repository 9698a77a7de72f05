"""Permissions on the local Hub, and the Hub's sentences of refusal.

A write token is limited by its user: to their own namespace, and to organisations where their role
allows it; a contributor may write to repositories that they created. A fine-grained token is
limited by its scopes.
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
    """The token of a request; empty without one.

    Raises:
        RefusalError: Unknown token.
    """
    token = headers.get("authorization", "").removeprefix("Bearer ")
    if token and token not in ACCOUNTS:
        message = "Invalid credentials in Authorization header"
        raise RefusalError(HTTPStatus.UNAUTHORIZED, None, message)
    return token


def request_account(headers: Mapping[str, str]) -> Account:
    """The account of the token of a request.

    Raises:
        RefusalError: No token, or an unknown one.
    """
    token = request_token(headers)
    if not token:
        raise RefusalError(HTTPStatus.UNAUTHORIZED, None, "Invalid username or password.")
    return ACCOUNTS[token]


def find_repository(
    hub: LocalHub, plural: str, repo_id: str, headers: Mapping[str, str], *, of_files: bool
) -> Repository:
    """Find the repository of a request.

    Args:
        hub: The Hub.
        plural: Its type, in the plural as in paths.
        repo_id: Its name.
        headers: Headers of the request, names in lower case.
        of_files: True if the request is for files, which gating restricts.

    Raises:
        RefusalError: It does not exist, or not for this token.
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
    """True if an account may write to a repository."""
    if (repository.repo_type, repository.repo_id, WRITES) in _scopes(account):
        return True
    namespace = repository.repo_id.split("/")[0]
    return may_write_in(account, namespace, is_creator=repository.creator == account.name)


def may_write_in(account: Account, namespace: str, *, is_creator: bool) -> bool:
    """True if an account may write to repositories of a namespace.

    Args:
        account: Account of the token.
        namespace: Namespace of a user or an organisation.
        is_creator: True if the account created the repository, or is creating it.
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
    """The account of a request, which must be allowed to write to the repository.

    Raises:
        RefusalError: It is not allowed to.
    """
    account = request_account(headers)
    if not may_write(account, repository):
        raise RefusalError(HTTPStatus.FORBIDDEN, None, sentence)
    return account


def require_uploader(
    repository: Repository, headers: Mapping[str, str], revision: str | None
) -> Account:
    """The account of a request, which must be allowed to upload large objects for a revision.

    Args:
        repository: The repository.
        headers: Headers of the request, names in lower case.
        revision: Revision to commit to; None for a new pull request, which more accounts may open.

    Raises:
        RefusalError: It is not allowed to.
    """
    account = request_account(headers)
    if account.role == "read":
        raise RefusalError(HTTPStatus.FORBIDDEN, None, NEEDS_WRITE_TOKEN)
    if revision is not None and not may_commit(account, repository, revision):
        raise RefusalError(HTTPStatus.FORBIDDEN, None, NOT_AUTHORIZED)
    return account


def may_commit(account: Account, repository: Repository, revision: str) -> bool:
    """True if an account may commit to a revision: writers, and authors of its pull request."""
    pull_request = repository.find_pull_request(revision)
    is_author = pull_request is not None and pull_request.author == account.name
    return may_write(account, repository) or (is_author and account.role != "read")


def check_private_quota(hub: LocalHub, repository: Repository, incoming_bytes: int = 0) -> None:
    """Refuse an upload that exceeds the quota for private storage.

    Args:
        hub: The Hub.
        repository: The repository; a public one has no quota.
        incoming_bytes: Bytes of large objects; 0 if unknown, which a spent quota refuses.

    Raises:
        RefusalError: The private repositories of the namespace would exceed the quota.
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
    """True if a token may read a private or gated repository."""
    if not token or token == TOKEN:
        return bool(token)
    account = ACCOUNTS[token]
    namespace = repository.repo_id.split("/")[0]
    if account.role == "fineGrained":
        return any(name in {namespace, repository.repo_id} for _, name, _ in _scopes(account))
    return namespace == account.name or namespace in dict(account.orgs)


def _scopes(account: Account) -> set[tuple[str, str, str]]:
    """Type, name and permission of each scope of a fine-grained token."""
    return {
        (kind, name, permission)
        for kind, name, permissions in account.scopes
        for permission in permissions
    }
