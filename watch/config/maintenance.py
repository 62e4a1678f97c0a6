"""Maintenance windows: four forms of writing when, one `Window`.

A time is wall-clock time in the zone it names, or else in the service's zone. The keys decide the form;
keys of two forms together are a mistake.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from watch.config.findings import Findings, quoted
from watch.config.node import Scalar, guessed
from watch.config.shape import Word, split_cure
from watch.core.quantity import duration_text, instant, zone_named
from watch.core.window import Length, OneOff, Opens, Recurring, Rule, Window, parse_weekly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.config.mapping import Fields

_FORMS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    # the key that decides the form: the keys it needs, the keys it may have
    "when": (frozenset({"when"}), frozenset()),
    "rrule": (frozenset({"rrule", "first"}), frozenset({"length", "duration"})),
    "from": (frozenset({"from", "to"}), frozenset()),
    "start": (frozenset({"start", "duration"}), frozenset()),
}
_ALL = frozenset().union(*(needs | may for needs, may in _FORMS.values()))
_EXAMPLES = "`when`, `from` and `to`, `start` and `duration`, or `rrule`, `first` and `length`"
_CLOCK = re.compile(
    r"\s*(\d{4}-\d\d-\d\d)[T ]+(\d\d?:\d\d(?::\d\d)?)\s*(?:([A-Za-z][\w+\-/]*))?\s*", re.ASCII
)


@dataclass(frozen=True, slots=True)
class _LocalTime:
    """A wall-clock time; *zone* is None when none was named."""

    naive: datetime
    zone: ZoneInfo | None


def _local_time(text: str) -> _LocalTime:
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time: write it like 2026-12-05 22:00 America/Los_Angeles")
    day, clock, zone = match.groups()
    try:
        naive = datetime.fromisoformat(f"{day}T{clock.zfill(5) if clock.count(':') == 1 else clock.zfill(8)}")
    except ValueError as error:
        raise ValueError(f"{text!r} is not a valid date and time: {error}") from None
    if zone is None:
        return _LocalTime(naive, None)
    return _LocalTime(naive, ZoneInfo("UTC") if zone == "Z" else zone_named(zone))


_TIME = Word("a time like 2026-12-05 22:00 America/Los_Angeles", _local_time, "2026-12-05 22:00", {})


def window_of(
    name: str, fields: Fields, components: tuple[str, ...], zone: ZoneInfo, findings: Findings
) -> Window | None:
    """The window in *fields*; None when it was refused."""
    rule = _rule(fields, zone, findings)
    announced = _announced(fields, zone, findings)
    if rule is None:
        return None
    opens = Opens(fields["opens"])
    if isinstance(rule, OneOff) and announced is not None:
        opens = Opens.ALWAYS  # an announced one-off window needs no further announcement
    return Window(
        name=name,
        class_=fields["class"],
        components=components,
        rule=rule,
        opens=opens,
        suppress_alerts=fields["suppress_alerts"],
        sla_exclude=fields["sla_exclude"],
        max_outage=fields["max_outage"],
        announced_ms=announced,
        text=_text(fields),
    )


def _rule(fields: Fields, zone: ZoneInfo, findings: Findings) -> Rule | None:
    form = next((key for key in _FORMS if fields.wrote(key)), None)
    if form is None:
        missing = next((key for key in ("to", "first") if fields.wrote(key)), None)
        findings.mistake(
            fields.key(missing or ""), "the window does not say when it takes place", f"write {_EXAMPLES}"
        )
        return None
    needs, may = _FORMS[form]
    stray = sorted(key for key in _ALL - needs - may if fields.wrote(key))
    for key in stray:
        wrong = f"{quoted(key)} cannot be combined with {quoted(form)}"
        findings.mistake(fields.key(key), wrong, f"write one of {_EXAMPLES}", cut=True)
    missing_keys = sorted(key for key in needs if not fields.wrote(key))
    for key in missing_keys:
        wrong = f"{quoted(form)} needs {quoted(key)}"
        findings.mistake(fields.key(form), wrong, f"add {quoted(key)}", cut=True)
    if stray or missing_keys:
        return None
    try:
        return {"when": _weekly, "rrule": _recurring, "from": _between, "start": _lasting}[form](
            fields, zone, findings
        )
    except ValueError as error:
        if any(guessed(node) for _, node in fields.keys.values()):
            return None
        at = fields.at("rrule" if form == "rrule" else "to" if form == "from" else form)
        if isinstance(at, Scalar) and at.origin:
            findings.mistake(at, f"the value of `{at.origin}` is not a valid time for a window")
        else:
            findings.mistake(at, *split_cure(str(error)))
        return None


def _weekly(fields: Fields, zone: ZoneInfo, findings: Findings) -> Rule | None:
    word = Word(
        "a weekly rule like Sat,Sun 00:00-03:00 America/New_York",
        lambda text: parse_weekly(text, zone),
        "Sat 00:00-03:00",
        {},
    )
    return word.read(fields.at("when"), findings)


def _between(fields: Fields, zone: ZoneInfo, findings: Findings) -> Rule | None:
    start, end = _TIME.read(fields.at("from"), findings), _TIME.read(fields.at("to"), findings)
    if start is None or end is None:
        return None
    if start.zone and end.zone and start.zone.key != end.zone.key:
        findings.mistake(
            fields.at("to"),
            f"`from` is in {start.zone.key}, but `to` is in {end.zone.key}",
            "write both in the same time zone",
        )
        return None
    return OneOff.between(start.naive, end.naive, start.zone or end.zone or zone)


def _lasting(fields: Fields, zone: ZoneInfo, findings: Findings) -> Rule | None:
    start, lasting = _TIME.read(fields.at("start"), findings), fields["duration"]
    if start is None or lasting is None:
        return None
    return OneOff(start.naive, Length(lasting, elapsed=True), start.zone or zone)


def _recurring(fields: Fields, zone: ZoneInfo, findings: Findings) -> Rule | None:
    if fields.wrote("length") == fields.wrote("duration"):
        findings.mistake(
            fields.key("rrule"),
            "`rrule` needs either `length` or `duration`",
            "write `length: 4h` for wall-clock time, or `duration: 4h` for elapsed time",
            cut=True,
        )
        return None
    first, length = _TIME.read(fields.at("first"), findings), _length(fields)
    if first is None or length is None:
        return None
    return Recurring(fields["rrule"], first.naive, length, first.zone or zone)


def _length(fields: Fields) -> Length | None:
    elapsed = fields.wrote("duration")
    time: timedelta | None = fields["duration" if elapsed else "length"]
    return None if time is None else Length(time, elapsed=elapsed)


def _announced(fields: Fields, zone: ZoneInfo, findings: Findings) -> int | None:
    if not fields.wrote("announced"):
        return None
    word = Word(
        "a time like 2026-11-23 09:00 America/Los_Angeles",
        lambda text: instant(text, zone),
        "2026-11-23 09:00",
        {},
    )
    told = word.read(fields.at("announced"), findings)
    return None if told is None else int(told.timestamp()) * 1000


def _text(fields: Fields) -> str:
    """The rule as text for people."""
    lasting = fields["duration"] or fields["length"]
    parts = {
        "when": fields["when"],
        "from": f"{fields['from']} – {fields['to']}",
        "start": f"{fields['start']} for {duration_text(lasting)}" if lasting else "",
        "rrule": f"{fields['rrule']} from {fields['first']} for {duration_text(lasting)}" if lasting else "",
    }
    return next(str(parts[key]) for key in ("when", "rrule", "from", "start") if fields.wrote(key))
