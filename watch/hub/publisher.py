"""From book and board to the `Page` that the public sees.

Built a component at a time, giving way in between, so that five hundred components do not make the loop late. Days
that are long over are tallied once.
"""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from statuspage.page import Component, Day, Group, Incident, Maintenance, Page, Status, Uptime, public_id
from watch.core.account import Tally, tallies
from watch.core.book import Book, Edge
from watch.core.figures import Excusing, figure, maintenance
from watch.core.localtime import Month, from_utc_ms, local_day_bounds
from watch.core.reading import Reason
from watch.core.spans import Span, clipped
from watch.core.timeline import State, overlaid
from watch.hub.public import PublicView, Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watch.core.settings import Component as Part
    from watch.core.settings import Settings
    from watch.core.window import Occurrence, Window

DAYS = 90
_SETTLED_DAYS = 2  # a transition may be backdated into yesterday, not further
_DAY = timedelta(days=1)
_DAY_MS = 86_400_000
_AHEAD_MS = 14 * _DAY_MS
_RECENT_MS = 14 * _DAY_MS
_MOST = 20
_WHY = {
    Reason.TIMEOUT: "It is not answering in time.",
    Reason.REFUSED: "It is not accepting connections.",
    Reason.RESET: "It is breaking off connections.",
    Reason.UNREACHABLE: "It cannot be reached.",
    Reason.DNS: "Its name cannot be found.",
    Reason.TLS: "A secure connection to it cannot be made.",
    Reason.CERTIFICATE: "Its certificate is not in order.",
    Reason.AUTH: "It is refusing to let us in.",
    Reason.PROTOCOL: "It is giving answers that make no sense.",
    Reason.STATUS: "It is answering with errors.",
    Reason.EXPECTATION: "It is not answering as it should.",
    Reason.SLOW: "It is answering slowly.",
}


class Publisher:
    """Makes pages for one service. A new one is made at each reload."""

    def __init__(self, settings: Settings, book: Book) -> None:
        self._settings, self._book = settings, book
        self._zone = settings.service.timezone
        self._parts = [c for c in settings.components.values() if c.public]
        shows = frozenset(c.key for c in settings.components.values() if c.show_redundancy_loss)
        self._view = PublicView(book, shows)
        self._days: dict[str, dict[date, Day]] = {}

    async def page(self, now_ms: int) -> Page:
        """Everything the public may see as of *now_ms*."""
        service, show = self._settings.service, self._settings.page
        works = self._works(now_ms)
        components: dict[str, Component] = {}
        incidents: list[Incident] = []
        for part in self._parts:
            words = self._view.words(part.key, now_ms - DAYS * _DAY_MS, now_ms + 1)
            components[part.key] = self._component(part, words, works, now_ms)
            incidents += self._incidents(part, words, now_ms)
            await asyncio.sleep(0)
        return Page(
            service=service.name, title=show.title, zone=self._zone.key, as_of_ms=now_ms,
            groups=tuple(self._groups(components)), page_url=service.url.rstrip("/") if service.url else None,
            support=show.support, terms=show.terms, privacy=show.privacy,
            maintenance=tuple(self._maintenance(works, now_ms)), incidents=tuple(incidents),
        )  # fmt: skip

    def _groups(self, components: dict[str, Component]) -> Iterator[Group]:
        """Components under their groups' headings, groups and components in the file's order."""
        order = list(dict.fromkeys(part.group for part in self._parts))
        parts = sorted(self._parts, key=lambda part: order.index(part.group))
        for name, members in groupby(parts, key=lambda part: part.group):
            yield Group(name=name, components=tuple(components[part.key] for part in members))

    def _component(
        self, part: Part, words: Words, works: Sequence[tuple[Window, Occurrence]], now_ms: int
    ) -> Component:
        start, _, status = words[-1] if words else (now_ms, now_ms, Status.UNKNOWN)
        before = next((w for _, _, w in reversed(words) if w is not Status.UNKNOWN), None)
        working = [
            o
            for w, o in works
            if part.key in w.components
            and o.from_ms <= now_ms < o.to_ms
            and not _overrun(w, o, words, now_ms)
        ]
        if working:
            start, status = max(o.from_ms for o in working), Status.MAINTENANCE
        return Component(
            key=part.key, id=public_id("component", self._book.origins.get(part.key, part.key)), name=part.name,
            status=status, since_ms=start, created_ms=self._created(part.key, now_ms), before=before,
            uptime=self._uptime(part.key, now_ms), description=part.description,
            days=tuple(self._bars(part.key, words, now_ms)),
        )  # fmt: skip

    def _created(self, key: str, now_ms: int) -> int:
        lifetime = self._book.lifetime(key)
        return lifetime[0][0] if lifetime else now_ms

    def _uptime(self, key: str, now_ms: int) -> Uptime | None:
        if key not in self._book.components:
            return None
        month = figure(self._book, key, Month.containing(now_ms, self._zone), now_ms, zone=self._zone.key)
        a = month.account
        return Uptime(
            ratio=a.uptime, from_ms=max(month.span[0], self._created(key, now_ms)), to_ms=month.as_of_ms,
            down_ms=a.down_ms, excluded_ms=a.excluded_ms, unknown_ms=a.unknown_ms,
        )  # fmt: skip

    def _bars(self, key: str, words: Words, now_ms: int) -> list[Day]:
        """The last 90 local days, those before its time as days without scope."""
        today = from_utc_ms(now_ms, self._zone).date()
        kept = self._days.setdefault(key, {})
        dates = [today - n * _DAY for n in reversed(range(DAYS))]
        missing = [d for d in dates if d not in kept]
        kept |= self._tallied(key, missing, words, now_ms)
        bars = [kept[d] for d in dates]
        for day in [d for d in kept if d > today - _SETTLED_DAYS * _DAY or d < dates[0]]:
            del kept[day]
        return bars

    def _tallied(self, key: str, dates: Sequence[date], words: Words, now_ms: int) -> dict[date, Day]:
        spans = [local_day_bounds(self._zone, d) for d in dates]
        lo, hi = spans[0][0], spans[-1][1]
        terms = self._book.terms_at(now_ms)
        out = Excusing(self._book, terms.notice_ms)(key, lo, hi) if terms is not None else []
        timeline = overlaid(
            self._book.component(key, Edge.FOUND, lo, now_ms), clipped(out, lo, now_ms), State.EXCLUDED
        )
        counting = clipped(self._book.lifetime(key), lo, min(hi, now_ms))
        found = tallies(timeline, spans, counting)
        return {
            d: _day(d, tally, _worst(words, span)) for d, span, tally in zip(dates, spans, found, strict=True)
        }

    def _works(self, now_ms: int) -> list[tuple[Window, Occurrence]]:
        public = {part.key for part in self._parts}
        return [
            (w, o)
            for w, o in maintenance(self._book, now_ms, now_ms + _AHEAD_MS)
            if public & set(w.components)
        ]

    def _maintenance(self, works: Sequence[tuple[Window, Occurrence]], now_ms: int) -> Iterator[Maintenance]:
        public = {part.key for part in self._parts}
        for window, occurrence in works[:_MOST]:
            yield Maintenance(
                id=public_id("maintenance", f"{window.name}@{occurrence.from_ms}"),
                name=window.name.replace("-", " ").capitalize(),
                components=tuple(c for c in window.components if c in public),
                from_ms=occurrence.from_ms, to_ms=occurrence.to_ms, announced_ms=self._announced(window, now_ms),
            )  # fmt: skip

    def _announced(self, window: Window, now_ms: int) -> int:
        recorded = self._book.windows[window.name][-1][0]
        return min(now_ms, recorded if window.announced_ms is None else window.announced_ms)

    def _incidents(self, part: Part, words: Words, now_ms: int) -> Iterator[Incident]:
        """The stretches of trouble of the last days; touching ones are one, as bad as its worst."""
        trouble = (Status.DEGRADED, Status.PARTIAL, Status.MAJOR)
        stretches: list[list[tuple[int, int, Status]]] = []
        for item in words:
            if item[2] not in trouble:
                continue
            if stretches and stretches[-1][-1][1] == item[0]:
                stretches[-1].append(item)
            else:
                stretches.append([item])
        for parts in stretches[-_MOST:]:
            from_ms, to_ms = parts[0][0], parts[-1][1]
            if to_ms < now_ms - _RECENT_MS:
                continue
            worst = max((status for _, _, status in parts), key=lambda s: s.severity)
            yield Incident(
                id=public_id("incident", f"{self._book.origins.get(part.key, part.key)}@{from_ms}"), component=part.key,
                status=worst, from_ms=from_ms, to_ms=None if to_ms > now_ms else to_ms,
                why=self._why(part.key, from_ms, to_ms),
            )  # fmt: skip

    def _why(self, key: str, from_ms: int, to_ms: int) -> str:
        """The reason of the first transition into trouble in that time, in customers' words."""
        for name in _checks(self._book, key):
            for marks in self._book.marks.get(name, {}).values():
                for mark in marks:
                    if from_ms <= mark.effective_ms < to_ms and mark.state in (State.DOWN, State.DEGRADED):
                        return _WHY.get(Reason(mark.reason), "It is not working as it should.")
        return "It is not working as it should."


def _checks(book: Book, key: str) -> Iterator[str]:
    terms = next((c for _, c in reversed(book.components.get(key, ())) if c is not None), None)
    for member in terms.members if terms is not None else ():
        if "/" in member:
            yield member
        else:
            yield from _checks(book, member)


def _overrun(window: Window, occurrence: Occurrence, words: Words, now_ms: int) -> bool:
    """Whether an outage in the window has lasted longer than the window allows."""
    if window.max_outage is None or not words or words[-1][2] not in (Status.MAJOR, Status.PARTIAL):
        return False
    began = max(words[-1][0], occurrence.from_ms)
    return now_ms - began > window.max_outage.total_seconds() * 1000


def _worst(words: Words, span: Span) -> Status:
    touched = [status for start, end, status in words if start < span[1] and end > span[0]]
    return max(touched, key=lambda s: s.severity, default=Status.UNKNOWN)


def _day(day: date, tally: Tally, worst: Status) -> Day:
    return Day(
        date=day, scope_ms=tally.scope_ms, down_ms=tally.down_ms, degraded_ms=tally.degraded_ms,
        unknown_ms=tally.unknown_ms, excluded_ms=tally.excluded_ms, worst=worst,
    )  # fmt: skip
