"""What happens around a stage in a container, with a volume that is mounted only in pretence."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from wiki_embeddings.compute.modal import container
from wiki_embeddings.compute.modal.container import (
    Refusal,
    ShardError,
    VolumeView,
    look_up,
    make_shard,
)
from wiki_embeddings.errors import BadInputError, BrokenDeviceError
from wiki_embeddings.sources.protocol import Progress
from wiki_embeddings.stages.shard import Report
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.support.toy import ToySpec, make_toy, toy_plan

OPEN_FILES = RuntimeError("there are open files preventing the operation: path x is open")


@dataclass
class Mounted:
    """A mounted volume that tells what was asked of it, and refuses as ordered.

    Attributes:
        asked: "reload" and "commit", in order.
        refusals: What the next requests raise.
        at_commit: Called in each commit.
    """

    asked: list[str] = field(default_factory=list)
    refusals: list[Exception] = field(default_factory=list)
    at_commit: Callable[[], None] = lambda: None

    def reload(self) -> None:
        self._ask("reload")

    def commit(self) -> None:
        self._ask("commit")
        self.at_commit()

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.refusals:
            raise self.refusals.pop(0)


@pytest.fixture
def mounted() -> Mounted:
    return Mounted()


@pytest.fixture
def view(mounted: Mounted, volume: Volume) -> VolumeView:
    return VolumeView(mounted, volume, leave=lambda: mounted.asked.append("leave"))


def spec(fault: str = "", shard: int = 0) -> ToySpec:
    return toy_plan(3, {shard: fault}).specs[shard]


def path_of(volume: Volume, made: ToySpec) -> Path:
    return volume.path(made.folder) / made.name


def test_the_view_is_reloaded_once_a_moment(view, mounted):
    for reload_token in ("a", "a", "b", "b"):
        make_shard(view, reload_token, make_toy, spec())
    assert [what for what in mounted.asked if what == "reload"] == ["reload"] * 2
    assert mounted.asked[0] == "reload"


def test_a_look_reloads_too_and_commits_nothing(view, mounted, volume):
    assert look_up(view, "a", lambda seen, plus: (seen, plus), 1) == (volume, 1)
    assert mounted.asked == ["reload"]


def test_a_shard_is_committed_before_it_is_reported(view, mounted, volume):
    there = []
    mounted.at_commit = lambda: there.append(path_of(volume, spec()).is_file())
    made = make_shard(view, "a", make_toy, spec())
    assert made.report is not None
    assert mounted.asked == ["reload", "commit"]
    assert there == [True]


@pytest.mark.parametrize("refused", ["reload", "commit"])
def test_what_open_files_prevent_is_repeated_until_they_are_closed(view, mounted, refused):
    if refused == "commit":
        look_up(view, "a", lambda _: None)
        mounted.asked.clear()
    mounted.refusals = [OPEN_FILES, OPEN_FILES]
    assert make_shard(view, "a", make_toy, spec()).report is not None
    assert mounted.asked.count(refused) == 3


def test_files_that_are_never_closed_are_a_fault_in_the_end(view, mounted, monkeypatch):
    monkeypatch.setattr(container, "_PATIENCE_S", 0.2)
    mounted.refusals = [OPEN_FILES] * 100
    with pytest.raises(ShardError, match="open files"):
        make_shard(view, "a", make_toy, spec())
    assert 1 < len(mounted.asked) < 50


def test_any_other_refusal_is_a_fault_at_once(view, mounted):
    mounted.refusals = [RuntimeError("no such volume")]
    with pytest.raises(ShardError, match="RuntimeError: no such volume"):
        make_shard(view, "a", make_toy, spec())


def test_nothing_is_reloaded_while_another_input_is_at_work(view, mounted):
    order = []
    second = threading.Thread(
        target=lambda: look_up(view, "b", lambda _: order.append("second looks"))
    )
    with view.as_of("a"):
        second.start()
        second.join(0.2)
        order.append("first is done")
        assert mounted.asked == ["reload"]
    second.join()
    assert order == ["first is done", "second looks"]
    assert mounted.asked == ["reload", "reload"]


def test_inputs_of_one_moment_are_at_work_side_by_side(view):
    together = threading.Barrier(2, timeout=10)
    second = threading.Thread(target=lambda: look_up(view, "a", lambda _: together.wait()))
    with view.as_of("a"):
        second.start()
        together.wait()
    second.join()


def test_one_that_is_to_be_alone_waits_for_the_others_and_they_for_it(view):
    order = []

    def alone() -> None:
        with view.as_of("a", alone=True):
            order.append("alone")
            later.start()
            later.join(0.2)
            order.append("still alone")

    later = threading.Thread(target=lambda: look_up(view, "a", lambda _: order.append("later")))
    lonely = threading.Thread(target=alone)
    with view.as_of("a"):
        lonely.start()
        lonely.join(0.2)
        order.append("first is done")
    lonely.join()
    later.join()
    assert order == ["first is done", "alone", "still alone", "later"]


def test_a_shard_that_another_inputs_commit_dropped_is_made_again(view, mounted, volume):
    def drop() -> None:
        mounted.at_commit = lambda: None
        path_of(volume, spec()).unlink()

    mounted.at_commit = drop
    made = make_shard(view, "a", make_toy, spec())
    assert made.report is not None
    assert not made.report.reused
    assert mounted.asked.count("commit") == 2
    assert path_of(volume, spec()).stat().st_size == made.report.file.bytes


def test_a_shard_that_is_dropped_each_time_is_not_reported_as_finished(view, mounted, volume):
    mounted.at_commit = lambda: path_of(volume, spec()).unlink()
    with pytest.raises(ShardError, match="was not there after it had been committed"):
        make_shard(view, "a", make_toy, spec())


def test_an_input_that_was_out_of_sight_for_a_moment_is_no_bad_input(view):
    attempts = []

    def make(one: ToySpec, volume: Volume, progress: Progress) -> Report:
        attempts.append(one)
        return make_toy(spec("refuse") if len(attempts) == 1 else one, volume, progress)

    assert make_shard(view, "a", make, spec()).report is not None
    assert len(attempts) == 2


def test_what_can_never_work_is_reported_and_not_raised(view, monkeypatch):
    monkeypatch.setenv("MODAL_TASK_ID", "ta-1")
    made = make_shard(view, "a", make_toy, spec("refuse"))
    assert made.report is None
    assert made.cause == "This one is poison: take it out."
    assert not made.fatal
    assert made.container == "ta-1"


def test_a_full_volume_is_hopeless_for_every_other_shard(view):
    made = make_shard(view, "a", make_toy, spec("full"))
    assert made.fatal
    assert made.cause == "The disk is full."


def test_what_is_unforeseen_is_raised_with_its_traceback_for_another_try(view):
    with pytest.raises(ShardError) as raised:
        make_shard(view, "a", make_toy, spec("bug"))
    assert raised.value.cause == "ZeroDivisionError: a bug"
    assert "toy.py" in raised.value.detail
    # Nothing is at work any more: the next moment is reached at once.
    assert make_shard(view, "b", make_toy, spec(shard=1)).report is not None


def test_a_container_whose_gpu_has_failed_takes_nothing_more(view, mounted):
    def fail(*_):
        raise BrokenDeviceError("The GPU has failed.")

    with pytest.raises(ShardError, match="The GPU has failed"):
        make_shard(view, "a", fail, spec())
    assert mounted.asked == ["reload", "leave"]


def test_what_is_refused_for_good_is_an_answer_and_no_failure_to_repeat(view):
    def refuse(_):
        raise BadInputError("There is no such model.")

    assert look_up(view, "a", refuse) == Refusal("There is no such model.")
