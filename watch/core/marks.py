"""Transitions as one vantage point saw them, and their timeline.

There are three timelines (semantics §2): the one that figures use (`Edge.FOUND`), and those with the least and the most
downtime that the readings allow, because the instant of a change is known only to within one interval.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from watch.core.timeline import State, Timeline, merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watch.core.confirm import Change
    from watch.core.ledger import Entry

Body = dict[str, object]
_STATES = {str(state): state for state in State}
_EFFECTIVE = itemgetter(1)


class Edge(Enum):
    """Which of the possible instants of a change is used."""

    FOUND = "found"
    LEAST = "least"  # downtime as short as the readings allow
    MOST = "most"  # as long as they allow


class Mark(NamedTuple):
    """One transition of a check as one vantage point saw it."""

    seq: int
    effective_ms: int
    earliest_ms: int
    latest_ms: int
    was: State
    state: State
    reason: str
    detail: str


def transition_body(change: Change, detail: str) -> Body:
    """The body of a transition's entry."""
    return {
        "from": change.was.value, "to": change.state.value, "reason": change.reason.value,
        "detail": detail if change.state in (State.DOWN, State.DEGRADED) else "",
        "earliest_ms": change.earliest_ms, "latest_ms": change.latest_ms,
    }  # fmt: skip


def mark_of(entry: Entry) -> Mark:
    """The mark of a transition's entry."""
    f = entry.facts
    return Mark(
        entry.seq, entry.effective_ms, f["earliest_ms"], f["latest_ms"], _STATES[f["from"]], _STATES[f["to"]],
        f["reason"], f["detail"],
    )  # fmt: skip


def mark_row(mark: Mark) -> list[object]:
    """*mark* as a checkpoint stores it."""
    return [*mark[:4], mark.was.value, mark.state.value, *mark[6:]]


def mark_of_row(row: Sequence[object]) -> Mark:
    seq, effective, earliest, latest, was, state, reason, detail = row
    return Mark(seq, effective, earliest, latest, _STATES[was], _STATES[state], reason, detail)  # type: ignore[arg-type,index] # as `mark_row` wrote it


def drawn_timeline(marks: Sequence[Mark], edge: Edge, lo: int, hi: int) -> Timeline:
    """The timeline of *marks* in `[lo, hi)`, with the edges of outages as *edge* says."""
    # One mark earlier than the one in force at lo: its edge may be moved past lo.
    first = max(bisect_right(marks, lo, key=_EFFECTIVE) - 2, 0)
    items: Timeline = []
    at, state = lo, marks[first].was if marks else State.UNKNOWN
    for i in range(first, len(marks)):
        if marks[i].earliest_ms >= hi:
            break
        edge_ms = max(_edge(marks[i], edge), at if items else lo)
        items.append((at, edge_ms, state))
        at, state = edge_ms, marks[i].state
    items.append((at, hi, state))
    return merged((max(a, lo), min(b, hi), s) for a, b, s in items if s is not State.UNKNOWN)


def _edge(mark: Mark, edge: Edge) -> int:
    """The instant of *mark*; *edge* moves only the edges of outages."""
    if edge is Edge.FOUND or State.DOWN not in (mark.was, mark.state):
        return mark.effective_ms
    sooner = (mark.state is State.DOWN) is (edge is Edge.MOST)
    return mark.earliest_ms if sooner else mark.latest_ms


def kept_from(marks: Sequence[Mark], ms: int) -> int:
    """The index of the first of *marks* that a timeline from *ms* on needs."""
    return max(bisect_right(marks, ms, key=_EFFECTIVE) - 2, 0)
