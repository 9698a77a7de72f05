from __future__ import annotations

import asyncio
import signal
import threading
import time

import pytest

from wiki_embeddings.compute.modal.uninterruptible import uninterruptible


def interrupt() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    time.sleep(0.1)


def test_the_result_of_the_work_is_returned():
    assert uninterruptible(lambda: 7) == 7


def test_an_exception_of_the_work_is_raised():
    with pytest.raises(ZeroDivisionError):
        uninterruptible(lambda: 1 // 0)


def test_a_cancelled_error_of_the_work_is_raised():
    def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        uninterruptible(work)


def test_an_interrupt_is_raised_after_the_work_has_ended():
    steps: list[str] = []

    def work() -> None:
        interrupt()
        steps.append("end")

    with pytest.raises(KeyboardInterrupt):
        uninterruptible(work)
    assert steps == ["end"]


def test_an_interrupt_has_a_note_if_the_work_failed():
    def work() -> None:
        interrupt()
        raise OSError("no answer")

    with pytest.raises(KeyboardInterrupt) as raised:
        uninterruptible(work)
    assert raised.value.__notes__ == ["no answer"]
