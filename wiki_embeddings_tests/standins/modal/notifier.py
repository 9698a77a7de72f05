"""Wakes the coroutines that wait for a change."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Notifier:
    """Wakes all waiters, once for each notification; used from one event loop only."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Wake all that wait now."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, timeout_s: float | None = None) -> None:
        """Wait until the next notification, or until the time is up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
