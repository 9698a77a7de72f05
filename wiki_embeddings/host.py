"""This machine: process names, cores, and durations for people."""

from __future__ import annotations

import os
import socket
import threading
from multiprocessing import parent_process


def this_process() -> str:
    """Return a name for this process, from which a later one can tell whether it has ended."""
    return f"{os.getpid()}@{_host_name()}"


def is_gone(process: str) -> bool:
    """Return True if a process of this machine has ended; False for those of other machines."""
    pid, _, host = process.partition("@")
    if host != _host_name():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it is running, as another user
        return False
    return False


def exit_with_parent() -> None:
    """End this process as soon as the one that started it ends, even by SIGKILL.

    For processes of `multiprocessing`: nobody is left to use their results.
    """
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _host_name() -> str:
    # All Modal containers have the same host name.
    return os.environ.get("MODAL_TASK_ID") or socket.gethostname()


def usable_cores() -> int:
    """Return the number of processor cores that this process may use, at least 1.

    `OMP_NUM_THREADS`, if it is a number, is an upper limit: it tells a container that sees all
    cores of its machine how many it has reserved.
    """
    has_affinity = hasattr(os, "sched_getaffinity")  # not on macOS
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(limit)) if limit.isdigit() and int(limit) else cores


def duration(seconds: float) -> str:
    """Format a duration for people: `8 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
