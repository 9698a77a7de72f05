"""The Dagster instance that the command line and the UI share: each sees the other's runs."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from wiki_embeddings.processes import is_gone
from wiki_embeddings.settings import Settings
from wiki_embeddings.volume import storage_errors

PROCESS_TAG = "wiki_embeddings/process"
"""Run tag of the process that a run lives in, so that a dead one is recognised."""

_CONFIGURATION = """\
# Written by wiki-embeddings once; change it as you like.
telemetry:
  enabled: false
nux:  # no invitation to a newsletter over the first page
  enabled: false
concurrency:
  runs:
    # A run uses every core; a second one waits.
    max_concurrent_runs: 1
"""


def prepare(settings: Settings) -> Path:
    """Make sure that there is a Dagster home, and that this process uses it.

    `DAGSTER_HOME` is honoured where it is set, and set where it is not.

    Raises:
        UnusableVolumeError: The folder cannot be written to.
    """
    home = Path(os.environ.setdefault("DAGSTER_HOME", str(settings.dagster_home)))
    with storage_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        configuration = home / "dagster.yaml"
        if not configuration.exists():
            configuration.write_text(_CONFIGURATION)
    return home


def close_abandoned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Record as failed the runs whose process was killed; Dagster would show them as running.

    Only runs of the command line on this machine, which carry `PROCESS_TAG`.

    Returns:
        Ids of the runs that were closed.
    """
    running = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
    abandoned = [
        run
        for run in instance.get_runs(running)
        if PROCESS_TAG in run.tags and is_gone(run.tags[PROCESS_TAG])
    ]
    for run in abandoned:
        instance.report_run_failed(
            run,
            f"The process of this run ({run.tags[PROCESS_TAG]}) was killed. What it had "
            "finished is kept: run it again and only the rest is done.",
        )
    return [run.run_id for run in abandoned]
