"""Names of processes, so that what a dead one has left behind is recognised by the next."""

from __future__ import annotations

import os
import socket


def this_process() -> str:
    """Name of this process: its number, and the name of its machine or Modal container."""
    return f"{os.getpid()}@{_machine()}"


def is_gone(process: str) -> bool:
    """Whether a process of this machine has ended; False for those of other machines."""
    pid, _, host = process.partition("@")
    if host != _machine():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it runs, and is somebody else's
        return False
    return False


def _machine() -> str:
    # Containers on Modal all have the same host name.
    return os.environ.get("MODAL_TASK_ID") or socket.gethostname()


def usable_cores() -> int:
    """Number of processor cores that this process may use, at least 1.

    `OMP_NUM_THREADS` counts where it is a number: containers that see all cores of their machine
    are told that way which share of them is theirs.
    """
    affinity = hasattr(os, "sched_getaffinity")  # not on macOS
    cores = len(os.sched_getaffinity(0)) if affinity else os.cpu_count() or 1
    told = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(told)) if told.isdigit() and int(told) else cores


def duration(seconds: float) -> str:
    """A duration for people: `8 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
