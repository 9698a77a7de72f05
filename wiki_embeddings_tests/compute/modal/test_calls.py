"""How calls end and who makes an output, with calls and files that exist only here."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any, cast

import modal
import pytest

from wiki_embeddings.compute.modal import errors as modal_errors
from wiki_embeddings.compute.modal.calls import CallRecord, answer, cancel
from wiki_embeddings.compute.modal.errors import with_retries
from wiki_embeddings.errors import WikiEmbeddingsError


class Call:
    """A call that takes note of being cancelled."""

    object_id = "fc-1"

    def __init__(self) -> None:
        self.cancelled = False

    def get_dashboard_url(self) -> str:
        return "https://modal.com/id/fc-1"

    def get(self, timeout: float) -> None:
        raise TimeoutError(timeout)

    def cancel(self, *, terminate_containers: bool) -> None:
        self.cancelled = terminate_containers


def as_call(call: Call) -> modal.FunctionCall:
    return cast("modal.FunctionCall", call)


class InterruptedCall(Call):
    """A call that is being cancelled just when Ctrl-C comes again."""

    def cancel(self, *, terminate_containers: bool) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(0.2)
        super().cancel(terminate_containers=terminate_containers)


def test_an_impatient_interrupt_does_not_keep_a_call_from_being_cancelled():
    call = InterruptedCall()
    with pytest.raises(KeyboardInterrupt):
        cancel(as_call(call))
    assert call.cancelled


def test_a_question_without_an_answer_in_time_is_cancelled_and_told():
    call = Call()

    class Function:
        def spawn(self) -> Call:
            return call

    with pytest.raises(WikiEmbeddingsError, match="cannot ask it: no answer within 3 s") as raised:
        answer(cast("modal.Function", Function()), "ask it", within_s=3.0)
    assert call.cancelled
    assert "https://modal.com/id/fc-1" in str(raised.value)


def failing(times: int, error: Exception) -> Any:
    errors = [error] * times

    def ask() -> str:
        if errors:
            raise errors.pop()
        return "answer"

    return ask


def test_what_is_asked_while_modal_does_not_answer_is_asked_again(monkeypatch):
    monkeypatch.setattr(modal_errors, "PAUSE_S", 0.0)
    assert with_retries("ask", failing(20, modal.exception.ServiceError("away"))) == "answer"


def test_patience_has_an_end(monkeypatch):
    monkeypatch.setattr(modal_errors, "PAUSE_S", 0.0)
    monkeypatch.setattr(modal_errors, "_PATIENCE_S", 0.0)
    with pytest.raises(WikiEmbeddingsError, match=r"cannot ask: it does not answer \(away\)"):
        with_retries("ask", failing(10**6, modal.exception.ServiceError("away")))


def test_what_modal_refuses_is_not_asked_again():
    ask = failing(1, modal.exception.NotFoundError("no such call"))
    with pytest.raises(WikiEmbeddingsError, match="NotFoundError: no such call"):
        with_retries("ask", ask)
    assert ask() == "answer"


def test_an_output_that_another_run_took_over_is_no_longer_a_calls_own(volume, monkeypatch):
    mine, theirs = Call(), Call()
    theirs.object_id = "fc-2"
    monkeypatch.setattr(modal.FunctionCall, "from_id", lambda call_id: {"fc-1": mine}[call_id])
    record = CallRecord(volume, "toy/raw/0")
    record.take_over()  # there is nobody to take over from
    record.write(as_call(mine))
    assert record.names(as_call(mine))
    record.take_over()
    assert mine.cancelled
    assert not record.names(as_call(mine))
    record.take_over()  # the one that took over was killed before its map began
    record.write(as_call(theirs))
    assert record.names(as_call(theirs))
    assert not record.names(as_call(mine))
