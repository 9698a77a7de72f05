"""How a repository differs from a publication: in its data, its record, or its card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha1
from typing import Any

import yaml

from wiki_embeddings.dataset_layout import CARD, REPLACED_FOLDERS
from wiki_embeddings.publishing.publication import Publication
from wiki_embeddings.publishing.repository import Tree, lfs_content, read_file, read_tree

_DATA_FOLDERS = tuple(f"{folder}/" for folder in REPLACED_FOLDERS)
"""Only data files and those of the index may be here; the owner may add files elsewhere."""

_DECLARATIONS = ("configs", "dataset_info", "wiki_embeddings")
"""What makes a dataset load, and be searched: the part of a card that its owner may not edit."""

MADE_BY_THE_HUB = frozenset({".gitattributes"})
"""The Hub writes it, and adds to it when a commit names a large file."""

_MAX_NAMED_PATHS = 5
"""In an error."""


def describe_paths(paths: Sequence[str]) -> str:
    """Name the first few paths, and count the others."""
    names = ", ".join(paths[:_MAX_NAMED_PATHS])
    rest = len(paths) - _MAX_NAMED_PATHS
    return f"{names} and {rest} more" if rest > 0 else names


def expected_tree(base: Tree, publication: Publication) -> Tree:
    """Return what a branch holds once a publication is merged: it, and the owner's other files.

    Args:
        base: The branch before.
        publication: What is published.
    """
    others = {path: base[path] for path in base if not path.startswith(_DATA_FOLDERS)}
    data = {file.name: lfs_content(file.sha256, file.bytes) for file in publication.files}
    texts = {name: _blob_id(text) for name, text in publication.texts.items()}
    return {**others, **data, **texts}


def differing_paths(tree: Tree, expected: Tree) -> list[str]:
    """Return the paths at which one tree differs from the other, sorted."""
    paths = (tree.keys() | expected.keys()) - MADE_BY_THE_HUB
    return sorted(path for path in paths if tree.get(path) != expected.get(path))


def differing_data_paths(repo_id: str, commit: str, publication: Publication) -> list[str]:
    """Return the paths that differ at a commit, without the card, which the owner may edit."""
    tree = read_tree(repo_id, commit)
    return [
        path for path in differing_paths(tree, expected_tree(tree, publication)) if path != CARD
    ]


def damaged_paths(repo_id: str, commit: str, publication: Publication) -> list[str]:
    """Return the paths to repair: the same, and the card if it no longer opens the dataset."""
    paths = differing_data_paths(repo_id, commit, publication)
    card = read_file(repo_id, commit, CARD)
    return paths if _is_intact(card, publication) else [*paths, CARD]


def with_card_of(repo_id: str, commit: str, publication: Publication) -> Publication:
    """Return a publication with the card of a commit, if that opens the dataset.

    For a repair: the owner may have edited the card's text.
    """
    card = read_file(repo_id, commit, CARD)
    if card is None or not _is_intact(card, publication):
        return publication
    return replace(publication, texts={**publication.texts, CARD: card})


def split_card(card: bytes) -> tuple[str, str]:
    """Split a card into its metadata (YAML, empty without any) and its text."""
    text = card.decode(errors="replace")
    parts = text.split("---\n", 2)
    return (parts[1], parts[2]) if len(parts) == 3 and not parts[0] else ("", text)


def _is_intact(card: bytes | None, publication: Publication) -> bool:
    """Return whether a card declares what the published one does."""
    return card is not None and _declarations(card) == _declarations(publication.texts[CARD])


def _blob_id(content: bytes) -> str:
    """Git's object id of a file (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects)."""
    return sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _declarations(card: bytes) -> dict[str, Any] | None:
    """Parse the declarations in a card's metadata; None if it has none."""
    try:
        content = yaml.safe_load(split_card(card)[0])
    except yaml.YAMLError:
        return None
    if not isinstance(content, dict):
        return None
    return {key: content.get(key) for key in _DECLARATIONS}
