"""The log of the UI's processes: all of it in a file, and in the terminal what matters.

The processes write into the file themselves. Through a pipe, a run that outlives the UI would have
nowhere to write to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from wiki_embeddings.volume import translate_storage_errors

_SHOWN = re.compile(
    r"(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} - (?P<logger>\S+) - )?"
    r"(?P<level>WARNING|ERROR|CRITICAL)(?: - |: +)(?P<message>.+)"
)
"""The first line of a message by Dagster's log, or by the web server's; tracebacks follow below."""

_EXPECTED = re.compile(r"No heartbeat received in \d+ seconds, shutting down$")
"""Of a code server that the daemon has replaced, as it does each minute: nothing is wrong."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

_LAST_LINES = 5


class UiLog:
    """The file that the processes write to, read as it grows.

    Attributes:
        path: The file. It begins anew with each UI.
    """

    def __init__(self, path: Path) -> None:
        """Empty the file.

        Raises:
            UnusableVolumeError: It cannot be written to.
        """
        self.path = path
        with translate_storage_errors(path.parent):
            self.writing: IO[bytes] = path.open("wb")
        self._reading = path.open(encoding="utf-8", errors="replace")
        self._rest = ""

    def warnings(self) -> Iterator[str]:
        """Return what was warned of since the last call, a line each."""
        *lines, self._rest = (self._rest + self._reading.read()).split("\n")
        for line in lines:
            found = _SHOWN.match(_COLOURS.sub("", line).rstrip())
            if found and not _EXPECTED.match(found["message"]):
                yield f"{found['level'].capitalize()}: {found['message'].strip()}"

    def last_lines(self) -> str:
        """Return the end of the log, for a UI that has ended by itself."""
        text = _COLOURS.sub("", self.path.read_text(errors="replace"))
        return "\n".join(text.rstrip().splitlines()[-_LAST_LINES:])

    def close(self) -> None:
        """Close the file here; the processes have it open themselves."""
        self.writing.close()
        self._reading.close()
