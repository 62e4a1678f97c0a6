"""The longest stretch without an answer in the last hour: what a failover cost, as a client would have felt it.

Where control passes from one machine to another, the question is not how many readings were bad but how long nobody
answered. So a stretch runs from one answer to the next, whatever lay between; at a steady pace it is the pace. What
lies in a time in which we did not look (the check was new, we were blind or busy ourselves) is no stretch of theirs.
"""

from __future__ import annotations

from watch.core.reading import FactSpec, FactType, Reason

FACT = FactSpec(
    "gap",
    FactType.DURATION,
    Reason.SLOW,
    "The longest stretch from one answer to the next in the last hour, the one that lasts included; counted for "
    "checks whose expectations speak of it.",
    absent=0.0,
)
WINDOW = 3600.0  # seconds that a stretch is remembered
_MINUTE = 60.0


class Gap:
    """One check's stretches. Times are seconds on a clock that never jumps."""

    __slots__ = ("_answered", "_longest")

    def __init__(self) -> None:
        self._answered: float | None = None
        self._longest: dict[int, float] = {}  # the longest that ended in each minute

    def answered(self, at: float) -> None:
        """An answer came in at *at*."""
        if self._answered is not None:
            self._note(at, at - self._answered)
        self._answered = at

    def lost_sight(self) -> None:
        """What comes next says nothing about the time until then."""
        self._answered = None

    def longest(self, now: float) -> float | None:
        """Seconds of the longest stretch, the one that lasts included; None when none is known."""
        oldest = (now - WINDOW) // _MINUTE
        known = [length for minute, length in self._longest.items() if minute >= oldest]
        lasting = [] if self._answered is None else [now - self._answered]
        return max([*known, *lasting], default=None)

    def _note(self, at: float, length: float) -> None:
        minute = int(at // _MINUTE)
        if minute not in self._longest:
            for old in [it for it in self._longest if it < minute - WINDOW // _MINUTE]:
                del self._longest[old]
        self._longest[minute] = max(length, self._longest.get(minute, 0.0))
