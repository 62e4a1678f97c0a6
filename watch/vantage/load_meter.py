"""How well this vantage point keeps up: delays of its loop, late checks, and readings that decided nothing."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from watch.core.delivery import RECENT, Load
from watch.core.reading import Reason

if TYPE_CHECKING:
    from watch.core.reading import Reading
    from watch.vantage.agenda import Agenda

_COUNTED_EVERY = 2.0  # seconds between counts of the late checks; counting looks at each
_STILL = 1.0  # seconds


class LoadMeter:
    """The recent load. Times are seconds on the monotonic clock."""

    __slots__ = ("_before", "_counted", "_late", "_stills", "_undecided", "loop_lag", "schedule_lag")

    def __init__(self) -> None:
        self.loop_lag = self.schedule_lag = 0.0
        self._counted, self._before, self._late = float("-inf"), 0, 0  # a single count may be a hiccup
        self._undecided: deque[float] = deque()
        self._stills: deque[tuple[float, float]] = deque()

    def ticked(self, now: float, loop_lag: float, schedule_lag: float) -> None:
        """Note the delay of a tick, and of the latest check that it started."""
        self.loop_lag, self.schedule_lag = max(self.loop_lag, loop_lag), max(self.schedule_lag, schedule_lag)
        if loop_lag >= _STILL:
            self._stills.append((now, loop_lag))

    def read(self, now: float, reading: Reading) -> None:
        """Note a reading."""
        if reading.reason is Reason.OVERLOADED:
            self._undecided.append(now)

    def load(self, now: float, agenda: Agenda) -> Load:
        """The load now."""
        if now - self._counted >= _COUNTED_EVERY:
            self._counted, self._before, self._late = now, self._late, agenda.late(now)
        while self._undecided and self._undecided[0] < now - RECENT:
            self._undecided.popleft()
        while self._stills and self._stills[0][0] < now - RECENT:
            self._stills.popleft()
        return Load(
            checks=len(agenda.slots), late=min(self._before, self._late), undecided=len(self._undecided),
            stood_still=max((lag for _, lag in self._stills), default=0.0),
        )  # fmt: skip
