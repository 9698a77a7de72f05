"""Publishing in this process, or in one to kill, and what a repository holds afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from huggingface_hub.utils._xet import abort_xet_session

from wiki_embeddings.checks import CheckResult
from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.compute.protocol import Event, Failed, Finished
from wiki_embeddings.defs.materialize import materialize
from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.progress import silent
from wiki_embeddings.publishing.merge import PublishResult
from wiki_embeddings.publishing.readback import check_readback
from wiki_embeddings.stages import dataset
from wiki_embeddings.stages.shard import Plan, SpecT
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.publishing.publisher import publish
from wiki_embeddings_tests.standins.hub import LocalHub

REPO_ID = "cantor/wikipedia-simple-tiny-model"

_PUBLISHER = """
import sys
from wiki_embeddings.publishing import pull_request
from wiki_embeddings_tests.publishing import publisher, runs

files_per_commit, with_workers, *arguments = sys.argv[1:]
pull_request._FILES_PER_COMMIT = int(files_per_commit)
if not with_workers:
    publisher.LocalCompute = runs.InProcessCompute
publisher.main(*arguments)
"""


@dataclass(frozen=True)
class Datasets:
    """A test's volume, with datasets to publish.

    Attributes:
        root: Folder of the volume.
        first: One snapshot.
        second: The next one of the same name; shares some files with the first.
    """

    root: Path
    first: Manifest
    second: Manifest

    @property
    def volume(self) -> Volume:
        return Volume(self.root)

    def publish(
        self, manifest: Manifest, *, repo_id: str = REPO_ID, **options: bool
    ) -> PublishResult:
        """Publish one of them in this process."""
        compute = InProcessCompute(self.root, cores=1)
        return publish(compute, manifest.folder, repo_id, **options)

    def check_readback(self, manifest: Manifest) -> CheckResult:
        """Read one of them back from the Hub."""
        return check_readback(self.volume, manifest.folder, REPO_ID)


class InProcessCompute(LocalCompute):
    """Makes one shard after the other in this process: others take a second to start."""

    def map(self, plan: Plan[SpecT]) -> Generator[Event]:
        for number, spec in enumerate(plan.specs):
            try:
                report = plan.make(spec, Volume(self.root), lambda _: None)
            except WikiEmbeddingsError as error:
                yield Failed(number, str(error), "", fatal=False)
            else:
                yield Finished(number, report)


def create_dataset(
    volume: Volume,
    vectors: Manifest,
    shards_per_file: int = 1000,
    previous: Manifest | None = None,
) -> Manifest:
    """Create the dataset of some embeddings; by default, all rows fit in one file."""
    plan = dataset.plan(vectors, shards_per_file=shards_per_file, previous=previous)
    return materialize(plan, InProcessCompute(volume.root, cores=1), silent, "hub_dataset").manifest


@dataclass(frozen=True)
class Publisher:
    """A publisher in a separate process, with worker processes that upload."""

    process: subprocess.Popen[str]

    def kill(self) -> None:
        """Kill it and its workers at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def wait(self) -> tuple[Mapping[str, Any], str]:
        """Wait until it ends; return its result, and all that it printed."""
        output, _ = self.process.communicate(timeout=120)
        return json.loads(output.splitlines()[-1]), output


def start_publisher(
    datasets: Datasets,
    manifest: Manifest,
    *,
    files_per_commit: int = 100,
    with_workers: bool = True,
) -> Publisher:
    """Start a publisher in a new session, with this process's token.

    Args:
        datasets: The volume.
        manifest: What to publish.
        files_per_commit: Most files in a commit.
        with_workers: Whether worker processes upload, as they do for users.
    """
    options = (str(files_per_commit), "with workers" if with_workers else "")
    arguments = (str(datasets.root), manifest.folder, REPO_ID)
    process = subprocess.Popen(
        [sys.executable, "-c", _PUBLISHER, *options, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    return Publisher(process)


Content = Mapping[str, tuple[int, str]]
"""Size, and SHA-256 or git's id, of every file by path."""


@dataclass(frozen=True)
class ExpectedContent:
    """What `main` holds after the first dataset is published, and then the second."""

    first: Content
    second: Content

    def is_published(self, hub: LocalHub) -> bool:
        """Return whether the first dataset is published, tagged, and nothing else is left."""
        return (
            read_content(hub) == self.first
            and pull_request_statuses(hub) == ["merged"]
            and tag_commits(hub) == {"20231101": main_commit(hub)}
        )


def read_content(hub: LocalHub, revision: str = "main") -> Content:
    """Read what the dataset's repository holds."""
    files = hub.files(REPO_ID, revision)
    return {path: (file.size, file.etag) for path, file in files.items()}


def main_commit(hub: LocalHub) -> str:
    """Return the commit of `main` of the dataset's repository."""
    return hub.repository(REPO_ID).refs["refs/heads/main"]


def tag_commits(hub: LocalHub) -> Mapping[str, str]:
    """Return the commit of each tag of the dataset's repository."""
    refs = hub.repository(REPO_ID).refs
    prefix = "refs/tags/"
    return {ref.removeprefix(prefix): at for ref, at in refs.items() if ref.startswith(prefix)}


def pull_request_statuses(hub: LocalHub) -> list[str]:
    """Return the status of each pull request of the dataset's repository."""
    return [discussion.status for discussion in hub.repository(REPO_ID).discussions]


def wait_until(condition: Callable[[], object], within_s: float = 30.0) -> None:
    """Wait until a condition is true."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "the condition is still false"
        time.sleep(0.01)


def use_xet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process and its children upload by Xet, with short waits between tries."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "0")
    monkeypatch.setenv("HF_XET_CLIENT_RETRY_BASE_DELAY", "10ms")
    monkeypatch.setenv("HF_XET_CLIENT_RETRY_MAX_ATTEMPTS", "2")
    monkeypatch.setenv("HF_XET_CLIENT_READ_TIMEOUT", "1500ms")
    abort_xet_session()  # the next one reads this
