"""The part of a published card that must stay: what makes the dataset load, and be searched."""

from __future__ import annotations

from typing import Any

import yaml

from wiki_embeddings.dataset_layout import CARD
from wiki_embeddings.publishing.publication import Publication
from wiki_embeddings.publishing.repository import read_file

_DECLARATIONS = ("configs", "dataset_info", "wiki_embeddings")


def is_card_intact(repo_id: str, commit: str, publication: Publication) -> bool:
    """Return whether the card at a commit declares what was published; its text may differ."""
    card = read_file(repo_id, commit, CARD)
    return card is not None and _declarations(card) == _declarations(publication.texts[CARD])


def _declarations(card: bytes) -> dict[str, Any] | None:
    """Parse the declarations in a card's front matter; None if it has none."""
    try:
        _, front_matter, _ = card.decode().split("---\n", 2)
        content = yaml.safe_load(front_matter)
    except (ValueError, yaml.YAMLError):
        return None
    if not isinstance(content, dict):
        return None
    return {key: content.get(key) for key in _DECLARATIONS}
