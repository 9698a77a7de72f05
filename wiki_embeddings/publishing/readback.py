"""What readers get of a published dataset, compared with what was written: asked of the Hub alone.

The rows are counted in the footers of the remote files, and some of them are read back through
`datasets`, as any reader would.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from huggingface_hub import HfApi, HfFileSystem

from wiki_embeddings.checks import CheckResult
from wiki_embeddings.dataset_layout import FOLDERS, ConfigName
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.hub_files.endpoint import endpoint, redacted_endpoint
from wiki_embeddings.manifest import Manifest, existing_manifest
from wiki_embeddings.publishing.differences import damaged_paths
from wiki_embeddings.publishing.hub_calls import call_hub
from wiki_embeddings.publishing.publication import compose
from wiki_embeddings.publishing.repository import read_main
from wiki_embeddings.stages.load_check import config_opens, stream_to_end
from wiki_embeddings.volume import Volume

_SAMPLED_ROWS = 10
"""Rows that are read back, at random but the same each time."""

_THREADS = 8
"""Footers are read in parallel: each is a few requests for a few bytes."""

_FOOTER_BYTES = 1 << 16
"""Block size while a footer is read: what the reader asks for first."""


@dataclass(frozen=True)
class _SampledRow:
    """A row as it was written, and the file that holds it."""

    file: str
    row: Mapping[str, Any]


def check_readback(volume: Volume, folder: str, repo_id: str) -> CheckResult:
    """Check that the Hub holds a complete dataset, and returns its rows as they were written.

    Args:
        volume: Where the dataset is.
        folder: Reference of its folder.
        repo_id: Name on the Hub.

    Raises:
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    manifest = existing_manifest(volume, folder)
    main = read_main(repo_id)
    url = f"{redacted_endpoint()}/datasets/{repo_id}"
    metadata: dict[str, Any] = {"url": url, "commit": main.commit}
    if main.digest != manifest.digest:
        description = "Something else is published there: materialize hub_dataset again."
        return CheckResult(False, description, metadata)
    publication = compose(volume, manifest, main.record, repo_id)
    differing = damaged_paths(repo_id, main.commit, publication)
    counted = 0 if differing else _count_rows(repo_id, main.commit, manifest)
    written = {} if differing else _sample_rows(volume, manifest)
    read = {} if differing else _read_rows(repo_id, main.commit, written)
    equal = sum(read.get(key) == sample.row for key, sample in written.items())
    opened = {} if differing else _open_configs(volume, manifest, repo_id, main.commit)
    is_complete = not differing and counted == manifest.rows
    passed = is_complete and equal == len(written) and all(opened.values())
    metadata |= {
        "files_that_differ": len(differing),
        "rows": manifest.rows,
        "rows_in_remote_footers": counted,
        "rows_read_back": len(written),
        "rows_read_back_alike": equal,
        **opened,
    }
    if passed:
        return CheckResult(True, "Readers get what was written.", metadata)
    advice = "materialize hub_dataset again, which puts it right"
    return CheckResult(False, f"Readers do not get what was written: {advice}.", metadata)


def _open_configs(volume: Volume, manifest: Manifest, repo_id: str, commit: str) -> dict[str, bool]:
    """Return whether each config opens as its card says."""

    def opens_as(config: ConfigName) -> bool:
        step = f"opening it as {config}"
        return call_hub(
            repo_id, step, lambda _: config_opens(volume, manifest, config, repo_id, commit)
        )

    return {f"opens_as_{config}": opens_as(config) for config in FOLDERS}


def _count_rows(repo_id: str, commit: str, manifest: Manifest) -> int:
    """Count the rows of all data files, by their footers on the Hub."""
    # One for all calls, because it remembers the list of files.
    hub = HfFileSystem(endpoint=endpoint(), skip_instance_cache=True)

    def read(name: str) -> int:
        path = f"datasets/{repo_id}@{commit}/{name}"
        with hub.open(path, "rb", block_size=_FOOTER_BYTES) as file:
            return int(pq.read_metadata(file).num_rows)

    def count(name: str) -> int:
        return call_hub(repo_id, f"reading back {name}", lambda _: read(name))

    first, *rest = [file.name for file in manifest.files if file.rows]
    with ThreadPoolExecutor(_THREADS) as threads:
        return count(first) + sum(threads.map(count, rest))


def _sample_rows(volume: Volume, manifest: Manifest) -> dict[tuple[int, int], _SampledRow]:
    """Sample rows from the volume, by page id and chunk index."""
    # Not for secrets: the same dataset always gives the same sample.
    rng = random.Random(manifest.digest)  # noqa: S311
    files = [file for file in manifest.files if file.rows]
    samples: dict[tuple[int, int], _SampledRow] = {}
    while len(samples) < min(_SAMPLED_ROWS, manifest.rows):
        file = rng.choice(files)
        row = _sample_row(volume.path(manifest.reference(file)), rng)
        samples[row["id"], row["chunk_index"]] = _SampledRow(file.name, row)
    return samples


def _sample_row(path: Path, rng: random.Random) -> Mapping[str, Any]:
    try:
        with pq.ParquetFile(path) as parquet:
            table = parquet.read_row_group(rng.randrange(parquet.num_row_groups))
    except (OSError, ValueError) as error:
        raise BadInputError(
            f"Cannot read {path} ({error}): materialize hub_dataset again."
        ) from error
    row: Mapping[str, Any] = table.slice(rng.randrange(table.num_rows), 1).to_pylist()[0]
    return row


def _read_rows(
    repo_id: str, commit: str, samples: Mapping[tuple[int, int], _SampledRow]
) -> dict[tuple[int, int], Mapping[str, Any]]:
    """Read the sampled rows from the Hub, streamed by `datasets`.

    Opens only the files that hold them, and reads only the row groups that may, by statistics.
    """
    from datasets import load_dataset  # heavy, and needed only here

    filters = [[("id", "==", page), ("chunk_index", "==", index)] for page, index in samples]
    names = sorted({sample.file for sample in samples.values()})

    def read(_: HfApi) -> list[dict[str, Any]]:
        rows = load_dataset(
            repo_id,
            data_files=names,
            revision=commit,
            split="train",
            streaming=True,
            filters=filters,
        )
        return stream_to_end(rows)

    rows = call_hub(repo_id, "reading rows back", read)
    return {(row["id"], row["chunk_index"]): row for row in rows}
