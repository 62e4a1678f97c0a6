"""A reader of iCalendar files that follows RFC 5545 to the letter, and fails where a file does not."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_NAME = re.compile(r"[A-Z][A-Z0-9-]*")
_ONCE = {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "TRANSP"}


def lines_of(data: bytes) -> list[str]:
    """The unfolded lines (§3.1)."""
    assert data.endswith(b"\r\n"), "a line ends with CRLF, the last one too"
    raw = data[:-2].split(b"\r\n")
    for line in raw:
        assert len(line) <= 75, "75 octets, without the line's end"
        assert b"\n" not in line, "no bare LF"
        assert b"\r" not in line, "no bare CR"
        line.decode("utf-8")  # a fold between the octets of a character is legal, but breaks many readers
    unfolded: list[str] = []
    for line in raw:
        if line.startswith((b" ", b"\t")):
            unfolded[-1] += line[1:].decode()
        else:
            unfolded.append(line.decode())
    return unfolded


def text_of(value: str) -> str:
    """A value of type TEXT (§3.3.11)."""
    assert re.fullmatch(r"(?:[^\\;,\x00-\x08\x0a-\x1f\x7f]|\\[\\;,nN])*", value), value
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], value)


def instant_of(value: str) -> datetime:
    """A DATE-TIME in UTC (§3.3.5, form 2)."""
    assert re.fullmatch(r"\d{8}T\d{6}Z", value), value
    return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def events_of(data: bytes) -> list[dict[str, object]]:
    """The events of a calendar, each with its properties."""
    begin, *inside, end = lines_of(data)
    assert (begin, end) == ("BEGIN:VCALENDAR", "END:VCALENDAR")
    split = inside.index("BEGIN:VEVENT") if "BEGIN:VEVENT" in inside else len(inside)
    head = dict(line.split(":", 1) for line in inside[:split])
    assert head["VERSION"] == "2.0"
    assert head["PRODID"]
    events: list[dict[str, object]] = []
    for line in inside[split:]:
        name, _, value = line.partition(":")
        assert _NAME.fullmatch(name), line
        if (name, value) == ("BEGIN", "VEVENT"):
            events.append({})
        elif (name, value) != ("END", "VEVENT"):
            assert name in _ONCE, name
            assert name not in events[-1], f"{name} may be written once (§3.6.1)"
            events[-1][name] = value
    for event in events:
        assert event.keys() >= {"UID", "DTSTAMP", "DTSTART"}, "required (§3.6.1)"
        for name in ("DTSTAMP", "DTSTART", "DTEND"):
            event[name] = instant_of(str(event[name]))
        for name in ("UID", "SUMMARY", "DESCRIPTION"):
            event[name] = text_of(str(event[name]))
        assert event["DTEND"] > event["DTSTART"], "§3.8.2.2"
    assert len({event["UID"] for event in events}) == len(events), "§3.8.4.7"
    return events
