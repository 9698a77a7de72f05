"""Taking stock: which shards of an output are finished already, and still what they were.

Asked before a map where starting workers costs something, so that only the rest is mapped; and
after it, where what a worker has written might not have come to stay. The answer is a file on the
volume, because for a whole edition it is larger than a call may be.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from wiki_embeddings.manifest import ShardFile, finished_shard, reported_names
from wiki_embeddings.volume import Files, Volume, canonical_json, finished_shards_record

_THREADS = 8
"""Reading from a volume is waiting, and hashing runs beside it."""


def record_finished_shards(volume: Volume, folder: str, *, thorough: bool = True) -> int:
    """Write down which shards of an output are finished.

    Args:
        volume: Where the output lies.
        folder: Reference of the output folder.
        thorough: Whether their SHA-256 is compared, or only their size.

    Returns:
        How many there are; where there are none, nothing is written.

    Raises:
        UnusableVolumeError: The answer cannot be stored.
    """
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
    """Read which shards are finished, by name, as `record_finished_shards` has written it down."""
    content = json.loads(files.read_bytes(finished_shards_record(folder)))
    return {file["name"]: ShardFile(**file) for file in content["files"]}
