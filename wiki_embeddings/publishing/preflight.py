"""Whether a dataset may be published: checked before expensive work, and before the first byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from huggingface_hub import HfApi, get_session
from huggingface_hub.errors import HFValidationError
from huggingface_hub.lfs import UploadInfo, post_lfs_batch_info
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported lazily
    hf_raise_for_status,
    validate_repo_id,
)

from wiki_embeddings.dataset_layout import CARD
from wiki_embeddings.downloads.errors import TRANSIENT_STATUSES
from wiki_embeddings.downloads.retries import with_retries
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.hub_files.endpoint import hub_headers, redacted_endpoint
from wiki_embeddings.manifest import existing_manifest
from wiki_embeddings.publishing.account import look_up_account
from wiki_embeddings.publishing.hub_calls import RETRY_POLICY, call_hub
from wiki_embeddings.publishing.merge import is_published
from wiki_embeddings.publishing.ownership import require_replaceable
from wiki_embeddings.publishing.publication import Publication, compose
from wiki_embeddings.publishing.pull_request import (
    find_or_open_pull_request,
    list_open_pull_requests,
)
from wiki_embeddings.publishing.repository import MAIN, read_main
from wiki_embeddings.volume import Volume

_MAX_QUOTED_CHARACTERS = 500
"""Of the Hub's answer about a card."""

_TOKENS_PAGE = "https://huggingface.co/settings/tokens"

_FILES_PER_BATCH = 256
"""Files in one LFS batch request; as many as the client asks for."""


@dataclass(frozen=True)
class PreflightResult:
    """A repository that may be published to.

    Attributes:
        author: Who publishes: the user of the token.
        previous_digest: Digest of the dataset that is published there now; None if there is none.
        missing: Indices in the dataset's `manifest.files` of the files that the Hub does not have.
    """

    author: str
    previous_digest: str | None
    missing: tuple[int, ...]


def require_publishable(_: Volume, repo_id: str, *, private: bool, replace_existing: bool) -> str:
    """Make sure that a dataset of a name may be published; return the user who publishes.

    Asks everything that can be known before the dataset exists.

    Args:
        repo_id: Name on the Hub.
        private: Whether to make a new repository private.
        replace_existing: Whether to replace a dataset that this project has not published.

    Raises:
        BadInputError: It may not be published; says why and what to do.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    author = _require_write_access(repo_id)
    _check_name(repo_id)
    exists = call_hub(
        repo_id, "looking it up", lambda api: api.repo_exists(repo_id, repo_type="dataset")
    )
    if exists:
        call_hub(repo_id, "looking it up", partial(_check_visibility, repo_id, private))
        list_open_pull_requests(repo_id)  # refused where the owner has switched them off
        if not replace_existing:
            require_replaceable(repo_id)
    return author


def published_digest(_: Volume, repo_id: str) -> str | None:
    """Return the digest of the dataset that `main` holds; None if it is nothing of this project.

    Raises:
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    exists = call_hub(
        repo_id, "looking it up", lambda api: api.repo_exists(repo_id, repo_type="dataset")
    )
    return read_main(repo_id).digest if exists else None


def prepare_repository(
    volume: Volume, folder: str, repo_id: str, *, private: bool, replace_existing: bool = False
) -> PreflightResult:
    """Make sure that a dataset may be published, and that its repository exists.

    Args:
        volume: Where the dataset is.
        folder: Reference of its folder.
        repo_id: Name on the Hub.
        private: Whether to make a new repository private.
        replace_existing: Whether to replace a dataset that this project has not published.

    Raises:
        BadInputError: It may not be published; says why and what to do.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    author = require_publishable(
        volume, repo_id, private=private, replace_existing=replace_existing
    )
    _create_repository(repo_id, private=private)
    manifest = existing_manifest(volume, folder)
    main = read_main(repo_id)
    publication = compose(volume, manifest, main.record, repo_id)
    if is_published(repo_id, main, publication):
        return PreflightResult(author, main.digest, ())
    _validate_card(repo_id, publication)
    missing = _find_missing(repo_id, publication)
    # Now, because the token may lack the right to, or the owner may have switched them off.
    find_or_open_pull_request(repo_id, publication, main.commit, author)
    indices = (index for index, file in enumerate(manifest.files) if file.sha256 in missing)
    return PreflightResult(author, main.digest, tuple(indices))


def _require_write_access(repo_id: str) -> str:
    """Make sure that the token may write to a repository; return its user's name."""
    account = with_retries(look_up_account, RETRY_POLICY)
    namespace = repo_id.partition("/")[0]
    advice = (
        f"Make one with write access to {namespace} at {_TOKENS_PAGE} and set HF_TOKEN to it, in "
        "the Modal secret if the stages run there"
    )
    if account.problem:
        raise BadInputError(
            f"Cannot publish to {namespace}: the token in HF_TOKEN is {account.problem}. {advice}."
        )
    if not account.may_write_to(repo_id):
        scopes = ", ".join(account.write_scopes) or "nothing"
        raise BadInputError(
            f"Cannot publish to {repo_id}: {account.name}'s token ({account.role}) may write to "
            f"{scopes}. {advice}; or set WIKI_EMBEDDINGS_HUB_NAMESPACE to another name."
        )
    return account.name


def _check_name(repo_id: str) -> None:
    """Make sure that a name is valid, and not that of a model.

    The Hub would allow both, but most of its tools would take `namespace/name` for the model.
    """
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise BadInputError(
            f"{repo_id} is not a name that the Hub allows (letters, digits, -, _ and . only, no -- "
            "or .., at most 96 of them). It comes from the model's name: copy the model to a "
            "folder with a plainer one."
        ) from error
    if call_hub(repo_id, "checking that its name is free", lambda api: api.repo_exists(repo_id)):
        raise BadInputError(
            f"{repo_id} is a model on {redacted_endpoint()}: rename it there, or set "
            "WIKI_EMBEDDINGS_HUB_NAMESPACE to another name."
        )


def _create_repository(repo_id: str, *, private: bool) -> None:
    """Create the repository unless it exists."""

    def create(api: HfApi) -> None:
        # None, not False: an organisation may have made private its default.
        api.create_repo(repo_id, repo_type="dataset", private=private or None, exist_ok=True)
        _check_visibility(repo_id, private, api)

    call_hub(repo_id, "creating its repository", create)


def _check_visibility(repo_id: str, private: bool, api: HfApi) -> None:
    if private and not api.dataset_info(repo_id).private:
        raise BadInputError(
            f"{repo_id} is public, but `private` of hub_dataset is true: make it private in its "
            "settings on the Hub, or set `private` to false."
        )


def _validate_card(repo_id: str, publication: Publication) -> None:
    """Make sure that the Hub understands the card's metadata: else it refuses the commit.

    Only asked early: where there is no such endpoint, as on mirrors, the commit will tell.
    """
    text = publication.texts[CARD].decode()

    def validate(api: HfApi) -> None:
        response = get_session().post(
            f"{api.endpoint}/api/validate-yaml",
            json={"content": text, "repoType": "dataset"},
            headers=hub_headers(),
        )
        if response.status_code == HTTPStatus.BAD_REQUEST:
            raise BadInputError(
                f"Cannot publish to {repo_id}: the Hub does not understand the card's metadata: "
                f"{response.text[:_MAX_QUOTED_CHARACTERS]} This is a fault of this project; "
                "please report it."
            )
        if response.status_code in TRANSIENT_STATUSES:
            hf_raise_for_status(response)

    call_hub(repo_id, "validating its card", validate)


def _find_missing(repo_id: str, publication: Publication) -> set[str]:
    """Return the SHA-256 of the files that the Hub does not have, by asking where to send them.

    The Hub names no address for a file that it has. It says why if it takes none: no right to
    write, or no room for private data. A file uploaded once may be missing again: the Hub clears
    away what no commit has named for some days.
    """
    largest_first = sorted(publication.files, key=lambda file: -file.bytes)
    missing = set()
    for begin in range(0, len(largest_first), _FILES_PER_BATCH):
        infos = [
            UploadInfo(size=file.bytes, sample=b"", sha256=bytes.fromhex(file.sha256))
            for file in largest_first[begin : begin + _FILES_PER_BATCH]
        ]
        answers = call_hub(repo_id, "asking for room", partial(_request_batch, repo_id, infos))
        missing |= {answer["oid"] for answer in answers if answer.get("actions")}
    return missing


def _request_batch(repo_id: str, infos: Sequence[UploadInfo], api: HfApi) -> list[dict[str, Any]]:
    """Send an LFS batch request (https://github.com/git-lfs/git-lfs/blob/main/docs/api)."""
    answers, errors, _ = post_lfs_batch_info(
        infos,
        token=None,
        repo_type="dataset",
        repo_id=repo_id,
        revision=MAIN,  # without it, the right to open a pull request is enough
        endpoint=api.endpoint,
        headers=hub_headers(),
        transfers=["basic", "multipart", "xet"],  # else this would begin a multipart transfer
    )
    if errors:
        raise BadInputError(f"Cannot publish to {repo_id}: the Hub refuses a file: {errors[0]}.")
    return answers
