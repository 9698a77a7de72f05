"""Translates what the readers of Parquet and YAML raise for a bad file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import yaml

from wiki_embeddings.errors import BadInputError

_NOT_THE_FILES_FAULT = (pa.ArrowMemoryError, pa.ArrowCancelled)
"""No other copy of the file would be read either."""


@contextmanager
def translate_read_errors(what: Path | str, advice: str) -> Iterator[None]:
    """Translate the errors of reading a Parquet file or a card.

    Args:
        what: The file, for the message "Cannot read {what}".
        advice: What to do about it, as a sentence.

    Raises:
        BadInputError: The file is missing or damaged.
    """
    try:
        yield
    # Arrow raises ValueError for a truncated file, OSError for broken bytes within, and errors of
    # its own for what it cannot decode.
    except (OSError, ValueError, yaml.YAMLError, pa.ArrowException) as error:
        if isinstance(error, _NOT_THE_FILES_FAULT):
            raise
        if isinstance(error, PermissionError):
            advice = "Give this user the right to read it."
        is_missing = isinstance(error, FileNotFoundError)
        reason = "it is missing" if is_missing else str(error).partition("\n")[0]
        raise BadInputError(f"Cannot read {what}: {reason}. {advice}") from error
