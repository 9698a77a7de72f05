"""Slots that runs share, on a laptop's instance; `deploy/test_postgres.py` has a server's."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import dagster as dg
import pytest

from wiki_embeddings.definitions import defs
from wiki_embeddings.defs import pools
from wiki_embeddings.defs.automation import JOB
from wiki_embeddings.defs.instance import close_abandoned_runs, close_runs_of_past_ui, prepare
from wiki_embeddings.defs.killed_runs import killed_runs
from wiki_embeddings.defs.pools import CORES, GPU_FLEET, free_slots_of_ended_runs, pool_of, slot
from wiki_embeddings.defs.run_locks import locked_run
from wiki_embeddings.settings import load
from wiki_embeddings_tests.support import dagster_runs

STEP = "embeddings"


@pytest.fixture(scope="module")
def instance(tmp_path_factory) -> Iterator[dg.DagsterInstance]:
    """An instance for all tests, each of which leaves no run in progress and no slot taken."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.delenv("DAGSTER_HOME", raising=False)
        monkeypatch.setattr(pools, "_LOOK_EVERY_S", 0.01)
        root = str(tmp_path_factory.mktemp("home"))
        home = prepare(load({"WIKI_EMBEDDINGS_HOME": root}))
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield instance


@pytest.fixture(autouse=True)
def _tidy(instance) -> Iterator[None]:
    yield
    for run_id in holders(instance):
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    close_runs_of_past_ui(instance)


def new_run(instance: dg.DagsterInstance) -> str:
    return instance.create_run_for_job(
        defs.resolve_job_def(JOB), status=dg.DagsterRunStatus.STARTED
    ).run_id


def run_status(instance: dg.DagsterInstance, run_id: str) -> str:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status.value


def context_of(instance: dg.DagsterInstance, run_id: str) -> dg.AssetExecutionContext:
    key = dg.AssetKey(STEP)
    context = SimpleNamespace(instance=instance, run_id=run_id, asset_key=key, log=mock.Mock())
    return cast("dg.AssetExecutionContext", context)


def holders(instance: dg.DagsterInstance, pool: str = CORES) -> set[str]:
    return instance.event_log_storage.get_concurrency_info(pool).active_run_ids


def killed_with_slot(instance: dg.DagsterInstance) -> str:
    """A run whose process has claimed a slot, and was killed."""
    run = new_run(instance)
    program = textwrap.dedent("""
        import os, signal, sys
        import dagster as dg
        from wiki_embeddings.defs import pools
        from wiki_embeddings.defs.run_locks import locked_run
        home, run = sys.argv[1:]
        with dg.DagsterInstance.from_config(home) as instance, locked_run(instance, run):
            assert pools._is_limited(instance, pools.CORES)
            assert pools._claim(instance, pools.CORES, run, "embeddings")
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    arguments = [sys.executable, "-c", program, instance.root_directory, run]
    assert subprocess.run(arguments, check=False).returncode < 0
    assert holders(instance) == {run}
    return run


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_second_run_waits_until_the_first_has_finished_and_says_for_which(instance, caplog):
    first, second = new_run(instance), new_run(instance)
    entered = threading.Event()

    def take_turn() -> None:
        with locked_run(instance, second), slot(context_of(instance, second), CORES):
            entered.set()

    caplog.set_level("INFO", logger=pools.__name__)
    waiting = threading.Thread(target=take_turn)
    with locked_run(instance, first), slot(context_of(instance, first), CORES):
        waiting.start()
        wait_for(lambda: caplog.messages)
        assert not entered.is_set()
        assert holders(instance) == {first}
    waiting.join(60)
    assert entered.is_set()
    assert not holders(instance)
    assert caplog.messages == [
        f"Waits for a slot of the pool cores: taken by embeddings of run {first[:8]}."
    ]


def test_a_slot_is_freed_when_the_step_fails(instance):
    run = new_run(instance)
    with pytest.raises(KeyError), slot(context_of(instance, run), CORES):
        raise KeyError
    assert not holders(instance)


def test_a_killed_run_makes_room_without_a_daemon(instance):
    killed, next_one = killed_with_slot(instance), new_run(instance)
    with slot(context_of(instance, next_one), CORES):
        assert holders(instance) == {next_one}
    assert run_status(instance, killed) == "FAILURE"


def test_the_sensor_closes_a_killed_run_and_frees_its_slot(instance):
    run = new_run(instance)
    assert pools._is_limited(instance, CORES)
    assert pools._claim(instance, CORES, run, STEP)
    unlocked = Path(instance.root_directory) / "running" / f"{run}.lock"
    unlocked.touch()  # which is what a killed process leaves
    assert isinstance(killed_runs(dg.build_sensor_context(instance)), dg.SkipReason)
    assert run_status(instance, run) == "FAILURE"
    assert not holders(instance)
    assert not unlocked.exists()


def test_a_run_that_a_process_still_executes_keeps_its_slot_even_if_it_is_marked_as_ended(instance):
    run = new_run(instance)
    with locked_run(instance, run), slot(context_of(instance, run), CORES):
        record = instance.get_run_by_id(run)
        assert record is not None
        instance.report_run_canceled(record)
        free_slots_of_ended_runs(instance)
        assert holders(instance) == {run}


def test_a_run_of_another_machine_is_left_alone(instance):
    run = new_run(instance)  # no lock of it is here
    assert pools._is_limited(instance, CORES)
    assert pools._claim(instance, CORES, run, STEP)
    free_slots_of_ended_runs(instance)
    assert holders(instance) == {run}
    assert run_status(instance, run) == "STARTED"


def test_a_ui_that_starts_leaves_a_run_that_another_process_executes(instance):
    run = new_run(instance)
    with locked_run(instance, run):
        close_abandoned_runs(instance)
        close_runs_of_past_ui(instance)
        assert run_status(instance, run) == "STARTED"
    close_runs_of_past_ui(instance)
    assert run_status(instance, run) == "FAILURE"


def test_a_limit_that_was_set_by_hand_is_kept(instance):
    instance.event_log_storage.set_concurrency_slots(CORES, 2)
    runs = [new_run(instance), new_run(instance)]
    with slot(context_of(instance, runs[0]), CORES), slot(context_of(instance, runs[1]), CORES):
        assert holders(instance) == set(runs)
    instance.event_log_storage.delete_concurrency_limit(CORES)


def test_nothing_is_held_where_there_is_no_limit(tmp_path):
    with dagster_runs.new_instance(tmp_path) as instance:
        run = new_run(instance)
        with slot(context_of(instance, run), CORES):
            assert not holders(instance)


def test_on_modal_only_the_vectors_take_the_fleet_and_here_every_asset_takes_the_cores():
    here, modal = (cast("Any", SimpleNamespace(folder=folder)) for folder in ("volume", None))
    assert pool_of("raw_wikipedia", here) == CORES
    assert pool_of("embeddings", here) == CORES
    assert pool_of("raw_wikipedia", modal) is None
    assert pool_of("embeddings", modal) == GPU_FLEET
