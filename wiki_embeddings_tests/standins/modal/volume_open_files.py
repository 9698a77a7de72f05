"""The open files of the processes of a container, read from /proc."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path


def open_file(folder: Path, pids: Iterable[int]) -> str | None:
    """Describe a process's use of `folder`; None if it has none.

    Checks the working directory, the open files and the mapped files of each process. A process
    that ends meanwhile uses nothing.
    """
    for pid in pids:
        try:
            busy = _busy(folder, Path("/proc") / str(pid))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if busy is not None:
            return busy
    return None


def _busy(folder: Path, process: Path) -> str | None:
    if (process / "cwd").readlink().is_relative_to(folder):
        return "cwd is inside volume"
    for path in (*_open_paths(process), *_mapped_paths(process)):
        if path.is_relative_to(folder):
            return f"path {path.relative_to(folder)} is open"
    return None


def _open_paths(process: Path) -> Iterator[Path]:
    for descriptor in (process / "fd").iterdir():
        try:
            yield descriptor.readlink()
        except FileNotFoundError:  # closed since it was listed
            continue


def _mapped_paths(process: Path) -> Iterator[Path]:
    for line in (process / "maps").read_text(errors="replace").splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5].startswith("/"):
            yield Path(fields[5])
