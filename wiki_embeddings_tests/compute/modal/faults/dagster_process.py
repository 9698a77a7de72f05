"""Runs of a process of their own, which a test holds up, kills or lets another run overtake."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from wiki_embeddings_tests.compute.modal.cloud import CONFIG
from wiki_embeddings_tests.compute.modal.faults.commit_gate import Gate
from wiki_embeddings_tests.compute.modal.faults.embedding_cloud import EmbeddingCloud
from wiki_embeddings_tests.support.generated_wiki import WIKI
from wiki_embeddings_tests.support.homes import environment

TWO_CONTAINERS = {**CONFIG["embeddings"], "containers": 2, "inputs_per_container": 1}


@contextmanager
def dagster_process(
    cloud: EmbeddingCloud, *assets: str, **more: str
) -> Iterator[subprocess.Popen[str]]:
    """Dagster's own command, which materializes assets on Modal, in its own group.

    Args:
        cloud: The cloud.
        assets: Keys of the assets; the embeddings if none is named.
        more: Further environment variables.
    """
    home = cloud.cloud.folder
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    command = [
        sys.executable,
        "-m",
        "dagster",
        "asset",
        "materialize",
        "--select",
        ",".join(assets or ("embeddings",)),
    ]
    command += ["--partition", WIKI, "-m", "wiki_embeddings.definitions"]
    command += ["--config-json", json.dumps({"ops": {"embeddings": {"config": TWO_CONTAINERS}}})]
    more |= {"WIKI_EMBEDDINGS_COMPUTE": "modal", "DAGSTER_HOME": str(home)}
    with subprocess.Popen(
        command,
        env=environment(home, **cloud.plane.environment(), **more),
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
    """Kill a process and its children (SIGKILL), if they are alive."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def wait_until_held(cloud: EmbeddingCloud, gate: Gate, running: subprocess.Popen[str]) -> None:
    """Wait until both containers of a run are held in a commit."""
    cloud.plane.wait_until(lambda: len(gate.held) == 2 or running.poll() is not None)
