"""Publishing in this process or in one to be killed, and what a repository holds afterwards."""

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

from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.compute.protocol import Event, Failed, Finished
from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.publishing.merge import Published
from wiki_embeddings.stages.shard import Plan, SpecT
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.publishing.publisher import publish
from wiki_embeddings_tests.standins.hub import LocalHub

REPO_ID = "cantor/wikipedia-simple-tiny-model"

_PUBLISHER = """
import sys
from wiki_embeddings.publishing import pull_request
from wiki_embeddings_tests.publishing import publisher, runs

files_in_a_commit, with_workers, *arguments = sys.argv[1:]
pull_request._FILES_IN_A_COMMIT = int(files_in_a_commit)
if not with_workers:
    publisher.LocalCompute = runs.InThisProcess
publisher.main(*arguments)
"""


@dataclass(frozen=True)
class Datasets:
    """A volume of a test's own with datasets that may be published.

    Attributes:
        root: Folder of the volume.
        first: One snapshot.
        second: The next one of the same name; some of its files are those of the first.
    """

    root: Path
    first: Manifest
    second: Manifest

    @property
    def volume(self) -> Volume:
        return Volume(self.root)

    def publish(
        self, dataset: Manifest, *, repo_id: str = REPO_ID, private: bool = False
    ) -> Published:
        """Publish one of them without any further process."""
        compute = InThisProcess(self.root, cores=1)
        return publish(compute, dataset.folder, repo_id, private=private)


class InThisProcess(LocalCompute):
    """Makes one shard after the other right here: processes take a second to start."""

    def map(self, plan: Plan[SpecT]) -> Generator[Event]:
        for number, spec in enumerate(plan.specs):
            try:
                report = plan.make(spec, Volume(self.root), lambda _: None)
            except WikiEmbeddingsError as error:
                yield Failed(number, str(error), "", fatal=False)
            else:
                yield Finished(number, report)


@dataclass(frozen=True)
class Publisher:
    """A publisher in a process of its own, with processes of its own that upload."""

    process: subprocess.Popen[str]

    def kill(self) -> None:
        """Kill it and all that it has started, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def ended(self) -> tuple[Mapping[str, Any], str]:
        """Wait for its end; gives what it tells of it, and all that it has printed."""
        printed, _ = self.process.communicate(timeout=120)
        return json.loads(printed.splitlines()[-1]), printed


def start_publisher(
    datasets: Datasets,
    dataset: Manifest,
    *,
    files_in_a_commit: int = 100,
    with_workers: bool = True,
) -> Publisher:
    """Start a publisher in a session of its own, as whoever this process is on the Hub.

    Args:
        datasets: The volume.
        dataset: What to publish.
        files_in_a_commit: Files that a commit holds at most.
        with_workers: Whether processes of their own upload, as they do for users.
    """
    options = (str(files_in_a_commit), "with workers" if with_workers else "")
    arguments = (str(datasets.root), dataset.folder, REPO_ID)
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


def content_of(hub: LocalHub, revision: str = "main") -> Content:
    """What the dataset's repository holds."""
    files = hub.files(REPO_ID, revision)
    return {path: (file.size, file.etag) for path, file in files.items()}


def main_of(hub: LocalHub) -> str:
    """Commit of `main` of the dataset's repository."""
    return hub.repository(REPO_ID).refs["refs/heads/main"]


def tags_of(hub: LocalHub) -> Mapping[str, str]:
    """Commit of each tag of the dataset's repository."""
    refs = hub.repository(REPO_ID).refs
    prefix = "refs/tags/"
    return {ref.removeprefix(prefix): at for ref, at in refs.items() if ref.startswith(prefix)}


def states_of(hub: LocalHub) -> list[str]:
    """State of each pull request of the dataset's repository."""
    return [discussion.status for discussion in hub.repository(REPO_ID).discussions]


def until(condition: Callable[[], object], within_s: float = 30.0) -> None:
    """Wait until something has come true."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it has not come true"
        time.sleep(0.01)


def use_xet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process and its children upload by Xet, and not wait long before another try."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "0")
    monkeypatch.setenv("HF_XET_CLIENT_RETRY_BASE_DELAY", "10ms")
    monkeypatch.setenv("HF_XET_CLIENT_RETRY_MAX_ATTEMPTS", "2")
    monkeypatch.setenv("HF_XET_CLIENT_READ_TIMEOUT", "1500ms")
    abort_xet_session()  # the next one reads this
