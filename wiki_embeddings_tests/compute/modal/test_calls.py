"""Waiting for calls, cancelling them and recording them, with stand-ins for Modal's objects."""

from __future__ import annotations

import signal
import threading
import time
from typing import cast

import modal
import pytest

from wiki_embeddings.compute.modal.calls import CallRecord, call_remote, cancel
from wiki_embeddings.errors import WikiEmbeddingsError


class Call:
    """A call that never returns."""

    object_id = "fc-1"

    def __init__(self) -> None:
        self.is_cancelled = False

    def get_dashboard_url(self) -> str:
        return "https://modal.com/id/fc-1"

    def get(self, timeout: float) -> None:
        raise TimeoutError(timeout)

    def cancel(self, *, terminate_containers: bool) -> None:
        self.is_cancelled = terminate_containers


def as_call(call: Call) -> modal.FunctionCall:
    return cast("modal.FunctionCall", call)


class InterruptedCall(Call):
    """A call whose cancellation is interrupted by another Ctrl-C."""

    def cancel(self, *, terminate_containers: bool) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(0.2)
        super().cancel(terminate_containers=terminate_containers)


def test_a_second_interrupt_does_not_stop_the_cancellation_of_a_call():
    call = InterruptedCall()
    with pytest.raises(KeyboardInterrupt):
        cancel(as_call(call))
    assert call.is_cancelled


def test_a_call_without_an_answer_in_time_is_cancelled_and_named():
    call = Call()

    class Function:
        def spawn(self) -> Call:
            return call

    with pytest.raises(WikiEmbeddingsError, match="cannot ask it: no answer within 3 s") as raised:
        call_remote(cast("modal.Function", Function()), "ask it", timeout_s=3.0)
    assert call.is_cancelled
    assert "https://modal.com/id/fc-1" in str(raised.value)


def test_after_a_take_over_the_earlier_call_is_cancelled_and_not_current(volume, monkeypatch):
    mine, theirs = Call(), Call()
    theirs.object_id = "fc-2"
    monkeypatch.setattr(modal.FunctionCall, "from_id", lambda call_id: {"fc-1": mine}[call_id])
    record = CallRecord(volume, "toy/raw/0")
    record.take_over()  # nothing to take over
    record.write([mine.object_id])
    assert record.is_current([mine.object_id])
    record.take_over()
    assert mine.is_cancelled
    assert not record.is_current([mine.object_id])
    record.take_over()  # the run that took over was killed before it started its map
    record.write([theirs.object_id])
    assert record.is_current([theirs.object_id])
    assert not record.is_current([mine.object_id])
