"""When something that fills up or runs out will be used up, going by its last 24 hours.

A straight line is laid through what was read in that time (least squares), and followed from the last reading on:
nothing cleverer can be explained at three in the morning. Readings are summed up by the quarter of an hour, so that a
day of a check that runs each second is no more than 97 points, and small enough to be kept (a store holds
`QuarterHour`).

No answer is given for less than an hour of readings, nor where the line leads away from the end or lies level: then
nothing is running out. Nothing is said beyond ten years, either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from watch.core.reading import FactSpec, FactType, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EXHAUSTED_IN = "exhausted_in"
QUARTER_MS = 900_000
WINDOW_MS = 86_400_000
NEVER = 3650 * 86_400.0  # seconds; what an expectation takes for "not in sight"
_LEAST_MS = 3_600_000  # between the first and the last reading
_MINUTE_MS = 60_000


def fact(names: Sequence[str]) -> FactSpec:
    """What a check has whose facts *names* fill up or empty."""
    what = f"`{names[0]}`" if len(names) == 1 else f"the first of {', '.join(f'`{it}`' for it in names)}"
    text = (
        f"When {what} is used up if it goes on as in the last 24 hours; from an hour of readings on. "
        "Not there while nothing is running out within ten years."
    )
    return FactSpec(EXHAUSTED_IN, FactType.DURATION, Reason.LIMIT, text, absent=NEVER)


class QuarterHour(NamedTuple):
    """The readings of a quarter of an hour, summed up.

    Args:
        at_ms: The sum of when they were taken, each counted from the quarter's beginning.
        value: The sum of what they said.
    """

    n: int = 0
    at_ms: int = 0
    value: float = 0.0

    def plus(self, other: QuarterHour) -> QuarterHour:
        return QuarterHour(self.n + other.n, self.at_ms + other.at_ms, self.value + other.value)


QuarterHours = Mapping[int, QuarterHour]
"""A fact's quarters, by when each began."""


class Trend:
    """One fact's last 24 hours.

    Args:
        fills: It is used up at 1; else it empties, and is used up at 0.
        quarters: What is known from before, by when each quarter began.
    """

    __slots__ = ("_drawn_ms", "_fills", "_last", "_quarters", "_slope")

    def __init__(self, *, fills: bool, quarters: QuarterHours | None = None) -> None:
        self._fills = fills
        self._quarters = dict(quarters or {})
        self._last: tuple[int, float] | None = None
        self._drawn_ms, self._slope = -_MINUTE_MS, 0.0

    def add(self, at_ms: int, value: float) -> None:
        """Take one reading in; one older than the last is left out."""
        if self._last is not None and at_ms < self._last[0]:
            return
        self._last = (at_ms, value)
        began_ms = quarter_of(at_ms)
        kept = self._quarters.get(began_ms)
        if kept is None:
            for old_ms in [it for it in self._quarters if it <= at_ms - WINDOW_MS - QUARTER_MS]:
                del self._quarters[old_ms]
        self._quarters[began_ms] = (kept or QuarterHour()).plus(QuarterHour(1, at_ms - began_ms, value))

    @property
    def left(self) -> float | None:
        """Seconds from the last reading until it is used up; None when it is not running out, or not known yet."""
        if self._last is None:
            return None
        at_ms, value = self._last
        room = 1.0 - value if self._fills else value
        if room <= 0:
            return 0.0
        if (
            at_ms - self._drawn_ms >= _MINUTE_MS
        ):  # a line through a day does not turn from one second to the next
            self._drawn_ms, self._slope = at_ms, _slope(self._points(at_ms)) or 0.0
        pace = self._slope if self._fills else -self._slope
        return room / pace if pace * NEVER > room else None

    def _points(self, now_ms: int) -> list[tuple[float, float, int]]:
        """Each quarter as (seconds before *now_ms*, value, weight), oldest first; none for too short a time."""
        mean_ms = {
            began_ms + it.at_ms / it.n: it
            for began_ms, it in self._quarters.items()
            if it.n and began_ms > now_ms - WINDOW_MS - QUARTER_MS
        }
        if not mean_ms or now_ms - min(mean_ms) < _LEAST_MS:
            return []
        return [((at_ms - now_ms) / 1000, it.value / it.n, it.n) for at_ms, it in sorted(mean_ms.items())]


def quarter_of(at_ms: int) -> int:
    """When the quarter of an hour began that *at_ms* lies in."""
    return at_ms - at_ms % QUARTER_MS


def _slope(points: Iterable[tuple[float, float, int]]) -> float | None:
    """The change a second of the line nearest to *points*; None when fewer than two instants are among them."""
    some = list(points)
    weight = sum(n for _, _, n in some)
    if not weight:
        return None
    mean_t = sum(t * n for t, _, n in some) / weight
    mean_v = sum(v * n for _, v, n in some) / weight
    spread = sum(n * (t - mean_t) ** 2 for t, _, n in some)
    if not spread:
        return None
    return sum(n * (t - mean_t) * (v - mean_v) for t, v, n in some) / spread
