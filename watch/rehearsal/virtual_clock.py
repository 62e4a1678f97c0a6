"""A clock that goes where it is told."""

from __future__ import annotations

import asyncio


class VirtualClock:
    """A clock that stands still until somebody moves it. It begins at *now_ms* (Unix time in ms)."""

    def __init__(self, now_ms: int) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000

    async def sleep(self, seconds: float) -> None:
        self.move(seconds)
        await asyncio.sleep(0)

    def move(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.ms += round(seconds * 1000)
