"""The Dagster instance that the command line and the UI share: each sees the other's runs."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import Any

import dagster as dg
from dagster._check import CheckError
from dagster._core.instance.ref import InstanceRef  # the only way to override dagster.yaml
from sqlalchemy.exc import OperationalError
from yaml import YAMLError

from wiki_embeddings.defs import run_locks
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.host import is_gone, this_process
from wiki_embeddings.settings import Settings
from wiki_embeddings.volume import UnusableVolumeError, translate_storage_errors

PROCESS_TAG = "wiki_embeddings/process"
"""Run tag with the process that executes a run, so that a dead one is recognised."""

_IN_PROGRESS = dg.RunsFilter(
    statuses=[
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
)

_STORAGE_FAULTS = (
    "disk is full",
    "disk I/O error",
    "readonly database",
    "unable to open database file",
)
"""What SQLite says when the storage fails, not the statement."""

_FAULTS_OF_CONFIGURATION = (
    YAMLError,
    UnicodeDecodeError,
    IsADirectoryError,
    ImportError,
    CheckError,
    dg.DagsterError,
)
"""What Dagster raises about its `dagster.yaml`; it then lists, at length, what it expected."""

_UNSET_VARIABLE = re.compile(r'environment variable "\w+" which is not set')

_PARTS_OF_UI = ("run_launcher", "run_coordinator", "compute_log_manager", "scheduler")
"""What the processes of the UI load, which would say in their logs that they cannot."""

_FILE_OF_RECORD = re.compile(r"dagster\.yaml|(runs|index)\.db.*")
"""Not the logs of single runs, which have databases of their own."""

_CONFIGURATION = Path(__file__).with_name("dagster.yaml")
"""The `dagster.yaml` of a new Dagster home."""

_EARLIER_CONFIGURATIONS = {"d186421a696fdd0dbace72967a80fcd5897a63dd474e34b50d465119ae7ee633"}
"""SHA-256 of what earlier releases wrote; a file that nobody has changed is brought up to date."""


def prepare(settings: Settings) -> Path:
    """Create the Dagster home if necessary, and make this process and its children use it.

    Raises:
        UnusableVolumeError: The folder cannot be written to.
    """
    home = settings.dagster_home
    os.environ["DAGSTER_HOME"] = str(home)  # which may have been relative
    with translate_storage_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        configuration = home / "dagster.yaml"
        if not configuration.exists() or _is_of_earlier_release(configuration):
            configuration.write_bytes(_CONFIGURATION.read_bytes())
    return home


def _is_of_earlier_release(configuration: Path) -> bool:
    written = configuration.read_bytes() if configuration.is_file() else b""
    return sha256(written).hexdigest() in _EARLIER_CONFIGURATIONS


@contextmanager
def opened(
    home: Path, overrides: Mapping[str, Any] | None = None, parts: Sequence[str] = ()
) -> Iterator[dg.DagsterInstance]:
    """Open the instance in a Dagster home.

    Args:
        home: The Dagster home.
        overrides: Settings that replace those of its `dagster.yaml`.
        parts: Attributes of the instance that must load; Dagster loads most when they are used.

    Raises:
        BadInputError: Dagster cannot use the `dagster.yaml` there.
        UnusableVolumeError: The disk is full, or the folder cannot be written to.
    """
    with translate_record_errors(home):
        try:
            reference = InstanceRef.from_dir(str(home), overrides=overrides)
            instance = dg.DagsterInstance.from_ref(reference)
            for part in parts:
                getattr(instance, part)
        except _FAULTS_OF_CONFIGURATION as error:
            unset = _UNSET_VARIABLE.search(str(error))
            reason = unset[0] if unset else str(error).partition(" Expected: ")[0]
            reason = shorten(reason, 300, placeholder=" …")
            raise BadInputError(
                f"Dagster cannot use {home / 'dagster.yaml'}: {reason.rstrip('.')}. Correct the "
                "file, or move it away: the next run then writes a new one."
            ) from error
        with instance:
            yield instance


@contextmanager
def opened_at_prompt(home: Path) -> Iterator[dg.DagsterInstance]:
    """Open the instance for a run in a terminal, whose output Dagster does not capture.

    To capture it, Dagster would start processes that answer Ctrl-C with a traceback.

    Raises:
        WikiEmbeddingsError: See `opened`.
    """
    manager = {"module": "dagster._core.storage.noop_compute_log_manager"}
    overrides = {"compute_logs": {**manager, "class": "NoOpComputeLogManager"}}
    with opened(home, overrides) as instance:
        yield instance


def opened_for_ui(home: Path) -> AbstractContextManager[dg.DagsterInstance]:
    """Open the instance as the UI will, to find what would end it; see `opened`."""
    return opened(home, parts=_PARTS_OF_UI)


@contextmanager
def opened_for_reading(home: Path) -> Iterator[dg.DagsterInstance]:
    """Open the instance to look something up, in a home that this user need not own.

    SQLite writes even to read, so where it must not, a copy of the record is opened.

    Raises:
        WikiEmbeddingsError: The home cannot be read; or see `opened`.
    """
    files = _files_of_record(home)
    if not files:
        with dg.DagsterInstance.ephemeral() as instance:
            yield instance
    elif all(os.access(path, os.W_OK) for file in files for path in (file, file.parent)):
        with opened(home) as instance:
            yield instance
    else:
        with TemporaryDirectory() as copy:
            for file in files:
                target = Path(copy) / file.relative_to(home)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)  # which may be written to, unlike the original
            with opened(Path(copy)) as instance:
                yield instance


def _files_of_record(home: Path) -> list[Path]:
    """List what says how Dagster is configured, and which assets were materialized.

    Raises:
        WikiEmbeddingsError: The home cannot be read.
    """
    folders = (home, home / "history", home / "history" / "runs")
    try:
        files = [file for folder in folders if folder.is_dir() for file in folder.iterdir()]
    except OSError as error:
        raise WikiEmbeddingsError(
            f"Cannot read Dagster's record: {error.strerror}: {error.filename}. Ask for the right "
            "to read it, or search a published dataset with --dataset."
        ) from error
    return [file for file in files if _FILE_OF_RECORD.fullmatch(file.name)]


@contextmanager
def translate_record_errors(home: Path) -> Iterator[None]:
    """Translate what the database says when its storage fails, or when it cannot be reached.

    Raises:
        UnusableVolumeError: The disk is full, or the folder cannot be written to.
        WikiEmbeddingsError: The server of the database cannot be reached.
    """
    try:
        with translate_storage_errors(home):
            yield
    except Exception as error:
        # dagster-postgres, which not everybody has, wraps the error after some retries.
        fault = error if isinstance(error, OperationalError) else error.__cause__
        if not isinstance(fault, OperationalError):
            raise
        reason = " ".join(str(fault.orig).split())
        if type(fault.orig).__module__.startswith("psycopg"):
            raise WikiEmbeddingsError(
                f"Dagster's database cannot be used: {reason.rstrip('.')}. See whether PostgreSQL "
                f"is running, and what {home / 'dagster.yaml'} says about it; then run again: what "
                "is finished is kept."
            ) from error
        if not any(words in reason for words in _STORAGE_FAULTS):
            raise
        raise UnusableVolumeError(
            f"Cannot write Dagster's record to {home}: {reason}. Free some space or fix the "
            "permissions, or set WIKI_EMBEDDINGS_HOME to another folder; then run again: what is "
            "finished is kept."
        ) from error


def close_abandoned_runs(instance: dg.DagsterInstance) -> None:
    """Mark runs whose process was killed as failed, however they were started.

    Dagster cannot tell of those of the command line, nor of those that ended with their code
    server. Only those of this machine: other machines' processes cannot be seen from here.
    """
    for run in instance.get_runs(_IN_PROGRESS):
        killed = run_locks.was_killed(instance, run.run_id)
        if killed or (is_of_command_line(run) and is_gone(run.tags[PROCESS_TAG])):
            name = f" ({run.tags[PROCESS_TAG]})" if is_of_command_line(run) else ""
            _close(instance, run, f"The process of this run{name} was killed.")
            run_locks.forget(instance, run.run_id)


def close_runs_of_past_ui(instance: dg.DagsterInstance) -> None:
    """Mark runs that an earlier UI started and left unfinished as failed; call it in `sole_ui`.

    Only one run is executed at a time, so one of these would block all others for ever.
    """
    for run in instance.get_runs(_IN_PROGRESS):
        # What a process still executes was started by Dagster's own commands, in another terminal.
        if not is_of_command_line(run) and not run_locks.is_executed(instance, run.run_id):
            _close(instance, run, "The UI from which this run was started has ended.")


@contextmanager
def sole_ui(home: Path) -> Iterator[int]:
    """Lock a Dagster home against other UIs until this process and its children end.

    Yields:
        The lock's file descriptor, which the UI's child processes inherit. The home stays locked as
        long as one of them has it open, orphans of a killed UI included, and never longer.

    Raises:
        WikiEmbeddingsError: A UI of this home is running already.
        UnusableVolumeError: The Dagster home cannot be written to.
    """
    lock = home / "ui.process"
    with translate_storage_errors(home):
        lock.touch()
    with lock.open("r+") as file:
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


def is_of_command_line(run: dg.DagsterRun) -> bool:
    """Return True for a run that a process of the command line executes."""
    # A run that was re-executed from the UI has its parent's tags.
    return PROCESS_TAG in run.tags and run.parent_run_id is None


def _close(instance: dg.DagsterInstance, run: dg.DagsterRun, cause: str) -> None:
    message = f"{cause} What it finished is kept: run it again, and only the rest is done."
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, message)
    else:
        instance.report_run_failed(run, message)
