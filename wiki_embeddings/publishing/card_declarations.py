"""What of a published card must stay as it was: what makes the dataset load, and be searched."""

from __future__ import annotations

from typing import Any

import yaml

from wiki_embeddings.dataset_layout import CARD
from wiki_embeddings.publishing.publication import Publication
from wiki_embeddings.publishing.repository import file_at

_DECLARED = ("configs", "dataset_info", "wiki_embeddings")


def card_declares(repo_id: str, commit: str, publication: Publication) -> bool:
    """Whether a card declares what was published; its text is the owner's to edit.

    Args:
        repo_id: Name of the dataset.
        commit: Where to look.
        publication: What was published.
    """
    there = file_at(repo_id, commit, CARD)
    return there is not None and _declared(there) == _declared(publication.texts[CARD])


def _declared(card: bytes) -> dict[str, Any] | None:
    """What the YAML at the beginning of a card declares; None where there is none."""
    try:
        _, front_matter, _ = card.decode().split("---\n", 2)
        content = yaml.safe_load(front_matter)
    except (ValueError, yaml.YAMLError):
        return None
    if not isinstance(content, dict):
        return None
    return {key: content.get(key) for key in _DECLARED}
