"""Notices that the machine was suspended: our time went on, and the monotonic clock did not.

Nothing was asked meanwhile, so it is an absence of our own, like the time between two hubs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watch.ports import Clock

_LEAST_MS = 2_000


class Pauses:
    """Compares the two clocks from one look to the next."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = (clock.now_ms(), clock.monotonic())

    def ended(self) -> int | None:
        """When the machine was suspended, if that was since the last look; else None."""
        (before_ms, before), self._last = self._last, (self._clock.now_ms(), self._clock.monotonic())
        slept_ms = self._last[0] - before_ms - (self._last[1] - before) * 1000
        return before_ms if slept_ms > _LEAST_MS else None
