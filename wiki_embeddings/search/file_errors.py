"""Tells of Parquet files and cards that cannot be read, in a sentence instead of a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import yaml

from wiki_embeddings.errors import BadInputError


@contextmanager
def translate_read_errors(what: Path | str, advice: str) -> Iterator[None]:
    """Turn what the readers of Parquet and YAML raise for a bad file into a sentence.

    Args:
        what: The file, to stand after "Cannot read".
        advice: What to do about it, as a whole sentence.

    Raises:
        BadInputError: The file is gone or damaged.
    """
    try:
        yield
    # Arrow raises ValueError for a file without its end, OSError for broken bytes within, and
    # errors of its own for what it cannot decode.
    except (OSError, ValueError, yaml.YAMLError, pa.ArrowException) as error:
        is_gone = isinstance(error, FileNotFoundError)
        reason = "it is gone" if is_gone else str(error).partition("\n")[0]
        raise BadInputError(f"Cannot read {what}: {reason}. {advice}") from error
