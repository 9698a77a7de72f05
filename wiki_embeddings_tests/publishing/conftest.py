"""A local Hub to publish to, and datasets to publish: made once, copied for each test."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub.utils import _http
from huggingface_hub.utils._http import default_client_factory

from wiki_embeddings.downloads import retries
from wiki_embeddings.manifest import Manifest, Settings, write_manifest
from wiki_embeddings.publishing import hub_calls
from wiki_embeddings.stages.shard import describe_parquet, parquet_writer
from wiki_embeddings.stages.statistics import vector_statistics
from wiki_embeddings.volume import Volume, output_folder
from wiki_embeddings_tests.publishing.runs import (
    Datasets,
    ExpectedContent,
    create_dataset,
    read_content,
    use_xet,
)
from wiki_embeddings_tests.standins.hub import WRITE_TOKEN, LocalHub
from wiki_embeddings_tests.standins.hub.fixtures import use_local_hub, without_xet
from wiki_embeddings_tests.support.synthetic import MODEL, SETTINGS, rows, write_embeddings

SHARDS, ROWS = 6, 26
"""Their page ids end a data file after every second shard, with two shards in a file on average."""

COMPLETE_SETTINGS: Settings = {
    **SETTINGS,
    "raw": {**SETTINGS["raw"], "articles_per_shard": 4096},
    "chunks": {**SETTINGS["chunks"], "model": MODEL},
}
"""Includes what an error needs that names the command to run again."""


@pytest.fixture(name="hub")
def hub_fixture(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> LocalHub:
    """A local Hub that this process may write to; uploads go by LFS unless a test asks for Xet."""
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    without_xet(monkeypatch)
    return hub


@pytest.fixture(params=["lfs", "xet"])
def transfer(
    request: pytest.FixtureRequest,
    hub: LocalHub,  # noqa: ARG001 (sets what this changes)
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """How files are uploaded: a test with this fixture runs once by LFS and once by Xet."""
    if request.param == "xet":
        use_xet(monkeypatch)
    return str(request.param)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits before further tries, in seconds, recorded instead of waited."""
    seconds: list[float] = []
    clock = SimpleNamespace(sleep=seconds.append, monotonic=time.monotonic)
    monkeypatch.setattr(retries, "time", clock)
    monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=seconds.append))
    return seconds


@pytest.fixture
def short_timeouts(
    hub: LocalHub,  # noqa: ARG001 (closes connections first)
    waits: list[float],  # noqa: ARG001 (retries do not wait)
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """Let the client give up a stalled connection after half a second."""
    monkeypatch.setattr(
        hub_calls, "RETRY_POLICY", replace(hub_calls.RETRY_POLICY, read_timeout_s=0.5)
    )
    hub_calls.configure_client.cache_clear()
    yield
    hub_calls.configure_client.cache_clear()
    huggingface_hub.set_client_factory(default_client_factory)


@pytest.fixture(scope="session")
def published_datasets(tmp_path_factory: pytest.TempPathFactory) -> Datasets:
    """Two snapshots of a dataset on a volume; tests must not change it."""
    root = tmp_path_factory.mktemp("datasets")
    volume = Volume(root)
    first = replace(write_embeddings(volume, SHARDS, ROWS), settings=COMPLETE_SETTINGS)
    write_manifest(volume, first)
    second = _next_snapshot(volume, first)
    return Datasets(root, create_dataset(volume, first, 2), create_dataset(volume, second, 2))


@pytest.fixture
def datasets(published_datasets: Datasets, tmp_path: Path) -> Datasets:
    """A copy of them for one test."""
    root = tmp_path / "datasets"
    shutil.copytree(published_datasets.root, root)
    return replace(published_datasets, root=root)


@pytest.fixture(scope="session")
def expected(
    published_datasets: Datasets, tmp_path_factory: pytest.TempPathFactory
) -> ExpectedContent:
    """What `main` holds after the first dataset is published, and then the second."""
    root = tmp_path_factory.mktemp("expected") / "datasets"
    shutil.copytree(published_datasets.root, root)
    datasets = replace(published_datasets, root=root)
    no_token = tmp_path_factory.mktemp("logged_out")
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        use_local_hub(monkeypatch, no_token) as hub,
    ):
        monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
        without_xet(monkeypatch)
        datasets.publish(datasets.first)
        first = read_content(hub)
        datasets.publish(datasets.second)
        return ExpectedContent(first, read_content(hub))


def _next_snapshot(volume: Volume, vectors: Manifest) -> Manifest:
    """Write embeddings of the next snapshot: its last shard has other rows."""
    folder = output_folder(vectors.wiki, "embeddings", "fedcba9876543210")
    shutil.copytree(volume.path(vectors.folder), volume.path(folder))
    *kept, last = vectors.files
    path = volume.path(folder) / last.name
    table = rows(SHARDS * ROWS, ROWS)
    with parquet_writer(path, table.schema) as writer:
        writer.write_table(table)
    changed = describe_parquet(path, last.name, vector_statistics(table))
    settings = {**vectors.settings, "raw": {**vectors.settings["raw"], "snapshot": "20240101"}}
    second = replace(vectors, folder=folder, settings=settings, files=(*kept, changed))
    write_manifest(volume, second)
    return second
