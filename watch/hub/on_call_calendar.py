"""Shifts as an iCalendar file (RFC 5545), for calendar programs.

Times are UTC, so no zone needs a definition. A UID follows from rotation and start, so a program that reads the file
again changes an event instead of adding another. A gap is an event too; its UID follows from its end, because a gap
that lasts begins now.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OCTETS = 75  # of a line, without its end


def calendar(answer: Mapping[str, Any]) -> str:
    """The shifts of `on_call_answer` as the text of an .ics file."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Threenines//on-call//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{_text(answer['service'])} on-call",
    ]
    for rotation in answer["rotations"]:
        for shift in rotation["shifts"]:
            lines += _event(rotation["name"], shift, answer)
    lines.append("END:VCALENDAR")
    return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def _event(rotation: str, shift: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[str]:
    person, from_ms, to_ms = shift["person"], shift["from_ms"], shift["to_ms"]
    if to_ms is None:  # nobody is ever on call again: show what was asked for
        to_ms = answer["at"] + answer["days"] * 86_400_000
    mark = f"{rotation}-{_utc(from_ms)}" if person is not None else f"{rotation}-nobody-until-{_utc(to_ms)}"
    # The service's name is in the UID: two services may have rotations of one name, and one calendar program.
    service = hashlib.sha256(answer["service"].encode()).hexdigest()[:16]
    yield "BEGIN:VEVENT"
    yield f"UID:{re.sub(r'[^A-Za-z0-9_.-]', '-', mark)}@{service}.threenines"
    yield f"DTSTAMP:{_utc(answer['as_of'])}"
    yield f"DTSTART:{_utc(from_ms)}"
    yield f"DTEND:{_utc(max(to_ms, from_ms + 1000))}"
    yield f"SUMMARY:{_text(person or 'NOBODY')} on call: {_text(rotation)}"
    yield f"DESCRIPTION:{_text(shift['why'])}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _utc(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    """*text* as a value of type TEXT."""
    escaped = re.sub(r"([\\;,])", r"\\\1", text)
    return "".join("\\n" if char == "\n" else char for char in escaped if char == "\n" or char.isprintable())


def _folded(line: str) -> Iterator[str]:
    """*line* in pieces of at most 75 octets, each after the first with a blank before it; no character is cut."""
    piece, room = "", _OCTETS
    for char in line:
        size = len(char.encode())
        if size > room:
            yield piece
            piece, room = " ", _OCTETS - 1
        piece, room = piece + char, room - size
    yield piece
