"""Publishing to a folder on this machine: every dataset under its name, in Hub layout.

{hub}/wikipedia-sample-all-MiniLM-L6-v2                    a link to the current version
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
from wiki_embeddings.dataset_layout import CHANGES_FOLDER, RECORD
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest, existing_manifest
from wiki_embeddings.publishing.publication import Publication, compose, parse_record
from wiki_embeddings.volume import Volume, digest_of, translate_storage_errors, write_bytes

_VERSIONS = ".versions"

_MAX_NAME_BYTES = 255
"""Of a file or folder, on all common file systems."""


def publish_to_folder(volume: Volume, folder: str, hub_folder: Path) -> Path:
    """Publish a dataset under its name, in place of the version before.

    The name is a link, so that readers see the old version or the complete new one, never a
    mixture.

    Args:
        volume: Where the dataset is.
        folder: Reference of its folder.
        hub_folder: Folder of all published datasets.

    Returns:
        The dataset's folder, under the name for readers.

    Raises:
        BadInputError: Something else has that name.
        UnusableVolumeError: The folder cannot be written to.
    """
    manifest = existing_manifest(volume, folder)
    name = dataset_name(manifest)
    require_publishable(hub_folder, name)
    link = hub_folder / name
    publication = compose(volume, manifest, _read_record(link))
    with translate_storage_errors(hub_folder):
        version = _write_version(volume, manifest, publication, hub_folder / _VERSIONS, link)
        _replace_link(link, version)
    return link


def require_publishable(hub_folder: Path, name: str) -> None:
    """Make sure that a dataset of a name may be published in a folder.

    Raises:
        BadInputError: Something else has that name, or it is too long.
    """
    if len(os.fsencode(_temporary_name(name))) > _MAX_NAME_BYTES:
        raise BadInputError(
            f"{name} is too long for the name of a folder. It comes from the model's name: copy "
            "the model to a folder with a shorter one."
        )
    link = hub_folder / name
    is_ours = link.is_symlink() and link.readlink().parts[0] == _VERSIONS
    if os.path.lexists(link) and not is_ours:
        raise BadInputError(
            f"{link} is in the way: it is not a link that this project has made. Move it away."
        )


def published_digest(hub_folder: Path, name: str) -> str | None:
    """Return the digest of the dataset that is published under a name; None if there is none."""
    record = _read_record(hub_folder / name)
    return None if record is None else str(record["digest"])


def _read_record(dataset: Path) -> Mapping[str, Any] | None:
    try:
        return parse_record((dataset / RECORD).read_bytes())
    except FileNotFoundError:
        return None


def _write_version(
    volume: Volume, manifest: Manifest, publication: Publication, versions: Path, before: Path
) -> Path:
    """Write a folder of links and texts; its name is a digest, so that equal versions share it.

    What earlier snapshots changed is copied from the version before: outputs on the volume do not
    stay for ever.
    """
    ours = {file.name for file in publication.files}
    kept = {
        name: path.read_bytes()
        for path in sorted((before / CHANGES_FOLDER).glob("*.parquet"))
        if (name := f"{CHANGES_FOLDER}/{path.name}") not in ours
    }
    texts = {name: text.decode() for name, text in publication.texts.items()}
    inputs = {"folder": manifest.folder, **texts, "kept": sorted(kept)}
    version = versions / digest_of(inputs)
    for name, content in kept.items():
        write_bytes(version / name, content)
    for file in publication.files:
        _replace_link(version / file.name, volume.path(manifest.reference(file)))
    for name, text in publication.texts.items():
        write_bytes(version / name, text)
    return version


def _temporary_name(name: str) -> str:
    return f".{name}.{secrets.token_hex(4)}"


def _replace_link(link: Path, target: Path) -> None:
    """Create a relative link, or replace it atomically."""
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(_temporary_name(link.name))
    temporary.symlink_to(os.path.relpath(target, link.parent), target_is_directory=target.is_dir())
    temporary.replace(link)


def published_outputs(volume: Volume, hub_folder: Path) -> set[str]:
    """Return the references of the output folders that published datasets link to."""
    if not hub_folder.is_dir():
        return set()
    names = [path for path in hub_folder.iterdir() if path.is_symlink() and path.is_dir()]
    links = [path for name in names for path in name.resolve().rglob("*") if path.is_symlink()]
    root = volume.root.resolve()
    targets = {Path(os.path.normpath(link.parent / link.readlink())) for link in links}
    inside = (target.relative_to(root) for target in targets if target.is_relative_to(root))
    return {"/".join(path.parts[:3]) for path in inside}
