"""Three hundred files go up in parallel, in few commits, and in memory that does not grow."""

from __future__ import annotations

import random
from dataclasses import replace

from wiki_embeddings.dataset_layout import CARD
from wiki_embeddings.manifest import Manifest, ShardFile, write_manifest
from wiki_embeddings.volume import MiB, output_folder, sha256_of
from wiki_embeddings_tests.publishing.runs import Datasets, content_of, start_publisher, until
from wiki_embeddings_tests.standins.hub import LocalHub
from wiki_embeddings_tests.standins.hub.local_hub import COMMITS_PER_HOUR

WORKERS = 4
NOISE = 1.3
"""Peaks of two processes that do the same differ by less."""
KB = 1000
TRANSFERS = {"lfs": "/upload/", "xet": "/v1/xorbs/"}


def test_many_files_go_up_in_parallel_in_few_commits_and_in_the_memory_of_few(
    hub: LocalHub, datasets: Datasets, transfer: str
):
    few, many = _dataset(datasets, 30, 300 * KB), _dataset(datasets, 300, 300 * KB)
    few_kib = _peak_kib(datasets, few)
    sent = TRANSFERS[transfer]
    before = len(hub.requests("/commit/"))

    held = hub.hold(sent)
    publisher = start_publisher(datasets, many)
    until(lambda: sum(not each.status for each in hub.requests(sent)) >= WORKERS, within_s=60.0)
    held.release()
    many_kib = publisher.ended()[0]["uploader_peak_kib"]

    wanted = {file.name: (file.bytes, file.sha256) for file in many.files if file.name != CARD}
    data = {path: is_ for path, is_ in content_of(hub).items() if path.startswith("data/")}
    assert data == wanted
    assert len(hub.requests("/commit/")) - before <= COMMITS_PER_HOUR / 20
    assert many_kib < NOISE * few_kib


def test_a_large_file_goes_up_in_the_memory_of_a_small_one(hub: LocalHub, datasets: Datasets):
    small_kib = _peak_kib(datasets, datasets.first)
    large_kib = _peak_kib(datasets, _dataset(datasets, 1, 48 * MiB))
    assert hub.received_bytes("/upload/") > 48 * MiB
    assert large_kib < NOISE * small_kib


def _peak_kib(datasets: Datasets, dataset: Manifest) -> int:
    """Memory that the largest process took which uploaded a part of a dataset."""
    return int(start_publisher(datasets, dataset).ended()[0]["uploader_peak_kib"])


def _dataset(datasets: Datasets, count: int, size: int) -> Manifest:
    """A dataset of so many files of noise; publishing does not look into them."""
    first = datasets.first
    folder = output_folder(first.wiki, "hub", f"{count:016}")
    noise = random.Random(count)
    datasets.volume.path(f"{folder}/data").mkdir(parents=True)
    files = []
    for number in range(count):
        name, content = f"data/train-{number:05}-of-{count:05}.parquet", noise.randbytes(size)
        datasets.volume.path(f"{folder}/{name}").write_bytes(content)
        files.append(ShardFile(name, 1, size, sha256_of(content), number, number, 1, {}))
    card = next(file for file in first.files if file.name == CARD)
    datasets.volume.path(f"{folder}/{CARD}").write_bytes(
        datasets.volume.read_bytes(first.reference(card))
    )
    dataset = replace(first, folder=folder, files=(*files, card))
    write_manifest(datasets.volume, dataset)
    return dataset
