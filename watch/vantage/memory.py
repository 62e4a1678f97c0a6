"""The facts of a check that come from several readings: `gap` and `exhausted_in`.

A probe has no state between runs, so the vantage point keeps it. Only checks that need it have a memory; most do not.
After a restart the trend continues from the stored quarter hours (`watch.core.trend`); the gap (`watch.core.gap`)
begins again, because nothing was asked meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watch.core import gap
from watch.core.gap import Gap
from watch.core.reading import Course, Verdict
from watch.core.trend import EXHAUSTED_IN, Trend

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watch.core.expect import Judge
    from watch.core.reading import FactValue, Reading
    from watch.core.settings import Check
    from watch.core.trend import QuarterHours
    from watch.ports import Clock


_STALLED = (
    0.5  # seconds for which the loop may have been late since the last answer, for a gap to be the target's
)
_HUGE = 2.0**63  # no store holds more, and sums of squares must stay finite


def needed(check: Check) -> bool:
    """Whether *check* has facts that come from more than one reading."""
    return bool(check.courses) or gap.FACT.name in check.judge.names


class Memory:
    """The judge of one check, with the state that it keeps between readings.

    Args:
        kept: The stored quarter hours of each fact that fills up or empties.
        delays: All delays of the event loop so far, in seconds.
    """

    def __init__(
        self, check: Check, kept: Mapping[str, QuarterHours], clock: Clock, delays: Callable[[], float]
    ) -> None:
        self.check, self._clock, self._delays = check, clock, delays
        self._judge: Judge = check.judge
        self._gap = Gap() if gap.FACT.name in check.judge.names else None
        self._trends = {
            name: Trend(fills=course is Course.FILLS, quarters=kept.get(name))
            for name, course in check.courses.items()
        }
        self._delayed = delays()  # at the last answer

    def inherit(self, former: Memory) -> None:
        """Take over the state of *former*, if the question is the same."""
        if (former.check.probe, former.check.way) != (self.check.probe, self.check.way):
            return
        self._trends = {name: former._trends.get(name, one) for name, one in self._trends.items()}
        if self._gap is not None and former._gap is not None:
            self._gap, self._delayed = former._gap, former._delayed

    @property
    def watches_gaps(self) -> bool:
        return self._gap is not None

    def of(self, reading: Reading) -> Reading:
        """The judged reading of an answer that has just arrived, with the facts from earlier readings."""
        now = self._clock.monotonic()
        if self._gap is not None:
            if self._delays() - self._delayed >= _STALLED:
                self._gap.lost_sight()
            self._delayed = self._delays()
            self._gap.answered(now)
        for name, one in self._trends.items():
            value = reading.facts.get(name)
            if isinstance(value, int | float) and abs(value) < _HUGE:
                one.add(self._clock.now_ms(), value)
        return self._judge.of(self._told(reading, self._exhausted()))

    def concluded(self, reading: Reading) -> Reading:
        """The final reading of a run, with the fact `gap` if it got no answer; an *unknown* one does not count."""
        if self._gap is None:
            return reading
        if reading.verdict is Verdict.UNKNOWN:
            self._gap.lost_sight()
            return reading
        return reading if gap.FACT.name in reading.facts else self._told(reading, {})

    def _exhausted(self) -> dict[str, FactValue]:
        left = [seconds for one in self._trends.values() if (seconds := one.left) is not None]
        return {EXHAUSTED_IN: min(left)} if left else {}

    def _told(self, reading: Reading, facts: dict[str, FactValue]) -> Reading:
        longest = None if self._gap is None else self._gap.longest(self._clock.monotonic())
        if longest is not None:
            facts = facts | {gap.FACT.name: longest}
        return replace(reading, facts={**reading.facts, **facts}) if facts else reading
