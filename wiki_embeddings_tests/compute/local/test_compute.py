from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.compute.protocol import Event, Failed, Finished, Progressed, largest_first
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.support.toy import (
    ToySpec,
    make_and_end_slowly,
    make_signed,
    toy_plan,
)


@pytest.fixture
def compute(volume: Volume) -> LocalCompute:
    return LocalCompute(volume.root, cores=2)


def finished(events: Iterable[Event]) -> set[int]:
    return {event.shard for event in events if isinstance(event, Finished)}


def failed(events: Iterable[Event]) -> dict[int, Failed]:
    return {event.shard: event for event in events if isinstance(event, Failed)}


def wait_until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.05)


def wait_for_worker(volume: Volume, shard: int) -> int:
    """Wait until a worker sleeps over a shard; return the worker's process id."""
    path = volume.root / f"at-work-part-{shard:05d}.parquet"
    wait_until(lambda: path.exists() and path.read_text() != "")
    return int(path.read_text())


def start_map(volume: Volume, plan: str, setup: str = "", cores: int = 1) -> subprocess.Popen[str]:
    """Start a process that maps a plan and prints the causes of failures."""
    program = f"""\
import resource, sys
from pathlib import Path
from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings_tests.support.toy import toy_plan
if __name__ == "__main__":
    {setup}
    print([event.cause for event in LocalCompute(Path(sys.argv[1]), {cores}).map({plan})])
"""
    volume.root.mkdir(parents=True)
    script = volume.root / "program.py"  # a file, because worker processes import it
    script.write_text(program)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.Popen(
        [sys.executable, script, str(volume.root)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def is_running(pid: int) -> bool:
    """Return True if a process exists and is no zombie."""
    command = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return state.strip() != "" and not state.startswith("Z")


def test_every_shard_is_made_once_and_reported(compute, volume):
    plan = toy_plan(5)
    events = list(compute.map(plan))
    assert finished(events) == {0, 1, 2, 3, 4}
    names = {path.name for path in volume.path(plan.folder).iterdir()}
    assert names == {spec.name for spec in plan.specs}
    assert multiprocessing.active_children() == []


def test_a_second_run_reuses_finished_shards(compute):
    first, second = (
        [event.report for event in compute.map(toy_plan(3)) if isinstance(event, Finished)]
        for _ in range(2)
    )
    assert [report.reused for report in first] == [False] * 3
    assert [report.reused for report in second] == [True] * 3
    by_name = {report.file.name: report.file for report in first}
    assert {report.file.name: report.file for report in second} == by_name


def test_a_bad_input_fails_only_its_own_shard(compute):
    events = list(compute.map(toy_plan(6, {2: "refuse"})))
    assert finished(events) == {0, 1, 3, 4, 5}
    assert failed(events)[2].cause == "This one is poison: take it out."
    assert failed(events)[2].detail == ""


def test_a_bug_is_reported_with_its_traceback(compute):
    failure = failed(compute.map(toy_plan(2, {0: "bug"})))[0]
    assert failure.cause == "ZeroDivisionError: a bug"
    assert "in make_toy" in failure.detail


def test_a_killed_worker_loses_only_its_own_shard(compute):
    events = list(compute.map(toy_plan(6, {1: "kill"})))
    assert finished(events) == {0, 2, 3, 4, 5}
    assert "killed by SIGKILL" in failed(events)[1].cause


def test_a_shard_whose_worker_was_killed_once_is_tried_again(compute):
    events = list(compute.map(toy_plan(4, {3: "kill once"})))
    assert finished(events) == {0, 1, 2, 3}


def test_a_worker_may_have_several_shards_in_hand(volume):
    plan = replace(toy_plan(5, dict.fromkeys((1, 2, 3, 4), "sleep")), shards_in_hand=3)
    events = LocalCompute(volume.root, cores=1).map(plan)
    assert next(event.shard for event in events if isinstance(event, Finished)) == 0
    assert len({wait_for_worker(volume, shard) for shard in (1, 2, 3)}) == 1
    assert not (volume.root / "at-work-part-00004.parquet").exists()
    events.close()


@pytest.mark.parametrize(("bound_by", "workers"), [("core", 1), ("site", 5)])
def test_no_worker_holds_the_memory_of_one_file_of_a_site_while_another_is_converted(
    volume, bound_by, workers
):
    plan = replace(toy_plan(5), bound_by=bound_by, make=make_signed)
    assert finished(LocalCompute(volume.root, cores=1).map(plan)) == {0, 1, 2, 3, 4}
    assert len({path.read_text() for path in volume.root.glob("worker-of-*")}) == workers


def test_a_shard_that_kills_its_worker_fails_none_of_those_in_hand_with_it(volume):
    plan = replace(toy_plan(6, {1: "kill"}), shards_in_hand=3)
    events = list(LocalCompute(volume.root, cores=1).map(plan))
    assert finished(events) == {0, 2, 3, 4, 5}
    assert "killed by SIGKILL" in failed(events)[1].cause


@pytest.mark.parametrize("fault", ["full", "outage"])
def test_what_every_other_shard_would_meet_stops_the_map_at_once(volume, fault):
    events = list(LocalCompute(volume.root, cores=1).map(toy_plan(6, {0: fault})))
    assert finished(events) == set()
    assert failed(events)[0].fatal
    assert failed(events)[0].may_pass is (fault == "outage")


def test_a_disk_that_fills_up_stops_the_map_and_leaves_no_partial_file(volume):
    # The system reports a file beyond this limit as it reports a full disk.
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))"
    with start_map(volume, "toy_plan(3, rows=100_000)", setup=limit) as process:
        output = process.communicate()[0]
    assert output.count("Cannot write to") == 1, "the first failure ends the map"
    assert "the file system takes no larger file" in output
    plan = toy_plan(3, rows=100_000)
    assert list(volume.path(plan.folder).iterdir()) == []
    assert finished(LocalCompute(volume.root, 1).map(plan)) == {0, 1, 2}


def test_closing_a_map_stops_its_workers(compute, volume):
    events = compute.map(toy_plan(4, {1: "sleep", 2: "sleep"}))
    assert next(events)
    worker = wait_for_worker(volume, shard=1)
    events.close()
    assert multiprocessing.active_children() == []
    assert not is_running(worker)


def test_workers_end_when_their_parent_is_killed(volume):
    with start_map(volume, 'toy_plan(1, {0: "sleep"})') as parent:
        worker = wait_for_worker(volume, shard=0)
        parent.kill()
    wait_until(lambda: not is_running(worker))


def test_an_impatient_ctrl_c_while_workers_are_stopped_leaves_none(volume):
    second_signal = """\
from multiprocessing.process import BaseProcess
    import os, signal

    def join(process, timeout=None, join=BaseProcess.join):
        BaseProcess.join = join
        os.kill(os.getpid(), signal.SIGINT)
        join(process, timeout)

    BaseProcess.join = join
"""
    with start_map(volume, 'toy_plan(2, {0: "sleep", 1: "sleep"})', second_signal, 2) as parent:
        workers = [wait_for_worker(volume, shard) for shard in (0, 1)]
        parent.send_signal(signal.SIGINT)
        assert parent.wait(timeout=60) != 0
    assert not any(map(is_running, workers))


def test_a_ctrl_c_while_a_worker_ends_does_not_leave_it_behind(compute, monkeypatch):
    def interrupted_join(_process):
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(BaseProcess, "join", interrupted_join)
    with pytest.raises(KeyboardInterrupt):
        list(compute.map(replace(toy_plan(1), make=make_and_end_slowly)))
    assert multiprocessing.active_children() == []


def test_progress_is_reported_while_a_shard_is_made(compute):
    events = list(compute.map(toy_plan(1, {0: "slow"})))
    progress = [event for event in events[:-1] if isinstance(event, Progressed)]
    assert progress, "a shard that takes most of a second reports progress before its end"
    assert sum(event.units for event in progress) <= 3
    assert isinstance(events[-1], Finished)


def test_call_passes_the_volume_to_the_function(compute, volume):
    assert compute.call(lambda given, name: given.path(name), "x") == volume.root / "x"
    assert compute.files.where("a/b") == str(volume.root / "a" / "b")


def test_the_largest_shards_are_handed_out_first():
    specs = [ToySpec("", str(n), units, 0) for n, units in enumerate([3, 9, 9, 1])]
    assert largest_first(specs) == [1, 2, 0, 3]


def test_importing_the_local_compute_loads_neither_numpy_nor_arrow():
    program = (
        "import sys, wiki_embeddings.compute.local.compute; "
        'print({"numpy", "pyarrow"} & sys.modules.keys())'
    )
    command = [sys.executable, "-c", program]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True)
    assert loaded.stdout == "set()\n"
