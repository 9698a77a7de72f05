"""A cloud on whose volume lie the chunks of a small wiki, and maps over them.

The chunks are made once on this machine. Each test then embeds them into an output folder of its
own, so that tests share containers but no shard.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wiki_embeddings import encoders
from wiki_embeddings.compute.modal.compute import ModalCompute, connect
from wiki_embeddings.compute.modal.deployment import MOUNT, VOLUME
from wiki_embeddings.compute.protocol import ContainerOptions
from wiki_embeddings.manifest import Manifest, existing_manifest
from wiki_embeddings.stages import chunk, embed
from wiki_embeddings.stages.shard import Plan
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.compute.modal.cloud import CONFIG, MODEL, Cloud, new_cloud
from wiki_embeddings_tests.standins.modal.containers import Container
from wiki_embeddings_tests.standins.modal.control_plane import ControlPlane
from wiki_embeddings_tests.standins.modal.volume_trees import Entry, Kind
from wiki_embeddings_tests.support.dagster_runs import failures, make_shards, recorded
from wiki_embeddings_tests.support.generated_wiki import WIKI

EMBEDDER = "Embedder.*"
CHUNKER = "chunk_shard"
GPU = str(CONFIG["embeddings"]["gpu"])


@dataclass(frozen=True)
class EmbeddingCloud:
    """A cloud on whose volume lie the chunks of a small wiki.

    Attributes:
        cloud: The cloud; its Dagster instance has raw articles and chunks on record.
        raw: Manifest of the articles.
        chunks: Manifest of the chunks.
        plan: The plan of the embeddings.
        manifest: The right manifest of the embeddings.
        expected: The right content of each shard, by name.
    """

    cloud: Cloud
    raw: Manifest
    chunks: Manifest
    plan: Plan[embed.EmbedSpec]
    manifest: Manifest
    expected: dict[str, bytes]

    @property
    def plane(self) -> ControlPlane:
        """The control plane."""
        return self.cloud.plane

    def embedding(self, name: str, shards: int | None = None) -> Plan[embed.EmbedSpec]:
        """The plan of the embeddings, or of the first few, into a folder of this name."""
        folder = f"{WIKI}/embeddings/{name}"
        specs = tuple(replace(spec, folder=folder) for spec in self.plan.specs[:shards])
        return replace(self.plan, folder=folder, specs=specs)

    def chunking(self, name: str, shards: int) -> Plan[chunk.ChunkSpec]:
        """The plan of the first few chunk shards, into a folder of this name."""
        folder = f"{WIKI}/chunks/{name}"
        settings = self.chunks.settings["chunks"]
        prepared = chunk.prepare(
            Volume(self.cloud.folder),
            model=self.chunks.model_folder or settings["model"],
            revision=settings["revision"],
            token_budget=settings["token_budget"],
            title_prefix=settings["title_prefix"],
        )
        plan = chunk.plan(self.raw, prepared)
        specs = tuple(replace(spec, folder=folder) for spec in plan.specs[:shards])
        return replace(plan, folder=folder, specs=specs)

    def compute(self, containers: int = 3, inputs: int = 1, deadline_s: float = 120.0) -> Any:
        """The compute, with this many containers, each working on this many inputs at once."""
        options = ContainerOptions(containers, deadline_s, gpu=GPU, inputs_per_container=inputs)
        compute: ModalCompute = connect(options)
        return compute

    def make_shards(self, plan: Plan[Any], **options: Any) -> Any:
        """Make all shards of a plan, and its manifest."""
        return make_shards(plan, self.compute(**options), "embeddings")

    def committed(self, plan: Plan[Any]) -> dict[str, bytes]:
        """Shards of a plan that were committed and reported, by name."""
        files = self.plane.volumes.files(VOLUME)
        return {
            spec.name: files[f"{plan.folder}/{spec.name}"]
            for spec in plan.specs
            if f"{plan.folder}.reports/{spec.name}.json" in files
        }

    def commits(self, plan: Plan[Any]) -> list[str]:
        """Names of the shards of a plan, once for each commit that carried one over."""
        return [
            Path(path).name
            for event in self.plane.volumes.events
            for path in event.written
            if path.startswith(f"{plan.folder}/") and path.endswith(".parquet")
        ]

    def put(self, files: dict[str, bytes]) -> None:
        """Commit files to the volume from outside of any container."""
        volumes = self.plane.volumes
        entries = {
            path: Entry(Kind.FILE, volumes.contents.put_bytes(content), len(content), 0o644)
            for path, content in files.items()
        }
        volumes.write(volumes.named(VOLUME).volume_id, entries)

    def folder_in(self, task_id: str | None, plan: Plan[Any]) -> Path:
        """Output folder of a plan as a container sees it."""
        (container,) = [one for one in self.plane.containers if one.task_id == task_id]
        return Path(container.below_root(MOUNT)) / plan.folder

    def embedders(self) -> list[Container]:
        """Live containers that compute vectors."""
        return self.plane.stats.containers(EMBEDDER, alive=True)

    def busy_embedders(self) -> list[Container]:
        """Containers that are computing the vectors of a shard."""
        return [container for container in self.embedders() if container.running]

    def end_embedders(self) -> None:
        """End all containers that compute vectors."""
        for container in self.embedders():
            self.plane.kill(container)
        self.plane.wait_until(lambda: not self.embedders())


@contextmanager
def new_embedding_cloud(folder: Path, tiny_model: Path) -> Iterator[EmbeddingCloud]:
    """A cloud with the chunks of a small wiki.

    Args:
        folder: An empty folder.
        tiny_model: Folder of the model that computes the vectors.
    """
    with new_cloud(folder, tiny_model) as cloud:
        cloud.serve(articles=72)
        uneven = {"raw_wikipedia": {"articles_per_shard": 5}}
        result = cloud.materialize("raw_wikipedia", "chunked_volume", kind="local", config=uneven)
        assert result.success, failures(result)
        local = Volume(cloud.folder / "volume")
        raw, chunks = (
            _manifest(cloud, local, asset) for asset in ("raw_wikipedia", "chunked_volume")
        )
        revision = chunks.settings["chunks"]["revision"]
        plan = embed.plan(chunks, encoders.describe(MODEL, "auto", revision=revision))
        reports = [embed.embed_shard(spec, local, lambda _: None) for spec in plan.specs]
        manifest = plan.manifest(report.file for report in reports)
        expected = {
            spec.name: local.path(f"{spec.folder}/{spec.name}").read_bytes() for spec in plan.specs
        }
        embedding_cloud = EmbeddingCloud(cloud, raw, chunks, plan, manifest, expected)
        embedding_cloud.put(
            {
                str(path.relative_to(local.root)): path.read_bytes()
                for stage in ("raw", "chunks")
                for path in (local.root / WIKI / stage).rglob("*")
                if path.is_file() and path.suffix != ".lock"
            }
        )
        yield embedding_cloud


def _manifest(cloud: Cloud, volume: Volume, asset: str) -> Manifest:
    materialization = recorded(cloud.instance, asset, WIKI)
    assert materialization is not None
    return existing_manifest(volume, materialization.folder)
