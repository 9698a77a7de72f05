from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy.exc import OperationalError

from wiki_embeddings.definitions import defs
from wiki_embeddings.defs.automation import JOB
from wiki_embeddings.defs.instance import (
    PROCESS_TAG,
    close_abandoned_runs,
    close_runs_of_past_ui,
    opened,
    prepare,
    sole_ui,
    translate_record_errors,
)
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.host import this_process
from wiki_embeddings.settings import load
from wiki_embeddings_tests.support.homes import SMALL, environment

IN_PROGRESS = ["STARTING", "STARTED", "CANCELING"]


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return prepare(load({"WIKI_EMBEDDINGS_HOME": str(tmp_path)}))


@pytest.fixture
def instance(home) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture
def dead_process() -> str:
    """Name of a process that has ended."""
    program = "from wiki_embeddings.host import this_process as name; print(name(), end='')"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout


def new_run(instance: dg.DagsterInstance, status: str, **more: Any) -> str:
    run = instance.create_run_for_job(
        defs.resolve_job_def(JOB), status=dg.DagsterRunStatus(status), **more
    )
    return run.run_id


def run_status(instance: dg.DagsterInstance, run_id: str) -> str:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status.value


def test_a_disk_that_fills_up_under_the_record_is_reported_in_a_sentence(tmp_path, tiny_model):
    program = textwrap.dedent("""
        import resource
        from wiki_embeddings.cli.main import main
        # No file may grow beyond this: for SQLite that is a disk which takes no more.
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        main()
    """)
    arguments = ["run", "--wiki", "sample", "--model", str(tiny_model), *SMALL]
    failed = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode == 1
    assert f"Error: Cannot write Dagster's record to {tmp_path}" in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize("status", IN_PROGRESS)
def test_a_run_whose_process_was_killed_is_closed(instance, dead_process, status):
    run = new_run(instance, status, tags={PROCESS_TAG: dead_process})
    close_abandoned_runs(instance)
    expected = "CANCELED" if status == "CANCELING" else "FAILURE"
    assert run_status(instance, run) == expected


@pytest.mark.parametrize("tags", [{}, {PROCESS_TAG: this_process()}, {PROCESS_TAG: "1@elsewhere"}])
def test_the_command_line_leaves_a_run_alone_that_may_be_alive(instance, tags):
    run = new_run(instance, "STARTED", tags=tags)
    close_abandoned_runs(instance)
    assert run_status(instance, run) == "STARTED"


def test_a_run_executed_again_from_the_ui_does_not_live_in_its_parents_process(
    instance, dead_process
):
    tags = {PROCESS_TAG: dead_process}
    parent = new_run(instance, "FAILURE", tags=tags)
    run = new_run(instance, "STARTED", tags=tags, parent_run_id=parent, root_run_id=parent)
    close_abandoned_runs(instance)
    assert run_status(instance, run) == "STARTED"
    close_runs_of_past_ui(instance)
    assert run_status(instance, run) == "FAILURE"


@pytest.mark.parametrize("status", IN_PROGRESS)
def test_a_run_left_by_a_past_ui_is_closed(instance, status):
    run = new_run(instance, status)
    close_runs_of_past_ui(instance)
    expected = "CANCELED" if status == "CANCELING" else "FAILURE"
    assert run_status(instance, run) == expected


def test_a_ui_leaves_queued_finished_and_command_line_runs_alone(instance):
    runs = [new_run(instance, status) for status in ("NOT_STARTED", "SUCCESS")]
    runs.append(new_run(instance, "STARTED", tags={PROCESS_TAG: this_process()}))
    close_runs_of_past_ui(instance)
    assert [run_status(instance, run) for run in runs] == ["NOT_STARTED", "SUCCESS", "STARTED"]


def test_a_second_ui_of_the_same_home_is_refused_and_the_first_is_named(home):
    message = f"already, as process {this_process()}"
    with sole_ui(home), pytest.raises(WikiEmbeddingsError, match=message):
        sole_ui(home).__enter__()
    with sole_ui(home):
        pass


def test_two_homes_have_a_ui_each(home, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    with sole_ui(home), sole_ui(other):
        pass


def test_the_children_of_a_killed_ui_hold_its_home_until_they_end(home):
    program = textwrap.dedent("""
        import os, signal, subprocess, sys
        from pathlib import Path
        from wiki_embeddings.defs.instance import sole_ui
        with sole_ui(Path(sys.argv[1])) as hold:
            child = subprocess.Popen(["cat"], pass_fds=[hold])  # until its input is closed
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    with subprocess.Popen([sys.executable, "-c", program, home], stdin=subprocess.PIPE) as killed:
        killed.wait()
        with pytest.raises(WikiEmbeddingsError, match="is running already"):
            sole_ui(home).__enter__()
        assert killed.stdin is not None
        killed.stdin.close()
    wait_until_free(home)


def wait_until_free(home: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with sole_ui(home):
                return
        except WikiEmbeddingsError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_configuration_of_an_earlier_release_is_brought_up_to_date(tmp_path):
    home = tmp_path / "dagster"
    home.mkdir()
    configuration = home / "dagster.yaml"
    configuration.write_text(
        textwrap.dedent("""\
            # Written by wiki-embeddings once; change it as you like.
            telemetry:
              enabled: false
            nux:  # no invitation to a newsletter over the first page
              enabled: false
            concurrency:
              runs:
                # A run uses every core; a second one waits.
                max_concurrent_runs: 1
        """)
    )
    known = load({"WIKI_EMBEDDINGS_HOME": str(tmp_path)})
    prepare(known)
    assert "pools:" in configuration.read_text()
    configuration.write_text("telemetry:\n  enabled: false\n")
    prepare(known)
    assert "pools:" not in configuration.read_text()


def test_a_database_that_cannot_be_reached_is_a_sentence_without_a_password(tmp_path):
    psycopg2 = pytest.importorskip("psycopg2")
    refused = psycopg2.OperationalError("connection to server at 10.0.0.1 failed: refused\n")
    after_retries = ValueError("too many retries")  # as dagster-postgres raises it
    after_retries.__cause__ = OperationalError("select 1", {}, refused)
    with (
        pytest.raises(WikiEmbeddingsError, match=r"failed: refused\. See whether") as told,
        translate_record_errors(tmp_path),
    ):
        raise after_retries
    assert str(tmp_path / "dagster.yaml") in str(told.value)


def test_a_variable_that_the_configuration_names_and_that_is_unset_is_named(home):
    (home / "dagster.yaml").write_text("storage: {sqlite: {base_dir: {env: NOT_SET_ANYWHERE}}}")
    with (
        pytest.raises(BadInputError, match='environment variable "NOT_SET_ANYWHERE" which is not'),
        opened(home),
    ):
        pass
