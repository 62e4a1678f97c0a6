"""The state of a check, from the beliefs of its vantage points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.marks import Edge
from watch.core.quorum import Seen, quorum
from watch.core.reading import Observation, Reason, Verdict
from watch.core.standing import CheckStanding
from watch.core.timeline import State, filled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watch.core.book import Book
    from watch.core.settings import Check
    from watch.hub.intake import Intake

_DAY_MS = 86_400_000
# Who explains a state: those that see it so. A check that is down from some places only is degraded by them.
_EXPLAINS = {
    State.DOWN: (State.DOWN,),
    State.DEGRADED: (State.DOWN, State.DEGRADED),
    State.UP: (State.UP, State.DEGRADED),
    State.UNKNOWN: (State.UNKNOWN,),
}
_VERDICTS = {State.DOWN: (Verdict.DOWN,), State.DEGRADED: (Verdict.DEGRADED, Verdict.DOWN)}


def standing_of(
    check: Check, intake: Intake, vantages: tuple[str, ...], book: Book, now_ms: int
) -> CheckStanding:
    """The standing of *check*: the quorum of its *vantages*."""
    states = {v: intake.state((check.name, v), now_ms) for v in vantages}
    seen = [
        Seen(v, book.onsite(v, check.component), state, v not in intake.sights.blind)
        for v, state in states.items()
    ]
    agreed = quorum(seen, check.audience, check.down_when, check.sources)
    winners = _winners(agreed.state, states, vantages)
    newest = _newest(check.name, winners or vantages, intake.latest)
    reason, detail = _why(check.name, agreed.state, newest, winners, intake, book)
    since_ms = _since(check.name, agreed.state, vantages, winners, intake, book, now_ms)
    return CheckStanding(
        name=check.name, state=agreed.state, since_ms=since_ms,
        reason=reason, detail=detail, observation=newest, seen_from=winners, confidence=agreed.confidence,
        fallback=agreed.fallback, about_us=agreed.self_alerts,
    )  # fmt: skip


def _winners(state: State, states: Mapping[str, State], vantages: tuple[str, ...]) -> tuple[str, ...]:
    """Those of *vantages* that see *state*, or the worst state that explains it."""
    for kind in _EXPLAINS[state]:
        if found := tuple([v for v in vantages if states[v] is kind]):
            return vantages if found == vantages else found  # mostly all: no object for each check
    return ()


def _newest(
    check: str, vantages: Sequence[str], latest: Mapping[tuple[str, str], Observation]
) -> Observation | None:
    found = (o for v in vantages if (o := latest.get((check, v))) is not None)
    return max(found, key=lambda o: o.at_ms, default=None)


def _since(
    check: str, state: State, vantages: Sequence[str], winners: Sequence[str], intake: Intake, book: Book, now_ms: int
) -> int:  # fmt: skip
    """When *check* entered *state*; taken from the book if several vantage points have a say."""
    if len(vantages) == 1 and winners and state is not State.UNKNOWN:
        return intake.beliefs[check, winners[0]].since_ms
    if len(vantages) == 1:
        key = (check, vantages[0])
        dark_ms = intake.sights.dark_since(key, intake.beliefs.get(key))
        if dark_ms is not None:
            return dark_ms
    born_ms = book.checks[check][0][0] if book.checks.get(check) else now_ms
    for lo in (max(now_ms - _DAY_MS, born_ms), born_ms):  # most states are young
        timeline = filled(
            book.check_timeline(check, Edge.FOUND, book.reaches(lo), now_ms + 1), lo, now_ms + 1
        )
        if not timeline or timeline[-1][2] is not state:
            return now_ms
        if timeline[-1][0] > lo:
            break
    return timeline[-1][0]


def _why(
    check: str, state: State, newest: Observation | None, winners: Sequence[str], intake: Intake, book: Book
) -> tuple[Reason, str]:
    """The reason and detail that people see with *state*."""
    if newest is None:
        return _without_readings(check, state, winners, intake, book)
    if state is State.UNKNOWN:
        blind = [v for v in winners if v in intake.sights.blind]
        if blind:
            return Reason.BLIND, f"{', '.join(blind)} cannot see: its canaries do not answer"
        if newest.verdict is not Verdict.UNKNOWN:
            return Reason.STALE, "no reading for longer than a state holds"
    if state in _VERDICTS and newest.verdict not in _VERDICTS[state]:
        # One good reading ends no outage: what confirmed it is still the reason.
        return _on_record(check, winners, book) or (newest.reason, newest.detail)
    return newest.reason, newest.detail


def _on_record(check: str, winners: Sequence[str], book: Book) -> tuple[Reason, str] | None:
    """The reason and detail of the last transition that *winners* saw."""
    marks = [m[-1] for v in winners if (m := book.marks.get(check, {}).get(v))]
    if not marks:
        return None
    last = max(marks, key=lambda mark: mark.effective_ms)
    return Reason(last.reason), last.detail


def _without_readings(
    check: str, state: State, winners: Sequence[str], intake: Intake, book: Book
) -> tuple[Reason, str]:
    """The same when no reading is at hand: none was kept, or there was none yet. What was not asked is not missing."""
    if state in _VERDICTS:
        return _on_record(check, winners, book) or (Reason.OK, "")
    if state is State.UP:
        return Reason.OK, ""
    if any((check, v) in intake.beliefs for v in winners):
        return Reason.STALE, "no reading for longer than a state holds"
    return Reason.MISSING, "not asked yet"
