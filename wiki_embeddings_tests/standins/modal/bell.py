"""A bell: whoever waits looks again when it rings."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Bell:
    """Wakes all that wait, once, each time it rings; used from one event loop only."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake everyone who waits now."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, timeout_s: float | None = None) -> None:
        """Until the next ring, or until the time is up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
