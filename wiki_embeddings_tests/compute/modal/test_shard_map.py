"""A map that waits for results, with a call that is only pretended: what no plane brings about."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import modal
import pytest

from wiki_embeddings.compute.modal import shard_map
from wiki_embeddings.compute.modal.calls import CallRecord
from wiki_embeddings.compute.modal.container import ShardResult
from wiki_embeddings.compute.modal.prices import ContainerSize
from wiki_embeddings.compute.protocol import Event, Failed, Finished, Usage
from wiki_embeddings.manifest import ShardFile
from wiki_embeddings.stages.shard import Report
from wiki_embeddings_tests.support.toy import ToySpec, toy_plan


class Aio:
    """A method of Modal's that is awaited."""

    def __init__(self, method: Any) -> None:
        self.aio = method


class Call:
    """A call of which only some inputs ever have a result."""

    object_id = "fc-pretended"

    def __init__(self, answered: Collection[int]) -> None:
        self._answered = answered
        self.cancelled = False
        self.get = Aio(self._get)

    async def _get(self, *, index: int, timeout: float | None = None) -> ShardResult:
        if index in self._answered:
            name = f"part-{index:05d}.parquet"
            return ShardResult(
                Report(ShardFile(name, 0, 0, "", -1, -1, 0, {}), reused=False, seconds=0.0)
            )
        if timeout is not None:
            raise TimeoutError
        await asyncio.Event().wait()
        raise AssertionError("it never comes")

    def get_dashboard_url(self) -> str:
        return "https://modal.com/id/fc-pretended"

    def cancel(self, *, terminate_containers: bool) -> None:
        assert terminate_containers
        self.cancelled = True


class Function:
    """A function whose calls are pretended, and whose statistics fail as ordered."""

    def __init__(self, call: Call, no_statistics: Exception | None = None) -> None:
        self._call = call
        self._no_statistics = no_statistics
        self.get_current_stats = Aio(self._stats)

    def experimental_spawn_map(self, inputs: Sequence[ToySpec], kwargs: Mapping[str, str]) -> Call:
        assert kwargs == {"moment": "now"}
        assert inputs
        return self._call

    async def _stats(self) -> Any:
        if self._no_statistics is not None:
            raise self._no_statistics
        return modal.types.FunctionCurrentStats(
            backlog=0, num_total_runners=2, num_running_inputs=0, input_headroom=0
        )


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_map, "_TICK_S", 0.02)


def events_of(function: Function, shards: int, volume: Any, deadline_s: float) -> list[Event]:
    plan = toy_plan(shards)
    return list(
        shard_map.run(
            function,  # type: ignore[arg-type]
            plan.specs,
            range(shards),
            "now",
            machine=ContainerSize(cores=1, memory_mib=1024, gpu="A10G"),
            deadline_s=deadline_s,
            record=CallRecord(volume, plan.folder),
        )
    )


def test_results_behind_many_that_never_come_are_found_before_the_map_is_given_up(volume):
    stuck = shard_map._WAITED_FOR
    call = Call(answered=range(stuck, stuck + 5))
    came = events_of(Function(call), stuck + 5, volume, deadline_s=0.2)
    assert {event.shard for event in came if isinstance(event, Finished)} == set(
        range(stuck, stuck + 5)
    )
    given_up = [event for event in came if isinstance(event, Failed)]
    assert {event.shard for event in given_up} == set(range(stuck))
    assert all("cancelled" in event.cause for event in given_up)
    assert call.cancelled


@pytest.mark.parametrize(
    "error", [modal.exception.TimeoutError("silent"), modal.exception.ServiceError("away")]
)
def test_a_figure_that_cannot_be_had_costs_no_result(volume, error):
    call = Call(answered=range(3))
    came = events_of(Function(call, no_statistics=error), 3, volume, deadline_s=5.0)
    assert {event.shard for event in came if isinstance(event, Finished)} == {0, 1, 2}
    assert not call.cancelled


class InterruptingFunction(Function):
    """A function whose call is started just when Ctrl-C comes."""

    def experimental_spawn_map(self, inputs: Sequence[ToySpec], kwargs: Mapping[str, str]) -> Call:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(0.2)
        return super().experimental_spawn_map(inputs, kwargs)


def test_an_interrupt_while_a_map_is_started_leaves_no_call_behind(volume):
    call = Call(answered=range(3))
    with pytest.raises(KeyboardInterrupt):
        events_of(InterruptingFunction(call), 3, volume, deadline_s=5.0)
    assert call.cancelled


def test_the_last_word_on_usage_comes_with_the_price_of_what_was_running(volume):
    came = events_of(Function(Call(answered=range(3))), 3, volume, deadline_s=5.0)
    last = came[-1]
    assert isinstance(last, Usage)
    assert last.containers == 2
    assert last.gpu == "A10G"
    assert last.dollars == pytest.approx(
        last.container_s * ContainerSize(cores=1, memory_mib=1024, gpu="A10G").dollars_per_s
    )
