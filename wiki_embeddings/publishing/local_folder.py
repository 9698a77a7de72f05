"""Publishing to a folder on this machine: every dataset under its name, in Hub layout.

{hub}/wikipedia-sample-all-MiniLM-L6-v2                    a link to the version that is current
{hub}/.versions/{digest}/README.md, wiki_embeddings.json
{hub}/.versions/{digest}/data/train-00000-of-00001.parquet  links to the volume's files
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wiki_embeddings.card import dataset_name
from wiki_embeddings.dataset_layout import RECORD
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest, existing_manifest
from wiki_embeddings.publishing.publication import Publication, compose, read_record
from wiki_embeddings.volume import Volume, digest_of, translate_storage_errors, write_bytes

_VERSIONS = ".versions"


def expose(volume: Volume, folder: str, hub_folder: Path) -> Path:
    """Make a published dataset visible under its name, in place of the version before.

    The name is a link, so that a reader sees the old version or the whole new one, never a
    mixture.

    Args:
        volume: Where the dataset lies.
        folder: Reference of its folder.
        hub_folder: Folder of all published datasets.

    Returns:
        The dataset's folder, as its readers name it.

    Raises:
        BadInputError: Something else has that name.
        UnusableVolumeError: The folder cannot be written to.
    """
    published = existing_manifest(volume, folder)
    visible = hub_folder / dataset_name(published)
    if visible.exists() and not visible.is_symlink():
        raise BadInputError(
            f"{visible} is in the way: it is not a link that this project has made. Move it away."
        )
    publication = compose(volume, published, _record_in(visible))
    with translate_storage_errors(hub_folder):
        version = _write_version(volume, published, publication, hub_folder / _VERSIONS)
        _point(visible, version)
    return visible


def _record_in(visible: Path) -> Mapping[str, Any] | None:
    try:
        return read_record((visible / RECORD).read_bytes())
    except FileNotFoundError:
        return None


def _write_version(
    volume: Volume, published: Manifest, publication: Publication, versions: Path
) -> Path:
    """Write a folder of links and texts; named by its content, so that it is the same again."""
    texts = {name: text.decode() for name, text in publication.texts.items()}
    version = versions / digest_of({"folder": published.folder, **texts})
    for file in publication.files:
        _point(version / file.name, volume.path(published.reference(file)))
    for name, text in publication.texts.items():
        write_bytes(version / name, text)
    return version


def _point(link: Path, target: Path) -> None:
    """Make a relative link, in place of the one that may be there."""
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(f".{link.name}.{secrets.token_hex(4)}")
    temporary.symlink_to(os.path.relpath(target, link.parent), target_is_directory=target.is_dir())
    temporary.replace(link)
