"""Work that runs to its end even if its caller is interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

ResultT = TypeVar("ResultT")


def uninterruptible(work: Callable[[], ResultT]) -> ResultT:
    """Run work in another thread, because an interrupt reaches only the main one.

    Returns:
        The work's result.

    Raises:
        Exception: Raised by the work.
        BaseException: Raised by the work; or an interrupt during the work, raised when the work
            has ended, with a note if the work failed.
    """
    outcome: Future[ResultT] = Future()
    once = threading.Lock()

    def run_once() -> None:
        if not once.acquire(blocking=False):
            return
        try:
            outcome.set_result(work())
        except BaseException as error:  # re-raised by `result()`, which would wait forever without
            outcome.set_exception(error)

    try:
        threading.Thread(target=run_once).start()
        return outcome.result()
    except Exception:
        raise
    except BaseException as interrupt:
        threading.Thread(target=run_once).start()  # the interrupt may have stopped the first start
        if error := outcome.exception():
            interrupt.add_note(str(error))
        raise
