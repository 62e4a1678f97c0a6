"""The book: the ledger folded into what can be asked of it.

It is the one way from entries to figures, for the page, the command line and the reports alike; the hub folds each
entry as it writes it, everybody else folds them all. Terms hold from the instant they were recorded: a component
that was "all of 2" until Tuesday is composed so until Tuesday, whatever the file says today.

Three timelines answer each question (semantics §2): what we account (`Edge.FOUND`), and the least and the most
downtime that the readings allow, because an edge is known only to within one interval.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from enum import Enum
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from watch.core import recorded_terms as t
from watch.core.component import composed_timeline
from watch.core.ledger import Entry, Kind
from watch.core.quorum import View, quorum_timeline
from watch.core.settings import Audience
from watch.core.spans import Span, clipped, union
from watch.core.timeline import State, Timeline, merged, overlaid

if TYPE_CHECKING:
    from watch.core.window import Window

T = TypeVar("T")
Out = Callable[[str, int, int], list[Span]]
_STATES = {str(state): state for state in State}


class Edge(Enum):
    """Which of the instants that an edge may have is taken."""

    FOUND = "found"
    LEAST = "least"  # downtime as short as the readings allow
    MOST = "most"  # as long as they allow


class Mark(NamedTuple):
    """One transition of a check as one vantage point saw it."""

    seq: int
    effective_ms: int
    earliest_ms: int
    latest_ms: int
    state: State
    reason: str
    detail: str


class Book:
    """All entries so far.

    Attributes:
        version: The seq of the last entry.
        marks: Transitions by check and vantage point, in order.
        checks, components, windows, service, sites: Terms with the instant each was recorded; None is an end.
        bodies: The latest body of every (kind, subject) that is no transition.
        origins: What stands for each component for ever: its first key; if another had that before, with its birth.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.version = 0
        self.marks: dict[str, dict[str, list[Mark]]] = {}
        self.checks: dict[str, list[tuple[int, t.CheckTerms | None]]] = {}
        self.components: dict[str, list[tuple[int, t.ComponentTerms | None]]] = {}
        self.windows: dict[str, list[tuple[int, Window | None]]] = {}
        self.service: list[tuple[int, t.ServiceTerms | None]] = []
        self.sites: dict[str, list[tuple[int, str | None]]] = {}
        self.bodies: dict[tuple[str, str], t.Body] = {}
        self.origins: dict[str, str] = {}
        self._taken: set[str] = set()
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Fold one more entry. Kinds of a later version are kept out, not stumbled over."""
        self.version = entry.seq
        if entry.kind == Kind.TRANSITION:
            self._mark(entry)
        elif entry.kind == Kind.RENAME:
            self._rename(entry.subject, entry.facts["was"])
        else:
            self._define(entry)

    def _mark(self, entry: Entry) -> None:
        f = entry.facts
        mark = Mark(
            entry.seq,
            entry.effective_ms,
            f["earliest_ms"],
            f["latest_ms"],
            _STATES[f["to"]],
            f["reason"],
            f["detail"],
        )
        self.marks.setdefault(entry.subject, {}).setdefault(entry.vantage, []).append(mark)

    def _define(self, entry: Entry) -> None:
        body, at = entry.facts, entry.recorded_ms
        self.bodies[entry.kind, entry.subject] = body
        ended = body.get("ended", False)
        match entry.kind:
            case Kind.CHECK:
                self.checks.setdefault(entry.subject, []).append((at, None if ended else t.check_terms(body)))
            case Kind.COMPONENT:
                self._name(entry.subject, at)
                self.components.setdefault(entry.subject, []).append(
                    (at, None if ended else t.component_terms(body))
                )
            case Kind.WINDOW:
                self.windows.setdefault(entry.subject, []).append(
                    (at, None if ended else t.window_of(entry.subject, body))
                )
            case Kind.TERMS:
                self.service.append((at, t.service_terms(body)))
            case Kind.VANTAGE:
                self.sites.setdefault(entry.subject, []).append((at, None if ended else body["site"]))

    def _name(self, key: str, born_ms: int) -> None:
        """Let a new component *key* have an origin that no other ever had."""
        if key not in self.origins:
            self.origins[key] = f"{key}@{born_ms}" if key in self._taken else key
            self._taken.add(self.origins[key])

    def _rename(self, key: str, was: str) -> None:
        """Let *key* carry on what *was* has: its eras, and its checks' marks under their new names."""
        self.origins[key] = self.origins.pop(was, was)
        if was in self.components:
            self.components[key] = self.components.pop(was)
        self.bodies[Kind.COMPONENT, key] = self.bodies.pop((Kind.COMPONENT, was), {})
        for old in [name for name in self.checks if name.startswith(f"{was}/")]:
            new = key + old[len(was) :]
            self.checks[new] = [(at, c and replace(c, component=key)) for at, c in self.checks.pop(old)]
            self.bodies[Kind.CHECK, new] = self.bodies.pop((Kind.CHECK, old), {})
            if old in self.marks:
                self.marks[new] = self.marks.pop(old)
        self._respell(key, was)

    def _respell(self, key: str, was: str) -> None:
        """Spell *was* as *key* wherever terms name it as a member or a window's component."""

        def member(name: str) -> str:
            return key if name == was else key + name[len(was) :] if name.startswith(f"{was}/") else name

        for name, steps in self.components.items():
            self.components[name] = [
                (at, c and replace(c, members=tuple(map(member, c.members)))) for at, c in steps
            ]
        for name, versions in self.windows.items():
            self.windows[name] = [
                (at, w and replace(w, components=tuple(map(member, w.components)))) for at, w in versions
            ]

    # ---- what can be asked -------------------------------------------------------------------------------------

    def lifetime(self, key: str) -> list[Span]:
        """When component *key* existed; the last span is open, its end far ahead."""
        return union(
            (lo, hi) for lo, hi, c in eras(self.components.get(key, ()), 0, FOREVER) if c is not None
        )

    def seen_timeline(self, check: str, vantage: str, edge: Edge, lo: int, hi: int) -> Timeline:
        """*check* in `[lo, hi)` as *vantage* saw it."""
        return drawn_timeline(self.marks.get(check, {}).get(vantage, ()), edge, lo, hi)

    def check_timeline(self, name: str, edge: Edge, lo: int, hi: int) -> Timeline:
        """*name* in `[lo, hi)`: its vantage points combined by the terms of each era."""
        parts: Timeline = []
        for from_ms, to_ms, terms in eras(self.checks.get(name, ()), lo, hi):
            if terms is not None:
                parts += self._combined(name, terms, edge, from_ms, to_ms)
        return merged(parts)

    def _combined(self, name: str, terms: t.CheckTerms, edge: Edge, lo: int, hi: int) -> Timeline:
        steps = [
            self.components.get(terms.component, ()),
            *(self.sites.get(v, ()) for v in self.marks.get(name, ())),
        ]
        moves = sorted({at for some in steps for at, _ in some if lo < at < hi})
        return [i for a, b in pairwise([lo, *moves, hi]) for i in self._agreed(name, terms, edge, a, b)]

    def _agreed(self, name: str, terms: t.CheckTerms, edge: Edge, lo: int, hi: int) -> Timeline:
        """*name* in a stretch in which nothing moved: every vantage point stands where it stood at *lo*."""
        views = [
            View(
                vantage,
                self.onsite(vantage, terms.component, lo),
                self.seen_timeline(name, vantage, edge, lo, hi),
            )
            for vantage in self.marks.get(name, {})
            if held_at(self.sites.get(vantage, _HERE), lo) is not None
        ]
        plain = isinstance(terms.down_when, str) and not terms.sources
        if plain and len(views) == 1 and (views[0].onsite or terms.audience is not Audience.INTERNAL):
            return list(views[0].timeline)  # a pool of one: what it saw is what we believe
        return quorum_timeline(
            views, (lo, hi), audience=terms.audience, down_when=terms.down_when, sources=terms.sources
        )

    def onsite(self, vantage: str, component: str, at_ms: int | None = None) -> bool:
        """Whether *vantage* stands where *component* stands, at an instant or by their latest terms."""
        ms = FOREVER if at_ms is None else at_ms
        site, part = (
            held_at(self.sites.get(vantage, _HERE), ms),
            held_at(self.components.get(component, ()), ms),
        )
        return not part or not site or part.site == site

    def component_timeline(self, key: str, edge: Edge, lo: int, hi: int, out: Out | None = None) -> Timeline:
        """*key* in `[lo, hi)`, composed of its members.

        Args:
            out: What maintenance takes out of a component in `[lo, hi)`; members are excluded there, then composed.
        """
        parts: Timeline = []
        for from_ms, to_ms, terms in eras(self.components.get(key, ()), lo, hi):
            if terms is not None:
                members = [self.member_timeline(m, edge, from_ms, to_ms, out) for m in terms.members]
                parts += composed_timeline(members, terms.needs, from_ms, to_ms)
        whole = merged(parts)
        return whole if out is None else overlaid(whole, clipped(out(key, lo, hi), lo, hi), State.EXCLUDED)

    def member_timeline(self, name: str, edge: Edge, lo: int, hi: int, out: Out | None = None) -> Timeline:
        """A check's timeline, or a contained component's."""
        return (
            self.check_timeline(name, edge, lo, hi)
            if "/" in name
            else self.component_timeline(name, edge, lo, hi, out)
        )

    def terms_at(self, ms: int) -> t.ServiceTerms | None:
        """The contract's terms at one instant; before the first, those."""
        return held_at(self.service, ms)


def began(book: Book, key: str, state: State, now_ms: int) -> int:
    """When component *key* entered the *state* that it is in at *now_ms*; now when the book does not say so."""
    created = book.lifetime(key)
    if not created:
        return now_ms
    # Most states are young: look back a day, and only then over the whole lifetime.
    for lo in (max(now_ms - _DAY_MS, created[-1][0]), created[0][0]):
        *_, last = book.component_timeline(key, Edge.FOUND, lo, now_ms + 1) or [(now_ms, now_ms, state)]
        if last[2] is not state:
            return now_ms
        if last[0] > lo:
            break
    return last[0]


def eras(steps: Sequence[tuple[int, T]], lo: int, hi: int) -> Iterator[tuple[int, int, T]]:
    """The parts of `[lo, hi)` in which one value of *steps* held, with that value."""
    for i, (from_ms, value) in enumerate(steps):
        to_ms = steps[i + 1][0] if i + 1 < len(steps) else FOREVER
        if from_ms < hi and to_ms > lo and from_ms < to_ms:
            yield max(from_ms, lo), min(to_ms, hi), value


def held_at(steps: Sequence[tuple[int, T]], ms: int) -> T | None:
    """The value of *steps* that held at one instant; before the first, that; None when there is none."""
    i = bisect_right(steps, ms, key=_FROM) - 1
    return steps[max(i, 0)][1] if steps else None


def drawn_timeline(marks: Sequence[Mark], edge: Edge, lo: int, hi: int) -> Timeline:
    """The timeline in `[lo, hi)` that *marks* draw, with the outages' edges where *edge* puts them."""
    # One mark earlier than the one in force at lo: a moved edge may reach over lo.
    first = max(bisect_right(marks, lo, key=_EFFECTIVE) - 2, 0)
    items: Timeline = []
    at, state = lo, State.UNKNOWN if first == 0 else marks[first - 1].state
    for i in range(first, len(marks)):
        if marks[i].earliest_ms >= hi:
            break
        edge_ms = max(_edge(marks[i], state, edge), at if items else lo)
        items.append((at, edge_ms, state))
        at, state = edge_ms, marks[i].state
    items.append((at, hi, state))
    return merged((max(a, lo), min(b, hi), s) for a, b, s in items if s is not State.UNKNOWN)


def _edge(mark: Mark, was: State, edge: Edge) -> int:
    """Where *mark* is put: only the edges of outages are in doubt."""
    if edge is Edge.FOUND or State.DOWN not in (was, mark.state):
        return mark.effective_ms
    sooner = (mark.state is State.DOWN) is (edge is Edge.MOST)
    return mark.earliest_ms if sooner else mark.latest_ms


FOREVER = 2**62
_HERE = ((0, ""),)  # a vantage point of which the record says nothing stands wherever it is asked from
_DAY_MS = 86_400_000
_FROM = itemgetter(0)
_EFFECTIVE = itemgetter(1)
