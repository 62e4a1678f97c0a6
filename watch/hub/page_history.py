"""What is settled of the public's view: the words and days of a component up to two days ago.

A page is made every few seconds and its past hardly ever changes, so the past is composed once a day. It is composed
anew when a transition turns up that reaches back into it (a machine that slept for a week learns on waking that its
states lapsed long ago): no bar stays wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from statuspage.page import Day, Status
from watch.core.account import Tally, tallies
from watch.core.book import Book, Edge
from watch.core.figures import Excusing, checks_of, worked
from watch.core.localtime import from_utc_ms, local_day_bounds
from watch.core.spans import Span, clipped, intersection, union
from watch.core.timeline import State, overlaid, spans_of
from watch.core.window import Window
from watch.hub.public import PublicView, Words, joined

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

DAYS = 90
_OPEN_DAYS = 2  # today and yesterday: a transition may be backdated so far, seldom further
_DAY = timedelta(days=1)
_DAY_MS = 86_400_000
Worked = dict[str, list[tuple[Window, Span]]]


@dataclass(slots=True)
class _Settled:
    """One component's words and days up to *horizon*; *read* counts the marks of its checks that were looked at."""

    horizon: int
    words: Words
    days: list[Day]
    read: dict[tuple[str, str], int] = field(default_factory=dict)


class PageHistory:
    """Public words and days of components. Call `as_of` with the instant of a page, then ask for each component."""

    def __init__(self, book: Book, view: PublicView, zone: ZoneInfo) -> None:
        self._book, self._view, self._zone = book, view, zone
        self._settled: dict[str, _Settled] = {}
        self._lo = self._horizon = self._now_ms = 0
        self._old_works: Worked = {}
        self._works: Worked = {}
        self._excusing = Excusing(book, 0)

    def as_of(self, now_ms: int, excusing: Excusing) -> None:
        """Speak of *now_ms* from now on."""
        today = from_utc_ms(now_ms, self._zone).date()
        lo, horizon = (local_day_bounds(self._zone, today - n * _DAY)[0] for n in (DAYS - 1, _OPEN_DAYS - 1))
        if horizon != self._horizon:
            self._old_works = worked(self._book, lo - _DAY_MS, horizon)
        self._lo, self._horizon, self._now_ms, self._excusing = lo, horizon, now_ms, excusing
        self._works = worked(self._book, horizon - _DAY_MS, now_ms + 1)

    def component(self, key: str) -> tuple[Words, list[Day]]:
        """*key*'s words until now, at least those of 90 days, and its 90 days; before its time they have no scope."""
        settled = self._settled.get(key)
        if settled is None or settled.horizon != self._horizon or self._reached(key, settled):
            settled = self._settled[key] = self._settle(key)
        words = self._words(key, self._horizon, self._now_ms + 1, self._works)
        days = self._tallied(key, self._horizon, words)
        return [*settled.words[:-1], *joined([*settled.words[-1:], *words])], [*settled.days, *days]

    def _settle(self, key: str) -> _Settled:
        words = self._words(key, self._lo, self._horizon, self._old_works)
        settled = _Settled(self._horizon, words, self._tallied(key, self._lo, words, self._horizon))
        if len(words) == 1:  # nothing has changed in 90 days: since when, then?
            earlier = self._view.words(key, self._born(key), self._lo)
            settled.words = joined([*earlier[-1:], *words])
        self._reached(key, settled)
        return settled

    def _born(self, key: str) -> int:
        lifetime = self._book.lifetime(key)
        return lifetime[0][0] if lifetime else self._lo

    def _reached(self, key: str, settled: _Settled) -> bool:
        """Whether a mark not looked at before reaches back over the horizon."""
        reached = False
        for check in checks_of(self._book, key):
            for vantage, marks in self._book.marks.get(check, {}).items():
                read = settled.read.get((check, vantage), 0)
                if read != len(marks):
                    settled.read[check, vantage] = len(marks)
                    reached |= any(mark.effective_ms < settled.horizon for mark in marks[read:])
        return reached

    def _words(self, key: str, lo: int, hi: int, works: Worked) -> Words:
        mine = works.get(key, ())
        if not mine:
            return self._view.words(key, lo, hi)
        whole = self._view.words(key, lo - _DAY_MS, hi, mine)  # an outage is measured whole
        return [(max(start, lo), end, status) for start, end, status in whole if end > lo]

    def _tallied(self, key: str, lo: int, words: Words, to: int | None = None) -> list[Day]:
        """The days from the instant *lo* to that of *to*; or to today, be it a millisecond old."""
        end = self._now_ms if to is None else to
        dates = self._dates(lo, end if to is None else end - 1)
        spans = [local_day_bounds(self._zone, day) for day in dates]
        timeline = self._book.component_timeline(key, Edge.FOUND, lo, end, self._excusing)
        # What the public calls operational (redundancy lost, mostly) is no problem in its bars either.
        fine = union((start, stop) for start, stop, word in words if word is Status.OPERATIONAL)
        unseen = intersection(spans_of(timeline, State.DEGRADED), fine)
        timeline = overlaid(timeline, unseen, State.UP) if unseen else timeline
        found = tallies(timeline, spans, clipped(self._book.lifetime(key), lo, end))
        return [_day(*parts) for parts in zip(dates, found, _worst(words, spans), strict=True)]

    def _dates(self, from_ms: int, last_ms: int) -> list[date]:
        first, last = (from_utc_ms(ms, self._zone).date() for ms in (from_ms, last_ms))
        return [first + n * _DAY for n in range((last - first).days + 1)]


def _worst(words: Words, spans: Sequence[Span]) -> list[Status]:
    """The worst word of each day; one pass, for both are in order."""
    found, i = [], 0
    for lo, hi in spans:
        while i < len(words) and words[i][1] <= lo:
            i += 1
        worst, j = None, i
        while j < len(words) and words[j][0] < hi:
            worst = words[j][2] if worst is None or words[j][2].severity > worst.severity else worst
            j += 1
        found.append(Status.UNKNOWN if worst is None else worst)
    return found


def _day(day: date, tally: Tally, worst: Status) -> Day:
    return Day(
        date=day, scope_ms=tally.scope_ms, down_ms=tally.down_ms, degraded_ms=tally.degraded_ms,
        unknown_ms=tally.unknown_ms, excluded_ms=tally.excluded_ms, worst=worst,
    )  # fmt: skip
