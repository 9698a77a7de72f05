"""Ctrl-C and SIGTERM: a run stops with a sentence, leaves no process, and can go on."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import dagster as dg
import pytest

from wiki_embeddings_tests.support.homes import SMALL, cli, command, environment

STOPPED = "Stopped. What is finished is kept: the same command goes on from there."


@pytest.fixture(scope="module")
def run(tiny_model) -> tuple[str, ...]:
    """Arguments of a run over all stages."""
    return ("run", "--wiki", "sample", "--model", str(tiny_model), *SMALL)


def finished(home: Path, stage: str) -> list[Path]:
    """Shards of a stage that are finished: there is a report of each."""
    reports = (home / "volume" / "sample" / stage).glob("*.reports/*.json")
    return [report.parent.with_suffix("") / report.stem for report in reports]


def stop_at(home: Path, run: tuple[str, ...], stage: str, signals: list[signal.Signals]) -> str:
    """Send signals to the whole process group once a stage has a shard, as a terminal does.

    Returns:
        What the run wrote to its standard error; everything that could write to it has ended.
    """
    running = subprocess.Popen(
        command(*run),
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not finished(home, stage):
        assert running.poll() is None, "it ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for sent in signals:
        os.killpg(running.pid, sent)
    told = running.communicate(timeout=60)[1]
    assert running.returncode == 128 + signal.SIGINT, told
    assert_gone(running.pid)
    return told


def assert_gone(group: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < deadline, "processes are left over"
        time.sleep(0.05)


def statuses(home: Path) -> list[dg.DagsterRunStatus]:
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        return [run.status for run in instance.get_runs()]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, run) -> tuple[Path, str]:
    """A home in which Ctrl-C stopped a run, and what the run said to that."""
    home = tmp_path_factory.mktemp("stopped")
    return home, stop_at(home, run, "embeddings", [signal.SIGINT])


def test_ctrl_c_ends_a_run_with_one_sentence_and_no_process_left(stopped):
    home, told = stopped
    assert told.strip() == STOPPED
    assert statuses(home)[-1] == dg.DagsterRunStatus.FAILURE


def test_a_run_that_was_stopped_goes_on_with_the_same_command(stopped, run):
    home, _ = stopped
    kept = {path: path.stat().st_mtime_ns for path in finished(home, "embeddings")}
    assert kept
    assert cli(home, *run).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert statuses(home) == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def test_sigterm_stops_a_run_as_ctrl_c_does(tmp_path, run):
    assert stop_at(tmp_path, run, "raw", [signal.SIGTERM]).strip() == STOPPED
    assert statuses(tmp_path) == [dg.DagsterRunStatus.FAILURE]


def test_an_impatient_second_ctrl_c_changes_nothing(tmp_path, run):
    told = stop_at(tmp_path, run, "chunks", [signal.SIGINT, signal.SIGINT])
    assert told.strip() == STOPPED
