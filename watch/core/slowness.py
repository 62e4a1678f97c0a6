"""When a check is slow: its latency of the last minutes against its own last week.

Both are p95, of good readings only: one answer in twenty took longer. It is slow when the recent one has been more than
`start` times the usual one, and longer by `least`, for as long as `hold`; it is no longer slow when the recent one has
been under `stop` times the usual one for as long. Each vantage point is compared with itself, because a place that is
further away is no slowness; of several, more than half of those that can tell must say so.

With few readings on either side nothing is said: `READINGS` recent ones, and of the week `USUAL_READINGS` in
`USUAL_HOURS` different hours. While nothing is said, what was slow stays slow and what was not does not become so.

The week is the one before it began. So a slowness does not become usual while it lasts, until it has lasted for a week.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import timedelta

from watch.core.sketch import Sketch

READINGS = 8
USUAL_READINGS, USUAL_HOURS = 100, 24
WEEK_MS = 7 * 86_400_000
Q = 0.95
_SLOTS = 5  # parts of the window: readings leave it a part at a time
_SPARSE = 20  # the window holds as many readings of a check with a long interval


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowTerms:
    """When slowness begins and ends.

    Args:
        window: The time of the recent readings. start, stop: how many times the usual p95.
        least: By how much the recent p95 must be longer.
        hold: How long it must be so, to begin and to end; at least one and a half windows, so that a few minutes that
            are over stay without effect while they are in the window.
    """

    window: timedelta = timedelta(minutes=10)
    start: float = 2.0
    stop: float = 1.5
    least: timedelta = timedelta(milliseconds=100)
    hold: timedelta = timedelta(minutes=15)

    def lasting(self, every: timedelta) -> timedelta:
        """The window of a check with that interval: long enough for its readings to say something."""
        return max(self.window, _SPARSE * every)

    def held_ms(self, every: timedelta) -> int:
        """How long it must be so for a check with that interval, in ms."""
        return max(self.hold, 1.5 * self.lasting(every)) // timedelta(milliseconds=1)

    def window_ms(self, every: timedelta) -> int:
        """The window of a check with that interval, in ms."""
        return self.lasting(every) // timedelta(milliseconds=1)


class Recent:
    """The latencies within a window."""

    __slots__ = ("_slot_ms", "_slots")

    def __init__(self, window_ms: int) -> None:
        self._slot_ms = max(window_ms // _SLOTS, 1)
        self._slots: deque[tuple[int, Sketch]] = deque(maxlen=_SLOTS)

    def add(self, at_ms: int, seconds: float) -> None:
        """Count a latency; one that is older than the newest part of the window counts there."""
        slot = at_ms // self._slot_ms
        if not self._slots or slot > self._slots[-1][0]:
            self._slots.append((slot, Sketch()))
        self._slots[-1][1].add(seconds)

    def p95(self, now_ms: int) -> float | None:
        """In seconds; None with too few readings."""
        oldest, merged = now_ms // self._slot_ms - _SLOTS, Sketch()
        for slot, sketch in self._slots:
            if slot > oldest:
                merged.merge(sketch)
        return merged.quantile(Q) if merged.count >= READINGS else None


class Slowness:
    """Whether one check is slow, as one vantage point sees it.

    Attributes:
        since_ms: Since when it is slow (Unix time in ms); None while it is not.
        known: Whether anything was ever said.
        recent, usual: The last p95 that could be compared, in seconds.
    """

    __slots__ = ("_from_ms", "known", "recent", "since_ms", "usual")

    def __init__(self, since_ms: int | None = None) -> None:
        self.since_ms, self.known = since_ms, since_ms is not None
        self.recent = self.usual = 0.0
        self._from_ms: int | None = None  # since when it is about to begin, or to end

    @property
    def times(self) -> float:
        """How many times the usual p95 it is."""
        return self.recent / self.usual if self.usual else 0.0

    def look(
        self, now_ms: int, recent: float | None, usual: float | None, terms: SlowTerms, held_ms: int
    ) -> bool:
        """Compare; whether it began or ended, or something was said for the first time."""
        if recent is None or usual is None:
            self._from_ms = None
            return False
        first, self.known = not self.known, True
        self.recent, self.usual = recent, usual
        if not (self._over(terms) if self.since_ms is None else self._under(terms)):
            self._from_ms = None
            return first
        self._from_ms = now_ms if self._from_ms is None else self._from_ms
        if now_ms - self._from_ms < held_ms:
            return first
        self.since_ms = self._from_ms if self.since_ms is None else None
        self._from_ms = None
        return True

    def _over(self, terms: SlowTerms) -> bool:
        longer = self.recent - self.usual >= terms.least.total_seconds()
        return longer and self.recent > terms.start * self.usual

    def _under(self, terms: SlowTerms) -> bool:
        little = self.recent - self.usual < terms.least.total_seconds() / 2
        return little or self.recent < terms.stop * self.usual


def usual_p95(hours: int, week: Sketch) -> float | None:
    """The p95 of *week*, which has readings in so many *hours*, in seconds; None with too few."""
    enough = hours >= USUAL_HOURS and week.count >= USUAL_READINGS
    return week.quantile(Q) if enough else None
