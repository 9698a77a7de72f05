"""May a dataset be published at all: asked before anything expensive, and before the first byte."""

from __future__ import annotations

from dataclasses import dataclass

from huggingface_hub import HfApi
from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError
from huggingface_hub.lfs import UploadInfo, post_lfs_batch_info
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # exported lazily

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.hub_files.endpoint import endpoint_name, hub_headers
from wiki_embeddings.hub_files.retries import keep_trying
from wiki_embeddings.hub_publishing.account import account_of_token
from wiki_embeddings.hub_publishing.asking import PATIENCE, ask
from wiki_embeddings.hub_publishing.merging import is_published
from wiki_embeddings.hub_publishing.proposal import open_proposals
from wiki_embeddings.hub_publishing.remote import MAIN, head_of
from wiki_embeddings.manifest import existing_manifest
from wiki_embeddings.publication import Publication, compose
from wiki_embeddings.volume import Volume

_TOKENS = "https://huggingface.co/settings/tokens"

_ASKED_AT_ONCE = 256
"""Files in one question for room; as many as the client asks for at a time."""


@dataclass(frozen=True)
class Ready:
    """A repository that may be published to.

    Attributes:
        repository: What tells it from an earlier one of that name.
        author: Who is to publish: the user of the token.
        replaces: Digest of the dataset that is published there now; None without one.
        published: Whether it holds this dataset already.
    """

    repository: str
    author: str
    replaces: str | None
    published: bool


def refuse_unwritable(_: Volume, namespace: str) -> str:
    """Make sure that the token in reach may write below a namespace; gives its user's name.

    Raises:
        BadInputError: There is no token, or it may not; says what to do.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    account = keep_trying(account_of_token, PATIENCE)
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
    repository = _repository(repo_id, private=private)
    head = head_of(repo_id, MAIN)
    publication = compose(volume, existing_manifest(volume, folder), head.record, repo_id)
    published = is_published(repo_id, head, publication)
    if not published:
        open_proposals(repo_id)  # refused where the owner has switched pull requests off
        _refuse_unstorable(repo_id, publication)
    return Ready(repository, author, head.digest, published)


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
            f"{repo_id} is a model on {endpoint_name()}: rename it there, or set "
            "WIKI_EMBEDDINGS_HUB_NAMESPACE to another name."
        )


def _repository(repo_id: str, *, private: bool) -> str:
    """Make the repository unless there is one; gives when that was made."""

    def create(api: HfApi) -> str:
        api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
        found = api.dataset_info(repo_id)
        if private and not found.private:
            raise BadInputError(
                f"{repo_id} is public, but hub_dataset is to be private: make it private in its "
                "settings on the Hub, or set `private` to false."
            )
        return str(found.created_at)

    return ask(repo_id, "making its repository", create)


def _refuse_unstorable(repo_id: str, publication: Publication) -> None:
    """Make sure that the Hub takes the files, by asking where to send them.

    It answers with addresses, or with why not: no right to write, or no room for private data.
    """
    largest = sorted(publication.files, key=lambda file: -file.bytes)[:_ASKED_AT_ONCE]
    infos = [
        UploadInfo(size=file.bytes, sample=b"", sha256=bytes.fromhex(file.sha256))
        for file in largest
    ]

    def inquire(api: HfApi) -> list[dict[str, object]]:
        _, errors, _ = post_lfs_batch_info(
            infos,
            token=None,
            repo_type="dataset",
            repo_id=repo_id,
            revision=MAIN,  # without it, the right to open a pull request is enough
            endpoint=api.endpoint,
            headers=hub_headers(),
        )
        return errors

    errors = ask(repo_id, "asking for room", inquire)
    if errors:
        raise BadInputError(f"Cannot publish to {repo_id}: the Hub refuses a file: {errors[0]}.")
