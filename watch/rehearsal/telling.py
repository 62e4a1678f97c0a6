"""A diary as text for people and as a value for programs. All times are in the service's zone."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from watch.core.alert import Event
from watch.core.localtime import from_utc_ms
from watch.core.quantity import duration_text
from watch.rehearsal.diary import Line
from watch.rehearsal.wording import listed, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from watch.rehearsal.diary import Diary

_MANY = 6
_INDENT = " " * 10
_COLUMNS = ((Event.TRIGGERED, "alarms"), (Event.RESOLVED, "recoveries"), (Event.MERGED, "late"))


def told(diary: Diary, zone: ZoneInfo) -> Iterator[str]:
    """The lines of *diary* under their days, then the pages of each person."""
    day = None
    for line in _merged(diary.lines):
        local = from_utc_ms(line.at_ms, zone)
        if (local.date(), local.tzname()) != day:  # a clock change begins a new heading
            day = (local.date(), local.tzname())
            yield from ("", f"{local:%A %Y-%m-%d} ({local:%Z})")
        yield f"{stamp(line.at_ms, zone, near_ms=line.at_ms)}  {line.text}"
        yield from (f"{_INDENT}  {why}" for why in line.why)
    if not diary.lines:
        yield from ("", "Nothing happened.")
    yield ""
    yield from _pages(diary)


def _merged(lines: Sequence[Line]) -> Iterator[Line]:
    """*lines*, of which many in a row that say the same of other components are one."""
    for _, group in groupby(lines, _same):
        some = list(group)
        if len(some) < _MANY:
            yield from some
            continue
        keys = [key for line in some for key in line.facts["components"]]
        seconds = duration_text(timedelta(seconds=(some[-1].at_ms - some[0].at_ms) // 1000))
        text = f"{len(keys)} components are {some[0].facts['state']}, within {seconds}: {listed(keys)}"
        yield Line(
            some[0].at_ms, "state", text, tuple(dict.fromkeys(why for line in some for why in line.why))[:1]
        )


def _same(line: Line) -> object:
    """Equal for lines that may be one: states that are the same; no other line is like another."""
    return line.facts["state"] if line.kind == "state" else id(line)


def _pages(diary: Diary) -> Iterator[str]:
    if not diary.pages:
        yield "Nobody can be paged: checks.yaml has no `people`."
        return
    rows = [("person", "pages", *(title for _, title in _COLUMNS))]
    for person, counts in diary.pages.items():
        rows.append((person, str(counts.total()), *(str(counts[event]) for event, _ in _COLUMNS)))
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(w) if n else cell.ljust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells)


def value(diary: Diary, from_ms: int, to_ms: int, zone: ZoneInfo) -> dict[str, Any]:
    """The same as JSON values; instants in ISO 8601 with their offset and in ms."""
    return {
        "zone": zone.key,
        "from": _iso(from_ms, zone),
        "to": _iso(to_ms, zone),
        "lines": [_line(line, zone) for line in diary.lines],
        "pages": {
            person: {"all": counts.total()} | {title: counts[event] for event, title in _COLUMNS}
            for person, counts in diary.pages.items()
        },
    }


def _line(line: Line, zone: ZoneInfo) -> Mapping[str, Any]:
    return {
        "at": _iso(line.at_ms, zone), "at_ms": line.at_ms, "kind": line.kind, "text": line.text,
        "why": list(line.why), **line.facts,
    }  # fmt: skip


def _iso(at_ms: int, zone: ZoneInfo) -> str:
    return from_utc_ms(at_ms, zone).isoformat(timespec="milliseconds")
