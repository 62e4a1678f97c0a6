"""The past on the public page: public words of the last 15 days, and 90 days of bars.

Today and yesterday are computed for each page, because a transition may be backdated. Earlier days are stored
(`watch.hub.days`).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from statuspage.page import Day, Status
from watch.core.account import tallies
from watch.core.figures import Excusing, checks_of, worked
from watch.core.localtime import from_utc_ms, local_day_bounds
from watch.core.marks import Edge
from watch.core.spans import Span, clipped, intersection, union
from watch.core.timeline import State, overlaid, spans_of
from watch.core.window import Window
from watch.hub.public import PublicView, Words, joined
from watch.hub.replay import DAY_MS, WORDS_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from zoneinfo import ZoneInfo

    from watch.core.account import Tally
    from watch.core.book import Book

DAYS = 90
OPEN_DAYS = 2  # today and yesterday
_DAY = timedelta(days=1)
Worked = dict[str, list[tuple[Window, Span]]]


def first_open_day(now_ms: int, zone: ZoneInfo) -> date:
    """The first day that is still drawn anew for each page; the days before are over."""
    return from_utc_ms(now_ms, zone).date() - (OPEN_DAYS - 1) * _DAY


class PageHistory:
    """Public words and days of components. Call `as_of` with the instant of a page, then ask for each component.

    Args:
        over: The days of a component that are over, oldest first.
    """

    def __init__(self, book: Book, zone: ZoneInfo, over: Callable[[str], Sequence[Day]]) -> None:
        self._book, self._view, self._zone, self._over = book, PublicView(book), zone, over
        self._now_ms = self._from_ms = self._open_ms = 0
        self._dates: list[date] = []
        self._works: Worked = {}
        self._excusing = Excusing(book, 0)

    def as_of(self, now_ms: int, excusing: Excusing) -> None:
        """Set the instant of the page."""
        self._now_ms, self._excusing = now_ms, excusing
        first = first_open_day(now_ms, self._zone)
        today = from_utc_ms(now_ms, self._zone).date()
        self._dates = [first + n * _DAY for n in range((today - first).days + 1)]
        self._open_ms = local_day_bounds(self._zone, first)[0]
        self._from_ms = min(now_ms - WORDS_MS, self._open_ms)
        self._works = worked(self._book, self._from_ms - DAY_MS, now_ms + 1)

    def component(self, key: str) -> tuple[Words, list[Day]]:
        """*key*'s words until now, at least those of 15 days, and its 90 days; before its time they have no scope."""
        words = self._words(key)
        spans = [local_day_bounds(self._zone, day) for day in self._dates]
        found = tallied(self._book, key, words, spans, self._now_ms, self._excusing)
        today = [_day(*parts) for parts in zip(self._dates, found, worst_of(words, spans), strict=True)]
        return self._since(key, words), [*self._over(key), *today]

    def _words(self, key: str) -> Words:
        mine = self._works.get(key, ())
        if not mine:
            return self._view.words(key, self._from_ms, self._now_ms + 1)
        # An outage is measured whole, from before the bound on.
        whole = self._view.words(key, self._from_ms - DAY_MS, self._now_ms + 1, mine)
        return [(max(lo, self._from_ms), hi, status) for lo, hi, status in whole if hi > self._from_ms]

    def _since(self, key: str, words: Words) -> Words:
        """*words*; if nothing has changed in them, since when that is so."""
        if len(words) != 1:
            return words
        marks = [
            mark.effective_ms
            for check in checks_of(self._book, key)
            for some in self._book.marks.get(check, {}).values()
            for mark in some
            if mark.effective_ms <= self._from_ms
        ]
        born = self._book.lifetime(key)
        since_ms = max([*marks, born[-1][0] if born else self._from_ms])
        if words[0][2] is Status.UNKNOWN and born:
            since_ms = born[-1][0]  # what it was before is asked, too
        earlier = self._view.words(key, since_ms, self._from_ms) if since_ms < self._from_ms else []
        return joined([*earlier[-2:], *words])


def tallied(
    book: Book, key: str, words: Words, spans: Sequence[Span], until_ms: int, excusing: Excusing
) -> list[Tally]:
    """The tally of each of *spans*, which are days in order, as far as *until_ms*.

    What the public calls operational (redundancy lost, mostly) is no problem in its bars either.
    """
    lo, hi = spans[0][0], min(spans[-1][1], until_ms)
    timeline = book.component_timeline(key, Edge.FOUND, lo, hi, excusing)
    well = union((start, stop) for start, stop, word in words if word is Status.OPERATIONAL)
    unseen = intersection(spans_of(timeline, State.DEGRADED), well)
    timeline = overlaid(timeline, unseen, State.UP) if unseen else timeline
    return tallies(timeline, spans, clipped(book.lifetime(key), lo, hi))


def worst_of(words: Words, spans: Iterable[Span]) -> list[Status]:
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
