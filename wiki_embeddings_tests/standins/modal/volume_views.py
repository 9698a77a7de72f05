"""A container's private view of a volume: a plain folder, and its last known state.

The view remembers the volume's tree at its last commit or reload (`base`). Only differences from
that are the container's own work; changes of others are not touched.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wiki_embeddings_tests.standins.modal.volume_contents import Contents
from wiki_embeddings_tests.standins.modal.volume_trees import DIRECTORY, Entry, Kind, Tree

CLOCK_TICK_NS = 50_000_000
"""A file system's clock may stand still this long: two writes within it can look like one."""


@dataclass(frozen=True)
class _Seen:
    """A file's status when its content was last read."""

    signature: tuple[int, ...]
    ctime_ns: int
    at_ns: int
    content: str

    def still(self, signature: tuple[int, ...]) -> bool:
        """True if the content cannot have changed: same status, older than a tick."""
        return signature == self.signature and self.ctime_ns + CLOCK_TICK_NS < self.at_ns


class VolumeView:
    """One mount of one volume in one container."""

    def __init__(
        self,
        folder: Path,
        contents: Contents,
        pids: Callable[[], Iterable[int]],
        *,
        read_only: bool,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self.pids = pids
        self.read_only = read_only
        self.base: Tree = {}
        self._contents = contents
        self._seen: dict[str, _Seen] = {}

    def scan(self) -> Tree:
        """Read the tree of the view, and store its contents."""
        tree = dict(self._entries(self.folder, ""))
        self._seen = {path: seen for path, seen in self._seen.items() if path in tree}
        return tree

    def show(self, target: Tree) -> None:
        """Make the view equal to `target`, touching only what differs.

        As on Modal, the mount is empty while this lasts.
        """
        current = self.scan()
        aside = self.folder.with_name(f".{self.folder.name}.reloading")
        self.folder.rename(aside)
        try:
            self.folder.mkdir(exist_ok=True)  # a writer may have been quicker
            self._rewrite(aside, current, target)
        finally:
            self._put_back(aside)
        self.base = dict(target)

    def discard(self) -> None:
        """Delete the folder after the end of its container."""
        shutil.rmtree(self.folder)

    def _put_back(self, aside: Path) -> None:
        """Move the content back in place of the empty mount.

        Anything written there meanwhile is lost. Its writers may go on, so the empty mount is moved
        away before it is deleted, and may reappear at once.
        """
        nothing = self.folder.with_name(f".{self.folder.name}.nothing")
        while True:
            self.folder.rename(nothing)
            try:
                aside.rename(self.folder)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            else:
                return
            finally:
                shutil.rmtree(nothing)

    def _entries(self, folder: Path, prefix: str) -> Iterator[tuple[str, Entry]]:
        for file in _listed(folder):
            path = f"{prefix}{file.name}"
            try:
                entry = self._entry(file, path)
            except FileNotFoundError:  # deleted or renamed since it was listed
                continue
            if entry is not None:
                yield path, entry
            if entry == DIRECTORY:
                yield from self._entries(file, f"{path}/")

    def _entry(self, file: Path, path: str) -> Entry | None:
        at_ns = time.time_ns()
        status = file.lstat()
        if stat.S_ISDIR(status.st_mode):
            return DIRECTORY
        if stat.S_ISLNK(status.st_mode):
            return Entry(Kind.SYMLINK, str(file.readlink()))
        if not stat.S_ISREG(status.st_mode):
            return None  # sockets and pipes mean nothing outside their container
        signature = _signature(status)
        seen = self._seen.get(path)
        if seen is None or not seen.still(signature):
            content = self._contents.put_file(file)
            seen = _Seen(signature, status.st_ctime_ns, at_ns, content)
            self._seen[path] = seen
        size = self._contents.path(seen.content).stat().st_size
        mode = stat.S_IMODE(status.st_mode)
        return Entry(Kind.FILE, seen.content, size, mode, status.st_mtime_ns)

    def _rewrite(self, folder: Path, current: Tree, target: Tree) -> None:
        gone = [
            path for path, entry in current.items() if _is_removed_first(entry, target.get(path))
        ]
        for path in sorted(gone, reverse=True):
            if current[path].kind is Kind.DIRECTORY:
                shutil.rmtree(folder / path)  # with the sockets and pipes in it
            else:
                (folder / path).unlink(missing_ok=True)
        for path, entry in sorted(target.items()):
            if current.get(path) != entry:
                self._write(folder / path, entry, path)

    def _write(self, file: Path, entry: Entry, path: str) -> None:
        if entry.kind is Kind.DIRECTORY:
            file.mkdir(exist_ok=True)
        elif entry.kind is Kind.SYMLINK:
            file.symlink_to(entry.content)
        else:
            shutil.copyfile(self._contents.path(entry.content), file)
            file.chmod(entry.mode)
            os.utime(file, ns=(entry.mtime_ns, entry.mtime_ns))
            self._seen.pop(path, None)


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _signature(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_mode)


def _is_removed_first(entry: Entry, wanted: Entry | None) -> bool:
    """True if an entry is removed before the new ones are written.

    A file that is replaced is removed too, so that open descriptors keep the old content.
    """
    if entry.kind is Kind.DIRECTORY:
        return wanted is None or wanted.kind is not Kind.DIRECTORY
    return wanted != entry
