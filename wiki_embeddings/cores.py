"""How many processor cores there are to use."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Number of processor cores that this process may use, at least 1.

    `OMP_NUM_THREADS` counts where it is a number: containers that see all cores of their machine
    are told that way which share of them is theirs.
    """
    affinity = hasattr(os, "sched_getaffinity")  # not on macOS
    cores = len(os.sched_getaffinity(0)) if affinity else os.cpu_count() or 1
    told = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(told)) if told.isdigit() and int(told) else cores
