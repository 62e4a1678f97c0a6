"""From the book to the figures: a component's month, with all that it takes to defend it.

A window may have been edited, moved or withdrawn. What was in force at an instant is what counts there; notice counts
from the version that first covered it. So a window that is enlarged keeps the notice of its old part, and one that
is cut short excludes no more than it ran.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from zoneinfo import ZoneInfo

from watch.core.account import Account, account
from watch.core.book import FOREVER, Book, Edge, eras
from watch.core.localtime import Month
from watch.core.notice import qualifying
from watch.core.spans import Span, clipped, intersection, union
from watch.core.timeline import State, Timeline, spans_of
from watch.core.window import Occurrence, Window, opened

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One component's account of one month.

    Args:
        span: The month's bounds; the account goes to *as_of_ms* in a running one.
        timeline: What was measured; *out* is what maintenance takes out of it (the cap not applied).
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
    timeline: Timeline
    out: tuple[Span, ...]

    @property
    def running(self) -> bool:
        return self.as_of_ms < self.span[1]


def figure(book: Book, key: str, month: Month, now_ms: int, *, zone: str | None = None) -> Figure:
    """The account of *key* in *month*, as far as it has gone by *now_ms*. KeyError when the book knows no *key*.

    Args:
        zone: The zone whose month it is; None means the service's own.
    """
    terms = book.terms_at(now_ms)
    if terms is None or key not in book.components:
        raise KeyError(key)
    name = zone or terms.timezone
    lo, hi = month.bounds_ms(ZoneInfo(name))
    as_of = min(max(now_ms, lo), hi)
    target = _target_of(book, lo, terms.target)
    excusing = Excusing(book, terms.notice_ms)
    found, least, most = (_counted(book, key, edge, (lo, hi), as_of, target, excusing) for edge in Edge)
    return Figure(
        key=key, month=month, zone=name, span=(lo, hi), as_of_ms=as_of,
        lifetime=tuple(clipped(book.lifetime(key), lo, hi)), account=found,
        down_min_ms=least.down_ms, down_max_ms=most.down_ms,
        timeline=book.component(key, Edge.FOUND, lo, as_of), out=tuple(excusing(key, lo, hi)),
    )  # fmt: skip


def _target_of(book: Book, month_ms: int, latest: Fraction) -> Fraction:
    """The target that held when the month began: one changed in mid-month applies from the next."""
    at_start = book.terms_at(month_ms)
    return latest if at_start is None else at_start.target


def _counted(
    book: Book, key: str, edge: Edge, month: Span, as_of_ms: int, target: Fraction, excusing: Excusing
) -> Account:
    return account(
        book.component(key, edge, *month, excusing),
        month,
        target,
        measured=book.component(key, edge, *month),
        lifetime=clipped(book.lifetime(key), *month),
        as_of_ms=as_of_ms,
    )


class Excusing:
    """What maintenance takes out of a component, by the book; call it with (component, from, to)."""

    def __init__(self, book: Book, notice_ms: int) -> None:
        self._book, self._notice_ms = book, notice_ms

    def __call__(self, key: str, lo: int, hi: int) -> list[Span]:
        """Tidy spans in `[lo, hi)` that qualify for *key*."""
        versions = [v for v in _versions(self._book) if key in v.window.components and v.window.sla_exclude]
        if not versions:
            return []
        outages: list[Span] = []
        if any(v.window.max_outage is not None for v in versions):
            around = (lo - _DAY_MS, hi + _DAY_MS)  # an outage is measured whole, not from the bound on
            outages = spans_of(self._book.component(key, Edge.FOUND, *around), State.DOWN)
        spans: list[Span] = []
        for name in {v.window.name for v in versions}:
            spans += self._of_window([v for v in versions if v.window.name == name], outages, lo, hi)
        return clipped(union(spans), lo, hi)

    def _of_window(self, versions: list[_Version], outages: Sequence[Span], lo: int, hi: int) -> list[Span]:
        held = [span for v in versions for span in v.held(lo, hi)]
        good = [
            span
            for v in versions
            for span in qualifying(
                [v.window], [], {v.window.name: v.from_ms}, self._notice_ms, (lo, hi), outages=outages
            )
        ]
        return intersection(union(held), union(good))


@dataclass(frozen=True, slots=True)
class _Version:
    """A window as it stood in `[from_ms, to_ms)`."""

    window: Window
    from_ms: int
    to_ms: int

    def held(self, lo: int, hi: int) -> list[Span]:
        """Its occurrences in `[lo, hi)`, as far as it was in force."""
        lo, hi = max(lo, self.from_ms), min(hi, self.to_ms)
        return clipped(union(o.span for o in opened(self.window, lo, hi, [])), lo, hi) if lo < hi else []


def _versions(book: Book) -> list[_Version]:
    return [
        _Version(window, from_ms, to_ms)
        for steps in book.windows.values()
        for from_ms, to_ms, window in eras(steps, 0, FOREVER)
        if window is not None
    ]


def maintenance(book: Book, lo: int, hi: int) -> list[tuple[Window, Occurrence]]:
    """The occurrences of the windows now in force that touch `[lo, hi)`, in order of time."""
    current = [steps[-1][1] for steps in book.windows.values() if steps[-1][1] is not None]
    found = [(window, o) for window in current for o in opened(window, lo, hi, [])]
    return sorted(found, key=lambda pair: (pair[1].from_ms, pair[0].name))
