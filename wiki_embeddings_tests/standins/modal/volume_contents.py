"""File contents by their SHA-256: written once, never changed, shared by all volumes.

A view has copies of them, never links: a container that writes into a file in place would
otherwise change every other view, and earlier states.
"""

from __future__ import annotations

import hashlib
import shutil
import uuid
from pathlib import Path

_CHUNK = 1024 * 1024


class Contents:
    """A folder of immutable contents."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        self._incoming.mkdir(parents=True)

    def path(self, digest: str) -> Path:
        """Path of a content."""
        return self._folder / digest[:2] / digest

    def has(self, digest: str) -> bool:
        """True if a content is stored."""
        return self.path(digest).is_file()

    def put_bytes(self, data: bytes) -> str:
        """Store `data`, and return its digest."""
        digest = hashlib.sha256(data).hexdigest()
        if not self.has(digest):
            incoming = self._incoming / uuid.uuid4().hex
            incoming.write_bytes(data)
            self._adopt(incoming, digest)
        return digest

    def put_file(self, source: Path) -> str:
        """Store the content of a file, and return its digest."""
        digest = _digest(source)
        if self.has(digest):
            return digest
        # The container may still be writing: what counts is the copy, not what was hashed above.
        incoming = self._incoming / uuid.uuid4().hex
        shutil.copyfile(source, incoming)
        digest = _digest(incoming)
        self._adopt(incoming, digest)
        return digest

    def read(self, digest: str, start: int = 0, length: int = -1) -> bytes:
        """The bytes of a content, or `length` of them from `start`."""
        with self.path(digest).open("rb") as file:
            file.seek(start)
            return file.read(length)

    def _adopt(self, incoming: Path, digest: str) -> None:
        path = self.path(digest)
        path.parent.mkdir(exist_ok=True)
        incoming.replace(path)


def _digest(path: Path) -> str:
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
    return sha256.hexdigest()
