"""Wall-clock times and calendar months, to UTC milliseconds and back.

A local time that a clock change skips takes the offset before the gap, so it is later by the length of the gap;
one that occurs twice is its first occurrence. Python calls both fold=0, and RFC 5545 requires them. A day or
month runs from local midnight to local midnight: 23 or 25 hours on two days of the year, and none at all
where a zone crossed the date line (Apia had no 30 December 2011).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from watch.core.spans import Span

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_DAY = timedelta(days=1)
_YEARS = range(1970, 9999)  # leaves room for the previous and next month within the range of `datetime`


def zone_named(name: str) -> ZoneInfo:
    """The IANA zone *name*; ValueError when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: "America" is a folder in the database
        raise ValueError(
            f"no time zone is called {name!r}; write an IANA name like America/New_York"
        ) from None


def to_utc_ms(naive: datetime, zone: ZoneInfo) -> int:
    """The instant at which the clocks of *zone* first show *naive*, or would show it without the gap."""
    if naive.tzinfo is not None:
        raise ValueError(f"{naive} already has a zone; a wall-clock time has none")
    return (naive.replace(tzinfo=zone, fold=0) - _EPOCH) // _MS


def from_utc_ms(ms: int, zone: ZoneInfo) -> datetime:
    """The instant *ms* as an aware local time in *zone*."""
    return (_EPOCH + ms * _MS).astimezone(zone)


def local_day_bounds(zone: ZoneInfo, day: date) -> Span:
    """*day* in *zone*, local midnight to local midnight."""
    start = datetime.combine(day, time())
    return to_utc_ms(start, zone), to_utc_ms(start + _DAY, zone)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month without a zone."""

    year: int
    month: int

    def __post_init__(self) -> None:
        if self.year not in _YEARS or not 1 <= self.month <= 12:
            raise ValueError(f"{self} is no month between {_YEARS[0]}-01 and {_YEARS[-1]}-12")

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @classmethod
    def parse(cls, text: str) -> Month:
        """The month written as ``2026-11``; ValueError for anything else."""
        match = re.fullmatch(r"([0-9]{4})-([0-9]{2})", text.strip())
        if match is None:
            raise ValueError(f"{text!r} is no month; write one like 2026-11")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def containing(cls, ms: int, zone: ZoneInfo) -> Month:
        """The month that the calendars of *zone* show at the instant *ms*."""
        local = from_utc_ms(ms, zone)
        return cls(local.year, local.month)

    def previous(self) -> Month:
        return Month(self.year - (self.month == 1), (self.month - 2) % 12 + 1)

    def next(self) -> Month:
        return Month(self.year + (self.month == 12), self.month % 12 + 1)

    def bounds_ms(self, zone: ZoneInfo) -> Span:
        """From local midnight of its first day to local midnight of the next month's."""
        first, after = self._first_days()
        return to_utc_ms(datetime.combine(first, time()), zone), to_utc_ms(
            datetime.combine(after, time()), zone
        )

    def days(self, zone: ZoneInfo) -> list[Span]:
        """Its days in *zone*; together they are the month."""
        first, after = self._first_days()
        return [local_day_bounds(zone, first + n * _DAY) for n in range((after - first).days)]

    def _first_days(self) -> tuple[date, date]:
        # Not by next(): the last month has no next one.
        return date(self.year, self.month, 1), date(self.year + (self.month == 12), self.month % 12 + 1, 1)
