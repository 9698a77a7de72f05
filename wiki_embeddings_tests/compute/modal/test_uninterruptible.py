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


def test_what_the_work_returns_comes_back():
    assert uninterruptible(lambda: 7) == 7


def test_what_the_work_raises_comes_up():
    with pytest.raises(ZeroDivisionError):
        uninterruptible(lambda: 1 // 0)


def test_work_that_is_cancelled_does_not_wait_forever():
    def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        uninterruptible(work)


def test_an_interrupt_comes_up_when_the_work_has_ended():
    done: list[str] = []

    def work() -> None:
        interrupt()
        done.append("all")

    with pytest.raises(KeyboardInterrupt):
        uninterruptible(work)
    assert done == ["all"]


def test_an_interrupt_tells_that_the_work_failed():
    def work() -> None:
        interrupt()
        raise OSError("no answer")

    with pytest.raises(KeyboardInterrupt) as raised:
        uninterruptible(work)
    assert raised.value.__notes__ == ["no answer"]
