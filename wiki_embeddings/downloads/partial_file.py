"""A file while it is being downloaded: the bytes so far, and their digest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hashlib import _Hash


class ListedFile(Protocol):
    """A file as the site lists it: what its bytes must be."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def sha256(self) -> str | None:
        """SHA-256 in hexadecimal; None if only the blob's id is known."""

    @property
    def blob_id(self) -> str:
        """Git's object id, which verifies a file without a SHA-256."""


def is_complete(path: Path, file: ListedFile) -> bool:
    """Return whether `path` holds exactly the bytes of `file`; reads it only if the size fits."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    return _hash_content(path, file).hexdigest() == _expected_digest(file)


class PartialFile:
    """The bytes downloaded so far, on disk, with an up-to-date digest.

    Writes are unbuffered: a process that is killed loses nothing that it has downloaded.

    Attributes:
        path: Where the bytes are.
        size: Bytes in the file now.
        peak_size: The most bytes that the file ever had. `on_progress` is called with each
            increase, so that bytes downloaded twice count once.
    """

    def __init__(self, path: Path, file: ListedFile, on_progress: Callable[[int], None]) -> None:
        self.path = path
        self._file = file
        self._on_progress = on_progress
        self._output = path.open("ab", buffering=0)
        self._hash = _hash_content(path, file)
        self.size = path.stat().st_size
        self.peak_size = 0
        self._report_progress()

    def close(self) -> None:
        """Close the file."""
        self._output.close()

    def append(self, data: bytes) -> None:
        """Write `data` at the end.

        Raises:
            OSError: The disk is full, or similar; `size` includes the part that was written.
        """
        view = memoryview(data)
        while view:
            written = self._output.write(view)
            self._hash.update(view[:written])
            self.size += written
            view = view[written:]
        self._report_progress()

    def restart(self) -> None:
        """Discard all bytes."""
        self._output.truncate(0)
        self._hash = _new_hash(self._file)
        self.size = 0

    def digest(self) -> str:
        """Return the digest of the bytes so far, of the kind that is listed for this file."""
        return self._hash.hexdigest()

    def is_complete(self) -> bool:
        """Return whether the bytes have the size and digest that are listed."""
        return self.size == self._file.size and self.digest() == _expected_digest(self._file)

    def sync(self) -> None:
        """Wait until the bytes are on disk."""
        os.fsync(self._output.fileno())

    def _report_progress(self) -> None:
        size = min(self.size, self._file.size)
        if size > self.peak_size:
            self._on_progress(size - self.peak_size)
            self.peak_size = size


def _new_hash(file: ListedFile) -> _Hash:
    """Return an empty hash of the kind that is known of `file`: SHA-256, or git's for a blob."""
    if file.sha256 is not None:
        return hashlib.sha256()
    return hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)


def _expected_digest(file: ListedFile) -> str:
    return file.sha256 if file.sha256 is not None else file.blob_id


def _hash_content(path: Path, file: ListedFile) -> _Hash:
    with path.open("rb") as content:
        return hashlib.file_digest(content, lambda: _new_hash(file))
