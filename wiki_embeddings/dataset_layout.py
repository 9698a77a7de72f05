"""The layout of a published dataset: its files, and which of them each config loads.

README.md                              the card
wiki_embeddings.json                   the record of what is published, for machines
data/train-00000-of-00003.parquet …    all rows
small/train-00000-of-00001.parquet     rows from everywhere, for a first look
index/head.safetensors                 what a search reads first, if the dataset has an index
index/lists-00000-of-00010.bin …       the lists of the index
changes/20261101.parquet …             what each snapshot changed since the one before; these stay
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

CARD = "README.md"

RECORD = "wiki_embeddings.json"

ConfigName: TypeAlias = Literal["default", "vectors", "small"]
"""All rows; the same rows without their texts; some rows."""

FOLDERS: Mapping[ConfigName, str] = {"default": "data", "vectors": "data", "small": "small"}
"""Folder of each config's files."""

CHANGES_FOLDER = "changes"
"""Its files stay when the next snapshot is published, so it is none of `FOLDERS`."""

INDEX_FOLDER = "index"

REPLACED_FOLDERS = frozenset({*FOLDERS.values(), INDEX_FOLDER})
"""Folders of which the next snapshot keeps nothing."""

INDEX_HEAD = f"{INDEX_FOLDER}/head.safetensors"
"""The part of the index that a search reads first; docs/search.md describes both."""

INDEXED_ROWS = 100_000
"""Datasets with more rows get an index by default; fewer are searched exactly in a moment."""

VECTOR_COLUMNS = ["id", "chunk_index", "hash", "embedding"]
"""Columns of the config `vectors`; the others have all."""

SMALL_ROWS = 10_000
"""Rows of the config `small`: some 15 MB, loaded within seconds."""


def data_file(config: ConfigName, number: int, count: int) -> str:
    """Path of one of the `count` data files of a config, numbered from 0."""
    return f"{FOLDERS[config]}/train-{number:05d}-of-{count:05d}.parquet"


def lists_file(number: int, count: int) -> str:
    """Path of one of the `count` files of an index's lists, numbered from 0."""
    return f"{INDEX_FOLDER}/lists-{number:05d}-of-{count:05d}.bin"


def changes_file(snapshot: str) -> str:
    """Path of the file that says what a snapshot changed; the newest is the config `changes`."""
    return f"{CHANGES_FOLDER}/{snapshot}.parquet"


def files_pattern(config: ConfigName) -> str:
    """Pattern of the paths of a config's data files, as the Hub understands it."""
    return f"{FOLDERS[config]}/train-*.parquet"


SMALL_FILE = data_file("small", 0, 1)
"""The one file of the config `small`."""

_NUMBERED = re.compile(r"(.*)-([0-9]+)-of-([0-9]+)(\..*)?")


def incomplete_series(paths: Iterable[str]) -> str | None:
    """Say what is wrong with files that are numbered like `train-00001-of-00003.parquet`.

    Args:
        paths: All files that are read as one. Each series has a name, such as `train`.

    Returns:
        A clause such as `train-00001-of-00003.parquet is missing`; None if every series is complete
        or no file is numbered, because then nothing says how many there are.
    """
    series: dict[tuple[str, str], dict[str, set[int]]] = {}
    unnumbered = []
    for path in sorted(paths):
        if match := _NUMBERED.fullmatch(path):
            name, number, count, suffix = match.groups(default="")
            series.setdefault((name, suffix), {}).setdefault(count, set()).add(int(number))
        else:
            unnumbered.append(path)
    if series and unnumbered:
        return f"{unnumbered[0]} has no number, although others have"
    faults = (_fault(name, suffix, by_count) for (name, suffix), by_count in series.items())
    return next((fault for fault in faults if fault), None)


def _fault(name: str, suffix: str, by_count: Mapping[str, set[int]]) -> str | None:
    """Say what is wrong with one series, by the numbers found out of each count."""
    if len(by_count) > 1:
        counts = " and ".join(by_count)
        return f"{name} is numbered out of {counts}, so files of two versions are mixed"
    ((count, numbers),) = by_count.items()
    first = 1 if int(count) in numbers and 0 not in numbers else 0  # some count from 1
    expected = range(first, first + int(count))
    missing = sorted(set(expected) - numbers)
    if missing:
        path = f"{name}-{missing[0]:0{len(count)}d}-of-{count}{suffix}"
        others = f" and {len(missing) - 1} more are" if len(missing) > 1 else " is"
        return f"{path}{others} missing"
    if extra := sorted(numbers - set(expected)):
        return f"{name} goes on to number {extra[-1]}, although it has {count} files"
    return None
