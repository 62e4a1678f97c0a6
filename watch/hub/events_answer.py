"""The answer to `events`: everything that happened, in time order, a part at a time.

Two records are merged: the ledger and the happenings. Both are only appended to and numbered, so the two numbers of the
last row that was read are a *place* from which to go on, without loss or repetition, also after a restart of the hub.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import UTC, datetime
from difflib import get_close_matches
from heapq import merge
from typing import TYPE_CHECKING, Any

from watch.core.ledger import Kind
from watch.core.quantity import duration, instant
from watch.core.wording import one_line
from watch.errors import Trouble
from watch.hub.entry_events import entry_event

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from contextlib import AbstractContextManager

    from watch.core.happening import Happening
    from watch.core.ledger import Entry
    from watch.core.settings import Settings
    from watch.ports import Clock, Reads

_MOST = 1000  # rows that are read for one answer
_DAY_MS = 86_400_000
Row = tuple[int, int, int, Any]  # recorded, 0 of the ledger and 1 of the happenings, number, what


class Events:
    """Answers `events` for a running hub, in another thread: a long past takes a while to read.

    Args:
        reading: Opens the store for one thread. settings: gives the settings in force.
    """

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[Reads]],
        settings: Callable[[], Settings],
        clock: Clock,
    ) -> None:
        self._reading, self._settings, self._clock = reading, settings, clock

    async def answer(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to `events`."""
        return await asyncio.to_thread(self._answer, self._settings(), said, self._clock.now_ms())

    def _answer(self, settings: Settings, said: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
        with self._reading() as reads:
            return events_answer(reads, settings, said, now_ms)


def events_answer(reads: Reads, settings: Settings, said: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """The next events after the place `after` of *said*, or since the time `since`; `more` when there are more now.

    Args:
        said: `after`: two numbers, from the `place` of an answer. `since`: an instant, or how long ago (a day without
            it). `name`: a component by key or name, or a check; only events about it.

    Raises:
        Trouble: `name` names nothing, or `since` is no time.
    """
    names = _named(str(said["name"]), settings, reads) if said.get("name") else None
    entry, row = _place(said.get("after"), reads) or reads.place_at(
        _since_ms(said.get("since"), settings, now_ms)
    )
    found: list[dict[str, Any]] = []
    n = 0
    with closing(_entries(reads, entry)) as entries, closing(_happenings(reads, row)) as happenings:
        for at_ms, of, number, what in merge(entries, happenings, key=lambda it: it[:3]):
            entry, row = (number, row) if of == 0 else (entry, number)
            event = _of_entry(what, at_ms) if of == 0 else _of_happening(number, what)
            if event is not None and (names is None or not names.isdisjoint(event["about"])):
                found.append(event)
            n += 1
            if n == _MOST:
                break
    return {"zone": settings.service.timezone.key, "events": found, "place": [entry, row], "more": n == _MOST}


def _entries(reads: Reads, after: int) -> Generator[Row]:
    for entry in reads.entries(after):
        yield entry.recorded_ms, 0, entry.seq, entry


def _happenings(reads: Reads, after: int) -> Generator[Row]:
    for number, happening in reads.happenings(after):
        yield happening.at_ms, 1, number, happening


def _of_entry(entry: Entry, at_ms: int) -> dict[str, Any] | None:
    told = entry_event(entry)
    if told is None:
        return None
    return _event(
        f"ledger:{entry.seq}", at_ms, told.sort, entry.subject, told.word, told.text, told.about, told.facts
    )


def _of_happening(number: int, it: Happening) -> dict[str, Any]:
    return _event(f"happening:{number}", it.at_ms, str(it.sort), it.key, it.word, it.text, it.about, it.facts)


def _event(
    id_: str, at_ms: int, kind: str, key: str, word: str, text: str, about: Any, facts: Mapping[str, Any]
) -> dict[str, Any]:
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "id": id_, "at": at, "at_ms": at_ms, "kind": kind, "key": key, "word": word, "about": list(about),
        "text": one_line(text, 1000), "facts": dict(facts),
    }  # fmt: skip


def _place(after: object, reads: Reads) -> tuple[int, int] | None:
    """The place that *after* says; in a store that was put back to an earlier state, its end."""
    if (
        not isinstance(after, list)
        or len(after) != 2
        or not all(type(n) is int and 0 <= n < 2**62 for n in after)
    ):
        return None
    entry, row = reads.place_now()
    return min(after[0], entry), min(after[1], row)


def _since_ms(since: object, settings: Settings, now_ms: int) -> int:
    if since is None:
        return now_ms - _DAY_MS
    text = str(since)
    try:
        return now_ms - round(duration(text).total_seconds() * 1000)
    except ValueError:
        pass
    try:
        return round(instant(text, settings.service.timezone).timestamp() * 1000)
    except ValueError as error:
        raise Trouble(f"--since: {error}; or write how long ago, like 2h") from None


# ---- the names of a component ----


def _named(word: str, settings: Settings, reads: Reads) -> frozenset[str]:
    """What events about the component or check *word* are about: also its former names."""
    key = _key(word, settings)
    component, slash, check = key.partition("/")
    return frozenset(f"{name}{slash}{check}" for name in _former(component, reads))


def _key(word: str, settings: Settings) -> str:
    if word in settings.components or word in settings.checks:
        return word
    named = [key for key, it in settings.components.items() if it.name.casefold() == word.casefold()]
    if len(named) > 1:
        raise Trouble(
            f"{len(named)} components are called {word!r}; write one of the keys {', '.join(named)}"
        )
    if named:
        return named[0]
    near = get_close_matches(word, [*settings.components, *settings.checks], 1)
    hint = f"did you mean {near[0]!r}?" if near else "`threenines status` lists them"
    raise Trouble(f"there is no component or check {one_line(word, 80)!r}; {hint}")


def _former(component: str, reads: Reads) -> Iterator[str]:
    """The key of *component* and those it had before."""
    known = {component}
    for entry in reversed([it for it in reads.late_entries(0) if it.kind == Kind.RENAME]):
        if entry.subject in known:
            known.add(str(entry.facts.get("was")))
    yield from known
