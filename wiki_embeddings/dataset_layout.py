"""The layout of a published dataset: its files, and which of them each config loads.

README.md                              the card
wiki_embeddings.json                   the record of what is published, for machines
data/train-00000-of-00003.parquet …    all rows
small/train-00000-of-00001.parquet     rows from everywhere, for a first look
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

CARD = "README.md"

RECORD = "wiki_embeddings.json"

ConfigName: TypeAlias = Literal["default", "vectors", "small"]
"""All rows; the same rows without their texts; some rows."""

FOLDERS: Mapping[ConfigName, str] = {"default": "data", "vectors": "data", "small": "small"}
"""Folder of each config's files."""

VECTOR_COLUMNS = ["id", "chunk_index", "hash", "embedding"]
"""Columns of the config `vectors`; the others have all."""

SMALL_ROWS = 10_000
"""Rows of the config `small`: some 15 MB, loaded within seconds."""


def data_file(config: ConfigName, number: int, count: int) -> str:
    """Path of one of the `count` data files of a config, numbered from 0."""
    return f"{FOLDERS[config]}/train-{number:05d}-of-{count:05d}.parquet"


def files_pattern(config: ConfigName) -> str:
    """Pattern of the paths of a config's data files, as the Hub understands it."""
    return f"{FOLDERS[config]}/train-*.parquet"


SMALL_FILE = data_file("small", 0, 1)
"""The one file of the config `small`."""
