"""From the book to the figures: a component's month, with everything needed to recalculate it.

The terms of a month (target, zone, notice) are those in force when it began: terms changed during a month apply from
the next month. The first month on record uses the first terms on record. No cap: the service's own terms have none.

A window may have been edited, moved or withdrawn. What was in force at an instant is what counts there; notice counts
from the version that first covered it. So a window that is enlarged keeps the notice of its old part, one that is cut
short excludes no more than it ran, and nothing recorded today excludes anything that is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from watch.core.account import Account, account
from watch.core.book import FOREVER, Book, Edge, eras
from watch.core.exclusion import excused, qualifying
from watch.core.spans import Span, clipped, intersection, union
from watch.core.timeline import State, Timeline, spans_of
from watch.core.window import Occurrence, Window, opened

if TYPE_CHECKING:
    from watch.core.localtime import Month
    from watch.core.recorded_terms import ServiceTerms

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One component's account of one month.

    Args:
        span: The month's bounds; in a running month the account ends at *as_of_ms*.
        timeline: The measured timeline; *out* is the maintenance excluded from it.
        down_min_ms, down_max_ms: The least and the most downtime that the readings allow.
    """

    key: str
    month: Month
    zone: str
    span: Span
    as_of_ms: int
    lifetime: tuple[Span, ...]
    account: Account
    down_min_ms: int
    down_max_ms: int
    notice_ms: int
    timeline: Timeline
    out: tuple[Span, ...]

    @property
    def running(self) -> bool:
        return self.as_of_ms < self.span[1]


def figure(book: Book, key: str, month: Month, now_ms: int, *, zone: str | None = None) -> Figure:
    """The account of *key* in *month*, up to *now_ms*. KeyError when *key* is not in the book.

    Args:
        zone: The zone of the month; None means the service's.
    """
    asked = _asked(book, key, month, now_ms, zone)
    lo, hi = asked.span
    least, found, most = (asked.account(edge) for edge in (Edge.LEAST, Edge.FOUND, Edge.MOST))
    return Figure(
        key=key, month=month, zone=asked.zone, span=asked.span, as_of_ms=asked.as_of_ms,
        lifetime=tuple(clipped(book.lifetime(key), lo, hi)), account=found,
        down_min_ms=min(least.down_ms, found.down_ms), down_max_ms=max(most.down_ms, found.down_ms),
        notice_ms=asked.terms.notice_ms,
        timeline=book.component_timeline(key, Edge.FOUND, lo, asked.as_of_ms), out=tuple(asked.out()),
    )  # fmt: skip


def account_so_far(
    book: Book,
    key: str,
    month: Month,
    now_ms: int,
    *,
    zone: str | None = None,
    excusing: Excusing | None = None,
) -> Account:
    """The account alone, at a fifth of the cost of `figure`.

    Args:
        excusing: The one already used for another component of the same month, if any: its cache is reused.
    """
    return _asked(book, key, month, now_ms, zone, excusing).account(Edge.FOUND)


def terms_of(book: Book, month: Month) -> ServiceTerms | None:
    """The terms that apply to *month*: those in force when it began in their own zone, else the first."""
    held = [(at, terms) for at, terms in book.service if terms is not None]
    for at, terms in reversed(held):
        if at <= month.bounds_ms(ZoneInfo(terms.timezone))[0]:
            return terms
    return held[0][1] if held else None


@dataclass(frozen=True, slots=True)
class _Asked:
    """One component's month and the terms that apply to it."""

    book: Book
    key: str
    zone: str
    span: Span
    as_of_ms: int
    terms: ServiceTerms
    excusing: Excusing

    def out(self) -> list[Span]:
        """The maintenance excluded: of the component, or of so many members that the component is excluded."""
        return spans_of(
            self.book.component_timeline(self.key, Edge.FOUND, *self.span, self.excusing), State.EXCLUDED
        )

    def account(self, edge: Edge) -> Account:
        return account(
            self.book.component_timeline(self.key, edge, *self.span, self.excusing.at(edge)),
            self.span,
            self.terms.target,
            lifetime=clipped(self.book.lifetime(self.key), *self.span),
            as_of_ms=self.as_of_ms,
        )


def _asked(
    book: Book, key: str, month: Month, now_ms: int, zone: str | None, excusing: Excusing | None = None
) -> _Asked:
    terms = terms_of(book, month)
    if terms is None or key not in book.components:
        raise KeyError(key)
    name = zone or terms.timezone
    lo, hi = month.bounds_ms(ZoneInfo(name))
    as_of_ms = min(max(now_ms, lo), hi)
    return _Asked(book, key, name, (lo, hi), as_of_ms, terms, excusing or Excusing(book, terms.notice_ms))


class Excusing:
    """The maintenance excluded from a component, by the current book; call it with (component, from, to).

    Results are cached, because a window covers many components: make a new one after the book has changed.
    """

    def __init__(self, book: Book, notice_ms: int, edge: Edge = Edge.FOUND) -> None:
        self._book, self._notice_ms, self._edge = book, notice_ms, edge
        self._versions = [v for v in _versions(book) if v.window.sla_exclude]
        self._known: dict[tuple[str, int, int], list[Span]] = {}
        self._told: dict[tuple[_Version, int, int], list[Span]] = {}
        self._held: dict[tuple[_Version, int, int], list[Span]] = {}

    def at(self, edge: Edge) -> Excusing:
        """The same for outages measured by *edge*, which decides what exceeds a window's `max_outage`."""
        if edge is self._edge or all(v.window.max_outage is None for v in self._versions):
            return self
        return Excusing(self._book, self._notice_ms, edge)

    def __call__(self, key: str, lo: int, hi: int) -> list[Span]:
        """Tidy spans in `[lo, hi)` that qualify for *key*."""
        known = self._known.get((key, lo, hi))
        if known is None:
            known = self._known[key, lo, hi] = self._qualifying(key, lo, hi)
        return known

    def _qualifying(self, key: str, lo: int, hi: int) -> list[Span]:
        by_window: dict[str, list[_Version]] = {}
        for version in self._versions:
            if key in version.window.components:
                by_window.setdefault(version.window.name, []).append(version)
        # Outages and occurrences are measured whole, also across the bounds.
        around = (lo - _DAY_MS, hi + _DAY_MS)
        spans = [s for versions in by_window.values() for s in self._of_window(key, versions, around)]
        return clipped(union(spans), lo, hi)

    def _of_window(self, key: str, versions: list[_Version], around: Span) -> list[Span]:
        held = [self._in_force(v, around) for v in versions]
        told = union(span for v in versions for span in self._in_time(v, around))
        whole = union(span for spans in held for span in spans)
        spans: list[Span] = []
        for version, mine in zip(versions, held, strict=True):
            good, longest = intersection(mine, told), version.window.max_outage
            if good and longest is not None:
                outages = spans_of(self._book.component_timeline(key, self._edge, *around), State.DOWN)
                good = intersection(good, [s for span in whole for s in excused(span, outages, longest)])
            spans += good
        return spans

    def _in_force(self, version: _Version, around: Span) -> list[Span]:
        at = (version, *around)
        if at not in self._held:
            self._held[at] = union(version.held(*around))
        return self._held[at]

    def _in_time(self, version: _Version, around: Span) -> list[Span]:
        """The spans that *version* announced with enough notice, even if it was no longer in force then."""
        at = (version, *around)
        if at not in self._told:
            window, recorded = version.window, {version.window.name: version.from_ms}
            self._told[at] = qualifying([window], [], recorded, self._notice_ms, around)
        return self._told[at]


@dataclass(frozen=True, slots=True, eq=False)
class _Version:
    """A window as it was in `[from_ms, to_ms)`."""

    window: Window
    from_ms: int
    to_ms: int

    def held(self, lo: int, hi: int) -> list[Span]:
        """Its occurrences in `[lo, hi)` while it was in force; none for a window that opens only when announced."""
        lo, hi = max(lo, self.from_ms), min(hi, self.to_ms)
        return clipped(union(o.span for o in opened(self.window, lo, hi, [])), lo, hi) if lo < hi else []


def _versions(book: Book) -> list[_Version]:
    return [
        _Version(window, from_ms, to_ms)
        for steps in book.windows.values()
        for from_ms, to_ms, window in eras(steps, 0, FOREVER)
        if window is not None
    ]


def worked(book: Book, lo: int, hi: int) -> dict[str, list[tuple[Window, Span]]]:
    """By component, the maintenance in force in `[lo, hi)`, each window as it was then."""
    found: dict[str, list[tuple[Window, Span]]] = {}
    for version in _versions(book):
        spans = version.held(lo, hi)
        for key in version.window.components if spans else ():
            found.setdefault(key, []).extend((version.window, span) for span in spans)
    return found


def maintenance(book: Book, lo: int, hi: int) -> list[tuple[Window, Occurrence]]:
    """The occurrences of the current windows that overlap `[lo, hi)`, in order of time."""
    current = [steps[-1][1] for steps in book.windows.values() if steps[-1][1] is not None]
    found = [(window, o) for window in current for o in opened(window, lo, hi, [])]
    return sorted(found, key=lambda pair: (pair[1].from_ms, pair[0].name))


def parts_of(book: Book, key: str) -> list[str]:
    """*key* and the components that it contains or ever contained, at any depth."""
    keys = [key]
    for one in (
        keys
    ):  # the list grows during the loop; over the years two components may each have contained the other
        keys += [m for m in _members(book, one) if "/" not in m and m not in keys]
    return keys


def checks_of(book: Book, key: str) -> list[str]:
    """The checks that *key* has or ever had, those of its parts included."""
    return list(dict.fromkeys(m for part in parts_of(book, key) for m in _members(book, part) if "/" in m))


def _members(book: Book, key: str) -> dict[str, None]:
    return dict.fromkeys(m for _, c in book.components.get(key, ()) if c is not None for m in c.members)
