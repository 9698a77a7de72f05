"""Putting a finished folder in place of another one, in one step where the system can do that."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
"""From <fcntl.h> and <linux/fs.h>, for renameat2(2)."""

_CANNOT_EXCHANGE = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


def replace_folder(new: Path, place: Path) -> None:
    """Move a folder to its place, and delete what was there.

    On Linux, readers find the old folder or the new one at any moment. Where the system or the file
    system cannot exchange two names, there is a moment without either; a process that is killed in
    it leaves the old folder aside, and `recover` puts it back.

    Args:
        new: The folder; on the same file system as its place.
        place: Where it shall be: nothing, a folder, or a link to one.
    """
    if not os.path.lexists(place):
        new.rename(place)
    elif _exchange(new, place):
        _remove(new)
    else:
        old = _aside(place)
        place.rename(old)
        new.rename(place)
        _remove(old)


def recover(new: Path, place: Path) -> None:
    """Undo what a killed process has left of a replacement."""
    old = _aside(place)
    if os.path.lexists(old) and not os.path.lexists(place):
        old.rename(place)
    for leftover in (new, old):
        _remove(leftover)


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}.old")


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two names; returns False if that is not possible here."""
    renameat2 = _renameat2()
    if renameat2 is None:
        return False
    names = os.fsencode(first), os.fsencode(second)
    if renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT_EXCHANGE:
        return False
    raise OSError(number, os.strerror(number), str(first), None, str(second))


@cache
def _renameat2() -> Any:
    """Return the C library's function; None on other systems than Linux."""
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)


def _remove(path: Path) -> None:
    """Delete a folder; of a link also the folder that it points to, as earlier releases made it."""
    if path.is_symlink():
        target = path.resolve()
        path.unlink()
        path = target
    if path.is_dir():
        shutil.rmtree(path)
