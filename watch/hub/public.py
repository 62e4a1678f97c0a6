"""What the public may see of a component over time: its timeline in the public words (semantics §4).

A window in progress shows as maintenance and covers trouble of its own components, of no others, and no longer than its
`max_outage` allows. A window that only announces (it neither silences nor excludes) hides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from statuspage.page import Status
from watch.core.book import Book, eras
from watch.core.component import composed_state, public_status
from watch.core.exclusion import excused
from watch.core.marks import Edge
from watch.core.spans import Span, clipped, difference, union
from watch.core.timeline import State, Timeline, merged, stretches
from watch.core.window import Window

if TYPE_CHECKING:
    from datetime import timedelta

    from watch.core.recorded_terms import ComponentTerms

Words = list[tuple[int, int, Status]]
Works = Sequence[tuple[Window, Span]]
TROUBLE = (Status.DEGRADED, Status.PARTIAL, Status.MAJOR)
OUTAGE = (Status.PARTIAL, Status.MAJOR)


class PublicView:
    """Public timelines by the book."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def words(self, key: str, lo: int, hi: int, works: Works = ()) -> Words:
        """*key* in `[lo, hi)` in public words; its unknown stretches are `Status.UNKNOWN`.

        Args:
            works: The maintenance in force for *key* (see `watch.core.figures.worked`).
        """
        words = joined((start, end, status) for start, end, status, _ in self._walk(key, lo, hi))
        return with_maintenance(words, works) if works else words

    def _seen(self, key: str, lo: int, hi: int) -> Timeline:
        """*key* as those that contain it count it: what only lost redundancy is up."""
        return merged((start, end, state) for start, end, _, state in self._walk(key, lo, hi))

    def _walk(self, key: str, lo: int, hi: int) -> list[tuple[int, int, Status, State]]:
        found: list[tuple[int, int, Status, State]] = []
        for from_ms, to_ms, terms in eras(self._book.components.get(key, ()), lo, hi):
            if terms is None:
                continue
            members = [
                self._book.check_timeline(m, Edge.FOUND, from_ms, to_ms)
                if "/" in m
                else self._seen(m, from_ms, to_ms)
                for m in terms.members
            ]
            for start, end, states, counts in stretches(members, from_ms, to_ms):
                found.append((start, end, *_word(states, counts, terms)))
        return found


def _word(states: list[State], counts: Mapping[State, int], terms: ComponentTerms) -> tuple[Status, State]:
    """The public word for members in *states*, and how those that contain the component count it."""
    if counts[State.UP] == len(states) > 0:  # nearly always
        return Status.OPERATIONAL, State.UP
    state = composed_state(states, terms.needs)
    only_redundancy = state is State.DEGRADED and not counts[State.DEGRADED]
    word = public_status(
        state,
        any_member_up=bool(counts[State.UP] + counts[State.DEGRADED]),
        redundancy_only=only_redundancy,
        show_redundancy_loss=terms.shows,
    )
    seen = State.UP if only_redundancy and not terms.shows else state
    return Status.UNKNOWN if word is None else Status(word.value), seen


def with_maintenance(words: Words, works: Works) -> Words:
    """*words* with the maintenance in *works* laid over them, as far as it may cover what went wrong."""
    outages = union((start, end) for start, end, status in words if status in OUTAGE)
    told: list[Span] = []
    covered: list[Span] = []
    for (longest, covers), spans in _alike(works).items():
        told += spans
        if covers:
            covered += [
                s for span in spans for s in ([span] if longest is None else excused(span, outages, longest))
            ]
    return _laid(_laid(words, union(covered), TROUBLE), union(told), ())


def _alike(works: Works) -> dict[tuple[timedelta | None, bool], list[Span]]:
    """The spans of *works* by what they allow: longest outage, and whether they cover any."""
    found: dict[tuple[timedelta | None, bool], list[Span]] = {}
    for window, span in works:
        found.setdefault((window.max_outage, window.suppress_alerts or window.sla_exclude), []).append(span)
    return {what: union(spans) for what, spans in found.items()}


def _laid(words: Words, spans: Sequence[Span], over: tuple[Status, ...]) -> Words:
    """*words* with maintenance in *spans*: over what is fine or unknown, and over these troubles."""
    laid: Words = []
    for start, end, status in words:
        near = clipped(spans, start, end) if status in over or status not in TROUBLE else []
        laid += [(a, b, status) for a, b in difference([(start, end)], near)]
        laid += [(a, b, Status.MAINTENANCE) for a, b in near]
    return joined(sorted(laid))


def joined(words: Iterable[tuple[int, int, Status]]) -> Words:
    """The same words with touching equal ones as one."""
    found: Words = []
    for start, end, status in words:
        if found and found[-1][1] == start and found[-1][2] is status:
            found[-1] = (found[-1][0], end, status)
        else:
            found.append((start, end, status))
    return found
