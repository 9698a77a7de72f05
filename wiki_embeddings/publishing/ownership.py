"""Whether a dataset on the Hub may be replaced: nobody else's work is overwritten by accident."""

from __future__ import annotations

from wiki_embeddings.dataset_layout import CARD, RECORD
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.hub_files.endpoint import redacted_endpoint
from wiki_embeddings.publishing.differences import MADE_BY_THE_HUB, describe_paths, split_card
from wiki_embeddings.publishing.repository import MAIN, read_file, read_tree


def require_replaceable(repo_id: str) -> None:
    """Make sure that a dataset was published by this project, or is empty.

    A repository that was made on the Hub's website may hold a card with a licence and no text,
    which counts as empty.

    Raises:
        BadInputError: It holds something else; says what to do.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    paths = sorted(read_tree(repo_id, MAIN).keys() - MADE_BY_THE_HUB)
    if not paths or RECORD in paths or (paths == [CARD] and _is_blank(repo_id)):
        return
    raise BadInputError(
        f"{redacted_endpoint()}/datasets/{repo_id} holds something that this project has not "
        f"published ({describe_paths(paths)}), and publishing would replace it. Rename it there, "
        "or set WIKI_EMBEDDINGS_HUB_NAMESPACE to another name; to replace it, set "
        "`replace_existing` of hub_dataset to true (`--replace-existing`)."
    )


def _is_blank(repo_id: str) -> bool:
    """Return whether the card has no text below its metadata."""
    card = read_file(repo_id, MAIN, CARD)
    return card is None or not split_card(card)[1].strip()
