"""The list of an output's finished shards: those whose files are still what their reports say.

Written before a map where a worker is expensive to start, so that only the rest is mapped; and
after it, where a worker's file might not have reached the volume. The list is a file on the volume,
because for a whole edition it is larger than a call may return.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from wiki_embeddings.manifest import ShardFile, finished_shard, reported_names
from wiki_embeddings.volume import (
    Files,
    Volume,
    canonical_json,
    finished_shards_record,
    remove_temporary_files,
)

_THREADS = 8
"""Reading from a network volume is mostly waiting, and hashing releases the GIL."""


def record_finished_shards(volume: Volume, folder: str, *, thorough: bool = True) -> int:
    """Write the list of an output's finished shards, and remove what killed writers left.

    Called while no worker makes the output: before its map, when an earlier one is cancelled, and
    after it.

    Args:
        volume: Where the output is.
        folder: Reference of the output folder.
        thorough: True to compare each file's SHA-256, False to compare only its size.

    Returns:
        Number of finished shards. If there are none, nothing is written.

    Raises:
        UnusableVolumeError: The list cannot be stored.
    """
    remove_temporary_files(volume, folder)
    with ThreadPoolExecutor(_THREADS) as threads:
        shards = threads.map(
            lambda name: finished_shard(volume, folder, name, thorough=thorough),
            reported_names(volume, folder),
        )
        finished = [asdict(shard) for shard in shards if shard is not None]
    if finished:
        volume.write_bytes(finished_shards_record(folder), canonical_json({"files": finished}))
    return len(finished)


def read_finished_shards(files: Files, folder: str) -> dict[str, ShardFile]:
    """Read the list that `record_finished_shards` wrote; gives the shards by name."""
    content = json.loads(files.read_bytes(finished_shards_record(folder)))
    return {file["name"]: ShardFile(**file) for file in content["files"]}
