"""Names of processes, so that what a dead one has left behind is recognised by the next."""

from __future__ import annotations

import os
import socket


def this_process() -> str:
    """Name of this process: its number, and the machine's name."""
    return f"{os.getpid()}@{socket.gethostname()}"


def is_gone(process: str) -> bool:
    """Whether a process of this machine has ended; False for those of other machines."""
    pid, _, host = process.partition("@")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it runs, and is somebody else's
        return False
    return False
