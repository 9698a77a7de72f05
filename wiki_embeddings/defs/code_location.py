"""The code location that a run belongs to: what the UI's timeline and the pages of jobs go by.

Dagster notes it when the UI or the daemon starts a run. A run that a command executes in its own
process has none, so the home page would not show it; the first of its assets notes it here.
"""

from __future__ import annotations

import dagster as dg

# What Dagster stores of a code location that is known by its name. There is no public way to it.
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin

LOCATION = "wiki_embeddings"
"""Name of the code location, as `workspace.yaml` and `pyproject.toml` have it too."""

_REPOSITORY = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(LOCATION), "__repository__")
"""Dagster's name for the repository of a module with one `Definitions` object."""

_LABEL_TAG = ".dagster/repository"
"""Hidden tag by which the pages of a job and of an asset find their runs."""


def note_code_location(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Note that a run is of this code location, unless Dagster did when it was started.

    Args:
        instance: The instance that has the run.
        run: The run, as its step knows it.
    """
    if run.remote_job_origin is not None:
        return
    stored = instance.get_run_by_id(run.run_id)
    if stored is None or _LABEL_TAG in stored.tags:
        return
    instance.add_run_tags(run.run_id, {_LABEL_TAG: _REPOSITORY.get_label()})
    instance.run_storage.replace_job_origin(stored, _REPOSITORY.get_job_origin(run.job_name))
