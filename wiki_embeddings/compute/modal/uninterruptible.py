"""Work that is done to its end, though its caller is interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def uninterruptible(work: Callable[[], T]) -> T:
    """Does something in a thread of its own, because only the main one is interrupted.

    Args:
        work: What is to be done.

    Returns:
        What it returns.

    Raises:
        Exception: What it raises.
        BaseException: Likewise; or an interrupt that came meanwhile, once the work has ended, with
            a note of why if that failed.
    """
    outcome: Future[T] = Future()
    once = threading.Lock()

    def do() -> None:
        if not once.acquire(blocking=False):
            return
        try:
            outcome.set_result(work())
        except BaseException as error:  # raised where it is waited for, or nothing ever would be
            outcome.set_exception(error)

    try:
        threading.Thread(target=do).start()
        return outcome.result()
    except Exception:
        raise
    except BaseException as interrupt:
        threading.Thread(target=do).start()  # the first may not have come that far
        if error := outcome.exception():
            interrupt.add_note(str(error))
        raise
