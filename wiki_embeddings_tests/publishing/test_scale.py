"""Three hundred files are uploaded in parallel, in few commits, and in constant memory."""

from __future__ import annotations

import random
from dataclasses import replace

from wiki_embeddings.dataset_layout import CARD
from wiki_embeddings.manifest import Manifest, ShardFile, write_manifest
from wiki_embeddings.volume import MiB, output_folder, sha256_of
from wiki_embeddings_tests.publishing.runs import (
    Datasets,
    read_content,
    start_publisher,
    wait_until,
)
from wiki_embeddings_tests.standins.hub import LocalHub
from wiki_embeddings_tests.standins.hub.local_hub import COMMITS_PER_HOUR

WORKERS = 4
NOISE = 1.3
"""Peak memory of two processes that do the same differs by less."""
KB = 1000
TRANSFERS = {"lfs": "/upload/", "xet": "/v1/xorbs/"}


def test_many_files_are_uploaded_in_parallel_in_few_commits_and_in_constant_memory(
    hub: LocalHub, datasets: Datasets, transfer: str
):
    few, many = _write_dataset(datasets, 30, 300 * KB), _write_dataset(datasets, 300, 300 * KB)
    few_kib = _peak_kib(datasets, few)
    transfers = TRANSFERS[transfer]
    commits_before = len(hub.requests("/commit/"))

    held = hub.hold(transfers)
    publisher = start_publisher(datasets, many)
    wait_until(
        lambda: sum(not each.status for each in hub.requests(transfers)) >= WORKERS, within_s=60.0
    )
    held.release()
    many_kib = publisher.wait()[0]["uploader_peak_kib"]

    data_files = {file.name: (file.bytes, file.sha256) for file in many.files if file.name != CARD}
    content = read_content(hub)
    assert {path: content[path] for path in content if path.startswith("data/")} == data_files
    assert len(hub.requests("/commit/")) - commits_before <= COMMITS_PER_HOUR / 20
    assert many_kib < NOISE * few_kib


def test_a_large_file_takes_no_more_memory_than_a_small_one(hub: LocalHub, datasets: Datasets):
    small_kib = _peak_kib(datasets, datasets.first)
    large_kib = _peak_kib(datasets, _write_dataset(datasets, 1, 48 * MiB))
    assert hub.received_bytes("/upload/") > 48 * MiB
    assert large_kib < NOISE * small_kib


def _peak_kib(datasets: Datasets, dataset: Manifest) -> int:
    """Publish a dataset; return the peak memory of the largest upload process."""
    return int(start_publisher(datasets, dataset).wait()[0]["uploader_peak_kib"])


def _write_dataset(datasets: Datasets, count: int, size: int) -> Manifest:
    """Write a dataset of noise files; publishing does not look into them."""
    first = datasets.first
    folder = output_folder(first.wiki, "hub", f"{count:016}")
    noise = random.Random(count)
    datasets.volume.path(f"{folder}/data").mkdir(parents=True)
    files = []
    for index in range(count):
        name, content = f"data/train-{index:05}-of-{count:05}.parquet", noise.randbytes(size)
        datasets.volume.path(f"{folder}/{name}").write_bytes(content)
        files.append(ShardFile(name, 1, size, sha256_of(content), index, index, 1, {}))
    card = next(file for file in first.files if file.name == CARD)
    datasets.volume.path(f"{folder}/{CARD}").write_bytes(
        datasets.volume.read_bytes(first.reference(card))
    )
    dataset = replace(first, folder=folder, files=(*files, card))
    write_manifest(datasets.volume, dataset)
    return dataset
