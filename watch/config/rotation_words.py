"""The words of `rotations:`: lengths of turns, handovers, dates, layers and overrides."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from watch.config.mapping import Field, Items, Keyed, Record
from watch.config.shape import Word
from watch.config.word import lasting, name, raw
from watch.core.quantity import zone_named
from watch.core.schedule import time_of_day, weekday_named

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_LAST_YEAR = 8999  # leaves room for turns after it


class _Clock(NamedTuple):
    """A handover as written. *weekday* and *zone* are None when it names none."""

    time: time
    weekday: int | None
    zone: ZoneInfo | None


def _handover(text: str) -> _Clock:
    match = re.fullmatch(r"\s*(?:([A-Za-z]+)\s+)?(\d\S*)(?:\s+(\S+))?\s*", text, re.ASCII)
    if match is None:
        raise ValueError(f"{text!r} is no handover: write one like Mon 09:00 America/New_York")
    since = time_of_day(match[2])
    if since >= _DAY:
        raise ValueError(f"{match[2]!r} is no time of a handover: write 00:00")
    at = (datetime.min + since).time()  # noqa: DTZ901 - a time of day, not an instant
    return _Clock(
        at, weekday_named(match[1]) if match[1] else None, zone_named(match[3]) if match[3] else None
    )


def _date(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError(f"{text!r} is no date: write one like 2026-11-02")
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not in the calendar: {error}") from None
    if not 1970 <= found.year <= _LAST_YEAR:
        raise ValueError(f"{text!r} is too early or too late: write a year from 1970 to {_LAST_YEAR}")
    return found


_LENGTH = lasting(timedelta(hours=1), timedelta(days=366), "1 week")


def _whole_hours(text: str) -> timedelta:
    length = _LENGTH.parse(text)
    if length % timedelta(hours=1):
        raise ValueError(f"{text!r} is no number of whole hours: write one like 12h, 1 day or 2 weeks")
    return length


_PEOPLE = Field(Items(name("the name of a person")), "The people who take turns, in their order.")
_EVERY = Field(
    Word("a length like 1 week", _whole_hours, "1 week", _LENGTH.json),
    "The length of a turn in hours, days or weeks, on the wall clock. Not needed for one person alone.",
)
_HANDOVER = Field(
    Word("a handover like Mon 09:00 America/New_York", _handover, "09:00", {"type": "string"}),
    "When a turn is handed over: `Mon 09:00 America/New_York`, or without the day where `every` is no number of weeks.",
)
_START = Field(
    Word("a date like 2026-11-02", _date, "2026-11-02", {"type": "string"}),
    "The first turn begins at the first handover on this date or after it.",
)
OVERRIDE = Record(
    "an override",
    {
        "from": Field(raw("a time"), "When it begins: `2026-12-24 09:00 America/New_York`.", required=True),
        "to": Field(raw("a time"), "When it ends.", required=True),
        "person": Field(name("the name of a person"), "Who is on call in that time.", required=True),
    },
    like="`{from: 2026-12-24 09:00, to: 2026-12-27 09:00, person: alice}`",
)
LAYER = Record(
    "a layer",
    {
        "people": replace(_PEOPLE, required=True),
        "every": _EVERY,
        "handover": _HANDOVER,
        "start": _START,
        "during": Field(
            raw("weekly hours"), "The hours in which it has somebody: `Mon-Fri 08:00-18:00 America/New_York`."
        ),
    },
    like="`{people: [alice, bob], every: 1 week, handover: Mon 09:00, start: 2026-11-02}`",
)
ROTATION = Record(
    "a rotation",
    {
        "people": _PEOPLE,
        "every": _EVERY,
        "handover": _HANDOVER,
        "start": _START,
        "overrides": Field(
            Items(OVERRIDE, empty=True), "Who takes over in a time; they win over all layers."
        ),
        "layers": Field(Items(LAYER), "Several layers instead of one: the last that has somebody wins."),
    },
    {
        "during": "write `layers: [{people: …, during: …}]`",
        "members": "write `people`",
        "users": "write `people`",
    },
    like="`{people: [alice, bob], every: 1 week, handover: Mon 09:00 America/New_York, start: 2026-11-02}`",
)
ROTATIONS = Keyed(name("the name of a rotation"), ROTATION, "a mapping of rotations by name")
