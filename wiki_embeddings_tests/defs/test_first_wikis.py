"""An instance that only Dagster's own commands have opened."""

from __future__ import annotations

import subprocess
import sys
import time

import dagster as dg

from wiki_embeddings.defs.wikis import known_wikis
from wiki_embeddings_tests.support.homes import environment


def test_dagsters_own_daemon_adds_the_first_wikis(tmp_path):
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    command = [sys.executable, "-m", "dagster._daemon", "run", "-m", "wiki_embeddings.definitions"]
    with (
        dg.DagsterInstance.from_config(str(home)) as instance,
        (tmp_path / "daemon.log").open("wb") as log,
        subprocess.Popen(
            command,
            env=environment(tmp_path, DAGSTER_HOME=str(home), WIKI_EMBEDDINGS_WIKIS="sample,de"),
            stdout=log,
            stderr=log,
        ) as daemon,
    ):
        deadline = time.monotonic() + 200
        try:
            while known_wikis(instance) != ["sample", "de"]:
                assert daemon.poll() is None, (tmp_path / "daemon.log").read_text()
                assert time.monotonic() < deadline, (tmp_path / "daemon.log").read_text()
                time.sleep(0.2)
        finally:
            daemon.terminate()
