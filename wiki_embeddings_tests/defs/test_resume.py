"""Kill and damage, run again, and compare every file with a run without faults."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import dagster as dg
import pytest

from wiki_embeddings_tests.support.homes import SMALL, cli, command, digests, environment


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


def finished(home: Path, stage: str) -> dict[Path, int]:
    """Finished shards of a stage with the time at which each was written.

    A shard is finished when its report is there; killed before that, it is made again.
    """
    reports = (home / "volume" / "sample" / stage).glob("*.reports/*.parquet.json")
    shards = [report.parent.with_suffix("") / report.stem for report in reports]
    return {path: path.stat().st_mtime_ns for path in shards}


def run_until(home: Path, run: tuple[str, ...], stage: str, shards: int) -> None:
    """Start a run, and kill it with SIGKILL once a stage has finished so many shards."""
    with subprocess.Popen(
        command(*run),
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        deadline = time.monotonic() + 120
        while len(finished(home, stage)) < shards:
            assert running.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        running.kill()


@pytest.mark.parametrize(("stage", "shards"), [("raw", 1), ("chunks", 2), ("embeddings", 4)])
def test_after_a_kill_only_the_rest_is_made_and_every_file_is_the_same(
    tmp_path, faultless, run, stage, shards
):
    run_until(tmp_path, run, stage, shards)
    before = finished(tmp_path, stage)
    assert len(before) < len(finished(faultless, stage)), "it was killed half way"

    again = cli(tmp_path, *run)
    assert again.returncode == 0, again.stderr
    after = finished(tmp_path, stage)
    assert {path: after[path] for path in before} == before
    assert digests(tmp_path / "volume") == digests(faultless / "volume")


def test_a_killed_run_is_recorded_as_failed_by_the_next(tmp_path, run):
    run_until(tmp_path, run, "raw", 1)
    assert cli(tmp_path, *run).returncode == 0
    with dg.DagsterInstance.from_config(str(tmp_path / "dagster")) as instance:
        statuses = [run.status for run in instance.get_runs()]
    assert statuses == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


@pytest.mark.parametrize("stage", ["raw", "chunks", "embeddings", "hub"])
def test_a_truncated_file_of_any_stage_is_made_again(tmp_path, faultless, run, stage):
    home = tmp_path / "home"
    shutil.copytree(faultless, home, symlinks=True)
    victim = min(path for path in (home / "volume" / "sample" / stage).rglob("*.parquet"))
    victim.write_bytes(victim.read_bytes()[: victim.stat().st_size // 2])
    again = cli(home, *run)
    assert again.returncode == 0, again.stderr
    assert digests(home / "volume") == digests(faultless / "volume")


def test_a_flipped_bit_is_noticed_and_mended(tmp_path, faultless, run):
    home = tmp_path / "home"
    shutil.copytree(faultless, home, symlinks=True)
    victim = min(path for path in (home / "volume" / "sample" / "embeddings").rglob("*.parquet"))
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    again = cli(home, *run)
    assert again.returncode == 0, again.stderr
    assert digests(home / "volume") == digests(faultless / "volume")


def test_two_settings_never_share_a_folder(tmp_path, faultless, run):
    home = tmp_path / "home"
    shutil.copytree(faultless, home, symlinks=True)
    other = cli(home, *run, "--token-budget", "128")
    assert other.returncode == 0, other.stderr
    was, now = digests(faultless / "volume"), digests(home / "volume")
    assert was.items() < now.items(), "what there was is untouched"
