"""The processes of a container, also those outside of its process group."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path


def find_processes(task_id: str) -> list[int]:
    """Ids of all live processes of a container, itself included.

    They have the container's task id in their environment, which children inherit.
    """
    mark = f"MODAL_TASK_ID={task_id}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # gone in the meantime, or another user's
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
    return found


def kill_processes(task_id: str) -> None:
    """Kill every process of a container."""
    for process_id in find_processes(task_id):
        with suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)
