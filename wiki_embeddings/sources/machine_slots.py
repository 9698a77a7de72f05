"""Places that the processes of one user on this machine share: a few at a time may do something.

They lie in the temporary folder (`TMPDIR`). Other users do not share them: a folder that everybody
may write to would let anyone block the others.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from wiki_embeddings.errors import BusyError
from wiki_embeddings.volume import translate_storage_errors

_POLL_S = 0.1


@contextmanager
def machine_slot(name: str, places: int, timeout_s: float | None = None) -> Generator[None]:
    """Wait for one of some places and hold it; the system frees it if this process is killed.

    Args:
        name: Name of what is shared, of letters, digits, dots and hyphens.
        places: How many processes may hold one at once.
        timeout_s: Seconds to wait; None to wait as long as it takes.

    Raises:
        BusyError: None became free in time.
    """
    # Not below the home or on the volume: two of them on one machine have the same address.
    folder = Path(tempfile.gettempdir()) / f"wiki-embeddings-{os.getuid()}"
    with translate_storage_errors(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
        held = _acquire(
            [FileLock(folder / f"{name}-{place}.lock") for place in range(places)], timeout_s
        )
    if held is None:
        raise BusyError(
            f"Other processes of this machine have been busy with {name} for {timeout_s:.1f} s: "
            "run it again later."
        )
    try:
        yield
    finally:
        held.release()


def _acquire(locks: list[FileLock], timeout_s: float | None) -> FileLock | None:
    started = time.monotonic()
    while timeout_s is None or time.monotonic() - started < timeout_s:
        for lock in locks:
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            return lock
        time.sleep(_POLL_S)
    return None
