"""What readers get of a published dataset, compared with what was meant: asked of the Hub alone.

The rows are counted by the footers of the remote files, and some of them are read back as anybody
would, through `datasets`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq
from huggingface_hub import HfApi, HfFileSystem

from wiki_embeddings.checks import CheckResult
from wiki_embeddings.dataset_layout import CARD, FOLDERS, ConfigName
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.hub_files.endpoint import endpoint, redacted_endpoint
from wiki_embeddings.manifest import Manifest, ShardFile, existing_manifest
from wiki_embeddings.publishing.card_declarations import card_declares
from wiki_embeddings.publishing.hub_calls import ask
from wiki_embeddings.publishing.publication import compose
from wiki_embeddings.publishing.repository import MAIN, data_differences, head_of, tree_at
from wiki_embeddings.stages.load_test import opens
from wiki_embeddings.volume import Volume

_ROWS = 10
"""Rows that are read back, at random but the same each time."""

_THREADS = 8
"""Footers are read side by side: each is a few requests and no bytes to speak of."""

_FOOTER_BYTES = 1 << 16
"""What is fetched of a file at a time while its footer is read: what the reader asks for first."""


@dataclass(frozen=True)
class _Place:
    """Where a row lies: in which file, and its key there."""

    file: str
    row: Mapping[str, Any]


def reads_back(volume: Volume, folder: str, repo_id: str) -> CheckResult:
    """Whether the Hub holds a dataset whole, and gives its rows as they were written.

    Args:
        volume: Where the dataset lies.
        folder: Reference of its folder.
        repo_id: Name on the Hub.

    Raises:
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    published = existing_manifest(volume, folder)
    head = head_of(repo_id, MAIN)
    where = f"{redacted_endpoint()}/datasets/{repo_id}"
    metadata: dict[str, Any] = {"url": where, "commit": head.commit}
    if head.digest != published.digest:
        description = "Something else is published there: materialize hub_dataset again."
        return CheckResult(False, description, metadata)
    publication = compose(volume, published, head.record, repo_id)
    wrong = data_differences(tree_at(repo_id, head.commit), publication)
    if not card_declares(repo_id, head.commit, publication):
        wrong.append(CARD)
    counted = 0 if wrong else _rows_in_footers(repo_id, head.commit, published)
    written = {} if wrong else _chosen_rows(volume, published)
    read = {} if wrong else _read_back(repo_id, head.commit, written)
    same = sum(read.get(key) == place.row for key, place in written.items())
    opened = {} if wrong else _opened(volume, published, repo_id, head.commit)
    complete = not wrong and counted == published.rows
    passed = complete and same == len(written) and all(opened.values())
    mend = "It is not what was written: materialize hub_dataset again, which puts it right."
    description = "What is read there is what was written." if passed else mend
    metadata |= {
        "files_that_differ": len(wrong),
        "rows": published.rows,
        "rows_in_remote_footers": counted,
        "rows_read_back": len(written),
        "rows_read_back_alike": same,
        **opened,
    }
    return CheckResult(passed, description, metadata)


def _opened(volume: Volume, published: Manifest, repo_id: str, commit: str) -> dict[str, bool]:
    """Whether each config opens as its card says."""

    def opened(config: ConfigName) -> bool:
        step = f"opening it as {config}"
        return ask(repo_id, step, lambda _: opens(volume, published, config, repo_id, commit))

    return {f"opens_as_{config}": opened(config) for config in FOLDERS}


def _rows_in_footers(repo_id: str, commit: str, published: Manifest) -> int:
    """Rows of all data files, by their footers on the Hub."""
    # One for all, because it remembers the list of files.
    hub = HfFileSystem(endpoint=endpoint(), skip_instance_cache=True)

    def rows_of(name: str) -> int:
        def read(_: HfApi) -> int:
            path = f"datasets/{repo_id}@{commit}/{name}"
            with hub.open(path, "rb", block_size=_FOOTER_BYTES) as file:
                return int(pq.read_metadata(file).num_rows)

        return ask(repo_id, f"reading back {name}", read)

    first, *rest = [file.name for file in published.files if file.rows]
    with ThreadPoolExecutor(_THREADS) as threads:
        return rows_of(first) + sum(threads.map(rows_of, rest))


def _chosen_rows(volume: Volume, published: Manifest) -> dict[tuple[int, int], _Place]:
    """Rows to be read back, as they were written, by page id and chunk index."""
    # Not for secrets: the same dataset is always asked for the same rows.
    chance = random.Random(published.digest)  # noqa: S311
    files = [file for file in published.files if file.rows]
    chosen: dict[tuple[int, int], _Place] = {}
    while len(chosen) < min(_ROWS, published.rows):
        place = _row(volume, published, chance.choice(files), chance)
        chosen[place.row["id"], place.row["chunk_index"]] = place
    return chosen


def _row(volume: Volume, published: Manifest, file: ShardFile, chance: random.Random) -> _Place:
    path = volume.path(published.reference(file))
    try:
        with pq.ParquetFile(path) as parquet:
            table = parquet.read_row_group(chance.randrange(parquet.num_row_groups))
    except (OSError, ValueError) as error:
        raise BadInputError(f"Cannot read {path}: materialize hub_dataset again.") from error
    row = table.slice(chance.randrange(table.num_rows), 1).to_pylist()[0]
    return _Place(file.name, row)


def _read_back(
    repo_id: str, commit: str, wanted: Mapping[tuple[int, int], _Place]
) -> dict[tuple[int, int], Mapping[str, Any]]:
    """The same rows as `datasets` streams them from the Hub.

    Only the files that hold them are opened, and of these only the row groups whose statistics say
    that they may.
    """
    from datasets import load_dataset  # heavy, and needed only here

    keys = [[("id", "==", page), ("chunk_index", "==", index)] for page, index in wanted]
    names = sorted({place.file for place in wanted.values()})

    def read(_: HfApi) -> list[dict[str, Any]]:
        rows = load_dataset(
            repo_id, data_files=names, revision=commit, split="train", streaming=True, filters=keys
        )
        return list(rows)

    found = ask(repo_id, "reading rows back", read)
    return {(row["id"], row["chunk_index"]): row for row in found}
