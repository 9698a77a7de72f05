"""How a control plane differs from the real one in pace, so that tests need not wait."""

from __future__ import annotations

from dataclasses import dataclass

_LONGEST_BACKOFF_S = 5.0


@dataclass(frozen=True)
class Options:
    """Paces and limits of the whole plane.

    Attributes:
        scaledown_window_s: How long idle containers stay; None: what each function says.
        retry_delay_s: Time before a failed input is tried again; None: the function's policy.
        kill_grace_s: Time between interrupting a container and killing it.
        first_crash_backoff_s: Time before a container is replaced that was the second in a row to
            crash; it doubles with every further one.
        container_limit: Most containers of a function that names no limit.
        remembers_requests: A request that a client repeats, because its answer was lost, is
            answered and not done again; for containers that always holds.
    """

    scaledown_window_s: float | None = None
    retry_delay_s: float | None = None
    kill_grace_s: float = 1.0
    first_crash_backoff_s: float = 0.1
    container_limit: int = 8
    remembers_requests: bool = True

    def crash_backoff_s(self, crashes: int) -> float:
        """Time before the next container starts, after this many crashes in a row."""
        return min(self.first_crash_backoff_s * 2.0 ** (crashes - 2), _LONGEST_BACKOFF_S)
