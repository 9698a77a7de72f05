"""A repository on the Hub at one commit, so that every later read gets the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

import httpx2
from huggingface_hub import get_session
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # exported lazily

from wiki_embeddings.downloads.retries import RetryPolicy, with_retries
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.hub_files.endpoint import endpoint, hub_headers, redacted_endpoint
from wiki_embeddings.hub_files.errors import error_for_response, translate_http_errors

RepoType = Literal["model", "dataset"]

_PLANNING_POLICY = RetryPolicy(attempts=4)
"""A person waits for the plan, so it gives up after seven seconds."""


@dataclass(frozen=True)
class HubFile:
    """One file of a repository.

    Attributes:
        path: Path within the repository, with forward slashes.
        size: Bytes.
        blob_id: Git's object id: the SHA-1 of the file, or of its pointer if it is large.
        sha256: SHA-256 of a large file (Git LFS or Xet), in hexadecimal; None for a file in git
            itself.
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
        repo_type: Model or dataset.
        commit: Full id of the commit.
        files: All files, or a selection of them, sorted by path.
        row_counts: Rows of each config of a dataset, where its card counts them.
    """

    repo_id: str
    repo_type: RepoType
    commit: str
    files: tuple[HubFile, ...]
    row_counts: Mapping[str, int] = field(default_factory=dict)


def resolve(
    repo_id: str,
    *,
    repo_type: RepoType,
    revision: str,
    policy: RetryPolicy = _PLANNING_POLICY,
) -> HubSnapshot:
    """Look up a revision's current commit, with the size and digest of each file.

    Args:
        repo_id: Name, such as `wikimedia/wikipedia`.
        repo_type: Model or dataset.
        revision: Branch, tag or commit.
        policy: How long to keep trying.

    Returns:
        The snapshot, with all files of the repository.

    Raises:
        BadInputError: There is no such repository or revision, or it cannot be read with this
            token, or without one.
        WikiEmbeddingsError: The Hub cannot be reached, or something else answers in its place.
    """
    _validate_repo_id(repo_id)
    target = f"the {repo_type} {repo_id} at revision {revision}"
    url = f"{endpoint()}/api/{repo_type}s/{repo_id}"
    revision_url = f"{url}/revision/{quote(revision, safe='')}?blobs=true"
    response = with_retries(lambda: _get(revision_url, target, policy), policy)
    try:
        answer = response.json()
        files = _files(answer["siblings"])
        counts = _row_counts(answer.get("cardData"))
        snapshot = HubSnapshot(repo_id, repo_type, answer["sha"], files, counts)
        is_gated = bool(answer.get("gated"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _not_a_hub_error(target) from error
    if is_gated:
        # Anyone may list the files of a gated repository; only this tells whether we may read them.
        with_retries(lambda: _get(f"{url}/auth-check", target, policy), policy)
    return snapshot


def _validate_repo_id(repo_id: str) -> None:
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        message = f"{repo_id!r} is not a valid repository name. Write it as namespace/name."
        raise BadInputError(message) from error


def _get(url: str, target: str, policy: RetryPolicy) -> httpx2.Response:
    with translate_http_errors(target):
        response = get_session().get(url, headers=hub_headers(), timeout=policy.timeout())
    if not response.is_success:
        raise error_for_response(response, target)
    return response


def _files(siblings: list[dict[str, Any]]) -> tuple[HubFile, ...]:
    """Read the Hub's list of files; raises KeyError or the like if it is something else."""
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


def _row_counts(card: object) -> dict[str, int]:
    """Read the rows of each config from a card's `dataset_info`, in which anything may stand."""
    info = card.get("dataset_info") if isinstance(card, dict) else None
    counts: dict[str, int] = {}
    for config in info if isinstance(info, list) else [info]:
        if isinstance(config, dict) and isinstance(config.get("splits"), list):
            splits = [split for split in config["splits"] if isinstance(split, dict)]
            rows = [
                count for split in splits if isinstance(count := split.get("num_examples"), int)
            ]
            if rows and len(rows) == len(config["splits"]):
                counts[str(config.get("config_name", "default"))] = sum(rows)
    return counts


def _not_a_hub_error(target: str) -> WikiEmbeddingsError:
    return WikiEmbeddingsError(
        f"Cannot read {target}: {redacted_endpoint()} does not answer as a Hub does. "
        "Check HF_ENDPOINT and the proxy settings (HTTPS_PROXY, NO_PROXY)."
    )
