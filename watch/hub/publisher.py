"""From the book to the `Page` that the public sees.

Components are built one by one, with a pause after each, so that many components do not block the event loop.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from statuspage.page import Component, Day, Group, Incident, Maintenance, Page, Status, Uptime, public_id
from watch.core.figures import Excusing, account_so_far, checks_of, maintenance, terms_of
from watch.core.localtime import Month
from watch.core.reading import Reason
from watch.core.timeline import State
from watch.hub.page_history import PageHistory
from watch.hub.public import TROUBLE, Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from watch.core.book import Book, Mark
    from watch.core.settings import Component as Part
    from watch.core.settings import Settings
    from watch.core.window import Window

_DAY_MS = 86_400_000
_AHEAD_MS = 14 * _DAY_MS
_RECENT_MS = 14 * _DAY_MS
_MOST = 20
_EFFECTIVE = attrgetter("effective_ms")
_BAD = (State.DOWN, State.DEGRADED)
_OTHERWISE = "It is not working as it should."
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
    """Makes pages for one service. A new one is made at each reload.

    Args:
        over: The days of a component that are over (`watch.hub.days`).
    """

    def __init__(self, settings: Settings, book: Book, over: Callable[[str], Sequence[Day]]) -> None:
        self._settings, self._book = settings, book
        self._zone = settings.service.timezone
        self._parts = [c for c in settings.components.values() if c.public]
        self._history = PageHistory(book, self._zone, over)

    async def page(self, now_ms: int) -> Page:
        """Everything the public may see as of *now_ms*."""
        service, show = self._settings.service, self._settings.page
        components: dict[str, Component] = {}
        incidents: list[Incident] = []
        month = Month.containing(now_ms, self._zone)
        terms = terms_of(self._book, month)
        excusing = Excusing(self._book, 0 if terms is None else terms.notice_ms)
        self._history.as_of(now_ms, excusing)
        for part in self._parts:
            words, days = self._history.component(part.key)
            uptime = self._uptime(part.key, month, now_ms, excusing)
            components[part.key] = self._component(part, words, days, uptime, now_ms)
            incidents += self._incidents(part, words, now_ms)
            await asyncio.sleep(0)
        return Page(
            service=service.name, title=show.title, zone=self._zone.key, as_of_ms=now_ms,
            groups=tuple(self._groups(components)), page_url=service.url.rstrip("/") if service.url else None,
            support=show.support, terms=show.terms, privacy=show.privacy,
            maintenance=tuple(self._maintenance(now_ms)), incidents=tuple(incidents),
        )  # fmt: skip

    def _groups(self, components: dict[str, Component]) -> Iterator[Group]:
        """Components under their groups' headings, groups and components in the file's order."""
        order = list(dict.fromkeys(part.group for part in self._parts))
        parts = sorted(self._parts, key=lambda part: order.index(part.group))
        for name, members in groupby(parts, key=lambda part: part.group):
            yield Group(name=name, components=tuple(components[part.key] for part in members))

    def _component(
        self, part: Part, words: Words, days: Sequence[Day], uptime: Uptime | None, now_ms: int
    ) -> Component:
        start, _, status = words[-1] if words else (now_ms, now_ms, Status.UNKNOWN)
        before = next((w for _, _, w in reversed(words) if w is not Status.UNKNOWN), None)
        return Component(
            key=part.key, id=public_id("component", self._first_key(part.key)), name=part.name,
            status=status, since_ms=start, created_ms=self._created(part.key, now_ms), before=before,
            uptime=uptime, description=part.description, days=tuple(days),
        )  # fmt: skip

    def _first_key(self, key: str) -> str:
        """What *key* was called at first: ids do not change with names."""
        return self._book.naming.origins.get(key, key)

    def _created(self, key: str, now_ms: int) -> int:
        return self._book.naming.born_ms.get(key, now_ms)

    def _uptime(self, key: str, month: Month, now_ms: int, excusing: Excusing) -> Uptime | None:
        """The running month's figure, the same that an SLA is judged by."""
        if key not in self._book.components:
            return None
        a = account_so_far(self._book, key, month, now_ms, zone=self._zone.key, excusing=excusing)
        return Uptime(
            ratio=a.uptime, from_ms=max(month.bounds_ms(self._zone)[0], self._created(key, now_ms)), to_ms=now_ms,
            down_ms=a.down_ms, excluded_ms=a.excluded_ms, unknown_ms=a.unknown_ms,
        )  # fmt: skip

    def _maintenance(self, now_ms: int) -> Iterator[Maintenance]:
        public = {part.key for part in self._parts}
        works = maintenance(self._book, now_ms, now_ms + _AHEAD_MS)
        for window, occurrence in [(w, o) for w, o in works if public & set(w.components)][:_MOST]:
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
        """The stretches of trouble of the last days, each as bad as its worst moment."""
        for from_ms, to_ms, worst in _stretches(_unended(words), now_ms - _RECENT_MS)[-_MOST:]:
            yield Incident(
                id=public_id("incident", f"{self._first_key(part.key)}@{from_ms}"), component=part.key,
                status=worst, from_ms=from_ms, to_ms=None if to_ms > now_ms else to_ms,
                why=self._why(part.key, from_ms, to_ms),
            )  # fmt: skip

    def _why(self, key: str, from_ms: int, to_ms: int) -> str:
        """The reason of the first transition into trouble in that time, in customers' words.

        Trouble that shows late, because a window covered its beginning, has none in that time: then what it was in.
        """
        checks = checks_of(self._book, key)
        seen = [m for check in checks for m in self._book.marks.get(check, {}).values()]
        within = [m for marks in seen if (m := _first_trouble(marks, from_ms, to_ms)) is not None]
        since = [marks[i - 1] for marks in seen if (i := bisect_left(marks, from_ms, key=_EFFECTIVE)) > 0]
        found = within or [mark for mark in since if mark.state in _BAD]
        first = min(found, key=lambda mark: (mark.effective_ms, mark.seq), default=None)
        return _OTHERWISE if first is None else _WHY.get(Reason(first.reason), _OTHERWISE)


def _unended(words: Words) -> Words:
    """*words* in which an unknown gap continues the trouble, unless the component is healthy after it."""
    told: Words = []
    for i, (start, end, status) in enumerate(words):
        before = told[-1][2] if told else Status.UNKNOWN
        after = words[i + 1][2] if i + 1 < len(words) else before
        dark = status is Status.UNKNOWN and before in TROUBLE and after in TROUBLE
        told.append((start, end, before if dark else status))
    return told


def _stretches(words: Words, since_ms: int) -> list[tuple[int, int, Status]]:
    """Trouble that reaches over *since_ms*, touching words as one."""
    found: list[tuple[int, int, Status]] = []
    for start, end, status in reversed(words):
        if end < since_ms and (not found or found[-1][0] > end):
            break
        if status not in TROUBLE:
            continue
        if found and found[-1][0] == end:
            _, last, worst = found[-1]
            found[-1] = (start, last, max(worst, status, key=lambda s: s.severity))
        else:
            found.append((start, end, status))
    return found[::-1]


def _first_trouble(marks: Sequence[Mark], from_ms: int, to_ms: int) -> Mark | None:
    for i in range(bisect_left(marks, from_ms, key=_EFFECTIVE), len(marks)):
        if marks[i].effective_ms >= to_ms:
            break
        if marks[i].state in _BAD:
            return marks[i]
    return None
