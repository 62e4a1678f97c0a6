"""Local days that are over, kept so that a page does not need the ledger entries of 90 days.

They are a pure function of the ledger, kept in a table. A day is computed in another thread when a page first needs it.
An entry about a day that is over deletes that day's month in the same transaction, so it is computed again.
"""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from statuspage.page import Day, Status
from watch.core.days import DayRow, month_body
from watch.core.figures import Excusing, terms_of, worked
from watch.core.ledger import Entry, Kind
from watch.core.localtime import Month, from_utc_ms, local_day_bounds
from watch.hub.page_history import DAYS, first_open_day, tallied, worst_of
from watch.hub.plan import parents_of
from watch.hub.public import PublicView
from watch.hub.replay import DAY_MS, book_now

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from zoneinfo import ZoneInfo

    from watch.core.book import Book
    from watch.core.settings import Settings
    from watch.core.spans import Span
    from watch.hub.recorder import Recorder
    from watch.ports import Reads

_DAY = timedelta(days=1)


def days_of(book: Book, keys: Iterable[str], zone: ZoneInfo, dates: Sequence[date]) -> Iterator[DayRow]:
    """The rows of *keys* for consecutive *dates* that are over; *book* must begin a day earlier."""
    for _, month in groupby(dates, key=lambda day: (day.year, day.month)):
        yield from _month_of(book, keys, zone, list(month))


def _month_of(book: Book, keys: Iterable[str], zone: ZoneInfo, dates: Sequence[date]) -> Iterator[DayRow]:
    spans: list[Span] = [local_day_bounds(zone, day) for day in dates]
    lo, hi = spans[0][0], spans[-1][1]
    terms = terms_of(book, Month.containing(lo, zone))
    excusing = Excusing(book, 0 if terms is None else terms.notice_ms)
    view, works = PublicView(book), worked(book, lo - DAY_MS, hi)
    for key in keys:
        mine = works.get(key, ())
        whole = view.words(key, lo - DAY_MS, hi, mine) if mine else view.words(key, lo, hi)
        words = [(max(start, lo), end, status) for start, end, status in whole if end > lo]
        found = tallied(book, key, words, spans, hi, excusing)
        for day, tally, worst in zip(dates, found, worst_of(words, spans), strict=True):
            yield DayRow(
                zone.key, key, day.isoformat(), tally.scope_ms, tally.down_ms, tally.degraded_ms, tally.unknown_ms,
                tally.excluded_ms, worst.value,
            )  # fmt: skip


class Days:
    """Days that are over, by component. Call `settle` before a page.

    Args:
        recorder: New rows go into its batch, and its entries may void some.
        reads: A connection of its own to the store, for another thread.
        flushed: Returns when all entries so far are written; False when only in memory, as the disk accepts no writes.
    """

    def __init__(
        self, settings: Settings, recorder: Recorder, reads: Callable[[], AbstractContextManager[Reads]],
        flushed: Callable[[], Awaitable[bool]],
    ) -> None:  # fmt: skip
        self._recorder, self._reads, self._flushed = recorder, reads, flushed
        self._days: dict[str, dict[date, Day]] = {}  # by component and date
        self._voids = 0
        self._open = date.min
        self._read = False
        self._zone, self._store = settings.service.timezone, settings.store
        self.plan(settings)
        recorder.heard = self.reached

    def plan(self, settings: Settings, parents: Mapping[str, Collection[str]] | None = None) -> None:
        """Replace the settings. *parents*: by member, the components that have it."""
        if self._read and settings.service.timezone != self._zone:
            self._days, self._read = {}, False
        self._zone = settings.service.timezone
        self._keys = [c.key for c in settings.components.values() if c.public]
        self._parents = parents_of(settings) if parents is None else parents

    def of(self, key: str) -> list[Day]:
        """The 88 days of *key* that are over, oldest first; before its time they have no scope."""
        days = self._days.get(key, {})
        return [days.get(day) or _before_its_time(day) for day in self._dates(self._first)]

    @property
    def _first(self) -> date:
        return self._open - (DAYS - 2) * _DAY

    def _dates(self, first: date) -> list[date]:
        """The days from *first* on that are over."""
        return [first + n * _DAY for n in range((self._open - first).days)]

    async def settle(self, now_ms: int) -> None:
        """Compute or read all days that a page as of *now_ms* needs."""
        self._open = first_open_day(now_ms, self._zone)
        if not self._read:
            if self._recorder.anew_ms is not None:
                await self._flushed()  # which drops the days that lie ahead of the clock
            self._days, self._read = await asyncio.to_thread(self._kept), True
        while missing := self._missing():
            voids = self._voids
            if not await self._flushed():
                return  # what is read from the disk would lack what waits in memory
            made = await asyncio.to_thread(self._made, missing)
            if voids != self._voids:
                continue  # an entry came meanwhile that may speak of these very days
            for key, rows in groupby(made, key=attrgetter("month")):  # whole months, as they were asked for
                month = list(rows)
                self._recorder.batch.days[key] = month_body(month)
                for row in month:
                    self._keep(row)

    def _keep(self, row: DayRow) -> None:
        day = _drawn(row)
        self._days.setdefault(row.component, {})[day.date] = day

    def _kept(self) -> dict[str, dict[date, Day]]:
        months = self._first.isoformat()[:7], self._open.isoformat()[:7]
        found: dict[str, dict[date, Day]] = {}
        with self._reads() as reads:
            for row in reads.days(self._zone.key, *months):
                day = _drawn(row)
                found.setdefault(row.component, {})[day.date] = day
        return found

    def _missing(self) -> dict[str, date]:
        """The components with missing days, each with the first day of the month to compute."""
        found = {}
        dates = self._dates(self._first.replace(day=1))
        for key in self._keys:
            born_ms = self._recorder.book.naming.born_ms.get(key)
            if born_ms is None:
                continue
            born, days = from_utc_ms(born_ms, self._zone).date(), self._days.get(key, {})
            lacking = next((day for day in dates if day not in days and day >= born), None)
            if lacking is not None:
                found[key] = max(lacking.replace(day=1), born)
        return found

    def _made(self, missing: dict[str, date]) -> list[DayRow]:
        made: list[DayRow] = []
        with self._reads() as reads:
            for first, keys in groupby(sorted(missing, key=missing.__getitem__), key=missing.__getitem__):
                dates = self._dates(first)
                book = book_now(reads, self._store, local_day_bounds(self._zone, first)[0] - DAY_MS)
                made += days_of(book, list(keys), self._zone, dates)
        return made

    def reached(self, entry: Entry) -> None:
        """Drop the months from the one that *entry* is about, if that is over."""
        day = from_utc_ms(entry.effective_ms, self._zone).date()
        if entry.kind == Kind.CHECKPOINT or not (day < self._open or entry.kind == Kind.RENAME):
            return
        self._voids += 1
        since = date.min if entry.kind == Kind.RENAME else day.replace(day=1)
        month = since.isoformat()[:7]
        for key in self._reached_by(entry):
            batch = self._recorder.batch
            batch.void_days.append((key, month))
            for waiting in [m for m in batch.days if m[1] == key and m[2] >= month]:
                del batch.days[waiting]
            days = self._days.get(key, {})
            for known in [d for d in days if d >= since]:
                del days[known]

    def _above(self, member: str) -> set[str]:
        """The components that contain *member*, at any depth."""
        direct = self._parents.get(member, ())
        return {*direct, *(key for parent in direct for key in self._above(parent))}

    def _reached_by(self, entry: Entry) -> Collection[str]:
        if entry.kind == Kind.RENAME:
            return {entry.subject, str(entry.facts["was"])}
        if entry.kind == Kind.TRANSITION:
            return self._above(entry.subject)
        return self._keys


def _drawn(row: DayRow) -> Day:
    """The day of *row*. Days without events are shared by all components, to save memory."""
    worst = _STATUSES[row.worst]
    if not (row.down_ms or row.degraded_ms or row.unknown_ms or row.excluded_ms):
        return _quiet(row.date, row.scope_ms, worst)
    return Day(
        date=_date(row.date), scope_ms=row.scope_ms, down_ms=row.down_ms, degraded_ms=row.degraded_ms,
        unknown_ms=row.unknown_ms, excluded_ms=row.excluded_ms, worst=worst,
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _quiet(text: str, scope_ms: int, worst: Status) -> Day:
    return Day(date=_date(text), scope_ms=scope_ms, worst=worst)


@lru_cache(maxsize=512)
def _before_its_time(day: date) -> Day:
    return Day(date=day, scope_ms=0, worst=Status.UNKNOWN)


@lru_cache(maxsize=512)
def _date(text: str) -> date:
    return date.fromisoformat(text)


_STATUSES = {status.value: status for status in Status}
