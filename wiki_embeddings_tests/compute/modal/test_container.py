"""What happens around a stage in a container, with a stand-in for the mounted volume."""

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
    call_on_volume,
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
    """A mounted volume that records the requests, and refuses them as told.

    Attributes:
        requests: "reload" and "commit", in order.
        refusals: Errors that the next requests raise.
        at_commit: Called in each commit.
    """

    requests: list[str] = field(default_factory=list)
    refusals: list[Exception] = field(default_factory=list)
    at_commit: Callable[[], None] = lambda: None

    def reload(self) -> None:
        self._request("reload")

    def commit(self) -> None:
        self._request("commit")
        self.at_commit()

    def _request(self, name: str) -> None:
        self.requests.append(name)
        if self.refusals:
            raise self.refusals.pop(0)


@pytest.fixture
def mounted() -> Mounted:
    return Mounted()


@pytest.fixture
def view(mounted: Mounted, volume: Volume) -> VolumeView:
    return VolumeView(mounted, volume, lambda: mounted.requests.append("stop"))


def spec(fault: str = "", shard: int = 0) -> ToySpec:
    return toy_plan(3, {shard: fault}).specs[shard]


def path_of(volume: Volume, spec: ToySpec) -> Path:
    return volume.path(spec.folder) / spec.name


def test_the_view_is_reloaded_once_per_token(view, mounted):
    for reload_token in ("a", "a", "b", "b"):
        make_shard(view, reload_token, make_toy, spec())
    assert mounted.requests.count("reload") == 2
    assert mounted.requests[0] == "reload"


def test_a_call_reloads_and_commits_nothing(view, mounted, volume):
    assert call_on_volume(view, "a", lambda given, argument: (given, argument), 1) == (volume, 1)
    assert mounted.requests == ["reload"]


def test_a_shard_is_committed_before_it_is_reported(view, mounted, volume):
    exists = []
    mounted.at_commit = lambda: exists.append(path_of(volume, spec()).is_file())
    made = make_shard(view, "a", make_toy, spec())
    assert made.report is not None
    assert mounted.requests == ["reload", "commit"]
    assert exists == [True]


@pytest.mark.parametrize("request_name", ["reload", "commit"])
def test_a_request_that_open_files_prevent_is_repeated(view, mounted, request_name):
    if request_name == "commit":
        call_on_volume(view, "a", lambda _: None)
        mounted.requests.clear()
    mounted.refusals = [OPEN_FILES, OPEN_FILES]
    assert make_shard(view, "a", make_toy, spec()).report is not None
    assert mounted.requests.count(request_name) == 3


def test_files_that_stay_open_fail_the_shard_in_the_end(view, mounted, monkeypatch):
    monkeypatch.setattr(container, "_RETRY_FOR_S", 0.2)
    mounted.refusals = [OPEN_FILES] * 100
    with pytest.raises(ShardError, match="open files"):
        make_shard(view, "a", make_toy, spec())
    assert 1 < len(mounted.requests) < 50


def test_any_other_refusal_fails_the_shard_at_once(view, mounted):
    mounted.refusals = [RuntimeError("no such volume")]
    with pytest.raises(ShardError, match="RuntimeError: no such volume"):
        make_shard(view, "a", make_toy, spec())


def test_no_reload_while_another_input_is_active(view, mounted):
    order = []
    second = threading.Thread(
        target=lambda: call_on_volume(view, "b", lambda _: order.append("second"))
    )
    with view.reloaded("a"):
        second.start()
        second.join(0.2)
        order.append("first")
        assert mounted.requests == ["reload"]
    second.join()
    assert order == ["first", "second"]
    assert mounted.requests == ["reload", "reload"]


def test_inputs_with_the_same_token_run_concurrently(view):
    together = threading.Barrier(2, timeout=10)
    second = threading.Thread(target=lambda: call_on_volume(view, "a", lambda _: together.wait()))
    with view.reloaded("a"):
        second.start()
        together.wait()
    second.join()


def test_an_exclusive_input_waits_for_the_others_and_keeps_them_out(view):
    order = []

    def run_exclusively() -> None:
        with view.reloaded("a", exclusive=True):
            order.append("exclusive starts")
            later.start()
            later.join(0.2)
            order.append("exclusive ends")

    later = threading.Thread(
        target=lambda: call_on_volume(view, "a", lambda _: order.append("later"))
    )
    exclusive = threading.Thread(target=run_exclusively)
    with view.reloaded("a"):
        exclusive.start()
        exclusive.join(0.2)
        order.append("first")
    exclusive.join()
    later.join()
    assert order == ["first", "exclusive starts", "exclusive ends", "later"]


def test_a_shard_dropped_by_the_commit_of_another_input_is_made_again(view, mounted, volume):
    def drop() -> None:
        mounted.at_commit = lambda: None
        path_of(volume, spec()).unlink()

    mounted.at_commit = drop
    made = make_shard(view, "a", make_toy, spec())
    assert made.report is not None
    assert not made.report.reused
    assert mounted.requests.count("commit") == 2
    assert path_of(volume, spec()).stat().st_size == made.report.file.bytes


def test_a_shard_that_is_always_dropped_fails(view, mounted, volume):
    mounted.at_commit = lambda: path_of(volume, spec()).unlink()
    with pytest.raises(ShardError, match="is missing after its commit"):
        make_shard(view, "a", make_toy, spec())


def test_a_bad_input_is_tried_once_more_as_the_volume_may_look_empty_for_a_moment(view):
    attempts = []

    def make(one: ToySpec, volume: Volume, progress: Progress) -> Report:
        attempts.append(one)
        return make_toy(spec("refuse") if len(attempts) == 1 else one, volume, progress)

    assert make_shard(view, "a", make, spec()).report is not None
    assert len(attempts) == 2


def test_a_bad_input_is_returned_and_not_raised(view):
    made = make_shard(view, "a", make_toy, spec("refuse"))
    assert made.report is None
    assert made.cause == "This one is poison: take it out."
    assert not made.fatal


def test_a_full_volume_is_fatal(view):
    made = make_shard(view, "a", make_toy, spec("full"))
    assert made.fatal
    assert made.cause == "The disk is full."


def test_an_outage_stops_the_map_without_a_retry(view):
    made = make_shard(view, "a", make_toy, spec("outage"))
    assert made.fatal
    assert made.may_pass
    assert made.cause == "The store is down."


def test_any_other_exception_is_raised_with_its_traceback_so_that_modal_retries(view):
    with pytest.raises(ShardError) as raised:
        make_shard(view, "a", make_toy, spec("bug"))
    assert raised.value.cause == "ZeroDivisionError: a bug"
    assert "toy.py" in raised.value.detail
    # No input is active any more, so the next token does not have to wait.
    assert make_shard(view, "b", make_toy, spec(shard=1)).report is not None


def test_a_container_whose_gpu_has_failed_fetches_no_more_inputs(view, mounted):
    def fail(*_):
        raise BrokenDeviceError("The GPU has failed.")

    with pytest.raises(ShardError, match="The GPU has failed"):
        make_shard(view, "a", fail, spec())
    assert mounted.requests == ["reload", "stop"]


def test_a_bad_input_of_a_call_is_returned_as_a_refusal(view):
    def refuse(_):
        raise BadInputError("There is no such model.")

    assert call_on_volume(view, "a", refuse) == Refusal("There is no such model.")
