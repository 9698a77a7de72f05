"""Ctrl-C and SIGTERM: a run stops with a sentence, leaves no process, and can go on."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import dagster as dg
import pytest

from wiki_embeddings_tests.support.homes import (
    SMALL,
    cli,
    command,
    environment,
    finished_shards,
    wait_until,
)

STOPPED = "Stopped. What is finished is kept: the same command continues from there."
SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE


@pytest.fixture
def run(tiny_model) -> tuple[str, ...]:
    """Arguments of a run over all stages."""
    return ("run", "--wiki", "sample", "--model", str(tiny_model), *SMALL)


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
    wait_until(lambda: bool(finished_shards(home, stage)), running)
    for number in signals:
        os.killpg(running.pid, number)
    errors = running.communicate(timeout=60)[1]
    assert running.returncode == 128 + signal.SIGINT, errors
    assert_gone(running.pid)
    return errors.strip()


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


def test_a_run_that_is_stopped_again_and_again_goes_on_with_the_same_command(tmp_path, run):
    kept: dict[Path, int] = {}
    for stage, signals in [
        ("raw", [signal.SIGTERM]),
        ("chunks", [signal.SIGINT, signal.SIGINT]),  # the second one is impatient
        ("embeddings", [signal.SIGINT]),
    ]:
        assert stop_at(tmp_path, run, stage, signals) == STOPPED
        assert statuses(tmp_path)[0] == FAILURE
        kept |= finished_shards(tmp_path, stage)

    assert cli(tmp_path, *run).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert statuses(tmp_path) == [SUCCESS, FAILURE, FAILURE, FAILURE]
