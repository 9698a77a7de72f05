"""Files read by ranges of bytes from where they lie, so that a search downloads none of them.

Whoever implements `ByteRanges` gives the bytes of one version of the files, or an error: never
those of two versions.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError

ByteRange: TypeAlias = tuple[int, int]
"""Positions of the first byte and of the one after the last, as in a slice."""


class MissingFileError(BadInputError):
    """There is no such file at that place."""


class ChangedFileError(WikiEmbeddingsError):
    """A file is no longer the one that was opened."""


class Traffic:
    """Counts what was fetched; several threads may count at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        self.bytes = 0

    def add(self, requests: int, bytes_: int) -> None:
        """Count requests, and bytes of content."""
        with self._lock:
            self.requests += requests
            self.bytes += bytes_


class ByteRanges(Protocol):
    """Files of one version of a dataset, read by ranges; may be used by several threads at once.

    Attributes:
        label: What the files belong to, as in "Cannot read index/head.arrow of {label}".
        traffic: What was fetched until now.
    """

    @property
    def label(self) -> str: ...  # noqa: D102 (described above)

    @property
    def traffic(self) -> Traffic: ...  # noqa: D102

    def size(self, path: str) -> int:
        """Return the bytes of a file.

        Args:
            path: Path in the dataset, with forward slashes.

        Raises:
            MissingFileError: There is no such file.
            WikiEmbeddingsError: As `read`.
        """

    def read(self, path: str, ranges: Sequence[ByteRange]) -> list[bytes]:
        """Read some ranges of a file, in parallel where it is far away.

        Args:
            path: Path in the dataset, with forward slashes.
            ranges: Any ranges within the file, in any order; ones that touch each other are
                fetched in one request.

        Returns:
            The bytes of each range, as many as it spans.

        Raises:
            MissingFileError: There is no such file.
            BadInputError: A range ends after the end of the file, or the place cannot be read by
                ranges.
            ChangedFileError: The file is another one than at the first call.
            WikiEmbeddingsError: The place cannot be reached.
        """

    def close(self) -> None:
        """Close the connections."""


def require_within(path: str, label: str, size: int, ranges: Iterable[ByteRange]) -> None:
    """Refuse ranges that are not within a file, so that a short one is never taken for whole.

    Raises:
        BadInputError: A range is none, or ends after the end of the file.
    """
    for start, stop in ranges:
        if not 0 <= start <= stop <= size:
            raise BadInputError(
                f"{path} of {label} has {size:,} bytes, but bytes {start:,} to {stop:,} are asked "
                "for: it is cut short, or belongs to another version of the dataset. Get or "
                "publish the dataset again."
            )


def require_plain_path(path: str, label: str) -> None:
    """Refuse a path that leads out of the dataset; a file of the dataset may have named it.

    Raises:
        BadInputError: It is absolute, or has `..` or the like in it.
    """
    parts = path.split("/")
    if not path.isprintable() or "\\" in path or {"", ".", ".."}.intersection(parts):
        raise BadInputError(
            f"{label} names the file {path!r}, which is no path within a dataset: somebody has "
            "changed it. Get or publish the dataset again."
        )


@dataclass(frozen=True)
class _Version:
    """What tells that a local file is still the same one."""

    device: int
    inode: int
    size: int
    modified_ns: int


class FolderRanges:
    """Files of a folder of this machine; implements `ByteRanges`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()  # a published dataset is a link to its newest version
        self.label = str(folder)
        self.traffic = Traffic()
        self._versions: dict[str, _Version] = {}
        self._lock = threading.Lock()

    def size(self, path: str) -> int:
        """Return the bytes of a file; see `ByteRanges`."""
        file = self._open(path)
        try:
            return os.fstat(file).st_size
        finally:
            os.close(file)

    def read(self, path: str, ranges: Sequence[ByteRange]) -> list[bytes]:
        """Read some ranges of a file, one after the other; see `ByteRanges`."""
        file = self._open(path)
        try:
            require_within(path, self.label, os.fstat(file).st_size, ranges)
            contents = [_read_all(file, start, stop) for start, stop in ranges]
        except OSError as error:
            raise _unreadable(path, self.label, error) from error
        finally:
            os.close(file)
        if sum(map(len, contents)) < sum(stop - start for start, stop in ranges):
            raise changed_file(path, self.label)  # cut short after it was opened
        self.traffic.add(len(ranges), sum(map(len, contents)))
        return contents

    def close(self) -> None:
        """Do nothing: no file stays open between two calls."""

    def _open(self, path: str) -> int:
        """Open a file for reading; refuse one that was replaced since it was first opened."""
        require_plain_path(path, self.label)
        try:
            file = os.open(self.folder / path, os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError) as error:
            if path in self._versions:
                raise changed_file(path, self.label) from error
            raise MissingFileError(f"{self.label} has no file {path}.") from error
        except OSError as error:
            raise _unreadable(path, self.label, error) from error
        status = os.fstat(file)
        version = _Version(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        with self._lock:
            first = self._versions.setdefault(path, version)
        if version != first:
            os.close(file)
            raise changed_file(path, self.label)
        return file


def _read_all(file: int, start: int, stop: int) -> bytes:
    """Read a range, in as many steps as the system needs; shorter only at the end of the file."""
    content = bytearray()
    while start + len(content) < stop:
        piece = os.pread(file, stop - start - len(content), start + len(content))
        if not piece:
            break
        content += piece
    return bytes(content)


def changed_file(path: str, label: str) -> ChangedFileError:
    """Return the error for a file that is no longer the one that was opened."""
    return ChangedFileError(
        f"{path} of {label} has changed since it was opened: somebody has published another "
        "snapshot there. Open the dataset again."
    )


def _unreadable(path: str, label: str, error: OSError) -> BadInputError:
    return BadInputError(
        f"Cannot read {path} of {label}: {error.strerror}. Get the dataset again, or give this "
        "user the right to read it."
    )
