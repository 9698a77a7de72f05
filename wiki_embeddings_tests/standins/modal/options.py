"""A plane's pace, so that tests need not wait."""

from __future__ import annotations

from dataclasses import dataclass

_LONGEST_BACKOFF_S = 5.0


@dataclass(frozen=True)
class Options:
    """Pace and limits of a plane.

    Attributes:
        scaledown_window_s: Seconds that idle containers stay; None for the function's own.
        retry_delay_s: Seconds before a failed input is retried; None for the function's policy.
        kill_grace_s: Seconds between interrupting a container and killing it.
        first_crash_backoff_s: Seconds before a container is replaced after the second crash in a
            row; doubles with every further one.
        container_limit: Most containers of a function without its own limit.
        remembers_requests: True to answer a repeated request of a client from memory. Requests of
            containers always are.
    """

    scaledown_window_s: float | None = None
    retry_delay_s: float | None = None
    kill_grace_s: float = 1.0
    first_crash_backoff_s: float = 0.1
    container_limit: int = 8
    remembers_requests: bool = True

    def crash_backoff_s(self, crashes: int) -> float:
        """Seconds before the next container starts, after this many crashes in a row."""
        return min(self.first_crash_backoff_s * 2.0 ** (crashes - 2), _LONGEST_BACKOFF_S)
