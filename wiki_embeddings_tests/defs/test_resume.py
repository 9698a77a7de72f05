"""Kill and damage, run again, and compare every file with a run without faults."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import dagster as dg
import pytest

from wiki_embeddings_tests.support.homes import (
    SMALL,
    cli,
    command,
    digests,
    environment,
    finished_shards,
    wait_until,
)


@pytest.fixture(scope="module")
def run(tiny_model) -> tuple[str, ...]:
    """Arguments of the run that all homes here have in common."""
    return ("run", "--wiki", "sample", "--model", str(tiny_model), *SMALL)


@pytest.fixture(scope="module")
def faultless(tmp_path_factory, run) -> Path:
    """A home in which nothing went wrong."""
    home = tmp_path_factory.mktemp("faultless")
    ran = cli(home, *run)
    assert ran.returncode == 0, ran.stderr
    return home


@pytest.fixture
def copy(faultless, tmp_path) -> Path:
    """A copy of that home."""
    return Path(shutil.copytree(faultless, tmp_path / "home", symlinks=True))


def run_until(home: Path, run: tuple[str, ...], stage: str, shards: int) -> None:
    """Start a run, and kill it (SIGKILL) once a stage has finished so many shards."""
    with subprocess.Popen(
        command(*run),
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        wait_until(lambda: len(finished_shards(home, stage)) >= shards, running)
        running.kill()


def test_a_run_killed_in_each_stage_makes_only_the_rest_and_the_same_files(
    tmp_path, faultless, run
):
    kept: dict[Path, int] = {}
    for stage, shards in [("raw", 1), ("chunks", 2), ("embeddings", 4)]:
        run_until(tmp_path, run, stage, shards)
        finished = finished_shards(tmp_path, stage)
        assert len(finished) < len(finished_shards(faultless, stage)), "it was killed half way"
        kept |= finished

    last = cli(tmp_path, *run)
    assert last.returncode == 0, last.stderr
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert digests(tmp_path / "volume") == digests(faultless / "volume")

    with dg.DagsterInstance.from_config(str(tmp_path / "dagster")) as instance:
        statuses = [run.status for run in instance.get_runs()]
    killed = dg.DagsterRunStatus.FAILURE
    assert statuses == [dg.DagsterRunStatus.SUCCESS, killed, killed, killed]


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_damaged_files_of_all_stages_are_made_again(copy, faultless, run):
    for stage in ("raw", "chunks", "embeddings", "hub"):
        first, *_, last = sorted((copy / "volume" / "sample" / stage).rglob("*.parquet"))
        truncate(first)
        flip_a_bit(last)
    assert digests(copy / "volume") != digests(faultless / "volume")
    again = cli(copy, *run)
    assert again.returncode == 0, again.stderr
    assert digests(copy / "volume") == digests(faultless / "volume")


def test_two_settings_never_share_a_folder(copy, faultless, run):
    other = cli(copy, *run, "--token-budget", "128")
    assert other.returncode == 0, other.stderr
    before, after = digests(faultless / "volume"), digests(copy / "volume")
    assert before.items() < after.items(), "what was there is unchanged"
