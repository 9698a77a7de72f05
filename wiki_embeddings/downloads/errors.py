"""Failures of a request that another try may overcome, and when to try."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from datetime import UTC, datetime

from wiki_embeddings.errors import WikiEmbeddingsError

TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 522, 524})
"""Statuses after which the same request may succeed; the last three are Cloudflare's."""


class TransientError(WikiEmbeddingsError):
    """A failure that another try may overcome.

    Attributes:
        reason: The message without the advice, which applies only after the last try.
        retry_after_s: Seconds to wait, if the server names a time; else None.
    """

    may_pass = True

    def __init__(self, reason: str, advice: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(f"{reason} {advice}".strip())
        self.reason = reason
        self.retry_after_s = retry_after_s


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read `Retry-After`, in seconds or as a date (RFC 9110, 10.2.3); None without a valid one."""
    value = headers.get("Retry-After", "").strip()
    return float(value) if value.isdigit() else _seconds_until(value)


def _seconds_until(http_date: str) -> float | None:
    """Seconds until an HTTP date, never negative; None if it is not a date."""
    try:
        date = email.utils.parsedate_to_datetime(http_date)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
