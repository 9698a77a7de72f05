"""How a repository differs from a publication: in its data, its record, or its card."""

from __future__ import annotations

from hashlib import sha1
from typing import Any

import yaml

from wiki_embeddings.dataset_layout import CARD, FOLDERS
from wiki_embeddings.publishing.publication import Publication
from wiki_embeddings.publishing.repository import Tree, lfs_content, read_file, read_tree

_DATA_FOLDERS = tuple(f"{folder}/" for folder in set(FOLDERS.values()))
"""Only data files may be here; the owner may add files elsewhere."""

_DECLARATIONS = ("configs", "dataset_info", "wiki_embeddings")
"""What makes a dataset load, and be searched: the part of a card that its owner may not edit."""


def differing_paths(tree: Tree, publication: Publication) -> list[str]:
    """Return the paths at which a repository differs from a publication, sorted.

    Unexpected files in the data folders count; other files that the owner added do not.
    """
    expected = _expected_tree(publication)
    differing = {path for path, content in expected.items() if tree.get(path) != content}
    unexpected = {path for path in tree if path.startswith(_DATA_FOLDERS) and path not in expected}
    return sorted(differing | unexpected)


def differing_data_paths(repo_id: str, commit: str, publication: Publication) -> list[str]:
    """Return the paths that differ at a commit, without the card, which the owner may edit."""
    return [
        path for path in differing_paths(read_tree(repo_id, commit), publication) if path != CARD
    ]


def damaged_paths(repo_id: str, commit: str, publication: Publication) -> list[str]:
    """Return the paths to repair: the same, and the card if it no longer opens the dataset."""
    paths = differing_data_paths(repo_id, commit, publication)
    card = read_file(repo_id, commit, CARD)
    published = publication.texts[CARD]
    is_intact = card is not None and _declarations(card) == _declarations(published)
    return paths if is_intact else [*paths, CARD]


def _expected_tree(publication: Publication) -> Tree:
    return {
        **{file.name: lfs_content(file.sha256, file.bytes) for file in publication.files},
        **{name: _blob_id(text) for name, text in publication.texts.items()},
    }


def _blob_id(content: bytes) -> str:
    """Git's object id of a file (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects)."""
    return sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


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
