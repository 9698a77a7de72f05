"""Standard output that survives what terminals and disks do: missing letters, no room."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from wiki_embeddings.errors import WikiEmbeddingsError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class OutputError(WikiEmbeddingsError):
    """Standard output takes no more, so there is no use in printing anything else."""


def prepare() -> None:
    """Print `?` for what the terminal cannot show; translate errors of writing.

    Does nothing where the output is closed, or where something else already stands for it.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(_TranslatedOutput(sys.stdout.fileno(), "wb", closefd=False)),
            encoding=sys.stdout.encoding,
            errors="replace",
            line_buffering=sys.stdout.line_buffering,
        )


def flush() -> None:
    """Write what is buffered, while an error can still be reported.

    Raises:
        OutputError: It cannot be written.
    """
    if sys.stdout is not None:  # closed
        sys.stdout.flush()


def discard() -> None:
    """Send what is still buffered nowhere; the interpreter's exit would fail with it again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


class _TranslatedOutput(io.FileIO):
    def write(self, content: ReadableBuffer, /) -> int:
        try:
            return super().write(content)
        except BrokenPipeError:  # the reader wants no more; Click and Rich end quietly
            raise
        except OSError as error:
            raise OutputError(
                f"Cannot write the output: {error.strerror}. Send it somewhere else; what a run "
                "has finished is kept."
            ) from error
