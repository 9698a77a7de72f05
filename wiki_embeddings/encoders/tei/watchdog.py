"""Runs a command for as long as the process that started this one lives, and not a moment longer.

    python watchdog.py FOLDER COMMAND [ARGUMENT]...

Standard input is a pipe that the parent holds open and never writes to. It ends when the parent
closes it or dies, by SIGKILL too; then the command is killed. Linux could signal a child that its
parent died, but does so when the parent's *thread* ends, and servers are restarted from threads.
The folder is the command's own: it is removed once the command has ended, however that was.

Runs as a script of its own and uses nothing but the standard library, so that it starts at once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading

_STDIN = 0
_SIGNALLED = 128
"""Added to a signal's number, this is how shells report the status of what it killed."""


def keep(folder: str, command: list[str]) -> int:
    """Runs a command until it ends or standard input does, and returns its exit status."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603  # our own command
    threading.Thread(target=_kill_with_parent, args=(process,), daemon=True).start()
    status = process.wait()
    shutil.rmtree(folder, ignore_errors=True)
    return status if status >= 0 else _SIGNALLED - status


def _kill_with_parent(process: subprocess.Popen[bytes]) -> None:
    os.read(_STDIN, 1)
    process.kill()


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1], sys.argv[2:]))
