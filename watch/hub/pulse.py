"""Notices that this process stood still: stopped, suspended or starved for longer than a few seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watch.ports import Clock

EVERY = 1.0  # seconds
_ABSENT = 5.0  # seconds


class Pulse:
    """A beat each second. When one is overdue by seconds, nothing ran meanwhile."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._beaten = clock, clock.monotonic()

    def missed(self) -> float:
        """Beat, and return for how many seconds nothing ran before; 0 when all is well."""
        now = self._clock.monotonic()
        apart, self._beaten = now - self._beaten, now
        return apart if apart > EVERY + _ABSENT else 0.0
