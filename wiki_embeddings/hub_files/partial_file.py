"""A file that is being fetched: what is there of it, and the digest of that so far."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from hashlib import _Hash

    from wiki_embeddings.hub_files.snapshots import HubFile

READ_BYTES = 1 << 20


def is_complete(path: Path, file: HubFile) -> bool:
    """Whether `path` holds exactly the bytes of `file`; reads all of it if the size fits."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    hasher = _hasher(file)
    _read_into(hasher, path)
    return hasher.hexdigest() == _expected(file)


class PartialFile:
    """The bytes fetched so far, on the disk, with their digest kept up to date.

    Writes are unbuffered: a process that is killed loses nothing of what it has fetched.

    Attributes:
        size: Bytes in the file now.
        furthest: The most bytes that there ever were; it never goes down, and `on_progress` is
            told each time it goes up. So what has to be fetched twice is counted once.
    """

    def __init__(self, path: Path, file: HubFile, on_progress: Callable[[int], None]) -> None:
        self.path = path
        self._file = file
        self._on_progress = on_progress
        self._output = path.open("ab", buffering=0)
        self._hasher = _hasher(file)
        self.size = path.stat().st_size
        self.furthest = 0
        _read_into(self._hasher, path)
        self._advance()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._output.close()

    def append(self, data: bytes) -> None:
        """Writes `data` at the end.

        Raises:
            OSError: The disk is full, or similar; what was written counts.
        """
        view = memoryview(data)
        while view:
            written = self._output.write(view)
            self._hasher.update(view[:written])
            self.size += written
            view = view[written:]
        self._advance()

    def restart(self) -> None:
        """Throws away all bytes."""
        self._output.truncate(0)
        self._hasher = _hasher(self._file)
        self.size = 0

    def digest(self) -> str:
        """Digest of the bytes so far, of the kind that the Hub announces for this file."""
        return self._hasher.hexdigest()

    def is_complete(self) -> bool:
        """Whether the bytes are those that the Hub announces."""
        return self.size == self._file.size and self.digest() == _expected(self._file)

    def sync(self) -> None:
        """Waits until the bytes are on the disk."""
        os.fsync(self._output.fileno())

    def _advance(self) -> None:
        furthest = min(self.size, self._file.size)
        if furthest > self.furthest:
            self._on_progress(furthest - self.furthest)
            self.furthest = furthest


def _hasher(file: HubFile) -> _Hash:
    """The empty digest of the kind that is known of `file`: SHA-256, or git's SHA-1 of a blob."""
    if file.sha256 is not None:
        return hashlib.sha256()
    return hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)


def _expected(file: HubFile) -> str:
    return file.sha256 if file.sha256 is not None else file.blob_id


def _read_into(hasher: _Hash, path: Path) -> None:
    with path.open("rb") as source:
        while data := source.read(READ_BYTES):
            hasher.update(data)
