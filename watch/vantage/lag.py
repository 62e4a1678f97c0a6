"""How long runs waited for us: for the event loop, and for a processor that others use.

When the loop lags, healthy targets look slow and slow ones look down. A ticker that runs every 20 ms reports how late
it was. Its delays add up to one sum, so the waiting of a run is the growth of that sum while the run lasted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watch.ports import Clock

_WORTH_NOTING = 0.02  # seconds; a busy but healthy loop is late by a few milliseconds all the time


class Lag:
    """The delays of the event loop. Times are seconds on the monotonic clock.

    Attributes:
        total: All delays so far that are worth noting, in seconds.
    """

    __slots__ = ("_next", "total")

    def __init__(self) -> None:
        self.total = 0.0
        self._next: float | None = None

    def ticked(self, now: float, expected: float, following: float) -> float:
        """Record a tick at *now*, due at *expected*, with the next at *following*; return its delay in seconds."""
        lag = max(0.0, now - expected)
        self._next = following
        if lag >= _WORTH_NOTING:
            self.total += lag
        return lag

    def upto(self, now: float) -> float:
        """All delays up to *now*, including a tick that is overdue, in seconds."""
        overdue = 0.0 if self._next is None else now - self._next
        return self.total + overdue if overdue >= _WORTH_NOTING else self.total


class Waiting:
    """How long one run has waited for us since this was made."""

    __slots__ = ("_before", "_clock", "_lag")

    def __init__(self, lag: Lag, clock: Clock) -> None:
        self._lag, self._clock, self._before = lag, clock, lag.total

    def seconds(self) -> float:
        return self._lag.upto(self._clock.monotonic()) - self._before
