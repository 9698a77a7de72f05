from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.compute.protocol import Advanced, Event, Failed, Finished, largest_first
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.support.toy import ToySpec, toy_plan


@pytest.fixture
def compute(volume: Volume) -> LocalCompute:
    return LocalCompute(volume.root, cores=2)


def finished(events: Iterable[Event]) -> set[int]:
    return {event.shard for event in events if isinstance(event, Finished)}


def failed(events: Iterable[Event]) -> dict[int, Failed]:
    return {event.shard: event for event in events if isinstance(event, Failed)}


def wait_until(holds: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def program_process(program: str, volume: Volume) -> subprocess.Popen[str]:
    """Start a program, given the volume's root; a file, because workers import it again."""
    volume.root.mkdir(parents=True)
    script = volume.root / "program.py"
    script.write_text(program)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.Popen(
        [sys.executable, script, str(volume.root)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def is_running(pid: int) -> bool:
    """Whether a process still does something; one that nobody has waited for yet does not."""
    question = ["ps", "-o", "stat=", "-p", str(pid)]
    asked = subprocess.run(question, capture_output=True, text=True, check=False)
    return asked.stdout.strip() != "" and not asked.stdout.startswith("Z")


def test_every_shard_is_made_once_and_reported(compute, volume):
    plan = toy_plan(5)
    events = list(compute.map(plan))
    assert finished(events) == {0, 1, 2, 3, 4}
    names = {path.name for path in volume.path(plan.folder).iterdir()}
    assert names == {spec.name for spec in plan.specs}
    assert multiprocessing.active_children() == []


def test_a_second_run_recognises_what_is_finished(compute):
    first = [event.report for event in compute.map(toy_plan(3)) if isinstance(event, Finished)]
    again = [event.report for event in compute.map(toy_plan(3)) if isinstance(event, Finished)]
    assert [report.reused for report in first] == [False] * 3
    assert [report.reused for report in again] == [True] * 3
    by_name = {report.file.name: report.file for report in first}
    assert {report.file.name: report.file for report in again} == by_name


def test_a_poisoned_shard_does_not_stop_the_others(compute):
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


def test_a_full_disk_stops_the_map_at_once(volume):
    events = list(LocalCompute(volume.root, cores=1).map(toy_plan(6, {0: "full"})))
    assert finished(events) == set()
    assert failed(events)[0].fatal


def test_a_disk_that_fills_up_is_told_and_leaves_nothing_half_written(volume):
    program = textwrap.dedent("""
        import resource, sys
        from pathlib import Path
        from wiki_embeddings.compute.local.compute import LocalCompute
        from wiki_embeddings_tests.support.toy import toy_plan
        if __name__ == "__main__":
            # No file may grow beyond this: what the system says is as for a full disk.
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
            compute = LocalCompute(Path(sys.argv[1]), 1)
            print([event.cause for event in compute.map(toy_plan(3, rows=100_000))])
    """)
    with program_process(program, volume) as running:
        told = running.communicate()[0]
    assert told.count("Cannot write to") == 1, "the first failure ends the map"
    assert "the file system takes no larger file" in told
    plan = toy_plan(3, rows=100_000)
    assert list(volume.path(plan.folder).iterdir()) == []
    assert finished(LocalCompute(volume.root, 1).map(plan)) == {0, 1, 2}


def test_closing_a_map_stops_its_workers(compute, volume):
    events = compute.map(toy_plan(4, {1: "sleep", 2: "sleep"}))
    assert next(events)
    mark = volume.root / "at-work-part-00001.parquet"
    wait_until(lambda: mark.exists() and mark.read_text() != "")
    events.close()
    assert multiprocessing.active_children() == []
    assert not is_running(int(mark.read_text()))


def test_workers_end_when_their_parent_is_killed(volume):
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from wiki_embeddings.compute.local.compute import LocalCompute
        from wiki_embeddings_tests.support.toy import toy_plan
        if __name__ == "__main__":
            list(LocalCompute(Path(sys.argv[1]), 1).map(toy_plan(1, {0: "sleep"})))
    """)
    mark = volume.root / "at-work-part-00000.parquet"
    with program_process(program, volume) as parent:
        wait_until(lambda: mark.exists() and mark.read_text() != "")
        parent.kill()
    wait_until(lambda: not is_running(int(mark.read_text())))


def test_progress_is_told_while_a_shard_is_made(compute):
    events = list(compute.map(toy_plan(1, {0: "slow"})))
    advanced = [event for event in events[:-1] if isinstance(event, Advanced)]
    assert advanced, "a shard of most of a second tells of progress before its end"
    assert sum(event.units for event in advanced) <= 3
    assert isinstance(events[-1], Finished)


def test_a_function_is_called_over_the_same_volume(compute, volume):
    assert compute.call(lambda seen, name: seen.path(name), "x") == volume.root / "x"
    assert compute.files.where("a/b") == str(volume.root / "a" / "b")


def test_the_longest_shards_are_handed_out_first():
    specs = [ToySpec("", str(n), units, 0) for n, units in enumerate([3, 9, 9, 1])]
    assert largest_first(specs) == [1, 2, 0, 3]
