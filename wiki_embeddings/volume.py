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
    {wiki}/raw/{digest}.certificate                             how complete the articles are
    {wiki}/raw/{digest}.required_titles                         articles that must be among them
"""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.host import is_gone, this_process

MiB = 1024 * 1024

StageName = Literal["raw", "chunks", "embeddings", "hub", "uploads"]

MANIFEST = "manifest.json"

_DIGEST_CHARACTERS = 16
"""64 bits, for a handful of settings of one wiki: no two will ever share a folder."""

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


def certificate_record(folder: str) -> str:
    """Return the reference of the file that says how complete an output's articles are."""
    return f"{folder}.certificate"


def required_titles_record(folder: str) -> str:
    """Return the reference of the file with the titles that must be among an output's articles."""
    return f"{folder}.required_titles"


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
