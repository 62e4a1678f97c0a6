"""Schedules: rules on the wall clock, and the spans of their occurrences.

All three forms have wall-clock starts in a zone and a `Length`. *From–to* is wall clock to wall clock, so Sunday
01:00–05:00 lasts three and five hours on the two nights on which the clocks change; *start + duration* is elapsed
time.

A clock change can put the end of an occurrence at or before its start (02:30–03:15 in New York on 8 March 2026:
02:30 is read as 03:30); it is then empty. Such a one-off is refused; a recurring rule is accepted, and `validate`
warns of the dates from `collapsed_dates`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from watch.core.localtime import from_utc_ms, to_utc_ms, zone_named
from watch.core.recurrence import recurrence, starts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from watch.core.spans import Span

_DAY = timedelta(days=1)
_MS = timedelta(milliseconds=1)
_LONGEST = timedelta(days=366)  # bounds the number of occurrences that cover one instant, and so the work
_SLACK = 2 * _DAY  # more than any UTC offset, or any shift of an end by a clock change
_YEARS = range(1970, 9000)
_LONGEST_TEXT = 200  # the pattern below takes quadratic time on a hostile text
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Length:
    """The length of an occurrence, by the wall clock or in elapsed time."""

    time: timedelta
    elapsed: bool = False

    def __post_init__(self) -> None:
        if not timedelta(0) < self.time <= _LONGEST:
            raise ValueError(f"it would last {self.time}; give it a length, of at most {_LONGEST.days} days")

    def end_ms(self, start: datetime, zone: ZoneInfo) -> int:
        """When an occurrence that starts at the wall clock *start* ends."""
        if self.elapsed:
            return to_utc_ms(start, zone) + self.time // _MS
        return to_utc_ms(start + self.time, zone)


@dataclass(frozen=True, slots=True)
class OneOff:
    """Once, from the wall clock *start* of *zone*."""

    start: datetime
    length: Length
    zone: ZoneInfo

    def __post_init__(self) -> None:
        _refuse_odd(self.start)
        if _span(self, self.start) is None:
            read_as = from_utc_ms(to_utc_ms(self.start, self.zone), self.zone)
            raise ValueError(
                f"its end is not after its start, which the clocks of {self.zone} make {read_as:%H:%M}; "
                "give a later end, or a start and a duration"
            )

    @classmethod
    def between(cls, start: datetime, end: datetime, zone: ZoneInfo) -> OneOff:
        """From wall clock to wall clock; ValueError when the end is not after the start."""
        if end <= start:
            raise ValueError(f"its end {end:%Y-%m-%d %H:%M} is not after its start; give a later end")
        return cls(start, Length(end - start), zone)

    def starts(self, first: date, last: date) -> Iterator[datetime]:
        if first <= self.start.date() <= last:
            yield self.start


@dataclass(frozen=True, slots=True)
class Weekly:
    """On *days* (Monday is 0), from the wall clock *start* of *zone*."""

    days: frozenset[int]
    start: time
    length: Length
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if not self.days or not self.days <= EVERY_DAY:
            raise ValueError(f"its days must be some of 0 to 6, not {sorted(self.days)}")

    def starts(self, first: date, last: date) -> Iterator[datetime]:
        for n in range((last - first).days + 1):
            day = first + n * _DAY
            if day.weekday() in self.days:
                yield datetime.combine(day, self.start)


@dataclass(frozen=True, slots=True)
class Recurring:
    """By an RFC 5545 rule (see `watch.core.recurrence`), from the wall clock *start* of *zone* on."""

    rrule: str
    start: datetime
    length: Length
    zone: ZoneInfo

    def __post_init__(self) -> None:
        _refuse_odd(self.start)
        recurrence(self.rrule)

    def starts(self, first: date, last: date) -> Iterator[datetime]:
        return starts(recurrence(self.rrule), self.start, self.zone, first, last)


Rule = OneOff | Weekly | Recurring


def spans_of_rule(rule: Rule, lo_ms: int, hi_ms: int) -> list[Span]:
    """Whole occurrences that overlap `[lo_ms, hi_ms)`, in order; they may overlap each other."""
    spans = (_span(rule, start) for start in rule.starts(*_dates(rule, lo_ms, hi_ms)))
    return sorted(span for span in spans if span is not None and span[0] < hi_ms and span[1] > lo_ms)


def collapsed_dates(rule: Rule, since_ms: int, until_ms: int) -> list[date]:
    """The local dates in `[since_ms, until_ms)` on which a clock change makes an occurrence empty."""
    first, last = from_utc_ms(since_ms, rule.zone).date(), from_utc_ms(until_ms - 1, rule.zone).date()
    return sorted({start.date() for start in rule.starts(first, last) if _span(rule, start) is None})


def parse_weekly(text: str, zone: ZoneInfo | None = None) -> Weekly:
    """The rule written as ``Sat,Sun 00:00-03:00 America/New_York``; ValueError says what is wrong.

    Days are ``Sat``, ``Mon-Fri``, ``Fri-Mon``, lists of these, or ``daily``. A *to* before its *from* is on the
    next day; ``24:00`` is the end of the day.

    Args:
        zone: The zone when the text names none.
    """
    if len(text) > _LONGEST_TEXT:
        raise ValueError(
            f"a weekly rule of {len(text)} characters is too long; write at most {_LONGEST_TEXT}"
        )
    match = re.fullmatch(r"\s*(\S.*?)\s+(\d\S*?)\s*[-–]\s*(\d\S*)(?:\s+(\S+))?\s*", text)
    if match is None:
        raise ValueError(f"{text!r} is no weekly rule; write one like 'Sat,Sun 00:00-03:00 America/New_York'")
    if match[4] is None and zone is None:
        raise ValueError(f"{text!r} names no time zone; add one, like America/New_York")
    opens, closes = time_of_day(match[2]), time_of_day(match[3])
    if opens == closes or opens >= _DAY:
        raise ValueError(f"{match[2]}-{match[3]} begins when it ends; for a whole day write 00:00-24:00")
    start = (datetime.min + opens).time()  # noqa: DTZ901 - a time of day, not an instant
    length = Length(closes - opens if closes > opens else closes + _DAY - opens)
    return Weekly(_weekdays(match[1]), start, length, zone_named(match[4]) if match[4] else _given(zone))


def _given(zone: ZoneInfo | None) -> ZoneInfo:
    assert zone is not None
    return zone


def _span(rule: Rule, start: datetime) -> Span | None:
    from_ms, to_ms = to_utc_ms(start, rule.zone), rule.length.end_ms(start, rule.zone)
    return (from_ms, to_ms) if from_ms < to_ms else None


def _dates(rule: Rule, lo_ms: int, hi_ms: int) -> tuple[date, date]:
    """The first and last local date on which an occurrence that overlaps `[lo_ms, hi_ms)` may start."""
    first = from_utc_ms(lo_ms, rule.zone) - rule.length.time - _SLACK
    return first.date(), (from_utc_ms(hi_ms, rule.zone) + _SLACK).date()


def _refuse_odd(start: datetime) -> None:
    if start.tzinfo is not None:
        raise ValueError(f"{start} already has a zone; a wall-clock start has none")
    if start.year not in _YEARS:
        raise ValueError(f"it starts in the year {start.year}; write one from {_YEARS[0]} to {_YEARS[-1]}")


def time_of_day(text: str) -> timedelta:
    """The time since midnight written as ``07:30``, at most ``24:00``; ValueError for anything else."""
    match = re.fullmatch(r"([0-9]{1,2}):([0-5][0-9])(?::([0-5][0-9]))?", text)
    if match is None or (since := _since_midnight(match)) > _DAY:
        raise ValueError(f"{text!r} is no time of day; write one like 07:30")
    return since


def _since_midnight(match: re.Match[str]) -> timedelta:
    return timedelta(hours=int(match[1]), minutes=int(match[2]), seconds=int(match[3] or 0))


def _weekdays(text: str) -> frozenset[int]:
    if text.lower() == "daily":
        return EVERY_DAY
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        begin = weekday_named(first)
        end = weekday_named(last) if dash else begin
        days |= {(begin + n) % 7 for n in range((end - begin) % 7 + 1)}
    return frozenset(days)


def weekday_named(text: str) -> int:
    """The day of the week written as ``Mon`` or ``Monday``: Monday is 0; ValueError for anything else."""
    name = text.strip().lower()
    if name[:3] not in _WEEK or not (name == name[:3] or name.endswith("day")):
        raise ValueError(
            f"{text.strip()!r} is no day; write Mon, Tue, Wed, Thu, Fri, Sat, Sun, a range Mon-Fri, or daily"
        )
    return _WEEK.index(name[:3])
