"""What one check's earlier readings say about the present one: the facts `gap` and `exhausted_in`.

A probe keeps nothing between its runs, so whoever runs it does. Only checks that have a use for it get a memory: the
rest, which are most, pay nothing. A restart knows by the quarter of an hour what filled up or ran out before it
(`watch.core.trend`); how long nobody answered (`watch.core.gap`) begins anew, for nobody looked meanwhile.
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


_HUGE = 2.0**63  # no store holds more, and sums of squares must stay finite


def needed(check: Check) -> bool:
    """Whether *check* has facts that come from more than one reading."""
    return bool(check.courses) or gap.FACT.name in check.judge.names


class Memory:
    """The judge of one check with what it remembers.

    Args:
        kept: What the store knows of each fact that fills up or empties.
        stalled: Whether we were too busy to look at any time since that instant of the monotonic clock.
    """

    def __init__(
        self, check: Check, kept: Mapping[str, QuarterHours], clock: Clock, stalled: Callable[[float], bool]
    ) -> None:
        self.check, self._clock, self._stalled = check, clock, stalled
        self._judge: Judge = check.judge
        self._gap = Gap() if gap.FACT.name in check.judge.names else None
        self._trends = {
            name: Trend(fills=course is Course.FILLS, quarters=kept.get(name))
            for name, course in check.courses.items()
        }
        self._heard = clock.monotonic()

    def inherit(self, former: Memory) -> None:
        """Go on from what *former* remembers, if it is the same question that is asked."""
        if (former.check.probe, former.check.way) != (self.check.probe, self.check.way):
            return
        self._trends = {name: former._trends.get(name, one) for name, one in self._trends.items()}
        if self._gap is not None and former._gap is not None:
            self._gap, self._heard = former._gap, former._heard

    @property
    def watches_gaps(self) -> bool:
        return self._gap is not None

    def of(self, reading: Reading) -> Reading:
        """The judge's verdict on an answer that has just come in, with the facts that earlier ones add."""
        now = self._clock.monotonic()
        if self._gap is not None:
            if self._stalled(self._heard):
                self._gap.lost_sight()
            self._gap.answered(now)
        self._heard = now
        for name, one in self._trends.items():
            value = reading.facts.get(name)
            if isinstance(value, int | float) and abs(value) < _HUGE:
                one.add(self._clock.now_ms(), value)
        return self._judge.of(self._told(reading, self._exhausted()))

    def concluded(self, reading: Reading) -> Reading:
        """What came of a run, and with it how long nobody answered if that was so; *unknown* is none of theirs."""
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
