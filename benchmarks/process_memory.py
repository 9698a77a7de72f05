"""The peak of memory of a process and its descendants, on Linux."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_EVERY_S = 0.25


class PeakMemory:
    """The most memory that was seen.

    Attributes:
        bytes: Proportional set size of all processes together: a page that several of them share
            counts once.
    """

    bytes = 0


@contextmanager
def peak_memory(pid: int) -> Iterator[PeakMemory]:
    """Watch a process and its descendants while the body runs."""
    peak = PeakMemory()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_EVERY_S):
            peak.bytes = max(peak.bytes, sum(map(_memory_of, _tree(pid))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _tree(root: int) -> Iterator[int]:
    """Yield a process and its descendants."""
    parents = dict(_parents())
    for pid in parents:
        ancestor: int | None = pid
        while ancestor not in {root, None}:
            ancestor = parents.get(ancestor)
        if ancestor == root:
            yield pid


def _parents() -> Iterator[tuple[int, int]]:
    """Yield each process of this machine with its parent."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            # The name, in brackets, may itself have brackets and spaces.
            _, _, fields = stat.read_text().rpartition(")")
            yield int(stat.parent.name), int(fields.split()[1])


def _memory_of(pid: int) -> int:
    """Read the proportional set size of a process in bytes; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    kib = next((line.split()[1] for line in lines if line.startswith("Pss:")), "0")
    return int(kib) * 1024
