"""When a resource that fills up or empties will be used up, extrapolated from its last 24 hours.

A straight line is fitted to the readings of that time (least squares) and extended from the last reading: a simple
model that an operator can understand at once. Readings are summed per quarter of an hour, so a day of a check that
runs each second is at most 97 points, small enough to store (as `QuarterHour`).

There is no result with less than an hour of readings, when the line is level or leads away from the end, and beyond
ten years.
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
NEVER = 3650 * 86_400.0  # seconds; the value in expectations while there is no result
_LEAST_MS = 3_600_000  # between the first and the last reading
_MINUTE_MS = 60_000


def fact(names: Sequence[str]) -> FactSpec:
    """The fact `exhausted_in` of a check whose facts *names* fill up or empty."""
    what = f"`{names[0]}`" if len(names) == 1 else f"the first of {', '.join(f'`{it}`' for it in names)}"
    text = (
        f"The time until {what} is used up, if the trend of the last 24 hours continues; from an hour of readings on. "
        "Absent while nothing will be used up within ten years."
    )
    return FactSpec(EXHAUSTED_IN, FactType.DURATION, Reason.LIMIT, text, absent=NEVER)


class QuarterHour(NamedTuple):
    """The sums of the readings of a quarter of an hour.

    Args:
        at_ms: The sum of their times, each from the quarter's beginning.
        value: The sum of their values.
    """

    n: int = 0
    at_ms: int = 0
    value: float = 0.0

    def plus(self, other: QuarterHour) -> QuarterHour:
        return QuarterHour(self.n + other.n, self.at_ms + other.at_ms, self.value + other.value)


QuarterHours = Mapping[int, QuarterHour]
"""The quarter hours of a fact, by the beginning of each."""


class Trend:
    """The trend of one fact over its last 24 hours.

    Args:
        fills: Whether it is used up at 1; otherwise it empties and is used up at 0.
        quarters: Stored quarter hours, by the beginning of each.
    """

    __slots__ = ("_drawn_ms", "_fills", "_last", "_quarters", "_slope")

    def __init__(self, *, fills: bool, quarters: QuarterHours | None = None) -> None:
        self._fills = fills
        self._quarters = dict(quarters or {})
        self._last: tuple[int, float] | None = None
        self._drawn_ms, self._slope = -_MINUTE_MS, 0.0

    def add(self, at_ms: int, value: float) -> None:
        """Add one reading; one older than the last is ignored."""
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
        """Seconds from the last reading until it is used up; None when there is no result."""
        if self._last is None:
            return None
        at_ms, value = self._last
        room = 1.0 - value if self._fills else value
        if room <= 0:
            return 0.0
        if at_ms - self._drawn_ms >= _MINUTE_MS:  # a line through a day changes little within a minute
            self._drawn_ms, self._slope = at_ms, _slope(self._points(at_ms)) or 0.0
        pace = self._slope if self._fills else -self._slope
        return room / pace if pace * NEVER > room else None

    def _points(self, now_ms: int) -> list[tuple[float, float, int]]:
        """Each quarter as (seconds relative to *now_ms*, value, weight), oldest first; none before an hour."""
        mean_ms = {
            began_ms + it.at_ms / it.n: it
            for began_ms, it in self._quarters.items()
            if it.n and began_ms > now_ms - WINDOW_MS - QUARTER_MS
        }
        if not mean_ms or now_ms - min(mean_ms) < _LEAST_MS:
            return []
        return [((at_ms - now_ms) / 1000, it.value / it.n, it.n) for at_ms, it in sorted(mean_ms.items())]


def quarter_of(at_ms: int) -> int:
    """The beginning of the quarter hour that contains *at_ms*."""
    return at_ms - at_ms % QUARTER_MS


def _slope(points: Iterable[tuple[float, float, int]]) -> float | None:
    """The slope per second of the line fitted to *points*; None with fewer than two instants."""
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
