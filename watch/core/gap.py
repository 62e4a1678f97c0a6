"""The longest time without an answer in the last hour: the cost of a failover to a client.

After a failover the question is not how many readings were bad but how long nothing answered. A gap runs from one
answer to the next; without failures it is the interval of the check. Time in which the vantage point did not look
(the check was new, the vantage point was blind or overloaded) is not counted.
"""

from __future__ import annotations

from watch.core.reading import FactSpec, FactType, Reason

FACT = FactSpec(
    "gap",
    FactType.DURATION,
    Reason.SLOW,
    "The longest time from one answer to the next in the last hour, the current gap included; measured for "
    "checks whose expectations name it.",
    absent=0.0,
)
WINDOW = 3600.0  # seconds that a gap is kept
_MINUTE = 60.0


class Gap:
    """The gaps of one check. Times are seconds on the monotonic clock."""

    __slots__ = ("_answered", "_longest")

    def __init__(self) -> None:
        self._answered: float | None = None
        self._longest: dict[int, float] = {}  # the longest gap that ended in each minute

    def answered(self, at: float) -> None:
        """Record an answer at *at*."""
        if self._answered is not None:
            self._note(at, at - self._answered)
        self._answered = at

    def lost_sight(self) -> None:
        """Do not count the time from the last answer to the next."""
        self._answered = None

    def longest(self, now: float) -> float | None:
        """Seconds of the longest gap, the current one included; None when none is known."""
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
