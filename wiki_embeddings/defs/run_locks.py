"""Which runs are executed by a living process: each holds the lock of a file while it runs.

The system releases the lock when the process ends, by SIGKILL or a restarted container too, so
neither a daemon nor a process number is needed to tell. The files lie in the Dagster home, which
all processes of an instance share; of a run on a machine with another home nothing is known here.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wiki_embeddings.volume import translate_storage_errors

if TYPE_CHECKING:
    import dagster as dg

_FOLDER = "running"


@contextmanager
def locked_run(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Hold the lock of a run, which this process executes.

    Raises:
        UnusableVolumeError: The Dagster home cannot be written to.
    """
    path = _path(instance, run_id)
    unlocked = path.with_suffix(".new")  # under its own name, nobody ever sees it unlocked
    with translate_storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = unlocked.open("w")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        unlocked.rename(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)  # before the lock ends: without a file, nobody was killed


def was_killed(instance: dg.DagsterInstance, run_id: str) -> bool:
    """True if the process that executed a run has ended without releasing its lock."""
    return _is_locked(_path(instance, run_id)) is False


def is_executed(instance: dg.DagsterInstance, run_id: str) -> bool:
    """True if a living process executes a run."""
    return _is_locked(_path(instance, run_id)) is True


def _is_locked(path: Path) -> bool | None:
    """Return whether a process holds the lock of a file; None if there is no such file."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False if path.exists() else None  # else it was released since it was opened
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return True


def forget(instance: dg.DagsterInstance, run_id: str) -> None:
    """Remove what a killed process has left of the lock of its run."""
    _path(instance, run_id).unlink(missing_ok=True)


def _path(instance: dg.DagsterInstance, run_id: str) -> Path:
    return Path(instance.root_directory) / _FOLDER / f"{run_id}.lock"
