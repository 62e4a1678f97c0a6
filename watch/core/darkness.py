"""Stretches in which a vantage point did not see its checks: one entry for all of them, not one for each.

A vantage point that is blind, overloaded or away loses sight of all its checks at once, and regains it check by check.
One entry opens such a stretch, and one closes it with a compact row per check. The rows, applied to the vantage
point's transitions, give the same timeline to the millisecond as an entry for each check would:

* *blind*: unknown from the last good canary round on, for all checks.
* *overloaded*, *away*: unknown for each check from the end of its validity on.
* In all three cases, until the reading that made the state known again.

A check with the same confirmed state before and after has no entry of its own: its row says that the state continues.
A check with another state afterwards has an entry, effective from the same reading as its row.

An outage before the stretch may have ended right after its last bad reading, and one after it may have begun only at
the end of its first bad reading: the row of a check that was down carries both instants (`Edge.LEAST`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from watch.core.marks import Edge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watch.core.confirm import Belief
    from watch.core.spans import Span

FOREVER = 2**62


class Why(StrEnum):
    BLIND = "blind"
    OVERLOADED = "overloaded"
    AWAY = "away"


class Gap(NamedTuple):
    """The gap of one check in a dark stretch; times in ms.

    Args:
        last_ms: When its last reading before the stretch began.
        first_ms: When the reading that made its state known again began; None while it is unknown.
        bad_ms: If it was down before: when its last bad reading began.
        done_ms: If it was down after: when the reading of *first_ms* ended.
    """

    last_ms: int
    first_ms: int | None = None
    bad_ms: int | None = None
    done_ms: int | None = None

    @classmethod
    def before(cls, belief: Belief) -> Gap:
        """The gap of a check whose last belief was *belief*."""
        last_ms = belief.since_ms if belief.last_ms is None else belief.last_ms
        return cls(last_ms, None, belief.last_bad_ms)


@dataclass(slots=True, eq=False)
class Dark:
    """One dark stretch of a vantage point.

    Args:
        seq: The seq of the entry that opened it; 0 before there is one.
        from_ms: When the last good canary round began, or the last sign of life.
        until_ms: When the vantage point saw again; None while it does not.
        gaps: By check.
        unread: The last beliefs of checks that it affected, too, and that were not read since: their gaps are made when
            somebody asks, for 10,000 checks lose sight in one step.
        entries: The seqs of all entries about it.
        closed: Whether the entries include every affected check.
    """

    vantage: str
    why: Why
    from_ms: int
    seq: int = 0
    until_ms: int | None = None
    gaps: dict[str, Gap] = field(default_factory=dict)
    unread: dict[str, Belief] = field(default_factory=dict)
    entries: list[int] = field(default_factory=list)
    closed: bool = False

    def gap(self, check: str) -> Gap | None:
        """The gap of *check*; None when it was not affected."""
        gap = self.gaps.get(check)
        if gap is None and (belief := self.unread.get(check)) is not None:
            return Gap.before(belief)
        return gap

    def regain(self, check: str, first_ms: int, done_ms: int | None) -> None:
        """End the gap of *check*, which it affected."""
        gap = self.gap(check)
        assert gap is not None
        self.gaps[check] = Gap(gap.last_ms, first_ms, gap.bad_ms, done_ms)
        self.unread.pop(check, None)

    def span(self, check: str, edge: Edge, validity_ms: int) -> Span | None:
        """The span in which *check* was unknown because of it; None when it was not."""
        gap = self.gap(check)
        if gap is None:
            return None
        start = self.from_ms if self.why is Why.BLIND else gap.last_ms + validity_ms
        end = FOREVER if gap.first_ms is None else gap.first_ms
        if edge is Edge.LEAST:
            start = start if gap.bad_ms is None else min(start, gap.bad_ms)
            end = end if gap.done_ms is None else max(end, gap.done_ms)
        return (start, end) if start < end else None

    @property
    def end_ms(self) -> int:
        """When the last of its checks was known again; `FOREVER` while one is not."""
        if not self.closed:
            return FOREVER
        return max(
            (gap.done_ms or gap.first_ms or FOREVER for gap in self.gaps.values()), default=self.from_ms
        )

    def cut(self, at_ms: int) -> None:
        """End it at *at_ms* for all its checks: from there on something else says what is known."""
        self.until_ms = at_ms if self.until_ms is None else min(self.until_ms, at_ms)
        self.closed = True
        self._make(list(self.unread))
        for check, gap in self.gaps.items():
            if gap.first_ms is None or max(gap.first_ms, gap.done_ms or 0) > at_ms:
                first_ms = at_ms if gap.first_ms is None else min(gap.first_ms, at_ms)
                self.gaps[check] = gap._replace(first_ms=first_ms, done_ms=None)

    def rename(self, names: Mapping[str, str]) -> None:
        """Rename checks: old → new, all at once."""
        self._make((*names, *names.values()))
        self.gaps.update({new: self.gaps.pop(old) for old, new in names.items() if old in self.gaps})

    def _make(self, checks: Iterable[str]) -> None:
        """Make the gaps of *checks*, those that are not made yet."""
        for check in checks:
            if (belief := self.unread.pop(check, None)) is not None:
                self.gaps[check] = Gap.before(belief)


def opening_body(dark: Dark) -> dict[str, Any]:
    """The body of the entry that opens *dark*; the entry is effective from `from_ms`."""
    body: dict[str, Any] = {"why": dark.why.value}
    return body if dark.until_ms is None else body | {"until_ms": dark.until_ms}


def closing_body(dark: Dark, checks: Iterable[str], left: int) -> dict[str, Any]:
    """The body of an entry with the gaps of *checks* in *dark*; the entry is effective from `from_ms`, too.

    *left* is how many checks will follow in later entries.

    A row is ``[check, last, first]``, and ``[check, last, first, bad, done]`` for one that was down before or after;
    times are milliseconds from `from_ms` on.
    """
    gaps, from_ms, rows = dark.gaps, dark.from_ms, []
    # All rows in one step: as text, because 10,000 lists would also start a collection of garbage.
    for check in sorted(checks):
        last_ms, first_ms, *edges = gaps[check]
        row: list[Any] = [check, last_ms - from_ms, None if first_ms is None else first_ms - from_ms]
        if edges != [None, None]:
            row += (None if ms is None else ms - from_ms for ms in edges)
        rows.append(orjson.dumps(row).decode())  # bytes of orjson keep a kilobyte each
    table = orjson.Fragment(f"[{','.join(rows)}]")
    return {"of": dark.seq, "why": dark.why.value, "until_ms": dark.until_ms, "left": left, "rows": table}


def gaps_of(rows: Iterable[list[Any]], from_ms: int) -> dict[str, Gap]:
    """The gaps behind the rows of a closing body."""
    return {
        check: Gap(from_ms + last, *(None if ms is None else ms + from_ms for ms in times))
        for check, last, *times in rows
    }
