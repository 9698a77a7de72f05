"""Maps that the local control plane cannot bring about, with stand-ins for Modal's objects."""

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
from wiki_embeddings.compute.modal.shard_map import Deadlines, UsageMeter
from wiki_embeddings.compute.protocol import Event, Failed, Finished, Usage
from wiki_embeddings.manifest import ShardFile
from wiki_embeddings.stages.shard import Report
from wiki_embeddings_tests.support.toy import ToySpec, toy_plan


class Aio:
    """An asynchronous method of Modal's client."""

    def __init__(self, method: Any) -> None:
        self.aio = method


class Call:
    """A call in which only some inputs ever get a result."""

    object_id = "fc-1"

    def __init__(self, with_results: Collection[int]) -> None:
        self._with_results = with_results
        self.is_cancelled = False
        self.get = Aio(self._get)

    async def _get(self, *, index: int, timeout: float | None = None) -> ShardResult:
        if index in self._with_results:
            name = f"part-{index:05d}.parquet"
            return ShardResult(
                Report(ShardFile(name, 0, 0, "", -1, -1, 0, {}), reused=False, seconds=0.0)
            )
        assert timeout is not None, "the client would wait for an expired call for ever"
        await asyncio.sleep(timeout)
        raise TimeoutError

    def get_dashboard_url(self) -> str:
        return "https://modal.com/id/fc-1"

    def cancel(self, *, terminate_containers: bool) -> None:
        assert terminate_containers
        self.is_cancelled = True


class Function:
    """A function with one call, whose statistics fail with the given error."""

    def __init__(
        self, call: Call, stats_error: Exception | None = None, containers: int = 2
    ) -> None:
        self._call = call
        self._stats_error = stats_error
        self._containers = containers
        self.get_current_stats = Aio(self._stats)

    def experimental_spawn_map(self, inputs: Sequence[ToySpec], kwargs: Mapping[str, str]) -> Call:
        assert kwargs == {"reload_token": "now"}
        assert inputs
        return self._call

    async def _stats(self) -> Any:
        if self._stats_error is not None:
            raise self._stats_error
        return modal.types.FunctionCurrentStats(
            backlog=0, num_total_runners=self._containers, num_running_inputs=0, input_headroom=0
        )


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_map, "_POLL_S", 0.02)


def run_map(
    function: Function, shards: int, volume: Any, deadline_s: float, queue_s: float = 60.0
) -> list[Event]:
    plan = toy_plan(shards)
    return list(
        shard_map.run(
            function,  # type: ignore[arg-type]
            plan.specs,
            range(shards),
            "now",
            meter=UsageMeter(ContainerSize(cores=1, memory_mib=1024, gpu="A10"), 2),
            deadlines=Deadlines(deadline_s, queue_s),
            record=CallRecord(volume, plan.folder),
        )
    )


def test_results_behind_many_stuck_inputs_are_found_before_the_map_is_cancelled(volume):
    unanswered = shard_map._MAX_AWAITED
    call = Call(with_results=range(unanswered, unanswered + 5))
    events = run_map(Function(call), unanswered + 5, volume, deadline_s=0.2)
    assert {event.shard for event in events if isinstance(event, Finished)} == set(
        range(unanswered, unanswered + 5)
    )
    failed = [event for event in events if isinstance(event, Failed)]
    assert {event.shard for event in failed} == set(range(unanswered))
    assert all("cancelled" in event.cause for event in failed)
    assert call.is_cancelled


class TimedOutCall(Call):
    """A call whose last inputs exceed their time limit."""

    async def _get(self, *, index: int, timeout: float | None = None) -> ShardResult:
        if index >= shard_map._MAX_AWAITED:
            raise modal.exception.FunctionTimeoutError("60 minutes")
        return await super()._get(index=index, timeout=timeout)


def test_a_time_limit_exceeded_behind_many_stuck_inputs_is_a_result_too(volume):
    stuck = shard_map._MAX_AWAITED
    events = run_map(Function(TimedOutCall([])), stuck + 2, volume, deadline_s=0.2)
    causes = {event.shard: event.cause for event in events if isinstance(event, Failed)}
    late = {shard for shard, cause in causes.items() if "longer than its time limit" in cause}
    assert late == {stuck, stuck + 1}


@pytest.mark.parametrize(
    "error", [modal.exception.TimeoutError("silent"), modal.exception.ServiceError("away")]
)
def test_an_error_of_the_statistics_loses_no_result(volume, error):
    call = Call(with_results=range(3))
    events = run_map(Function(call, stats_error=error), 3, volume, deadline_s=5.0)
    assert {event.shard for event in events if isinstance(event, Finished)} == {0, 1, 2}
    assert not call.is_cancelled


class InterruptingFunction(Function):
    """A function whose call is interrupted by Ctrl-C while it starts."""

    def experimental_spawn_map(self, inputs: Sequence[ToySpec], kwargs: Mapping[str, str]) -> Call:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(0.2)
        return super().experimental_spawn_map(inputs, kwargs)


def test_an_interrupt_during_the_start_of_a_map_cancels_its_call(volume):
    call = Call(with_results=range(3))
    with pytest.raises(KeyboardInterrupt):
        run_map(InterruptingFunction(call), 3, volume, deadline_s=5.0)
    assert call.is_cancelled


def test_waiting_for_a_first_container_is_not_taken_for_a_lack_of_progress(volume):
    function = Function(Call(with_results=[]), containers=0)
    events = run_map(function, 3, volume, deadline_s=0.05, queue_s=0.6)
    causes = {event.cause for event in events if isinstance(event, Failed)}
    (cause,) = causes
    assert cause.startswith("Modal had no container for this map within")
    assert sum(isinstance(event, Usage) for event in events) > 5, "it waited"


class ExpiredCall(Call):
    """A call that Modal has forgotten, as its client reports it: only after a finite wait."""

    async def _get(self, *, index: int, timeout: float | None = None) -> ShardResult:  # noqa: ARG002
        assert timeout is not None, "the client would wait for an expired call for ever"
        raise modal.exception.OutputExpiredError


@pytest.mark.parametrize(
    ("is_deployed", "cause"),
    [(True, "Modal no longer knows of it"), (False, "run `modal deploy -m wiki_embeddings")],
)
def test_a_call_that_has_ended_without_results_fails_each_shard_with_the_reason(
    volume, monkeypatch, is_deployed, cause
):
    async def answer() -> bool:
        return is_deployed

    monkeypatch.setattr(shard_map, "is_deployed", answer)
    events = run_map(Function(ExpiredCall([])), 3, volume, deadline_s=60.0)
    failures = {event.shard: event.cause for event in events if isinstance(event, Failed)}
    assert failures.keys() == {0, 1, 2}
    assert all(cause in text for text in failures.values())


def test_the_last_event_is_the_usage_with_its_price(volume):
    events = run_map(Function(Call(with_results=range(3))), 3, volume, deadline_s=5.0)
    last = events[-1]
    assert isinstance(last, Usage)
    assert last.containers == 2
    assert last.gpu == "A10"
    price = ContainerSize(cores=1, memory_mib=1024, gpu="A10").dollars_per_s
    assert price is not None
    assert last.dollars == pytest.approx(last.container_s * price)
