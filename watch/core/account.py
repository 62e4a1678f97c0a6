"""The account of a month: the figures on which a customer, an engineer and an account manager must agree.

    scope    = month ∩ lifetime ∩ service hours, to as_of
    |scope|  = X + D + U + K          excluded, down, up (degraded included), unknown; always asserted
    uptime   = U / (U + D)            None without data: neither 100 % nor 0 %
    coverage = (U + D) / (|scope| − X)
    budget   = (1 − target) × (|whole month's scope| − X of the whole month − K)

Milliseconds are integers and ratios are fractions, so a month exactly on its target is met, and one with a
millisecond more downtime is not. Displayed figures are cut to three decimals, never rounded up: 99.8999 % must
not read 99.900.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from watch.core.spans import Span, clipped, difference, first_ms, intersection, total
from watch.core.timeline import (
    NONE_YET,
    Item,
    State,
    Timeline,
    filled,
    merged,
    overlaid,
    settled,
    spans_of,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


class TargetOutcome(StrEnum):
    """Whether a month meets its target."""

    MET = "MET"
    BREACHED = "BREACHED"
    UNDETERMINED = "UNDETERMINED"
    NO_DATA = "NO_DATA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The milliseconds of a span, by state. *degraded_ms* is the part of *up_ms* that was degraded."""

    scope_ms: int
    excluded_ms: int
    up_ms: int
    degraded_ms: int
    down_ms: int
    unknown_ms: int

    def __post_init__(self) -> None:
        assert self.scope_ms == self.excluded_ms + self.down_ms + self.up_ms + self.unknown_ms
        assert 0 <= self.degraded_ms <= self.up_ms

    @property
    def uptime(self) -> Fraction | None:
        return _ratio(self.up_ms, self.up_ms + self.down_ms)

    @property
    def coverage(self) -> Fraction | None:
        return _ratio(self.up_ms + self.down_ms, self.scope_ms - self.excluded_ms)

    @property
    def display(self) -> str | None:
        """The uptime in percent as text, ``99.899``, without the sign; None without data."""
        return None if self.uptime is None else percentage(self.uptime)

    @property
    def down_s(self) -> int:
        """Whole seconds of downtime, rounded up."""
        return -(-self.down_ms // 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account(Tally):
    """A tally and a target. In a running month its verdicts are "so far".

    Args:
        budget_ms: The downtime that the target allows in the whole month, exact.
    """

    target: Fraction
    budget_ms: Fraction

    @property
    def remaining_ms(self) -> Fraction:
        """The downtime still allowed. People are told that a running month is breached only when it is negative."""
        return self.budget_ms - self.down_ms

    @property
    def verdict(self) -> TargetOutcome:
        """The outcome as measured, without unknown time."""
        return TargetOutcome.NO_DATA if self.uptime is None else self._against(self.uptime)

    @property
    def strict(self) -> TargetOutcome:
        """The outcome if unknown time may have been up or down; undetermined when that decides it."""
        eligible = self.up_ms + self.down_ms + self.unknown_ms
        at_worst, at_best = _ratio(self.up_ms, eligible), _ratio(self.up_ms + self.unknown_ms, eligible)
        if at_worst is None or at_best is None:
            return TargetOutcome.NO_DATA
        worst, best = self._against(at_worst), self._against(at_best)
        return worst if worst is best else TargetOutcome.UNDETERMINED

    def _against(self, ratio: Fraction) -> TargetOutcome:
        return TargetOutcome.MET if ratio >= self.target else TargetOutcome.BREACHED


def account(
    timeline: Sequence[Item],
    month: Span,
    target: Fraction,
    *,
    windows: Sequence[Span] = (),
    cap_ms: int | None = None,
    measured: Sequence[Item] | None = None,
    lifetime: Sequence[Span] | None = None,
    service_hours: Sequence[Span] | None = None,
    as_of_ms: int | None = None,
    degraded_counts_as: State = State.UP,
) -> Account:
    """The account of *month*, or of any other span.

    Args:
        timeline: The component's; items may overlap. Excluded items (from composing members under maintenance)
            join *windows*.
        windows: Qualifying maintenance (see `watch.core.exclusion`), future maintenance included; tidy.
        cap_ms: How much of the month may be excluded; it is used up in time order.
        measured: *timeline* without any exclusion; it applies beyond the cap.
        lifetime: When the component existed; None means the whole month. Tidy, like *service_hours*.
        as_of_ms: In a running month, the end of the time that is known.
    """
    whole = scope(month, lifetime, service_hours)
    counted = excused_timeline(settled(timeline), measured, windows, cap_ms, month, whole)
    if degraded_counts_as is State.DOWN:
        counted = [(a, b, State.DOWN if state is State.DEGRADED else state) for a, b, state in counted]
    known = whole if as_of_ms is None else clipped(whole, month[0], as_of_ms)
    tally = account_of_span(counted, month, known)
    assert tally.scope_ms == total(known), "|scope| = X + D + U + K"
    excluded_ms = total(intersection(whole, spans_of(counted, State.EXCLUDED)))
    eligible_ms = total(whole) - excluded_ms - tally.unknown_ms
    return Account(
        scope_ms=tally.scope_ms,
        excluded_ms=tally.excluded_ms,
        up_ms=tally.up_ms,
        degraded_ms=tally.degraded_ms,
        down_ms=tally.down_ms,
        unknown_ms=tally.unknown_ms,
        target=target,
        budget_ms=(1 - target) * eligible_ms,
    )


def scope(
    month: Span, lifetime: Sequence[Span] | None = None, service_hours: Sequence[Span] | None = None
) -> list[Span]:
    """The part of *month* in which the component existed, within its service hours."""
    spans = [month] if lifetime is None else clipped(lifetime, *month)
    return spans if service_hours is None else intersection(spans, service_hours)


def excused_timeline(
    timeline: Sequence[Item],
    measured: Sequence[Item] | None,
    windows: Sequence[Span],
    cap_ms: int | None,
    month: Span,
    counting: Sequence[Span],
) -> Timeline:
    """The timeline with qualifying maintenance excluded, up to the month's cap; see `account`.

    Args:
        counting: The scope: only time in it uses up the cap.
    """
    planned = overlaid(timeline, windows, State.EXCLUDED)
    if cap_ms is None:
        return planned
    excluded = intersection(spans_of(planned, State.EXCLUDED), counting)
    beyond = difference(excluded, first_ms(excluded, cap_ms))
    if not beyond:
        return planned
    kept = within(planned, difference([month], beyond))
    beneath = timeline if measured is None else measured
    held = within([item for item in beneath if item[2] is not State.EXCLUDED], beyond)
    return merged(sorted(kept + held))


def account_of_span(timeline: Sequence[Item], span: Span, counting: Sequence[Span] | None = None) -> Tally:
    """The tally of one span, such as a day or the last 90 days; see `tallies`."""
    return tallies(timeline, [span], counting)[0]


def tallies(
    timeline: Sequence[Item], spans: Sequence[Span], counting: Sequence[Span] | None = None
) -> list[Tally]:
    """The tally of each of *spans*, which are sorted and disjoint like the days of a month; one pass.

    Args:
        timeline: Settled; exclusions are overlaid already.
        counting: The scope; None means all.
    """
    if not spans:
        return []
    known = filled(timeline, spans[0][0], spans[-1][1])
    parts = known if counting is None else within(known, counting)
    found = []
    j, n = 0, len(parts)
    for lo, hi in spans:
        while j < n and parts[j][1] <= lo:
            j += 1
        ms = NONE_YET.copy()
        k = j
        while k < n and parts[k][0] < hi:
            start, end, state = parts[k]
            ms[state] += min(end, hi) - max(start, lo)
            k += 1
        found.append(_tally(ms))
    return found


def percentage(ratio: Fraction) -> str:
    """A ratio in percent, cut to three decimals and never rounded up: ``99.899``."""
    thousandths = ratio.numerator * 100_000 // ratio.denominator
    return f"{thousandths // 1000}.{thousandths % 1000:03}"


def _tally(ms: dict[State, int]) -> Tally:
    return Tally(
        scope_ms=sum(ms.values()),
        excluded_ms=ms[State.EXCLUDED],
        up_ms=ms[State.UP] + ms[State.DEGRADED],
        degraded_ms=ms[State.DEGRADED],
        down_ms=ms[State.DOWN],
        unknown_ms=ms[State.UNKNOWN],
    )


def _ratio(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None
