"""Stretches in which a vantage point did not see its checks: one entry for all of them, not one for each.

A vantage point that is blind, overloaded or away loses sight of all its checks at once, and regains it check by check.
One entry opens such a stretch, and one closes it with a compact row a check. Laid over what the vantage point saw, the
rows give the same millisecond as an entry for each check would:

* *blind*: unknown from the last good canary round on, for all checks.
* *overloaded*, *away*: unknown for each check from where its validity ran out.
* In all three, until the reading that made its state known again.

A check whose state was confirmed to be the same afterwards has no entry of its own: its row says that it goes on. One
whose state differs has an entry, effective from the same reading as its row.

An outage that ends in the dark may have ended right after its last bad reading, and one that goes on after it may have
begun at the end of the first one: the row of a check that was down carries both (`Edge.LEAST`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

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
    """What one check missed; times in ms.

    Args:
        last_ms: When its last reading before the dark began.
        first_ms: When the reading began that made its state known again; None while it is not known.
        bad_ms: If it was down before: when its last bad reading began.
        done_ms: If it was down after: when the reading of *first_ms* was over.
    """

    last_ms: int
    first_ms: int | None = None
    bad_ms: int | None = None
    done_ms: int | None = None

    @classmethod
    def before(cls, belief: Belief) -> Gap:
        """The gap of a check of which *belief* was the last that we knew."""
        last_ms = belief.since_ms if belief.last_ms is None else belief.last_ms
        return cls(last_ms, bad_ms=belief.last_bad_ms)


@dataclass(slots=True, eq=False)
class Dark:
    """One stretch.

    Args:
        seq: That of the entry which opened it; 0 while it has none.
        from_ms: When the last good canary round began, or the last sign of life.
        until_ms: When the vantage point saw again; None while it does not.
        gaps: By check. What is not in it was not touched.
        entries: The seqs of all entries that speak of it.
        closed: Whether an entry says that no check is missing in them.
    """

    vantage: str
    why: Why
    from_ms: int
    seq: int = 0
    until_ms: int | None = None
    gaps: dict[str, Gap] = field(default_factory=dict)
    entries: list[int] = field(default_factory=list)
    closed: bool = False

    def span(self, check: str, edge: Edge, validity_ms: int) -> Span | None:
        """When *check* was unknown by it, if at all."""
        gap = self.gaps.get(check)
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
        """When the last of its checks was known again; far ahead while one is not."""
        if not self.closed:
            return FOREVER
        return max(
            (gap.done_ms or gap.first_ms or FOREVER for gap in self.gaps.values()), default=self.from_ms
        )

    def rename(self, names: Mapping[str, str]) -> None:
        """Know checks by other names: old → new."""
        for old, new in names.items():
            if old in self.gaps:
                self.gaps[new] = self.gaps.pop(old)


def opening_body(dark: Dark) -> dict[str, Any]:
    """The body of the entry that opens *dark*; it is effective from `from_ms`."""
    body: dict[str, Any] = {"why": dark.why.value}
    return body if dark.until_ms is None else body | {"until_ms": dark.until_ms}


def closing_body(dark: Dark, checks: Iterable[str], left: int) -> dict[str, Any]:
    """The body of an entry that says how *checks* came out of *dark*; effective from its `from_ms`, too.

    *left* is how many checks are still to come, in a later entry.

    A row is ``[check, last, first]``, and ``[check, last, first, bad, done]`` for one that was down before or after;
    times are milliseconds from `from_ms` on.
    """
    rows = [_row(check, dark.gaps[check], dark.from_ms) for check in sorted(checks)]
    return {"of": dark.seq, "why": dark.why.value, "until_ms": dark.until_ms, "left": left, "rows": rows}


def _row(check: str, gap: Gap, from_ms: int) -> list[Any]:
    times = [None if ms is None else ms - from_ms for ms in gap]
    return [check, *(times[:2] if times[2] is None and times[3] is None else times)]


def gaps_of(rows: Iterable[list[Any]], from_ms: int) -> dict[str, Gap]:
    """The gaps behind the rows of a closing body."""
    return {
        check: Gap(from_ms + last, *(None if ms is None else ms + from_ms for ms in times))
        for check, last, *times in rows
    }
