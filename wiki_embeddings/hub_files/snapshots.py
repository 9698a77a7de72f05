"""A repository on the Hub as it is at one commit, so that all that follows reads the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

import httpx2
from huggingface_hub import get_session
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # exported lazily

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.hub_files.endpoint import endpoint, endpoint_name, hub_headers
from wiki_embeddings.hub_files.errors import error_of_response, translate_http_errors
from wiki_embeddings.hub_files.retries import RetryPolicy, with_retries

RepoType = Literal["model", "dataset"]

PLANNING_POLICY = RetryPolicy(attempts=4)
"""A person is waiting for the plan, so it gives up after seven seconds of silence."""


@dataclass(frozen=True)
class HubFile:
    """One file of a repository.

    Attributes:
        path: Path within the repository, with forward slashes.
        size: Bytes.
        blob_id: Git's object id: the SHA-1 of the file, or of its pointer where it is large.
        sha256: SHA-256 of a large file (Git LFS or Xet), in hexadecimal; None for a file that
            lies in git itself.
    """

    path: str
    size: int
    blob_id: str
    sha256: str | None


@dataclass(frozen=True)
class HubSnapshot:
    """A repository at one commit.

    Attributes:
        repo_id: Name, such as `wikimedia/wikipedia`.
        repo_type: Whether it holds a model or a dataset.
        commit: The commit's full id.
        files: All files, or those that somebody chose of them, sorted by path.
    """

    repo_id: str
    repo_type: RepoType
    commit: str
    files: tuple[HubFile, ...]


def resolve(
    repo_id: str,
    *,
    repo_type: RepoType,
    revision: str,
    policy: RetryPolicy = PLANNING_POLICY,
) -> HubSnapshot:
    """Looks up what a revision is now: its commit, and the size and digest of each file.

    Args:
        repo_id: Name, such as `wikimedia/wikipedia`.
        repo_type: Whether it holds a model or a dataset.
        revision: Branch, tag or commit.
        policy: How long to keep trying.

    Returns:
        The snapshot, with all files of the repository.

    Raises:
        BadInputError: No such repository or revision, or the token (or the lack of one) does not
            allow to read it.
        WikiEmbeddingsError: The Hub cannot be reached, or something else answers in its place.
    """
    _check_name(repo_id)
    what = f"the {repo_type} {repo_id} at revision {revision}"
    address = f"{endpoint()}/api/{repo_type}s/{repo_id}"
    about = f"{address}/revision/{quote(revision, safe='')}?blobs=true"
    response = with_retries(lambda: _ask(about, what, policy), policy)
    try:
        answer = response.json()
        snapshot = HubSnapshot(repo_id, repo_type, answer["sha"], _files(answer["siblings"]))
        is_gated = bool(answer.get("gated"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _not_a_hub(what) from error
    if is_gated:
        # Everyone may see what is in a gated repository, so that only this tells who may read it.
        with_retries(lambda: _ask(f"{address}/auth-check", what, policy), policy)
    return snapshot


def _check_name(repo_id: str) -> None:
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        message = f"{repo_id!r} is no name of a repository. Write it as namespace/name."
        raise BadInputError(message) from error


def _ask(address: str, what: str, policy: RetryPolicy) -> httpx2.Response:
    with translate_http_errors(what):
        response = get_session().get(address, headers=hub_headers(), timeout=policy.timeout())
    if not response.is_success:
        raise error_of_response(response, what)
    return response


def _files(siblings: list[dict[str, Any]]) -> tuple[HubFile, ...]:
    """Reads the Hub's list of files; raises where it is something else."""
    files = [
        HubFile(
            path=sibling["rfilename"],
            size=sibling["size"],
            blob_id=sibling["blobId"],
            sha256=sibling["lfs"]["sha256"] if sibling.get("lfs") else None,
        )
        for sibling in siblings
    ]
    return tuple(sorted(files, key=lambda file: file.path))


def _not_a_hub(what: str) -> WikiEmbeddingsError:
    return WikiEmbeddingsError(
        f"Cannot read {what}: {endpoint_name()} does not answer as a Hub does. "
        "Check HF_ENDPOINT and the proxy settings (HTTPS_PROXY, NO_PROXY)."
    )
