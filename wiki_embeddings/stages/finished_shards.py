"""The list of an output's finished shards: those whose files are still what their reports say.

Written before a map where a worker is expensive to start, so that only the rest is mapped; and
after it, where a worker's file might not have reached the volume. The list is a file on the volume,
because for a whole edition it is larger than a call may return.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from wiki_embeddings.manifest import ShardFile, finished_shard, manifest_path, reported_names
from wiki_embeddings.volume import (
    Files,
    Volume,
    canonical_json,
    finished_shards_record,
    remove_temporary_files,
    sha256_of_file,
)

_THREADS = 8
"""Reading from a network volume is mostly waiting, and hashing releases the GIL."""


@dataclass(frozen=True)
class FinishedShards:
    """What is finished of an output.

    Attributes:
        shards: The finished shards, by name.
        manifest_sha256: SHA-256 of the manifest's file; None if there is none.
    """

    shards: dict[str, ShardFile]
    manifest_sha256: str | None


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
        manifest = volume.path(manifest_path(folder))
        sha256 = sha256_of_file(manifest) if manifest.is_file() else None
        content = canonical_json({"files": finished, "manifest_sha256": sha256})
        volume.write_bytes(finished_shards_record(folder), content)
    return len(finished)


def read_finished_shards(files: Files, folder: str) -> FinishedShards:
    """Read the list that `record_finished_shards` wrote."""
    content = json.loads(files.read_bytes(finished_shards_record(folder)))
    shards = {file["name"]: ShardFile(**file) for file in content["files"]}
    return FinishedShards(shards, content["manifest_sha256"])
