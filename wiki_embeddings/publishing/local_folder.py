"""Publishing to a folder on this machine: every dataset under its name, in Hub layout.

{hub}/wikipedia-sample-all-MiniLM-L6-v2/README.md, wiki_embeddings.json
{hub}/wikipedia-sample-all-MiniLM-L6-v2/data/train-00000-of-00001.parquet …

The data files are hard links to the volume's, or copies where the file system has no links between
the two. So the folder takes no room beside the volume, can be copied and moved like any other, and
stays complete when the volume is pruned.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from wiki_embeddings.card import dataset_name
from wiki_embeddings.dataset_layout import RECORD, REPLACED_FOLDERS
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest, ShardFile, existing_manifest
from wiki_embeddings.publishing.folder_replacement import recover, replace_folder
from wiki_embeddings.publishing.publication import Publication, compose, parse_record
from wiki_embeddings.volume import (
    Volume,
    sha256_of_file,
    translate_storage_errors,
    write_bytes,
    written_atomically,
)

_EARLIER_VERSIONS = ".versions"
"""Where earlier releases kept the folders that a dataset's name was a symbolic link to."""

_MAX_NAME_BYTES = 255
"""Of a file or folder, on all common file systems."""

_NO_HARD_LINKS = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS}
"""Another file system, one without hard links, too many of them, or a kernel that forbids them."""


def publish_to_folder(volume: Volume, folder: str, hub_folder: Path) -> Path:
    """Publish a dataset under its name, in place of the version before.

    Readers see the old version or the complete new one, never a mixture. What else is in the
    folder stays: the files of earlier changes, and what people have put there.

    Args:
        volume: Where the dataset is.
        folder: Reference of its folder.
        hub_folder: Folder of all published datasets.

    Returns:
        The dataset's folder.

    Raises:
        BadInputError: Something else has that name.
        UnusableVolumeError: The folder cannot be written to.
    """
    manifest = existing_manifest(volume, folder)
    name = dataset_name(manifest)
    require_publishable(hub_folder, name)
    place, new = hub_folder / name, hub_folder / f".{name}.new"
    with translate_storage_errors(hub_folder):
        hub_folder.mkdir(parents=True, exist_ok=True)
        with FileLock(hub_folder / f".{name}.lock"):
            recover(new, place)
            publication = compose(volume, manifest, _read_record(place))
            if not _is_complete(place, publication, volume, manifest):
                _write(volume, manifest, publication, new, place)
                replace_folder(new, place)
    return place


def require_publishable(hub_folder: Path, name: str) -> None:
    """Make sure that a dataset of a name may be published in a folder.

    Raises:
        BadInputError: Something else has that name, or it is too long.
    """
    if len(os.fsencode(f".{name}.lock")) > _MAX_NAME_BYTES:
        raise BadInputError(
            f"{name} is too long for the name of a folder. It comes from the model's name: copy "
            "the model to a folder with a shorter one."
        )
    place = hub_folder / name
    if place.is_symlink():
        is_ours = place.readlink().parts[0] == _EARLIER_VERSIONS
    else:
        is_ours = not os.path.lexists(place) or (place / RECORD).is_file()
    if not is_ours:
        raise BadInputError(
            f"{place} is in the way: it is not a dataset that this project has published. Move it "
            "away."
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


def _is_complete(place: Path, publication: Publication, volume: Volume, manifest: Manifest) -> bool:
    """Return True if a folder has all of a publication, and no links of an earlier release."""
    if place.is_symlink():
        return False
    texts = all(
        (place / name).is_file() and (place / name).read_bytes() == text
        for name, text in publication.texts.items()
    )
    return texts and all(
        _is_intact(place / file.name, volume.path(manifest.reference(file)), file)
        for file in publication.files
    )


def _is_intact(published: Path, source: Path, file: ShardFile) -> bool:
    """Return True if a published file is the volume's, which was verified, or equals it."""
    if not published.is_file() or published.stat().st_size != file.bytes:
        return False
    return published.samefile(source) or sha256_of_file(published) == file.sha256


def _write(
    volume: Volume, manifest: Manifest, publication: Publication, new: Path, before: Path
) -> None:
    """Write a complete folder beside its place."""
    for file in publication.files:
        _link_or_copy(volume.path(manifest.reference(file)), new / file.name)
    for name, text in publication.texts.items():
        write_bytes(new / name, text)
    written = {*publication.texts, *(file.name for file in publication.files)}
    for path in sorted(before.rglob("*")):
        place = path.relative_to(before)
        is_stale = place.parts[0] in REPLACED_FOLDERS or place.as_posix() in written
        if path.is_file() and not is_stale:
            _link_or_copy(path.resolve(), new / place)


def _link_or_copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    try:
        destination.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        with written_atomically(destination) as temporary:
            shutil.copyfile(source, temporary)
