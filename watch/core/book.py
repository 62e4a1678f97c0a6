"""The book: the state that folding the ledger gives, and the queries on it.

The page, the command line and the reports all calculate their figures from it. It covers a *span*: it begins at a
checkpoint (`watch.core.checkpoint`) or at the first entry, and knows nothing earlier. Terms apply from the instant
they were recorded: a component that was "all of 2" until Tuesday is composed so until Tuesday, whatever the file says
today.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from watch.core import recorded_terms as t
from watch.core.clock_epoch import begin_anew
from watch.core.component import composed_timeline
from watch.core.darkness import Dark, Why, gaps_of
from watch.core.ledger import KINDS, Entry, Kind
from watch.core.marks import Edge, Mark, drawn_timeline, kept_from, mark_of
from watch.core.naming import Naming
from watch.core.quorum import View, quorum_timeline
from watch.core.settings import Audience
from watch.core.spans import Span, clipped, difference, union
from watch.core.timeline import State, Timeline, merged, overlaid, within

if TYPE_CHECKING:
    from watch.core.window import Window

__all__ = ["FOREVER", "Book", "Edge", "Mark", "began", "eras", "held_at"]

T = TypeVar("T")
Out = Callable[[str, int, int], list[Span]]
Steps = list[tuple[int, T | None]]
FOREVER = 2**62


class UnknownKind(ValueError):  # noqa: N818 - names what was found
    """An entry of a critical kind that this version does not know; figures without it could be wrong."""


class TooThin(LookupError):  # noqa: N818 - says what the book is
    """The book lacks transitions that the question needs (`Book.whole_ms`)."""


class Book:
    """The folded entries of a span.

    Attributes:
        version: The seq of the last entry.
        marks: Transitions by check and vantage point, in order.
        darks: By vantage point, the stretches in which it did not see its checks, in order.
        checks, components, windows, service, sites: Terms, each with the instant it was recorded; None ends them.
        bodies: The latest body of terms by (kind, subject).
        naming: Each component's first key, and when it began.
        whole_ms: Since when it has all transitions. A *thin* book has only the two last before of each timeline.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.version = 0
        self.marks: dict[str, dict[str, list[Mark]]] = {}
        self.darks: dict[str, list[Dark]] = {}
        self.checks: dict[str, Steps[t.CheckTerms]] = {}
        self.components: dict[str, Steps[t.ComponentTerms]] = {}
        self.windows: dict[str, Steps[Window]] = {}
        self.service: Steps[t.ServiceTerms] = []
        self.sites: dict[str, Steps[str]] = {}
        self.bodies: dict[tuple[str, str], t.Body] = {}
        self.naming = Naming()
        self.whole_ms = 0
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Fold one more entry. UnknownKind for a critical kind that only a later version knows."""
        self.version = max(self.version, entry.seq)
        match entry.kind:
            case Kind.TRANSITION:
                self.marks.setdefault(entry.subject, {}).setdefault(entry.vantage, []).append(mark_of(entry))
            case Kind.SIGHT | Kind.ABSENCE:
                self._darken(entry)
            case Kind.RENAME:
                self.naming.carry_on(self, entry.subject, entry.facts["was"])
            case Kind.CLOCK:
                begin_anew(self, entry)
            case Kind.CHECKPOINT | Kind.COMMAND:
                pass
            case _ if entry.kind in KINDS:
                body = entry.facts
                # An end is recorded when what was removed has not come back; it is effective from its removal.
                at_ms = entry.effective_ms if body.get("ended") else entry.recorded_ms
                self.define(entry.kind, entry.subject, body, at_ms)
            case _ if entry.critical:
                raise UnknownKind(entry.kind)

    def note(self, entry: Entry) -> None:
        """Count *entry* as folded: its contents are in the book already."""
        self.version = max(self.version, entry.seq)

    def define(self, kind: str, subject: str, body: t.Body, at: int) -> None:
        """Begin, change or end terms at an instant."""
        self.bodies[kind, subject] = body
        ended = body.get("ended", False)
        match kind:
            case Kind.CHECK:
                self.checks.setdefault(subject, []).append((at, None if ended else t.check_terms(body)))
            case Kind.COMPONENT:
                self.naming.begin(subject, at)
                terms = None if ended else t.component_terms(body)
                self.components.setdefault(subject, []).append((at, terms))
            case Kind.WINDOW:
                window = None if ended else t.window_of(subject, body)
                self.windows.setdefault(subject, []).append((at, window))
            case Kind.TERMS:
                self.service.append((at, t.service_terms(body)))
            case Kind.VANTAGE:
                self.sites.setdefault(subject, []).append((at, None if ended else body["site"]))

    def _darken(self, entry: Entry) -> None:
        """Open a dark stretch, or add the gaps that a later entry about it records."""
        body, darks = entry.facts, self.darks.setdefault(entry.vantage, [])
        seq = body.get("of", entry.seq)
        dark = next((d for d in reversed(darks) if d.seq == seq), None)
        if dark is None:
            dark = Dark(entry.vantage, Why(body["why"]), entry.effective_ms, seq)
            darks.append(dark)
            darks.sort(key=lambda d: d.from_ms)
        if entry.seq not in dark.entries:
            dark.entries.append(entry.seq)
        dark.until_ms = body.get("until_ms", dark.until_ms)
        dark.closed = body.get("left") == 0
        dark.gaps.update(gaps_of(body.get("rows", ()), entry.effective_ms))

    def steps(self) -> Iterable[tuple[str, dict[str, Steps[Any]]]]:
        """The terms by kind and subject, each with the instant it was recorded."""
        return (
            (Kind.CHECK, self.checks), (Kind.COMPONENT, self.components), (Kind.WINDOW, self.windows),
            (Kind.VANTAGE, self.sites), (Kind.TERMS, {"service": self.service}),
        )  # fmt: skip

    def trim(self, before_ms: int) -> None:
        """Drop what queries from *before_ms* on do not need."""
        for by_vantage in self.marks.values():
            for marks in by_vantage.values():
                del marks[: kept_from(marks, before_ms)]
        for vantage, darks in self.darks.items():
            self.darks[vantage] = [d for d in darks if d.end_ms > before_ms]

    def reaches(self, lo_ms: int) -> int:
        """*lo_ms*. TooThin when a transition after it may be missing."""
        if lo_ms < self.whole_ms:
            raise TooThin
        return lo_ms

    # ---- queries -----------------------------------------------------------------------------------------------

    def lives(self, key: str) -> bool:
        """Whether component *key* exists, by its latest terms."""
        return bool(self.components.get(key)) and self.components[key][-1][1] is not None

    def lifetime(self, key: str) -> list[Span]:
        """When component *key* existed; the end of a span that is still open is `FOREVER`."""
        return union(
            (lo, hi) for lo, hi, c in eras(self.components.get(key, ()), 0, FOREVER) if c is not None
        )

    def last_state(self, check: str, vantage: str) -> State:
        """The state of *check* by its last transition, as *vantage* saw it."""
        marks = self.marks.get(check, {}).get(vantage)
        return marks[-1].state if marks else State.UNKNOWN

    def seen_timeline(self, check: str, vantage: str, edge: Edge, lo: int, hi: int) -> Timeline:
        """*check* in `[lo, hi)` as *vantage* saw it."""
        timeline = drawn_timeline(self.marks.get(check, {}).get(vantage, ()), edge, lo, hi)
        unseen = self._unseen(check, vantage, edge, lo, hi)
        return within(timeline, difference([(lo, hi)], unseen)) if unseen else timeline

    def _unseen(self, check: str, vantage: str, edge: Edge, lo: int, hi: int) -> list[Span]:
        """The spans in `[lo, hi)` in which *vantage* did not see *check*; tidy."""
        spans = []
        for dark in self.darks.get(vantage, ()):
            gap = dark.gap(check)
            if gap is None or (gap.first_ms is not None and max(gap.first_ms, gap.done_ms or 0) <= lo):
                continue
            validity_ms = 0 if dark.why is Why.BLIND else self.validity_ms(check, gap.last_ms)
            if gap.first_ms is None and dark.why is not Why.BLIND and gap.last_ms + validity_ms >= hi:
                continue  # its state holds to the end of the span: an outage has not ended either
            if (span := dark.span(check, edge, validity_ms)) is not None:
                spans.append(span)
        return clipped(union(spans), lo, hi) if spans else []

    def validity_ms(self, check: str, at_ms: int) -> int:
        """How long a reading of *check* was valid, by the terms in force at *at_ms*."""
        terms = held_at(self.checks.get(check, ()), at_ms) or next(
            (c for _, c in self.checks.get(check, ()) if c is not None), None
        )
        return 0 if terms is None else terms.validity_ms

    def check_timeline(self, name: str, edge: Edge, lo: int, hi: int) -> Timeline:
        """*name* in `[lo, hi)`: its vantage points combined by the terms of each era."""
        parts: Timeline = []
        for from_ms, to_ms, terms in eras(self.checks.get(name, ()), lo, hi):
            if terms is not None:
                parts += self._combined(name, terms, edge, from_ms, to_ms)
        return merged(parts)

    def _combined(self, name: str, terms: t.CheckTerms, edge: Edge, lo: int, hi: int) -> Timeline:
        steps: list[Sequence[tuple[int, object]]] = [
            self.components.get(terms.component, ()),
            *(self.sites.get(v, ()) for v in self.marks.get(name, ())),
        ]
        moves = sorted({at for some in steps for at, _ in some if lo < at < hi})
        return [i for a, b in pairwise([lo, *moves, hi]) for i in self._agreed(name, terms, edge, a, b)]

    def _agreed(self, name: str, terms: t.CheckTerms, edge: Edge, lo: int, hi: int) -> Timeline:
        """*name* in a stretch in which no site changes: every vantage point is where it was at *lo*."""
        views = [
            View(vantage, self.onsite(vantage, terms.component, lo), self.seen_timeline(name, vantage, edge, lo, hi))
            for vantage in self.marks.get(name, {})
            if held_at(self.sites.get(vantage, _HERE), lo) is not None
        ]  # fmt: skip
        plain = isinstance(terms.down_when, str) and not terms.sources
        if plain and len(views) == 1 and (views[0].onsite or terms.audience is not Audience.INTERNAL):
            return list(views[0].timeline)  # a pool of one: its timeline is the result
        return quorum_timeline(
            views, (lo, hi), audience=terms.audience, down_when=terms.down_when, sources=terms.sources
        )

    def onsite(self, vantage: str, component: str, at_ms: int = FOREVER) -> bool:
        """Whether *vantage* is at the site of *component*, at an instant or by their latest terms."""
        site = held_at(self.sites.get(vantage, _HERE), at_ms)
        part = held_at(self.components.get(component, ()), at_ms)
        return not part or not site or part.site == site

    def component_timeline(self, key: str, edge: Edge, lo: int, hi: int, out: Out | None = None) -> Timeline:
        """*key* in `[lo, hi)`, composed of its members.

        Args:
            out: The maintenance excluded from a component in `[lo, hi)`; members are excluded first, then composed.
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
        if "/" in name:
            return self.check_timeline(name, edge, lo, hi)
        return self.component_timeline(name, edge, lo, hi, out)


def began(book: Book, key: str, state: State, now_ms: int, near_ms: int | None = None) -> int:
    """When component *key* entered the *state* it has at *now_ms*; *now_ms* when the book has another state.

    Args:
        near_ms: An instant since which its members have not changed: looked at first. A thin book, which knows no
            more, raises TooThin when the state is older.
    """
    created = book.lifetime(key)
    if not created:
        return now_ms
    # Most states began with the last change of a member, or recently: look back a little first, then a day, then
    # over the whole lifetime.
    born_ms = created[-1][0]
    near = () if near_ms is None or not born_ms < near_ms <= now_ms else (near_ms - 1,)
    for lo in (*near, max(now_ms - _DAY_MS, born_ms), created[0][0]):
        if lo not in near:
            book.reaches(lo)
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
    """The value of *steps* at one instant; before the first step, the first value; None without steps."""
    i = bisect_right(steps, ms, key=_FROM) - 1
    return steps[max(i, 0)][1] if steps else None


_HERE = ((0, ""),)  # a vantage point that is not on record counts as onsite everywhere
_DAY_MS = 86_400_000
_FROM = itemgetter(0)
