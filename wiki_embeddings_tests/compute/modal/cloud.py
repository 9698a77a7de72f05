"""The app on the local Modal control plane: a generated wiki, a tiny model, real containers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wiki_embeddings.compute.modal import preflight
from wiki_embeddings.compute.modal.deployment import SECRET, VOLUME
from wiki_embeddings.progress import Listener, StageProgress
from wiki_embeddings.settings import ComputeKind
from wiki_embeddings_tests.sources.article_tables import parquet
from wiki_embeddings_tests.standins.hub.fixtures import use_local_hub
from wiki_embeddings_tests.standins.hub.local_hub import TOKEN, LocalHub
from wiki_embeddings_tests.standins.modal.control_plane import ControlPlane
from wiki_embeddings_tests.standins.modal.fixtures import use_plane
from wiki_embeddings_tests.standins.modal.options import Options
from wiki_embeddings_tests.support import dagster_runs, generated_wiki
from wiki_embeddings_tests.support.generated_wiki import WIKI

MODEL = "tests/tiny-bert"
APP_MODULE = "wiki_embeddings.modal_app"
REPOSITORY = Path(__file__).parents[3]

CONFIG: Mapping[str, Mapping[str, Any]] = {
    "raw_wikipedia": {"source": "hub", "articles_per_shard": 3},
    "chunked_volume": {"model": MODEL, "token_budget": 128, "containers": 3},
    "embeddings": {"containers": 3, "gpu": "L4"},
    "hub_dataset": {},
}
"""Run config that makes many small shards."""

_NOTES = (".lock", ".call", ".stock", ".throughput", ".parquet.json")
"""Suffixes of what a map notes beside the output of a stage; a shard's report has times in it."""


@dataclass(frozen=True)
class Cloud:
    """A control plane with the app deployed, a Hub, and a Dagster instance.

    Attributes:
        plane: The control plane.
        hub: The Hub, which the containers find through the secret.
        instance: Dagster's record of the runs on Modal.
        folder: Folder of the same runs on this machine, to compare.
        snapshots: Progress of the runs that were given no listener.
    """

    plane: ControlPlane
    hub: LocalHub
    instance: dg.DagsterInstance
    folder: Path
    snapshots: list[StageProgress] = field(default_factory=list)

    def serve(self, articles: int, files: int = 1) -> None:
        """Add a wiki to the Hub, with its articles dealt out over files."""
        ids = [range(n, articles, files) for n in range(files)]
        generated_wiki.serve(self.hub, *(parquet(generated_wiki.wikipedia(part)) for part in ids))

    def deploy(self) -> str:
        """Deploy the app as it is in this repository."""
        preflight._require_ready.cache_clear()
        return self.plane.deploy(APP_MODULE, cwd=REPOSITORY)

    def materialize(
        self,
        *assets: str,
        config: Mapping[str, Mapping[str, Any]] | None = None,
        wiki: str = WIKI,
        kind: ComputeKind = "modal",
        instance: dg.DagsterInstance | None = None,
        listener: Listener | None = None,
        namespace: str | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Materialize some assets with their checks; all four if none is named.

        Args:
            assets: Keys of the assets.
            config: Config of assets, over `CONFIG`.
            wiki: The partition.
            kind: Where the stages run.
            instance: Dagster's record, if not this cloud's.
            listener: Receives the progress, instead of `snapshots`.
            namespace: On the Hub, to publish to.
        """
        merged = {asset: {**CONFIG[asset], **(config or {}).get(asset, {})} for asset in CONFIG}
        resources = dagster_runs.resources(
            self.folder,
            kind=kind,
            namespace=namespace,
            listener=listener or self.snapshots.append,
        )
        return dagster_runs.materialize(instance or self.instance, wiki, assets, merged, resources)

    def locally(self, assets: Sequence[str] = (), **options: Any) -> dict[str, bytes]:
        """Materialize the same on this machine, and return the files of its volume."""
        with dg.DagsterInstance.ephemeral() as instance:
            result = self.materialize(*assets, kind="local", instance=instance, **options)
            assert result.success, dagster_runs.failures(result)
        root = self.folder / "volume"
        paths = (path for path in root.rglob("*") if path.is_file())
        return _outputs({str(path.relative_to(root)): path.read_bytes() for path in paths})

    def remove_output(self, folder: str) -> None:
        """Remove an output folder from the Modal volume, with all notes beside it."""
        volumes = self.plane.volumes
        volume = volumes.named(VOLUME)
        for path in [path for path in volume.tree if path.startswith(folder)]:
            if path in volume.tree:
                volumes.remove(volume.volume_id, path, recursive=True)

    def committed(self) -> dict[str, bytes]:
        """The files that stages have committed to the Modal volume."""
        return _outputs(self.plane.volumes.files(VOLUME))


def _outputs(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if not name.endswith(_NOTES)}


@contextmanager
def new_cloud(folder: Path, tiny_model: Path, token: str = TOKEN) -> Iterator[Cloud]:
    """A control plane with the app deployed, whose client this process is, and a Hub.

    Args:
        folder: An empty folder.
        tiny_model: Folder of the model that the Hub is to have.
        token: The Hub's token in the secret.
    """
    parts = [folder / name for name in ("modal", "here")]
    for part in parts:
        part.mkdir()
    options = Options(scaledown_window_s=20.0, retry_delay_s=0.05)
    with pytest.MonkeyPatch.context() as monkeypatch, ExitStack() as stack:
        hub = stack.enter_context(use_local_hub(monkeypatch, folder / "logged_out"))
        hub.add(MODEL, tiny_model, repo_type="model")
        secrets = {SECRET: {"HF_TOKEN": token, "HF_ENDPOINT": hub.url}}
        plane = stack.enter_context(ControlPlane(parts[0], secrets, options))
        stack.enter_context(use_plane(plane, monkeypatch))
        instance = stack.enter_context(dagster_runs.new_instance(parts[1]))
        cloud = Cloud(plane, hub, instance, parts[1])
        cloud.deploy()
        yield cloud
        preflight._require_ready.cache_clear()
