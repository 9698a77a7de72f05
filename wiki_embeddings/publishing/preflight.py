"""May a dataset be published at all: asked before anything expensive, and before the first byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from huggingface_hub import HfApi, get_session
from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError
from huggingface_hub.lfs import UploadInfo, post_lfs_batch_info
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported lazily
    hf_raise_for_status,
    validate_repo_id,
)

from wiki_embeddings.dataset_layout import CARD
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.hub_files.endpoint import hub_headers, redacted_endpoint
from wiki_embeddings.hub_files.retries import with_retries
from wiki_embeddings.manifest import existing_manifest
from wiki_embeddings.publishing.account import account_of_token
from wiki_embeddings.publishing.hub_calls import RETRY_POLICY, ask
from wiki_embeddings.publishing.merge import is_published
from wiki_embeddings.publishing.publication import Publication, compose
from wiki_embeddings.publishing.pull_request import open_pull_request
from wiki_embeddings.publishing.repository import MAIN, head_of
from wiki_embeddings.volume import Volume

_BAD_REQUEST = 400

_SHOWN_CHARACTERS = 500
"""Of what the Hub says of a card."""

_TOKENS = "https://huggingface.co/settings/tokens"

_ASKED_AT_ONCE = 256
"""Files in one question for room; as many as the client asks for at a time."""


@dataclass(frozen=True)
class Ready:
    """A repository that may be published to.

    Attributes:
        author: Who is to publish: the user of the token.
        replaces: Digest of the dataset that is published there now; None without one.
        missing: Places in the manifest of the dataset of the files that the Hub does not have.
    """

    author: str
    replaces: str | None
    missing: tuple[int, ...]


def refuse_unwritable(_: Volume, namespace: str) -> str:
    """Make sure that the token in reach may write below a namespace; gives its user's name.

    Raises:
        BadInputError: There is no token, or it may not; says what to do.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    account = with_retries(account_of_token, RETRY_POLICY)
    how = f"Make one with write access to {namespace} at {_TOKENS} and set HF_TOKEN to it"
    where = "in the Modal secret where the stages run there"
    if account.refusal:
        raise BadInputError(
            f"Cannot publish to {namespace}: the token in HF_TOKEN is {account.refusal}. "
            f"{how}, {where}."
        )
    if not account.may_write_below(namespace):
        writes = ", ".join(account.may_write_to) or "nothing"
        raise BadInputError(
            f"Cannot publish to {namespace}: {account.name}'s token ({account.role}) may write to "
            f"{writes}. {how}, {where}; or set WIKI_EMBEDDINGS_HUB_NAMESPACE to another name."
        )
    return account.name


def prepare(volume: Volume, folder: str, repo_id: str, *, private: bool) -> Ready:
    """Make sure that a dataset may be published, and that it has a repository.

    Args:
        volume: Where the dataset lies.
        folder: Reference of its folder.
        repo_id: Name on the Hub.
        private: Whether a repository that has to be made is private.

    Raises:
        BadInputError: It may not be published; says why and what to do.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    author = refuse_unwritable(volume, repo_id.partition("/")[0])
    _refuse_impossible_name(repo_id)
    _make_repository(repo_id, private=private)
    published = existing_manifest(volume, folder)
    head = head_of(repo_id, MAIN)
    publication = compose(volume, published, head.record, repo_id)
    if is_published(repo_id, head, publication):
        return Ready(author, head.digest, ())
    _refuse_unreadable_card(repo_id, publication)
    missing = _missing(repo_id, publication)
    # Opened now, because a token may lack the right to, or the owner have switched them off.
    open_pull_request(repo_id, publication, head.commit, author)
    places = (place for place, file in enumerate(published.files) if file.sha256 in missing)
    return Ready(author, head.digest, tuple(places))


def _refuse_impossible_name(repo_id: str) -> None:
    """Make sure that a name can be one, and is not that of a model.

    The Hub would allow both, but then `namespace/name` would mean the model to most of its tools.
    """
    try:
        validate_repo_id(repo_id)
    except HFValidationError:
        raise BadInputError(
            f"{repo_id} is no name that the Hub allows: it comes from the model's name. Copy the "
            "model to a folder with a plainer name."
        ) from None

    def is_model(api: HfApi) -> bool:
        try:
            api.model_info(repo_id)
        except RepositoryNotFoundError:
            return False
        return True

    if ask(repo_id, "looking whether its name is free", is_model):
        raise BadInputError(
            f"{repo_id} is a model on {redacted_endpoint()}: rename it there, or set "
            "WIKI_EMBEDDINGS_HUB_NAMESPACE to another name."
        )


def _make_repository(repo_id: str, *, private: bool) -> None:
    """Make the repository unless there is one."""

    def create(api: HfApi) -> None:
        # None, not False: what an organisation wants to be private by default is to stay so.
        api.create_repo(repo_id, repo_type="dataset", private=private or None, exist_ok=True)
        if private and not api.dataset_info(repo_id).private:
            raise BadInputError(
                f"{repo_id} is public, but hub_dataset is to be private: make it private in its "
                "settings on the Hub, or set `private` to false."
            )

    ask(repo_id, "making its repository", create)


def _refuse_unreadable_card(repo_id: str, publication: Publication) -> None:
    """Make sure that the Hub understands what the card declares: else it takes no commit with it.

    Raises:
        BadInputError: It does not.
    """
    text = publication.texts[CARD].decode()

    def validate(api: HfApi) -> None:
        response = get_session().post(
            f"{api.endpoint}/api/validate-yaml",
            json={"content": text, "repoType": "dataset"},
            headers=hub_headers(),
        )
        if response.status_code == _BAD_REQUEST:
            raise BadInputError(
                f"Cannot publish to {repo_id}: the Hub does not understand the card's metadata: "
                f"{response.text[:_SHOWN_CHARACTERS]} This is a fault of this project; please "
                "report it."
            )
        hf_raise_for_status(response)

    ask(repo_id, "having its card read", validate)


def _missing(repo_id: str, publication: Publication) -> set[str]:
    """SHA-256 of the files that the Hub does not have, by asking it where to send them.

    It names no place for what it has; and says why not, where it takes nothing: no right to write,
    or no room for private data. What was uploaded once may be gone: the Hub clears away what no
    commit has named for some days.

    Raises:
        BadInputError: The Hub refuses.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    largest_first = sorted(publication.files, key=lambda file: -file.bytes)
    missing = set()
    for begin in range(0, len(largest_first), _ASKED_AT_ONCE):
        infos = [
            UploadInfo(size=file.bytes, sample=b"", sha256=bytes.fromhex(file.sha256))
            for file in largest_first[begin : begin + _ASKED_AT_ONCE]
        ]
        answers = ask(repo_id, "asking for room", partial(_where_to_send, repo_id, infos))
        missing |= {answer["oid"] for answer in answers if answer.get("actions")}
    return missing


def _where_to_send(repo_id: str, infos: Sequence[UploadInfo], api: HfApi) -> list[dict[str, Any]]:
    """What the Hub answers of each file (https://github.com/git-lfs/git-lfs/blob/main/docs/api)."""
    answers, errors, _ = post_lfs_batch_info(
        infos,
        token=None,
        repo_type="dataset",
        repo_id=repo_id,
        revision=MAIN,  # without it, the right to open a pull request is enough
        endpoint=api.endpoint,
        headers=hub_headers(),
        transfers=["basic", "multipart", "xet"],  # so that no transfer in parts is begun by this
    )
    if errors:
        raise BadInputError(f"Cannot publish to {repo_id}: the Hub refuses a file: {errors[0]}.")
    return answers
