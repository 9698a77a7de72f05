"""The volume: where each stage's files are, and how they are written.

The only module that knows the layout. Locally the volume is a folder, on Modal a `modal.Volume`
that each container mounts. A reference is a path relative to the root, so that it means the same to
every process that mounts the volume:

    {wiki}/{stage}/{digest}/part-00000.parquet … manifest.json
    {wiki}/{stage}/{digest}.reports/part-00000.parquet.json     reports of finished shards
    {wiki}/{stage}/{digest}.scratch/…                           downloads under way
    {wiki}/{stage}/{digest}.call                                the Modal call that is making it
    {wiki}/{stage}/{digest}.stock                               shards finished before that call
    {wiki}/{stage}/{digest}.throughput                          how fast it was made
    {wiki}/hub/{digest}.index_quality                           what its index finds
    {wiki}/raw/{digest}.certificate                             how complete the articles are
    {wiki}/raw/{digest}.required_titles                         articles that must be among them
    {wiki}/{stage}/{digest}.lock                                locked while this machine makes it
    {wiki}/current.json                                         the embeddings to search
"""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.host import is_gone, this_process

MiB = 1024 * 1024

StageName = Literal["raw", "chunks", "embeddings", "centroids", "index", "hub", "uploads"]

MANIFEST = "manifest.json"

_DIGEST_CHARACTERS = 16
"""64 bits, for a handful of settings of one wiki: no two will ever share a folder."""

_OUTPUT_NAME = re.compile(
    rf"([0-9a-f]{{{_DIGEST_CHARACTERS}}})"
    r"(?:\.(?:reports|scratch|call|stock|throughput|index_quality|certificate|required_titles))?"
)
"""The name of an output folder, or of what is noted beside it. The lock file is not named: it is
empty and has to stay, because a waiting process may have it open already."""

_WRITER_NAME = re.compile(r"\.(\d+@[^/]+)\.[0-9a-f]{8}\.tmp$")
"""The writing process in the name of a temporary file."""

_ABANDONED_AFTER_S = 24 * 3600
"""No writer on any machine is still at work on a temporary file this old: a shard takes minutes."""

_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file system takes no larger file",
}
"""Errors that only writing can raise."""

_UNUSABLE_REASONS = {
    **_FULL,
    errno.EIO: "the disk reports a fault",
    errno.EACCES: "this user may not write there",
    errno.EPERM: "this user may not write there",
    errno.EROFS: "it is mounted read-only",
    errno.ENOTDIR: "a file is in the way of a folder",
    errno.EEXIST: "a file is in the way of a folder",
}


class UnusableVolumeError(WikiEmbeddingsError):
    """The volume cannot be written to, so every other shard would fail the same way."""


class Files(Protocol):
    """Small files of a volume, whether it is mounted here or elsewhere."""

    def read_bytes(self, reference: str) -> bytes:
        """Read a whole file.

        Raises:
            FileNotFoundError: There is no such file.
        """

    def write_bytes(self, reference: str, content: bytes) -> None:
        """Write a file, whole or not at all; replaces an existing one.

        Raises:
            WikiEmbeddingsError: It cannot be stored.
        """

    def where(self, reference: str) -> str:
        """Say where people find a file or folder."""


@dataclass(frozen=True)
class Volume:
    """A mounted volume, which offers its small files as `Files`.

    Attributes:
        root: Folder where it is mounted.
    """

    root: Path

    def path(self, reference: str) -> Path:
        """Return the path of a file or folder in this process."""
        return self.root / reference

    def read_bytes(self, reference: str) -> bytes:
        """Read a whole file; see `Files.read_bytes`."""
        return self.path(reference).read_bytes()

    def write_bytes(self, reference: str, content: bytes) -> None:
        """Write a small file atomically; see `Files.write_bytes`.

        Raises:
            UnusableVolumeError: The disk is full, or the folder cannot be written to.
        """
        write_bytes(self.path(reference), content)

    def where(self, reference: str) -> str:
        """Say where people find a file or folder."""
        return str(self.path(reference))


def output_folder(wiki: str, stage: StageName, digest: str) -> str:
    """Return the reference of the folder of one stage's output under certain settings."""
    return f"{wiki}/{stage}/{digest}"


def scratch_folder(folder: str) -> str:
    """Return the reference of the folder for an output's downloads under way."""
    return f"{folder}.scratch"


def reports_folder(folder: str) -> str:
    """Return the reference of the folder of an output's shard reports."""
    return f"{folder}.reports"


def call_record(folder: str) -> str:
    """Return the reference of the file that names the Modal call that is making an output."""
    return f"{folder}.call"


def finished_shards_record(folder: str) -> str:
    """Return the reference of the file that lists the shards finished before a map."""
    return f"{folder}.stock"


def throughput_record(folder: str) -> str:
    """Return the reference of the file that says how fast an output was made."""
    return f"{folder}.throughput"


def index_quality_record(folder: str) -> str:
    """Return the reference of the file that says how well a dataset's index finds rows."""
    return f"{folder}.index_quality"


def certificate_record(folder: str) -> str:
    """Return the reference of the file that says how complete an output's articles are."""
    return f"{folder}.certificate"


def required_titles_record(folder: str) -> str:
    """Return the reference of the file with the titles that must be among an output's articles."""
    return f"{folder}.required_titles"


def lock_file(folder: str) -> str:
    """Return the reference of the file that is locked while an output is made on one machine."""
    return f"{folder}.lock"


def is_settled(reference: str) -> bool:
    """Return True for a file that changes only when its output is made again.

    These are an output's manifest and its certificate.
    """
    return reference.endswith((f"/{MANIFEST}", certificate_record("")))


def current_record(wiki: str) -> str:
    """Return the reference of the file that names the embeddings of a wiki to search."""
    return f"{wiki}/current.json"


@dataclass(frozen=True)
class StoredOutput:
    """What a volume has of one output: its folder, and what is noted beside it.

    Attributes:
        folder: Reference of the output folder, which may be gone or not yet begun.
        files: Number of files.
        bytes: Their size.
        written_at: When the newest of them was written, in seconds since 1970.
        completed_at: When the manifest was written; None if there is none.
    """

    folder: str
    files: int
    bytes: int
    written_at: float
    completed_at: float | None


def stored_outputs(volume: Volume) -> Iterator[StoredOutput]:
    """List the outputs on a volume; whatever else lies there is passed over."""
    for wiki in _folders(volume.root):
        for stage in get_args(StageName):
            if not (wiki / stage).is_dir() or (wiki / stage).is_symlink():
                continue
            names = {
                found[1]
                for path in (wiki / stage).iterdir()
                if (found := _OUTPUT_NAME.fullmatch(path.name)) and not path.is_symlink()
            }
            for digest in sorted(names):
                yield _stored_output(volume, output_folder(wiki.name, stage, digest))


def remove_output(volume: Volume, folder: str) -> None:
    """Remove an output and what is noted beside it; does nothing if there is none.

    The manifest goes first, so that what is left after an interruption counts as incomplete.

    Raises:
        UnusableVolumeError: Something cannot be removed.
    """
    with translate_storage_errors(volume.path(folder)):
        (volume.path(folder) / MANIFEST).unlink(missing_ok=True)
        for path in _paths_of_output(volume, folder):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _stored_output(volume: Volume, folder: str) -> StoredOutput:
    paths = _paths_of_output(volume, folder)
    found = [path for root in paths for path in (root, *root.rglob("*"))]
    statuses = [path.lstat() for path in found]
    sizes = [status.st_size for status in statuses if not stat.S_ISDIR(status.st_mode)]
    manifest = volume.path(folder) / MANIFEST
    return StoredOutput(
        folder=folder,
        files=len(sizes),
        bytes=sum(sizes),
        written_at=max(status.st_mtime for status in statuses),
        completed_at=manifest.stat().st_mtime if manifest.is_file() else None,
    )


def _paths_of_output(volume: Volume, folder: str) -> list[Path]:
    """List the folder of an output and what is noted beside it, the folder last."""
    own = volume.path(folder)
    beside = own.parent.glob(f"{own.name}.*")
    found = [path for path in sorted(beside) if _OUTPUT_NAME.fullmatch(path.name)]
    return [*found, own] if own.is_dir() else found


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())


def digest_of(value: Mapping[str, Any]) -> str:
    """Hash a JSON value to a short name, independent of the order of its keys."""
    return sha256_of(canonical_json(value))[:_DIGEST_CHARACTERS]


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """Serialise a JSON value in the one form that digests are computed from."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def written_atomically(destination: Path) -> Iterator[Path]:
    """Yield a temporary path; the file written there becomes `destination`, whole or not at all.

    The file is synced before the rename and the folder after it, so that a file under its final
    name is complete even after a power cut. Two writers of one destination do not collide: the last
    rename wins.

    Raises:
        UnusableVolumeError: The disk is full, or the folder cannot be written to.
    """
    writer = f"{this_process()}.{secrets.token_hex(4)}"
    temporary = destination.with_name(f".{destination.name}.{writer}.tmp")
    with translate_storage_errors(destination.parent):
        destination.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(destination)
        temporary.touch()
    try:
        # The caller also reads its inputs here, so only a full disk is certainly about this file.
        with translate_storage_errors(destination.parent, _FULL):
            yield temporary
        with translate_storage_errors(destination.parent):
            _sync(temporary)
            temporary.replace(destination)
            _sync_folder(destination.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(destination: Path, content: bytes) -> None:
    """Write a small file atomically.

    Raises:
        UnusableVolumeError: The disk is full, or the folder cannot be written to.
    """
    with written_atomically(destination) as temporary:
        temporary.write_bytes(content)


@contextmanager
def translate_storage_errors(
    folder: Path, reasons: Mapping[int, str] = _UNUSABLE_REASONS
) -> Iterator[None]:
    """Translate the operating system's errors of storing a file.

    Args:
        folder: Where the file is stored.
        reasons: Meaning of the errors to translate, by number.

    Raises:
        UnusableVolumeError: The disk is full, or the folder cannot be written to.
    """
    try:
        yield
    except OSError as error:
        reason = reasons.get(error.errno or 0)
        if reason is None:
            raise
        raise UnusableVolumeError(
            f"Cannot write to {folder}: {reason}. Free some space or fix the permissions, or set "
            "WIKI_EMBEDDINGS_HOME to another folder; then run again: what is finished is kept."
        ) from error


def remove_temporary_files(volume: Volume, folder: str) -> None:
    """Remove the temporary files of an output and of its reports, while nobody writes there."""
    for reference in (folder, reports_folder(folder)):
        for path in volume.path(reference).rglob(".*.tmp"):
            if _WRITER_NAME.search(path.name):
                path.unlink(missing_ok=True)


def _remove_abandoned(destination: Path) -> None:
    """Remove the temporary files of killed writers of the same file."""
    limit = time.time() - _ABANDONED_AFTER_S
    for temporary in destination.parent.glob(f".{glob.escape(destination.name)}.*.tmp"):
        writer = _WRITER_NAME.search(temporary.name)
        with suppress(FileNotFoundError):  # another writer of this shard may clean up too
            if (writer and is_gone(writer[1])) or temporary.stat().st_mtime < limit:
                temporary.unlink()


def _sync_folder(folder: Path) -> None:
    try:
        _sync(folder)
    except OSError as error:
        # Some network file systems cannot sync a folder.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
