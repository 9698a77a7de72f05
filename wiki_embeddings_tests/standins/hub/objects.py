"""The large objects of the local Hub, on disk, by their SHA-256.

Knows nothing of repositories; they decide which of them may name an object.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import BinaryIO


class ObjectStore:
    """Objects in a temporary folder that ends with the store; thread-safe."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hub-objects-"))
        self.close = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def put(self, sha256: str, content: bytes | Path) -> None:
        """Store an object: bytes, or a copy of a file.

        Raises:
            ValueError: The content has another digest.
        """
        incoming = self.new_path()
        if isinstance(content, bytes):
            incoming.write_bytes(content)
        else:
            shutil.copyfile(content, incoming)
        self.adopt(sha256, incoming)

    def adopt(self, sha256: str, path: Path) -> None:
        """Move a file of this store's folder to its object, or delete it if there is one.

        Raises:
            ValueError: The content has another digest.
        """
        found = sha256_of(path)
        if found != sha256:
            path.unlink()
            message = f"the content of object {sha256} has the SHA-256 {found}"
            raise ValueError(message)
        path.replace(self.path(sha256))

    def new_path(self) -> Path:
        """Create an empty file in this store's folder."""
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix="new-", delete=False) as file:
            return Path(file.name)

    def path(self, sha256: str) -> Path:
        """Path of an object."""
        return self.folder / sha256

    def has(self, sha256: str) -> bool:
        return self.path(sha256).is_file()

    def size(self, sha256: str) -> int:
        return self.path(sha256).stat().st_size

    def open(self, sha256: str) -> BinaryIO:
        return self.path(sha256).open("rb")

    def remove(self, sha256: str) -> None:
        self.path(sha256).unlink()


def sha256_of(content: bytes | Path) -> str:
    """Digest of bytes, or of a file."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
