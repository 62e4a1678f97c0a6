"""Times as text: in the page's time zone first, then in UTC.

Customers compare the page with their own clocks, so every time names its zone and is given in UTC too. The date is
added only when it is not today's, in either zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from datetime import date
    from zoneinfo import ZoneInfo

_NB = "\u00a0"


@dataclass(frozen=True, slots=True)
class ClockText:
    """Instants and spans as text in *zone*; *as_of_ms* decides which day is today."""

    zone: ZoneInfo
    as_of_ms: int

    def moment(self, ms: int) -> Markup:
        """``09:12 PST (17:12 UTC)`` in a `<time>`; with the date when it is not today."""
        local, utc = self._local(ms), at(ms, UTC)
        today = self._local(self.as_of_ms).date()
        text = _clock(local) if local.date() == today else f"{day(local)}, {_clock(local)}"
        if local.utcoffset() != utc.utcoffset():
            text += f" ({_clock(utc) if utc.date() == local.date() else f'{day(utc)}, {_clock(utc)}'})"
        return Markup('<time datetime="{}">{}</time>').format(stamp(ms), text)

    def full(self, ms: int) -> Markup:
        """``Monday 23 November 2026, 09:31 PST (17:31 UTC)``, always with the date."""
        local, utc = self._local(ms), at(ms, UTC)
        text = f"{local:%A} {local.day} {local:%B %Y}, {_clock(local)}"
        if local.utcoffset() != utc.utcoffset():
            text += f" ({_clock(utc) if utc.date() == local.date() else f'{day(utc)}, {_clock(utc)}'})"
        return Markup('<time datetime="{}">{}</time>').format(stamp(ms), text)

    def span(self, from_ms: int, to_ms: int) -> Markup:
        """``Sat 28 Nov, 07:00–08:00 PST (15:00–16:00 UTC)``."""
        begin, end = self._local(from_ms), self._local(to_ms)
        text = _between(begin, end)
        utc_begin, utc_end = at(from_ms, UTC), at(to_ms, UTC)
        if begin.utcoffset() != utc_begin.utcoffset() or end.utcoffset() != utc_end.utcoffset():
            same = (begin.date(), end.date()) == (utc_begin.date(), utc_end.date())
            text += f" ({_between(utc_begin, utc_end, days=not same)})"
        return Markup("{}").format(text)

    def period(self, from_ms: int, to_ms: int) -> str:
        """``1–23 November 2026`` or ``26 August – 23 November 2026``: all days in it."""
        begin, end = self._local(from_ms), self._local(max(from_ms, to_ms - 1))
        if (begin.year, begin.month) != (end.year, end.month):
            year = "" if begin.year == end.year else f" {begin.year}"
            return f"{begin.day} {begin:%B}{year} – {end.day} {end:%B %Y}"
        if begin.day == end.day:
            return f"{end.day} {end:%B %Y}"
        return f"{begin.day}–{end.day} {end:%B %Y}"

    def _local(self, ms: int) -> datetime:
        return at(ms, self.zone)


def at(ms: int, zone: tzinfo) -> datetime:
    """The instant *ms* as a datetime in *zone*."""
    return datetime.fromtimestamp(ms // 1000, zone).replace(microsecond=ms % 1000 * 1000)


def stamp(ms: int) -> str:
    """ISO 8601 with milliseconds, as the Statuspage API writes it: ``2026-11-23T08:31:24.239Z``."""
    return at(ms, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def day(when: date) -> str:
    """``Sat 28 Nov``."""
    return f"{when:%a}{_NB}{when.day}{_NB}{when:%b}"


def _clock(when: datetime) -> str:
    return f"{when:%H:%M}{_NB}{_abbreviation(when)}"


def _abbreviation(when: datetime) -> str:
    # Many zones have no abbreviation: their %Z is "-03", which becomes "UTC-03".
    name = when.tzname() or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name


def _between(begin: datetime, end: datetime, *, days: bool = True) -> str:
    """Both times; the zone once, unless the clocks change in between."""
    first = f"{begin:%H:%M}" if begin.utcoffset() == end.utcoffset() else _clock(begin)
    if days and begin.date() != end.date():
        return f"{day(begin)}, {first} – {day(end)}, {_clock(end)}"
    return f"{day(begin) + ', ' if days else ''}{first}–{_clock(end)}"
