"""Maintenance windows: planned work and its two flags.

`suppress_alerts` silences pages, `sla_exclude` excludes the time from the SLA; with both false a window is only
announced. Checks continue to run, so what happened in a window is on record. A window affects only its own
components and cannot hide an outage of others.

A *standing* window (`opens: when_announced`) has no effect until an occurrence is announced or begun: only the
parts of its occurrences that an `Announcement` names are in force. An announcement for a window with `opens:
always` adds time to it. `watch.core.exclusion` decides which of this an SLA excludes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from watch.core.schedule import (
    Length,
    OneOff,
    Recurring,
    Rule,
    Weekly,
    collapsed_dates,
    parse_weekly,
    spans_of_rule,
)
from watch.core.spans import Span, intersection, union

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Announcement",
    "Length",
    "Occurrence",
    "OneOff",
    "Opens",
    "Recurring",
    "Rule",
    "Weekly",
    "Window",
    "announced_spans",
    "collapses",
    "occurrences",
    "opened",
    "parse_weekly",
]


class Opens(StrEnum):
    """Whether an occurrence is in force without an announcement."""

    ALWAYS = "always"
    WHEN_ANNOUNCED = "when_announced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One entry under `maintenance:`.

    Args:
        class_: ``hardware``, ``software`` or any other word; reports group by it.
        components: The keys of its components.
        max_outage: A longer single outage in it pages, and the excess is downtime.
        announced_ms: When it was announced to customers; None when it was not.
        text: The rule as written in the file, to show to people.
    """

    name: str
    components: tuple[str, ...]
    rule: Rule
    class_: str = ""
    opens: Opens = Opens.ALWAYS
    suppress_alerts: bool = False
    sla_exclude: bool = False
    max_outage: timedelta | None = None
    announced_ms: int | None = None
    text: str = ""

    def __post_init__(self) -> None:
        if self.max_outage is not None and self.max_outage < timedelta(0):
            raise ValueError(f"max_outage is {self.max_outage}; write 0s or more")


@dataclass(frozen=True, slots=True, order=True)
class Occurrence:
    """One occurrence of a window, `[from_ms, to_ms)`."""

    from_ms: int
    to_ms: int
    window: str

    @property
    def span(self) -> Span:
        return self.from_ms, self.to_ms


@dataclass(frozen=True, slots=True)
class Announcement:
    """The announcement that a window is really used in `[from_ms, to_ms)`.

    Args:
        announced_ms: When it was announced, according to the author.
        recorded_ms: When the hub recorded it in the ledger.
    """

    window: str
    from_ms: int
    to_ms: int
    announced_ms: int
    recorded_ms: int

    @property
    def span(self) -> Span:
        return self.from_ms, self.to_ms

    @property
    def told_ms(self) -> int:
        """The instant that notice counts from."""
        return max(self.announced_ms, self.recorded_ms)


def occurrences(window: Window, lo_ms: int, hi_ms: int) -> list[Occurrence]:
    """Whole occurrences of the rule that overlap `[lo_ms, hi_ms)`, in order, announced or not."""
    return [Occurrence(start, end, window.name) for start, end in spans_of_rule(window.rule, lo_ms, hi_ms)]


def opened(window: Window, lo_ms: int, hi_ms: int, announcements: Iterable[Announcement]) -> list[Occurrence]:
    """Whole occurrences in force that overlap `[lo_ms, hi_ms)`."""
    told = [a.span for a in announcements if a.window == window.name]
    if window.opens is Opens.WHEN_ANNOUNCED:
        spans = union(span for one in told for span in announced_spans(window, one))
    else:
        spans = sorted({*spans_of_rule(window.rule, lo_ms, hi_ms), *told})
    return [Occurrence(start, end, window.name) for start, end in spans if start < hi_ms and end > lo_ms]


def announced_spans(window: Window, told: Span) -> list[Span]:
    """The part of the announced span *told* that is in force: all, or for a standing window what its rule allows."""
    if window.opens is Opens.ALWAYS:
        return union([told])
    return intersection(union([told]), union(spans_of_rule(window.rule, *told)))


def collapses(window: Window, since_ms: int, until_ms: int) -> list[date]:
    """The local dates on which a clock change makes an occurrence empty, for a warning."""
    return collapsed_dates(window.rule, since_ms, until_ms)
