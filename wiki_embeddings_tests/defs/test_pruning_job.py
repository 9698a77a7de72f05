"""Pruning as people start it: the job in Dagster, and the command line."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wiki_embeddings.asset_keys import RAW_WIKIPEDIA
from wiki_embeddings.defs.instance import opened, prepare
from wiki_embeddings.defs.materializations import FOLDER
from wiki_embeddings.defs.pruning_job import prune_old_outputs
from wiki_embeddings.settings import load
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.support.dagster_runs import resources
from wiki_embeddings_tests.support.homes import cli_in_this_process
from wiki_embeddings_tests.support.stored_outputs import add_output, folder_of

RAW = [folder_of("raw", number) for number in range(5)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with five complete outputs, the second of which Dagster's record calls current."""
    for number, folder in enumerate(RAW):
        add_output(Volume(tmp_path / "volume"), folder, age_h=100 - number)
    with opened(prepare(load({"WIKI_EMBEDDINGS_HOME": str(tmp_path)}))) as instance:
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                RAW_WIKIPEDIA,
                partition="de",
                metadata={FOLDER: RAW[1]},
                tags={"dagster/data_version": "1"},
            )
        )
    return tmp_path


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with opened(home / "dagster") as instance:
        yield instance


def left(home: Path) -> list[str]:
    return sorted(f"de/raw/{path.name}" for path in (home / "volume/de/raw").iterdir())


def notes(*folders: str) -> list[str]:
    return sorted(name for folder in folders for name in (folder, f"{folder}.reports"))


def prune(instance: dg.DagsterInstance, home: Path, **config: Any) -> dict[str, Any]:
    """Run the job; metadata of its op."""
    chosen = {"compute": resources(home)["compute"]}
    result = prune_old_outputs.execute_in_process(
        instance=instance,
        resources=chosen,
        run_config={"ops": {"prune_outputs": {"config": config}}},
    )
    (metadata,) = [
        event.step_output_data.metadata for event in result.all_events if event.is_successful_output
    ]
    return {name: value.value for name, value in metadata.items()}


def test_the_job_says_what_would_go_and_by_default_no_more(instance, home, capfd):
    before = left(home)
    told = prune(instance, home)
    assert left(home) == before == notes(*RAW)
    assert [row.data["folder"] for row in told["may_go"].records] == [RAW[0], RAW[2]]
    assert (told["kept"], told["removed"]) == (3, 0)
    logged = capfd.readouterr().err
    assert f"Would go: {RAW[0]}: 3 files, 0.0 MiB; older than the last 2 of its kind" in logged
    assert " - Together 2 outputs with 0.0 MiB; 3 with 0.0 MiB stay." in logged


def test_the_job_removes_what_it_has_said(instance, home, capfd):
    told = prune(instance, home, dry_run=False)
    assert told["removed"] == 2
    assert left(home) == notes(RAW[1], RAW[3], RAW[4])
    logged = capfd.readouterr().err
    assert logged.index(f"Goes: {RAW[2]}") < logged.index(f"Removed: {RAW[0]}")


@pytest.mark.parametrize("options", [["--dry-run"], [], ["--yes", "--dry-run"]])
def test_the_command_removes_nothing_unless_it_is_told_to(home, options):
    told = cli_in_this_process(home, "prune", *options)
    assert told.returncode == 0
    assert told.stdout.startswith(f"{RAW[0]}: 3 files")
    assert "Together 2 outputs" in told.stdout
    assert left(home) == notes(*RAW)


def test_the_command_removes_without_asking_if_it_is_told_so(home):
    told = cli_in_this_process(home, "prune", "--yes")
    assert told.stdout.endswith("Removed 2 outputs, 0.0 MiB.\n")
    assert left(home) == notes(RAW[1], RAW[3], RAW[4])
    again = cli_in_this_process(home, "prune", "--yes")
    assert again.stdout == "Together 0 outputs with 0.0 MiB; 3 with 0.0 MiB stay.\n"


def test_one_output_is_counted_in_the_singular(home):
    for folder in notes(RAW[0]):
        shutil.rmtree(home / "volume" / folder)
    told = cli_in_this_process(home, "prune", "--yes")
    assert "Together 1 output with 0.0 MiB; 3 with 0.0 MiB stay.\n" in told.stdout
    assert told.stdout.endswith("Removed 1 output, 0.0 MiB.\n")
