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
