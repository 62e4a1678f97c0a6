"""Arithmetic on spans: half-open `[from, to)`, in integer milliseconds.

Every function takes and returns *tidy* lists: sorted, disjoint, touching spans joined, none empty. `union` makes
any list tidy; the others rely on it and merge in one pass, because they run for every component on every rendering
of the page. Half-open spans are exact: `[a, b)` and `[b, c)` neither overlap nor leave a millisecond between them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Span = tuple[int, int]

_START, _END = itemgetter(0), itemgetter(1)


def union(spans: Iterable[Span]) -> list[Span]:
    """The instants in at least one span, as a tidy list; the input may be in any order and overlap."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            if end > joined[-1][1]:
                joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def intersection(a: Sequence[Span], b: Sequence[Span]) -> list[Span]:
    """The instants in both *a* and *b*."""
    both: list[Span] = []
    i = j = 0
    while i < len(a) and j < len(b):
        start, end = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if start < end:
            both.append((start, end))
        if a[i][1] <= b[j][1]:
            i += 1
        else:
            j += 1
    return both


def difference(a: Sequence[Span], b: Sequence[Span]) -> list[Span]:
    """The instants in *a* but not in *b*."""
    left: list[Span] = []
    j = 0
    for whole, end in a:
        start = whole
        while j < len(b) and b[j][1] <= start:
            j += 1
        k = j
        while k < len(b) and b[k][0] < end:
            if b[k][0] > start:
                left.append((start, b[k][0]))
            start = b[k][1]
            k += 1
        if start < end:
            left.append((start, end))
        j = max(j, k - 1)
    return left


def clipped(spans: Sequence[Span], lo: int, hi: int) -> list[Span]:
    """The part of *spans* within `[lo, hi)`, found by bisection, so a day of a long history is cheap."""
    first = bisect_right(spans, lo, key=_END)
    last = bisect_left(spans, hi, lo=first, key=_START)
    return [(max(start, lo), min(end, hi)) for start, end in spans[first:last] if lo < hi]


def total(spans: Iterable[Span]) -> int:
    """The sum of their lengths in milliseconds."""
    return sum(end - start for start, end in spans)


def first_ms(spans: Sequence[Span], cap_ms: int) -> list[Span]:
    """The earliest *cap_ms* milliseconds of *spans*, in time order."""
    kept: list[Span] = []
    left = cap_ms
    for start, end in spans:
        if left <= 0:
            break
        kept.append((start, min(end, start + left)))
        left -= end - start
    return kept
