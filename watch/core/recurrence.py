"""RFC 5545 recurrence rules, on the wall clock and within bounds.

dateutil expands them on naive local time; the zone is attached afterwards, because a daily 02:00 stays at 02:00 when
the offset changes. It expands one month or year at a time. Otherwise it would walk from the first start (10 ms for six
years of days), and for a rule that never matches, such as the 30th of February, on to the year 9999 (9 s in which
nothing else runs). So the cost depends on the span, not on the rule.

Refused, each with its cure: frequencies finer than a day, which maintenance does not need and hostile files
use; keys that RFC 5545 does not allow at a frequency; more than 24 starts a day; COUNT over 10,000. Unlike in dateutil,
an UNTIL that is a bare date includes that whole day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from watch.core.localtime import to_utc_ms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_RANGES: Mapping[str, range] = {
    "BYMONTH": range(1, 13),
    "BYMONTHDAY": range(1, 32),
    "BYYEARDAY": range(1, 367),
    "BYWEEKNO": range(1, 54),
    "BYSETPOS": range(1, 367),
    "BYHOUR": range(24),
    "BYMINUTE": range(60),
    "INTERVAL": range(1, 1001),
    "COUNT": range(1, 10_001),
}
_FROM_THE_END = {"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"}  # -1 is the last
_EVERYWHERE = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYDAY", "BYHOUR", "BYMINUTE"}
_ALLOWED: Mapping[str, set[str]] = {
    "DAILY": _EVERYWHERE | {"BYMONTHDAY"},
    "WEEKLY": _EVERYWHERE,
    "MONTHLY": _EVERYWHERE | {"BYMONTHDAY", "BYSETPOS"},
    "YEARLY": _EVERYWHERE | {"BYMONTHDAY", "BYSETPOS", "BYYEARDAY", "BYWEEKNO"},
}
_STARTS_A_DAY = 24
_LONGEST_TEXT = 1000
_ONE_PERIOD = 10_000 * 12  # an interval, in months or years, whose second step is beyond the calendar


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A parsed rule. *by* has the BY keys with their numbers, *days* BYDAY as (n-th or 0, weekday)."""

    freq: str
    interval: int
    count: int | None
    until: date | datetime | None
    week_start: int
    days: tuple[tuple[int, int], ...]
    by: tuple[tuple[str, tuple[int, ...]], ...]

    def until_ms(self, zone: ZoneInfo) -> int | None:
        """The last instant at which an occurrence may start."""
        if self.until is None:
            return None
        if not isinstance(self.until, datetime):
            return to_utc_ms(datetime.combine(self.until, time()) + timedelta(days=1), zone) - 1
        if self.until.tzinfo is not None:
            return int(self.until.timestamp()) * 1000
        return to_utc_ms(self.until, zone)


@lru_cache(maxsize=1024)
def recurrence(text: str) -> Recurrence:
    """The rule written as ``FREQ=WEEKLY;BYDAY=SA``; ValueError says what is wrong and what to write."""
    keys = _keys(text)
    freq = keys.get("FREQ", "")
    if freq not in _ALLOWED:
        raise ValueError(f"FREQ={freq} does not suit a window; write DAILY, WEEKLY, MONTHLY or YEARLY")
    for key in keys.keys() - _ALLOWED[freq]:
        raise ValueError(f"{key} does not go with FREQ={freq}; leave it out or choose another frequency")
    if {"COUNT", "UNTIL"} <= keys.keys():
        raise ValueError("a rule ends by COUNT or by UNTIL, not by both; leave one out")
    by = tuple(
        (key.lower(), _numbers(key, keys[key]))
        for key in sorted(keys)
        if key.startswith("BY") and key != "BYDAY"
    )
    hours, minutes = dict(by).get("byhour", (0,)), dict(by).get("byminute", (0,))
    if len(hours) * len(minutes) > _STARTS_A_DAY:
        raise ValueError(
            f"{len(hours) * len(minutes)} starts a day are too many; write at most {_STARTS_A_DAY}"
        )
    return Recurrence(
        freq=freq,
        interval=_number("INTERVAL", keys.get("INTERVAL", "1")),
        count=_number("COUNT", keys["COUNT"]) if "COUNT" in keys else None,
        until=_until(keys["UNTIL"]) if "UNTIL" in keys else None,
        week_start=_weekday(keys.get("WKST", "MO"), ordinal=False)[1],
        days=tuple(
            _weekday(day, ordinal=freq in ("MONTHLY", "YEARLY"))
            for day in keys.get("BYDAY", "").split(",")
            if day
        ),
        by=by,
    )


def starts(rule: Recurrence, start: datetime, zone: ZoneInfo, first: date, last: date) -> Iterator[datetime]:
    """The wall-clock starts on the local dates *first* to *last*, both included, in order.

    Args:
        start: The wall clock at the rule's beginning; an occurrence only if the rule matches it.
    """
    until_ms = rule.until_ms(zone)
    # COUNT counts from the beginning; without it the expansion can begin anywhere.
    begin = max(first, start.date()) if rule.count is None else start.date()
    found = (
        s for s in _matching(rule, start, begin, last) if until_ms is None or to_utc_ms(s, zone) <= until_ms
    )
    return (s for s in islice(found, rule.count) if s.date() >= first)


def _matching(rule: Recurrence, start: datetime, first: date, last: date) -> Iterator[datetime]:
    per_year = 1 if rule.freq == "YEARLY" else 12
    begin = first.year * per_year + (0 if per_year == 1 else first.month - 1)
    for period in range(begin, last.year * per_year + (1 if per_year == 1 else last.month)):
        year, month = divmod(period, per_year)
        for candidate in _period(rule, start, year, month + 1):
            if first <= candidate.date() <= last:
                yield candidate


@lru_cache(maxsize=4096)
def _period(rule: Recurrence, start: datetime, year: int, month: int) -> tuple[datetime, ...]:
    """The starts in one month, or in one year for a yearly rule."""
    # Imported on use: it would cost 10 ms at start even without a rule.
    from dateutil.rrule import MONTHLY, YEARLY, rrule  # noqa: PLC0415 - as above
    from dateutil.rrule import weekday as nth_weekday  # noqa: PLC0415 - as above

    expansion: dict[str, Any] = {
        "byhour": start.hour,
        "byminute": start.minute,
        "bysecond": start.second,
        **dict(rule.by),
    }
    if rule.days:
        expansion["byweekday"] = [nth_weekday(day, n or None) for n, day in rule.days]
    elif not expansion.keys() & {"bymonthday", "byyearday", "byweekno"}:
        expansion |= _implied(rule, start, expansion)
    found = rrule(
        YEARLY if rule.freq == "YEARLY" else MONTHLY,
        dtstart=datetime(year, month, 1),  # noqa: DTZ001 - the wall clock, which is the point
        interval=_ONE_PERIOD,
        wkst=rule.week_start,
        **expansion,
    )
    return tuple(s for s in found if s >= start and _in_turn(rule, start.date(), s.date()))


def _implied(rule: Recurrence, start: datetime, given: Mapping[str, Any]) -> dict[str, Any]:
    """The days of a rule that names none: that of the start, or every day for a daily rule."""
    if rule.freq == "DAILY":
        return {"bymonthday": range(1, 32)}
    if rule.freq == "WEEKLY":
        return {"byweekday": start.weekday()}
    if rule.freq == "MONTHLY":
        return {"bymonthday": start.day}
    return {"bymonthday": start.day, "bymonth": given.get("bymonth", start.month)}


def _in_turn(rule: Recurrence, start: date, day: date) -> bool:
    """Whether INTERVAL selects the day, week, month or year of *day*."""
    if rule.freq == "DAILY":
        passed = (day - start).days
    elif rule.freq == "WEEKLY":
        # Ordinal 1 is a Monday.
        passed = (day.toordinal() - 1 - rule.week_start) // 7 - (start.toordinal() - 1 - rule.week_start) // 7
    elif rule.freq == "MONTHLY":
        passed = (day.year - start.year) * 12 + day.month - start.month
    else:
        passed = day.year - start.year
    return passed % rule.interval == 0


def _keys(text: str) -> dict[str, str]:
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"a rule of {len(text)} characters is too long; write at most {_LONGEST_TEXT}")
    keys: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").strip(";").split(";"):
        key, sep, value = part.strip().partition("=")
        if not sep or not re.fullmatch(r"[A-Z]+", key):
            raise ValueError(f"{part.strip()!r} is no part of a rule; write one like FREQ=WEEKLY;BYDAY=SA")
        if key in keys:
            raise ValueError(f"{key} is written twice; leave one out")
        keys[key] = value.strip()
    return keys


def _number(key: str, text: str) -> int:
    allowed = _RANGES[key]
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise ValueError(f"{key}={text} is no number")
    number = int(text)
    if (abs(number) if key in _FROM_THE_END else number) not in allowed:
        raise ValueError(f"{key}={text} is out of range; write {allowed[0]} to {allowed[-1]}")
    return number


def _numbers(key: str, text: str) -> tuple[int, ...]:
    if key not in _RANGES:
        raise ValueError(
            f"{key} is not understood; use {', '.join(k for k in _RANGES if k.startswith('BY'))} or BYDAY"
        )
    return tuple(sorted({_number(key, part.strip()) for part in text.split(",")}))


def _weekday(text: str, *, ordinal: bool) -> tuple[int, int]:
    match = re.fullmatch(r"([+-]?[0-9]{1,2})?([A-Z]{2})", text.strip())
    if match is None or match[2] not in _DAYS or (match[1] and not 1 <= abs(int(match[1])) <= 53):
        raise ValueError(
            f"{text} is no weekday; write MO, TU, WE, TH, FR, SA or SU, or 1SU for the first Sunday"
        )
    if match[1] and not ordinal:
        raise ValueError(
            f"{text} counts weekdays of a month or year; write FREQ=MONTHLY or FREQ=YEARLY, or {match[2]}"
        )
    return int(match[1] or 0), _DAYS.index(match[2])


def _until(text: str) -> date | datetime:
    match = re.fullmatch(r"([0-9]{8})(?:T([0-9]{6})(Z?))?", text)
    try:
        if match and match[2]:
            return datetime.fromisoformat(f"{match[1]}T{match[2]}").replace(tzinfo=UTC if match[3] else None)
        return date.fromisoformat(match[1] if match else text)
    except ValueError:
        cure = "write 20261231, 20261231T235959 or 20261231T235959Z"
        raise ValueError(f"UNTIL={text} is no date; {cure}") from None
