"""One map under faults: a prepared volume on the local Modal control plane, and what must come out.

The chunks of a small wiki are made once on this machine and put on the volume of the plane. Each
test then embeds them into an output folder of its own, so that tests share containers but no shard.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grpclib import GRPCError, Status

from wiki_embeddings import encoders
from wiki_embeddings.compute.modal.compute import ModalCompute, connect
from wiki_embeddings.compute.modal.deployment import MOUNT, VOLUME
from wiki_embeddings.compute.protocol import ContainerOptions, Event, Failed, Finished
from wiki_embeddings.defs.materializations import last_materialization
from wiki_embeddings.defs.materialize import Materialized, drive
from wiki_embeddings.manifest import Manifest, existing_manifest
from wiki_embeddings.progress import Snapshot
from wiki_embeddings.stages import chunk, embed
from wiki_embeddings.stages.shard import Plan
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.compute.modal.cloud import (
    CONFIG,
    MODEL,
    WIKI,
    Cloud,
    failures,
    new_cloud,
)
from wiki_embeddings_tests.standins.modal.containers import Container
from wiki_embeddings_tests.standins.modal.volume_trees import Entry, Kind
from wiki_embeddings_tests.support.homes import environment

EMBEDDER = "Embedder.*"
CUTTER = "chunk_shard"
GPU = str(CONFIG["embeddings"]["gpu"])


@dataclass(frozen=True)
class Prepared:
    """A cloud on whose volume lie the chunks of a small wiki.

    Attributes:
        cloud: The cloud; its Dagster instance has raw articles and chunks on record.
        raw: Manifest of the articles.
        chunks: Manifest of the chunks.
        plan: The embeddings.
        manifest: What their manifest has to be.
        expected: What each shard of them has to be, by name.
    """

    cloud: Cloud
    raw: Manifest
    chunks: Manifest
    plan: Plan[embed.EmbedSpec]
    manifest: Manifest
    expected: dict[str, bytes]

    def embedding(self, name: str, shards: int | None = None) -> Plan[embed.EmbedSpec]:
        """The plan of the embeddings, or of a few of them, into a folder of its own."""
        folder = f"{WIKI}/embeddings/{name}"
        specs = tuple(replace(spec, folder=folder) for spec in self.plan.specs[:shards])
        return replace(self.plan, folder=folder, specs=specs)

    def cutting(self, name: str, shards: int) -> Plan[chunk.ChunkSpec]:
        """The plan of a few of the chunks, into a folder of its own."""
        folder = f"{WIKI}/chunks/{name}"
        cut = self.chunks.settings["chunks"]
        prepared = chunk.prepare(
            Volume(self.cloud.folder),
            model=cut["model"],
            revision=cut["revision"],
            token_budget=cut["token_budget"],
            title_prefix=cut["title_prefix"],
        )
        plan = chunk.plan(self.raw, prepared)
        specs = tuple(replace(spec, folder=folder) for spec in plan.specs[:shards])
        return replace(plan, folder=folder, specs=specs)

    def compute(self, containers: int = 3, inputs: int = 1, deadline_s: float = 120.0) -> Any:
        """The compute, with the given containers and inputs in hand at once in each."""
        fleet = ContainerOptions(containers, deadline_s, gpu=GPU, inputs_per_container=inputs)
        compute: ModalCompute = connect(fleet)
        return compute

    def drive(self, plan: Plan[Any], **fleet: Any) -> Materialized:
        """Make all shards of a plan, and its manifest."""
        return drive(plan, self.compute(**fleet), _unheard, "embeddings")

    def committed(self, plan: Plan[Any]) -> dict[str, bytes]:
        """Shards of a plan that have been committed and reported, by name."""
        files = self.cloud.plane.volumes.files(VOLUME)
        return {
            spec.name: files[f"{plan.folder}/{spec.name}"]
            for spec in plan.specs
            if f"{plan.folder}.reports/{spec.name}.json" in files
        }

    def commits_of(self, plan: Plan[Any]) -> list[str]:
        """Names of the shards of a plan, once for each commit that carried one over."""
        return [
            Path(path).name
            for event in self.cloud.plane.volumes.events
            for path in event.written
            if path.startswith(f"{plan.folder}/") and path.endswith(".parquet")
        ]

    def put(self, files: dict[str, bytes]) -> None:
        """Commit files to the volume, as somebody else would."""
        volumes = self.cloud.plane.volumes
        volume = volumes.find(VOLUME)
        assert volume is not None
        entries = {
            path: Entry(Kind.FILE, volumes.contents.put_bytes(content), len(content), 0o644)
            for path, content in files.items()
        }
        volumes.write(volume.volume_id, entries)

    def forget(self, plan: Plan[Any]) -> None:
        """Remove all that was made of a plan, as if it had never been begun."""
        volumes = self.cloud.plane.volumes
        volume = volumes.find(VOLUME)
        assert volume is not None
        for path in [path for path in volume.tree if path.startswith(plan.folder)]:
            if path in volume.tree:
                volumes.remove(volume.volume_id, path, recursive=True)

    def folder_in(self, task_id: str | None, plan: Plan[Any]) -> Path:
        """Output folder of a plan as a container sees it."""
        (container,) = [one for one in self.cloud.plane.containers if one.task_id == task_id]
        return Path(container.below_root(MOUNT)) / plan.folder

    def embedders(self) -> list[Container]:
        """Containers that compute vectors, and are alive."""
        return self.cloud.plane.stats.containers(EMBEDDER, alive=True)

    def at_work(self) -> list[Container]:
        """Containers that have a shard in hand."""
        return [container for container in self.embedders() if container.running]

    def end_embedders(self) -> None:
        """Leave no warm container that computes vectors."""
        for container in self.embedders():
            self.cloud.plane.kill(container)
        self.cloud.plane.wait_until(lambda: not self.embedders())


@contextmanager
def dagster_process(prepared: Prepared, *, containers: int) -> Iterator[subprocess.Popen[str]]:
    """Dagster's own command, which materializes the embeddings on Modal, in its own group."""
    home = prepared.cloud.folder
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    config = {**CONFIG["embeddings"], "containers": containers, "inputs_per_container": 1}
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", "embeddings"]
    command += ["--partition", WIKI, "-m", "wiki_embeddings.definitions"]
    command += ["--config-json", json.dumps({"ops": {"embeddings": {"config": config}}})]
    more = {"WIKI_EMBEDDINGS_COMPUTE": "modal", "DAGSTER_HOME": str(home)}
    with subprocess.Popen(
        command,
        env=environment(home, **prepared.cloud.plane.environment(), **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            yield running
        finally:
            kill_group(running)


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill a process and those that it started (SIGKILL), if they are there."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def prepared_cloud(folder: Path, tiny_model: Path) -> Iterator[Prepared]:
    """A cloud with the chunks of a small wiki.

    Args:
        folder: An empty folder.
        tiny_model: Folder of the model that computes the vectors.
    """
    with new_cloud(folder, tiny_model) as cloud:
        cloud.serve(articles=72)
        uneven = {"raw_wikipedia": {"shard_mib": 0.0035}}
        result = cloud.materialize("raw_wikipedia", "chunked_volume", kind="local", config=uneven)
        assert result.success, failures(result)
        here = Volume(cloud.folder / "volume")
        raw, chunks = (_made(cloud, here, asset) for asset in ("raw_wikipedia", "chunked_volume"))
        cut = chunks.settings["chunks"]
        info = encoders.describe(MODEL, "auto", revision=cut["revision"])
        plan = embed.plan(chunks, info)
        reports = [embed.embed_shard(spec, here, lambda _: None) for spec in plan.specs]
        manifest = plan.manifest(report.file for report in reports)
        expected = {
            spec.name: here.path(f"{spec.folder}/{spec.name}").read_bytes() for spec in plan.specs
        }
        prepared = Prepared(cloud, raw, chunks, plan, manifest, expected)
        prepared.put(
            {
                str(path.relative_to(here.root)): path.read_bytes()
                for stage in ("raw", "chunks")
                for path in (here.root / WIKI / stage).rglob("*")
                if path.is_file() and path.suffix != ".lock"
            }
        )
        yield prepared


def _made(cloud: Cloud, volume: Volume, asset: str) -> Manifest:
    recorded = last_materialization(cloud.instance, asset, WIKI)
    assert recorded is not None
    return existing_manifest(volume, recorded.folder)


def _unheard(_: Snapshot) -> None:
    """Nobody listens."""


def finished(events: list[Event]) -> set[int]:
    """Places of the shards that were finished."""
    return {event.shard for event in events if isinstance(event, Finished)}


def failed(events: list[Event]) -> dict[int, Failed]:
    """Shards that failed, by place."""
    return {event.shard: event for event in events if isinstance(event, Failed)}


def until_finished(events: Generator[Event], shards: int) -> list[Event]:
    """The first events of a map, until so many shards are finished."""
    came: list[Event] = []
    while len(finished(came)) < shards:
        came.append(next(events))
    return came


@contextmanager
def commits_intercepted(
    prepared: Prepared, plan: Plan[Any], meet: Callable[[str, str], None]
) -> Iterator[None]:
    """Let something meet each commit of a shard of a plan, before it takes place.

    Args:
        prepared: Where.
        plan: The plan.
        meet: Given the shard's name and the container's task id; may wait, kill, or raise.
    """
    store = prepared.cloud.plane.volumes
    commit = store.commit
    names = {spec.name for spec in plan.specs}

    def intercepted(volume_id: str, task_id: str | None) -> None:
        if task_id in {container.task_id for container in prepared.embedders()}:
            there = {path.name for path in prepared.folder_in(task_id, plan).glob("*.parquet")}
            for name in sorted(there & names - prepared.committed(plan).keys()):
                meet(name, str(task_id))
        commit(volume_id, task_id)

    store.commit = intercepted  # type: ignore[method-assign]
    try:
        yield
    finally:
        store.commit = commit  # type: ignore[method-assign]


@dataclass(frozen=True)
class Gate:
    """Lets some commits of a map through, and holds the others until it is opened.

    Attributes:
        passes: How many it lets through.
        passed: Shards that it let through.
        held: Shards that it holds, or held.
        opened: Set when it is open.
    """

    passes: int
    passed: set[str]
    held: set[str]
    opened: threading.Event

    def meet(self, shard: str, _task_id: str) -> None:
        """A commit comes."""
        if len(self.passed) < self.passes:
            self.passed.add(shard)
        elif not self.opened.is_set():
            self.held.add(shard)
            self.opened.wait(60.0)
            raise GRPCError(Status.UNAVAILABLE, "held by a test")


@contextmanager
def half_way(prepared: Prepared, plan: Plan[Any], passes: int) -> Iterator[Gate]:
    """Hold all commits of a map after the first few, as if they took very long.

    Use at most two containers with one input each: the plane has few threads for commits.
    """
    gate = Gate(passes, set(), set(), threading.Event())
    with commits_intercepted(prepared, plan, gate.meet):
        try:
            yield gate
        finally:
            gate.opened.set()
