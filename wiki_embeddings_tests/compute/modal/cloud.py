"""Runs on the local Modal control plane: a generated wiki, a tiny model, the deployed app."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from wiki_embeddings.compute.modal import preflight
from wiki_embeddings.compute.modal.deployment import SECRET, VOLUME
from wiki_embeddings.defs.asset_checks import asset_checks
from wiki_embeddings.defs.assets import chunked_volume, embeddings, hub_dataset, raw_wikipedia
from wiki_embeddings.defs.resources import ComputeResource, HubResource
from wiki_embeddings.progress import Snapshot
from wiki_embeddings.settings import ComputeKind
from wiki_embeddings.sources.hub import REPO_ID, REVISION
from wiki_embeddings_tests.sources.article_tables import parquet
from wiki_embeddings_tests.standins.hub.fixtures import hub_of_this_process
from wiki_embeddings_tests.standins.hub.local_hub import TOKEN, LocalHub
from wiki_embeddings_tests.standins.modal.control_plane import ControlPlane
from wiki_embeddings_tests.standins.modal.fixtures import client_of
from wiki_embeddings_tests.standins.modal.options import Options

ASSETS = ("raw_wikipedia", "chunked_volume", "embeddings", "hub_dataset")
WIKI = "simple"
MODEL = "tests/tiny-bert"
APP_MODULE = "wiki_embeddings.modal_app"
REPOSITORY = Path(__file__).parents[3]

CONFIG: Mapping[str, Mapping[str, Any]] = {
    "raw_wikipedia": {"shard_mib": 0.002},
    "chunked_volume": {"model": MODEL, "token_budget": 128, "containers": 3},
    "embeddings": {"containers": 3, "gpu": "L4"},
    "hub_dataset": {"file_mib": 1.0},
}
"""Run config that makes many small shards."""

_SENTENCE = "The river {} flows past {} bridges into the sea, which is {} miles wide. "


def wikipedia(ids: Sequence[int]) -> pa.Table:
    """Articles of a few paragraphs each, no two alike, as `wikimedia/wikipedia` has them."""
    columns = {
        "id": [str(i) for i in ids],
        "url": [f"https://simple.wikipedia.org/wiki/River%20{i}" for i in ids],
        "title": [f"River {i}" for i in ids],
        "text": [
            "\n\n".join(_SENTENCE.format(i, n, i * n) * 4 for n in range(1 + i % 4)) for i in ids
        ],
    }
    return pa.table(columns, pa.schema([(name, pa.string()) for name in columns]))


@dataclass(frozen=True)
class Cloud:
    """A control plane with the app deployed, a Hub, and a Dagster instance.

    Attributes:
        plane: The control plane.
        hub: The Hub, which the containers find through the secret.
        instance: Dagster's record of the runs on Modal.
        folder: Where the same can be made on this machine, to compare.
    """

    plane: ControlPlane
    hub: LocalHub
    instance: dg.DagsterInstance
    folder: Path
    heard: list[Snapshot] = field(default_factory=list)

    def serve(self, articles: int, files: int = 1) -> None:
        """Let the Hub have a wiki of so many articles in so many files."""
        parts = {
            f"20231101.{WIKI}/train-{n:05d}-of-{files:05d}.parquet": parquet(
                wikipedia(range(n, articles, files))
            )
            for n in range(files)
        }
        self.hub.add(REPO_ID, parts, commit=REVISION)

    def deploy(self) -> str:
        """Deploy the app as it is in this repository."""
        preflight._accepted.cache_clear()
        return self.plane.deploy(APP_MODULE, cwd=REPOSITORY)

    def materialize(
        self,
        *assets: str,
        config: Mapping[str, Mapping[str, Any]] | None = None,
        wiki: str = WIKI,
        kind: ComputeKind = "modal",
        instance: dg.DagsterInstance | None = None,
        listener: Callable[[Snapshot], None] | None = None,
        namespace: str | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Materialize some assets with their checks; all of them if none is named.

        Args:
            assets: Keys of the assets.
            config: Config of assets, over `CONFIG`.
            wiki: The partition.
            kind: Where the stages run.
            instance: Dagster's record, if not this cloud's.
            listener: Told of progress; else `heard` is.
            namespace: On the Hub, to publish to.
        """
        chosen = assets or ASSETS
        ops = {
            asset: {"config": dict(CONFIG[asset]) | dict((config or {}).get(asset, {}))}
            for asset in chosen
        }
        return dg.materialize(
            [raw_wikipedia, chunked_volume, embeddings, hub_dataset, *asset_checks],
            selection=dg.AssetSelection.assets(*chosen),
            instance=instance or self.instance,
            partition_key=wiki,
            run_config={"ops": ops},
            resources={
                "compute": ComputeResource(kind=kind, volume=str(self.folder / "volume")),
                "hub": HubResource(folder=str(self.folder / "hub"), namespace=namespace),
                "listener": listener or self.heard.append,
            },
            raise_on_error=False,
        )

    def locally(self, assets: Sequence[str] = (), **options: Any) -> dict[str, bytes]:
        """The files of the volume after the same run on this machine."""
        with dg.DagsterInstance.ephemeral() as instance:
            result = self.materialize(*assets, kind="local", instance=instance, **options)
            assert result.success, failures(result)
        root = self.folder / "volume"
        paths = (path for path in root.rglob("*") if path.is_file())
        return outputs({str(path.relative_to(root)): path.read_bytes() for path in paths})

    def committed(self) -> dict[str, bytes]:
        """The files of the Modal volume that have been committed."""
        return outputs(self.plane.volumes.files(VOLUME))


def outputs(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Files of stages alone: neither locks nor what a map notes for itself."""
    return {
        name: content
        for name, content in files.items()
        if not name.endswith((".lock", ".call", ".stock", ".throughput"))
    }


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """What each failed step tells a person."""
    told = {}
    for event in result.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            said = failure.user_failure_data
            told[str(event.step_key)] = (
                said.description or "" if said is not None else str(failure.error)
            )
    return told


@contextmanager
def new_cloud(folder: Path, tiny_model: Path, token: str = TOKEN) -> Iterator[Cloud]:
    """A control plane with the app deployed, whose client this process is, and a Hub.

    Args:
        folder: An empty folder.
        tiny_model: Folder of the model that the Hub is to have.
        token: The Hub's token in the secret.
    """
    quiet = {"telemetry": {"enabled": False}}
    parts = [folder / name for name in ("modal", "here")]
    for part in parts:
        part.mkdir()
    options = Options(scaledown_window_s=20.0, retry_delay_s=0.05)
    with pytest.MonkeyPatch.context() as monkeypatch, ExitStack() as stack:
        hub = stack.enter_context(hub_of_this_process(monkeypatch, folder / "logged_out"))
        hub.add(MODEL, tiny_model, repo_type="model")
        secrets = {SECRET: {"HF_TOKEN": token, "HF_ENDPOINT": hub.url}}
        plane = stack.enter_context(ControlPlane(parts[0], secrets, options))
        stack.enter_context(client_of(plane, monkeypatch))
        instance = stack.enter_context(
            dg.DagsterInstance.local_temp(str(parts[1]), overrides=quiet)
        )
        cloud = Cloud(plane, hub, instance, parts[1])
        cloud.deploy()
        yield cloud
        preflight._accepted.cache_clear()


@pytest.fixture(name="cloud")
def cloud_fixture(tiny_model: Path, tmp_path: Path) -> Iterator[Cloud]:
    """A cloud of one test's own."""
    with new_cloud(tmp_path, tiny_model) as cloud:
        yield cloud
