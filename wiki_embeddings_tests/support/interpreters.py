"""Python code in interpreters of its own, where the way they end matters."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_AT_ONCE = 4
"""More than there are cores: a busy machine shows threads that outlive the interpreter."""

_TIMEOUT_S = 120
"""One that hangs at its exit never ends."""


def run_often(code: str, folder: Path, environment: Mapping[str, str], times: int = 6) -> list[str]:
    """Run code in new interpreters, and return the output of each; all of them must end cleanly.

    Args:
        code: Python.
        folder: Working directory.
        environment: Variables to set besides those of this process.
        times: Number of interpreters.
    """

    def run(_: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        runs = list(threads.map(run, range(times)))
    unclean = [done.stderr[-500:] for done in runs if done.returncode]
    assert not unclean, f"{len(unclean)} of {times} interpreters did not end cleanly: {unclean}"
    return [done.stdout for done in runs]
