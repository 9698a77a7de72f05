"""How long to keep trying when the Hub or the network fails for a moment."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import httpx2

from wiki_embeddings.hub_files.errors import TransientError

ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetryPolicy:
    """How long to wait for an answer, and for how many of them.

    The defaults give up half a minute after the last sign of life. A server that names a time is
    waited for up to the five minutes over which the Hub counts requests, and some.

    Attributes:
        attempts: Tries in a row that bring nothing new before giving up; at least 1.
        first_wait_s: Seconds before the second try; doubled for each further one.
        longest_wait_s: Seconds that this wait grows to at most.
        longest_retry_after_s: Seconds that a server may ask for; if it wants more, give up.
        connect_timeout_s: Seconds to wait for a connection.
        read_timeout_s: Seconds without a single byte after which a connection counts as stalled.
    """

    attempts: int = 6
    first_wait_s: float = 1.0
    longest_wait_s: float = 30.0
    longest_retry_after_s: float = 330.0
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0

    def timeout(self) -> httpx2.Timeout:
        """The same as a timeout for one request."""
        return httpx2.Timeout(self.read_timeout_s, connect=self.connect_timeout_s)


def with_retries(
    attempt: Callable[[], ResultT],
    policy: RetryPolicy,
    progress_mark: Callable[[], int] = lambda: 0,
) -> ResultT:
    """Calls `attempt` until it succeeds, or too many tries in a row have brought nothing new.

    Args:
        attempt: Does the work; raises `TransientError` where another try is worth it.
        policy: How often and how long.
        progress_mark: How far the work has got; a try that moved it is not counted as fruitless.

    Returns:
        What `attempt` returned.

    Raises:
        PassingError: The last failure, when patience is at an end.
    """
    fruitless = 0
    mark = progress_mark()
    while True:
        try:
            return attempt()
        except TransientError as error:
            fruitless = 0 if progress_mark() > mark else fruitless + 1
            mark = progress_mark()
            wait_s = _wait_s(policy, fruitless, error.retry_after_s)
            if fruitless >= policy.attempts or wait_s > policy.longest_retry_after_s:
                raise
            log.warning("%s Trying again in %.1f s.", error.reason, wait_s)
        time.sleep(wait_s)


def _wait_s(policy: RetryPolicy, fruitless: int, retry_after_s: float | None) -> float:
    if retry_after_s is not None:
        return retry_after_s
    doublings = max(0, fruitless - 1)
    return min(policy.longest_wait_s, policy.first_wait_s * 2.0**doublings)
