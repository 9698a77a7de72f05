"""The Dagster instance that the command line and the UI share: each sees the other's runs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.instance.ref import InstanceRef  # the only way to override dagster.yaml
from sqlalchemy.exc import OperationalError

from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.host import is_gone, this_process
from wiki_embeddings.settings import Settings
from wiki_embeddings.volume import UnusableVolumeError, translate_storage_errors

PROCESS_TAG = "wiki_embeddings/process"
"""Run tag of the process that a run lives in, so that a dead one is recognised."""

_IN_PROGRESS = dg.RunsFilter(
    statuses=[
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
)

_REFUSALS = ("disk is full", "disk I/O error", "readonly database", "unable to open database file")
"""What SQLite says when it is the storage that fails, not the statement."""

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
    with translate_storage_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        configuration = home / "dagster.yaml"
        if not configuration.exists():
            configuration.write_text(_CONFIGURATION)
    return home


def at_prompt(home: Path) -> dg.DagsterInstance:
    """The instance for a run that a person watches: what it prints goes to the terminal as it is.

    Dagster would capture it through processes of its own, each of which answers Ctrl-C with a
    traceback.
    """
    manager = {"module": "dagster._core.storage.noop_compute_log_manager"}
    overrides = {"compute_logs": {**manager, "class": "NoOpComputeLogManager"}}
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=overrides))


@contextmanager
def translate_record_errors(home: Path) -> Iterator[None]:
    """Turn a refusal to store Dagster's record, which is kept in SQLite, into a sentence.

    Raises:
        UnusableVolumeError: The disk is full, or the folder cannot be written to.
    """
    try:
        with translate_storage_errors(home):
            yield
    except OperationalError as error:
        reason = str(error.orig)
        if not any(refusal in reason for refusal in _REFUSALS):
            raise
        raise UnusableVolumeError(
            f"Cannot write Dagster's record to {home}: {reason}. Make room or rights there, or set "
            "WIKI_EMBEDDINGS_HOME to another folder; then run again: what is finished stays."
        ) from error


def close_abandoned_runs(instance: dg.DagsterInstance) -> None:
    """Close the runs of the command line whose process was killed; they would seem to go on.

    Only on this machine: processes of others are not seen from here.
    """
    for run in instance.get_runs(_IN_PROGRESS):
        if _is_of_command_line(run) and is_gone(run.tags[PROCESS_TAG]):
            _close(instance, run, f"The process of this run ({run.tags[PROCESS_TAG]}) was killed.")


def close_runs_of_past_ui(instance: dg.DagsterInstance) -> None:
    """Close the runs that a UI had started and did not see end; call it in `sole_ui` alone.

    Only one run goes on at a time, so that one of these would keep all others waiting for ever.
    """
    for run in instance.get_runs(_IN_PROGRESS):
        if not _is_of_command_line(run):
            _close(instance, run, "The UI from which this run was started has ended.")


@contextmanager
def sole_ui(home: Path) -> Iterator[int]:
    """Keep other UIs away from a Dagster home, until this process and its children have ended.

    Yields:
        A file descriptor for the children that are part of the UI to inherit: whoever has it open
        holds the home. So orphans of a killed UI hold it too, and nothing is ever left locked.

    Raises:
        WikiEmbeddingsError: There is a UI of this home already.
        UnusableVolumeError: The Dagster home cannot be written to.
    """
    mark = home / "ui.process"
    with translate_storage_errors(home):
        mark.touch()
    with mark.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WikiEmbeddingsError(
                f"A UI of {home} is running already, as process {file.read()}: use that one, or "
                "stop it first."
            ) from error
        with translate_storage_errors(home):
            file.truncate(0)
            file.write(this_process())
            file.flush()
        yield file.fileno()


def _is_of_command_line(run: dg.DagsterRun) -> bool:
    # A run that is executed again from the UI has the tags of its parent.
    return PROCESS_TAG in run.tags and run.parent_run_id is None


def _close(instance: dg.DagsterInstance, run: dg.DagsterRun, cause: str) -> None:
    message = f"{cause} What it had finished is kept: run it again and only the rest is done."
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, message)
    else:
        instance.report_run_failed(run, message)
