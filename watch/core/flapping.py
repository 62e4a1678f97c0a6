"""Flapping: a component that changes its state again and again.

It begins when at least `start` confirmed transitions were in the last `window`, and ends when at most `stop` are left
in it. Between the two it stays as it was, so that it does not begin and end all the time itself.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class FlappingTerms:
    """When flapping begins and ends, in transitions within *window*."""

    window: timedelta = timedelta(minutes=60)
    start: int = 6
    stop: int = 2

    @property
    def window_ms(self) -> int:
        return self.window // timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Flapping:
    """The transitions of one thing within the window.

    Args:
        at_ms: When they were (Unix time in ms), oldest first.
        since_ms: Since when it has been flapping; None while it is not.
    """

    at_ms: tuple[int, ...] = ()
    since_ms: int | None = None

    def changed(self, at_ms: int, terms: FlappingTerms) -> Flapping:
        """It after one more transition at *at_ms*; those come in order."""
        known = self.at(at_ms, terms)
        times = (*known.at_ms, at_ms)
        begins = known.since_ms is None and len(times) >= terms.start
        return Flapping(times, at_ms if begins else known.since_ms)

    def at(self, now_ms: int, terms: FlappingTerms) -> Flapping:
        """It at *now_ms*: what has left the window does not count any more."""
        left = self.at_ms[bisect_right(self.at_ms, now_ms - terms.window_ms) :]
        if len(left) == len(self.at_ms) and (self.since_ms is None or len(left) > terms.stop):
            return self
        return Flapping(left, self.since_ms if len(left) > terms.stop else None)
