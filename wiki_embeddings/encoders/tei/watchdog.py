"""Runs a command until it ends, or kills it as soon as the process that started this one is gone.

    python watchdog.py FOLDER COMMAND [ARGUMENT]...

Standard input is a pipe that the parent holds open and never writes to. It ends when the parent
closes it or dies, even by SIGKILL; then the command is killed. Linux could signal a child that its
parent died, but does so when the parent's *thread* ends, and servers are restarted from threads.
The folder belongs to the command: it is removed once the command has ended, for whatever reason.

Runs as a script and uses nothing but the standard library, so that it starts at once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading

_STDIN = 0
_SIGNAL_STATUS = 128
"""Shells report the death of a process by a signal as this plus the signal's number."""


def run(folder: str, command: list[str]) -> int:
    """Run a command until it or standard input ends, and return its exit status."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603  # our own command
    threading.Thread(target=_kill_with_parent, args=(process,), daemon=True).start()
    status = process.wait()
    shutil.rmtree(folder, ignore_errors=True)
    return status if status >= 0 else _SIGNAL_STATUS - status


def _kill_with_parent(process: subprocess.Popen[bytes]) -> None:
    os.read(_STDIN, 1)
    process.kill()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2:]))
