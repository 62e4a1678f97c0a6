"""Amounts as people write them (`1h30m`, `1GiB`, `99.9%`, `2026-11-23 02:00 America/New_York`) and back.

An amount without its unit is refused: `timeout: 5` could mean seconds or milliseconds. Everything is exact: a
target of 99.9 % converted through a float is not 99.9 % any more, and a month could miss it by that. Every
mistake is a ValueError that says what to write instead.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from watch.core.reading import FactType, FactValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_US = {"ms": 1_000, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86_400 * 10**6, "w": 604_800 * 10**6}
_UNIT = {
    **{unit: unit for unit in _US},
    **dict.fromkeys(("millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("sec", "second", "seconds"), "s"),
    **dict.fromkeys(("min", "minute", "minutes"), "m"),
    **dict.fromkeys(("hr", "hour", "hours"), "h"),
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("week", "weeks"), "w"),
}
_SCALE = {"b": 1} | {
    f"{prefix}{tail}": base**power
    for power, prefix in enumerate("kmgtp", start=1)
    for tail, base in (("b", 1000), ("ib", 1024))
}
_NUMBER = r"\d{1,18}(?:\.\d{1,9})?"
_PART = re.compile(rf"\s*({_NUMBER})\s*([A-Za-z]+)")
_AMOUNT = re.compile(rf"({_NUMBER})\s*([A-Za-z]*)")
_PERCENT = re.compile(rf"({_NUMBER})\s*%")
_COUNT = re.compile(rf"[+-]?{_NUMBER}")
_CLOCK = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d?):(\d\d)(?::(\d\d))?\s*(Z|[+-][01]\d:?[0-5]\d|[A-Za-z][\w+\-/]*)?",
    re.ASCII,
)
_LONGEST = timedelta(days=36_525)  # a century: anything longer is a typing mistake


def duration(text: str) -> timedelta:
    """Return the duration `30s`, `1h30m`, `800ms` or `1 week`; ValueError with the cure otherwise."""
    rest, largest, total = text.strip(), len(_US), Fraction(0)
    if re.fullmatch(_NUMBER, rest):
        raise ValueError(f"{rest} has no unit: write {rest}s, {rest}m, {rest}h or {rest}d")
    order = list(_US)
    while rest:
        part = _PART.match(rest)
        if part is None:
            raise ValueError(f"{text!r} is not a duration: write it like 30s, 1h30m, 800ms or 2 days")
        unit = _UNIT.get(part[2]) or _UNIT.get(part[2].lower())
        if unit is None:
            raise ValueError(f"{part[2]!r} is not a unit of time: write one of ms, s, m, h, d, w")
        if order.index(unit) >= largest:
            raise ValueError(f"{text!r} is ambiguous: write each unit once and the largest first, like 1h30m")
        largest = order.index(unit)
        total += Fraction(part[1]) * _US[unit]
        rest = rest[part.end() :].lstrip()
    return _lasting(text, total)


def _lasting(text: str, microseconds: Fraction) -> timedelta:
    if text.strip() == "":
        raise ValueError("a duration is missing: write it like 30s, 1h30m, 800ms or 2 days")
    if microseconds.denominator != 1:
        raise ValueError(f"{text!r} is finer than a microsecond: round it")
    if microseconds > _LONGEST // timedelta(microseconds=1):
        raise ValueError(f"{text!r} is longer than a century")
    return timedelta(microseconds=int(microseconds))


def duration_text(lasting: timedelta) -> str:
    """Return *lasting* as text that `duration` reads: `1d2h`, `1m30s`, `800ms`; `-` before a negative one."""
    left = abs(lasting) // timedelta(microseconds=1)
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, left = divmod(left, _US[unit])
        parts.append(f"{count}{unit}" if count else "")
    whole, fine = divmod(left, 1000)
    if left:
        parts.append(f"{whole}.{fine:03d}".rstrip("0").rstrip(".") + "ms")
    return ("-" if lasting < timedelta(0) else "") + ("".join(parts) or "0s")


def size(text: str) -> int:
    """Return the bytes in `1GiB` (1024³), `500MB` (1000²) or `12 B`; ValueError with the cure otherwise."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size: write it like 500MB, 1GiB or 12B")
    number, unit = match.groups()
    if not unit:
        raise ValueError(f"{number} has no unit: write {number}B, {number}MB or {number}MiB")
    if unit.lower() not in _SCALE:
        close = (
            f"{number}{unit[0].upper()}B or {number}{unit[0].upper()}iB"
            if unit[0].lower() in "kmgtp"
            else "MB or MiB"
        )
        raise ValueError(f"{unit!r} is not a unit of size: write {close}")
    exact = Fraction(number) * _SCALE[unit.lower()]
    if exact.denominator != 1:
        raise ValueError(f"{text!r} is not a whole number of bytes: round it")
    return int(exact)


def percentage(text: str) -> Fraction:
    """Return `99.9%` as an exact share from 0 to 1; ValueError with the cure otherwise."""
    match = _PERCENT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a percentage: write it like 99.9%")
    share = Fraction(match[1]) / 100
    if share > 1:
        raise ValueError(f"{text!r} is more than 100%")
    return share


def instant(text: str, zone: ZoneInfo | None = None) -> datetime:
    """Return the UTC instant of a wall-clock time.

    A local time that a clock change skips takes the offset before the gap; an ambiguous one is its first
    occurrence (semantics §5).

    Args:
        text: `2026-11-23 02:00 America/New_York`, `2026-11-23T02:00:00Z`, or ISO 8601 with an offset.
        zone: The zone when *text* names none; None makes a zone in *text* required.

    Raises:
        ValueError: The text, the day or the zone is wrong, or the zone is missing.
    """
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a time: write it like 2026-11-23 02:00 America/New_York")
    *numbers, place = match.groups()
    clock = [int(number or 0) for number in numbers]
    if not 1970 <= clock[0] <= 9998:  # leaves a day on both sides for any offset
        raise ValueError(f"{text!r}: write a year from 1970 on")
    if not place and zone is None:
        raise ValueError(f"{text!r} names no time zone: add one, like {text.strip()} America/New_York or UTC")
    where = _zone(place) if place else zone
    try:
        year, month, day, hour, minute, second = clock
        # fold=0: zoneinfo then follows RFC 5545, in the gap and in the fold.
        return datetime(year, month, day, hour, minute, second, tzinfo=where).astimezone(UTC)
    except ValueError as error:
        raise ValueError(f"{text!r} is not in the calendar: {error}") from None


def _zone(place: str) -> tzinfo:
    if place == "Z":
        return ZoneInfo("UTC")
    if place[0] in "+-":
        hours, minutes = int(place[1:3]), int(place[-2:])
        return timezone((-1 if place[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))
    return zone_named(place)


def zone_named(name: str) -> ZoneInfo:
    """Return the IANA zone *name*; ValueError with a near name otherwise."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = _nearest_zone(name)
        raise ValueError(f"{name!r} is not a time zone: write an IANA name, like {near}") from None


def _nearest_zone(name: str) -> str:
    import difflib  # noqa: PLC0415 - only for a mistyped zone
    from zoneinfo import available_timezones  # noqa: PLC0415 - reads a folder

    by_lower = {zone.lower(): zone for zone in available_timezones()}
    ends = {zone.rpartition("/")[2]: zone for zone in by_lower}
    wanted = name.lower().replace(" ", "_")
    near = difflib.get_close_matches(wanted, [*by_lower, *ends], n=1, cutoff=0.7)
    return by_lower[ends.get(near[0], near[0])] if near else "America/New_York"


def literal(text: str, kind: FactType) -> FactValue:
    """Return *text* as a value of a fact of *kind*, in base units; ValueError with the cure otherwise.

    Zero needs no unit.
    """
    if text == "0" and kind in (FactType.DURATION, FactType.BYTES, FactType.RATIO):
        return 0
    return _LITERALS[kind](text)


def number(text: str) -> int | float:
    """Return *text* as a plain number, an int when it has no decimal point; ValueError otherwise."""
    if not _COUNT.fullmatch(text):
        raise ValueError(f"{text!r} is not a plain number: write it like 200 or 0.5, without a unit")
    return float(text) if "." in text else int(text)


def _share(text: str) -> Fraction:
    if re.fullmatch(_NUMBER, text):
        raise ValueError(f"{text} could be a share or a percentage: write {text}%")
    return percentage(text)


def _truth(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(f"{text!r} is neither true nor false: write one of these")
    return text == "true"


_LITERALS: Mapping[FactType, Callable[[str], FactValue]] = {
    FactType.DURATION: lambda text: duration(text).total_seconds(),
    FactType.BYTES: size,
    FactType.RATIO: lambda text: float(_share(text)),
    FactType.COUNT: number,
    FactType.INSTANT: lambda text: instant(text).timestamp(),
    FactType.BOOL: _truth,
    FactType.TEXT: str,
}
