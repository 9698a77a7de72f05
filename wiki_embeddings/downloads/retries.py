"""Retries: how often, and how long to wait, when a site or the network fails for a moment.

Not `tenacity`: its hooks for stopping, waiting and logging would have to share the count of tries
without progress, which is longer than the loop below.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import httpx2

from wiki_embeddings.downloads.errors import TransientError

ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetryPolicy:
    """How often to try, and how long to wait.

    The defaults give up after half a minute without progress. If the server names a time, they
    wait for a little over the five minutes over which the Hub counts requests.

    Attributes:
        attempts: Tries in a row without progress before giving up; at least 1.
        first_wait_s: Seconds before the second try; doubled for each further one.
        longest_wait_s: Upper limit of that wait, in seconds.
        longest_retry_after_s: Longest `Retry-After` that is waited for; give up if it is longer.
        connect_timeout_s: Seconds to wait for a connection.
        read_timeout_s: Seconds without a byte after which a connection counts as stalled.
    """

    attempts: int = 6
    first_wait_s: float = 1.0
    longest_wait_s: float = 30.0
    longest_retry_after_s: float = 330.0
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0

    def timeout(self, left_s: float = math.inf) -> httpx2.Timeout:
        """Return the timeout of a single request, with at most `left_s` seconds for each step."""
        connect_s = min(self.connect_timeout_s, left_s)
        return httpx2.Timeout(min(self.read_timeout_s, left_s), connect=connect_s)


def with_retries(
    attempt: Callable[[], ResultT],
    policy: RetryPolicy,
    progress: Callable[[], int] = lambda: 0,
    *,
    deadline: float = math.inf,
) -> ResultT:
    """Call `attempt` until it succeeds, or too many tries in a row made no progress.

    Args:
        attempt: Does the work; raises `TransientError` if another try may succeed.
        policy: How often to try, and how long to wait.
        progress: Returns how much is done; a try that raised it above all before does not count
            as a failure.
        deadline: No try begins at this time of `time.monotonic` or later.

    Returns:
        What `attempt` returned.

    Raises:
        TransientError: The failure of the last try.
    """
    failures = 0
    most_done = progress()
    while True:
        try:
            return attempt()
        except TransientError as error:
            done = progress()
            failures = 0 if done > most_done else failures + 1
            most_done = max(done, most_done)
            wait_s = _wait_s(policy, failures, error.retry_after_s)
            is_too_late = time.monotonic() + wait_s >= deadline
            if failures >= policy.attempts or wait_s > policy.longest_retry_after_s or is_too_late:
                raise
            log.warning("%s Trying again in %.1f s.", error.reason, wait_s)
        time.sleep(wait_s)


def _wait_s(policy: RetryPolicy, failures: int, retry_after_s: float | None) -> float:
    if retry_after_s is not None:
        return retry_after_s
    doublings = max(0, failures - 1)
    return min(policy.longest_wait_s, policy.first_wait_s * 2.0**doublings)
