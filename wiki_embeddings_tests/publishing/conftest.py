"""A local Hub to publish to, and datasets to publish: made once, a copy of them for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub.utils import _http
from huggingface_hub.utils._http import default_client_factory

from wiki_embeddings.defs.materialize import drive
from wiki_embeddings.hub_files import retries
from wiki_embeddings.manifest import Manifest, Settings, write_manifest
from wiki_embeddings.progress import silent
from wiki_embeddings.publishing import hub_calls
from wiki_embeddings.stages import dataset
from wiki_embeddings.stages.shard import describe_parquet, parquet_writer
from wiki_embeddings.stages.statistics import vector_statistics
from wiki_embeddings.volume import Volume, output_folder
from wiki_embeddings_tests.publishing.runs import (
    Content,
    Datasets,
    InThisProcess,
    content_of,
    use_xet,
)
from wiki_embeddings_tests.standins.hub import WRITE_TOKEN, LocalHub
from wiki_embeddings_tests.standins.hub.fixtures import use_local_hub, without_xet
from wiki_embeddings_tests.support.synthetic import MODEL, SETTINGS, rows, write_embeddings

SHARDS, ROWS = 6, 20

WHOLE_SETTINGS: Settings = {
    **SETTINGS,
    "raw": {**SETTINGS["raw"], "shard_bytes": 16 << 20},
    "chunks": {**SETTINGS["chunks"], "model": MODEL},
}
"""With what an error needs that names the command to run again."""


@pytest.fixture(name="hub")
def hub_fixture(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> LocalHub:
    """A local Hub where this process may write, and uploads by LFS unless it asks for `xet`."""
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    without_xet(monkeypatch)
    return hub


@pytest.fixture(params=["lfs", "xet"])
def transfer(
    request: pytest.FixtureRequest,
    hub: LocalHub,  # noqa: ARG001 (it sets what this changes)
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """How files are uploaded: a test that takes this runs once with each."""
    if request.param == "xet":
        use_xet(monkeypatch)
    return str(request.param)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that would have been waited before further tries; nothing waits."""
    waited: list[float] = []
    monkeypatch.setattr(retries, "time", SimpleNamespace(sleep=waited.append))
    monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=waited.append))
    return waited


@pytest.fixture
def hasty(
    hub: LocalHub,  # noqa: ARG001 (it forgets connections before this)
    waits: list[float],  # noqa: ARG001 (nothing that is given up is waited for)
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """A client that gives up a silent connection within half a second."""
    monkeypatch.setattr(hub_calls, "PATIENCE", replace(hub_calls.RETRY_POLICY, read_timeout_s=0.5))
    hub_calls.prepare_client.cache_clear()
    yield
    hub_calls.prepare_client.cache_clear()
    huggingface_hub.set_client_factory(default_client_factory)


@pytest.fixture(scope="session")
def published_datasets(tmp_path_factory: pytest.TempPathFactory) -> Datasets:
    """Two snapshots of a dataset on a volume; not to be changed."""
    root = tmp_path_factory.mktemp("datasets")
    volume = Volume(root)
    first = replace(write_embeddings(volume, SHARDS, ROWS), settings=WHOLE_SETTINGS)
    write_manifest(volume, first)
    second = _next_snapshot(volume, first)
    return Datasets(root, _made(volume, first), _made(volume, second))


@pytest.fixture
def datasets(published_datasets: Datasets, tmp_path: Path) -> Datasets:
    """The same for one test alone."""
    root = tmp_path / "datasets"
    shutil.copytree(published_datasets.root, root)
    return replace(published_datasets, root=root)


@pytest.fixture(scope="session")
def faultless(
    published_datasets: Datasets, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Content, Content]:
    """What `main` holds once the first, and then the second dataset is published."""
    root = tmp_path_factory.mktemp("faultless") / "datasets"
    shutil.copytree(published_datasets.root, root)
    datasets = replace(published_datasets, root=root)
    nowhere = tmp_path_factory.mktemp("logged_out")
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        use_local_hub(monkeypatch, nowhere) as hub,
    ):
        monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
        without_xet(monkeypatch)
        datasets.publish(datasets.first)
        first = content_of(hub)
        datasets.publish(datasets.second)
        return first, content_of(hub)


def _made(volume: Volume, vectors: Manifest) -> Manifest:
    """The dataset of some embeddings: three data files, the small one and the card."""
    plan = dataset.plan(vectors, file_bytes=2 * vectors.files[0].bytes + 1000)
    return drive(plan, InThisProcess(volume.root, cores=1), silent, "hub_dataset").manifest


def _next_snapshot(volume: Volume, vectors: Manifest) -> Manifest:
    """Embeddings of the snapshot after another: the last shard has other rows."""
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
