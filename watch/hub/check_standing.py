"""What is believed of a check, from what its vantage points believe of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.quorum import Seen, quorum
from watch.core.reading import Observation, Reason, Verdict
from watch.core.standing import CheckStanding
from watch.core.timeline import State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from watch.core.book import Book
    from watch.core.confirm import Belief
    from watch.core.settings import Check

Key = tuple[str, str]


def standing_of(
    check: Check,
    beliefs: Mapping[Key, Belief],
    latest: Mapping[Key, Observation],
    vantages: Collection[str],
    book: Book,
    now_ms: int,
    blind: Collection[str] = (),
) -> CheckStanding:
    """How *check* stands: its vantage points' beliefs through the quorum, and the newest reading as the why."""
    mine = {v: b for v in vantages if (b := beliefs.get((check.name, v))) is not None}
    seen = [Seen(v, book.onsite(v, check.component), b.state, v not in blind) for v, b in mine.items()]
    state = quorum(seen, check.audience, check.down_when, check.sources).state
    newest = max(
        (o for v in mine if (o := latest.get((check.name, v))) is not None),
        key=lambda o: o.at_ms,
        default=None,
    )
    since_ms = max((b.since_ms for b in mine.values()), default=now_ms)
    reason, detail = _why(state, newest)
    return CheckStanding(
        name=check.name, state=state, since_ms=since_ms, reason=reason, detail=detail, observation=newest
    )


def _why(state: State, newest: Observation | None) -> tuple[Reason, str]:
    """The reason people see beside *state*."""
    if newest is None:
        return Reason.MISSING, "not asked yet"
    if state is State.UNKNOWN and newest.verdict is not Verdict.UNKNOWN:
        return Reason.STALE, "no reading for longer than a state holds"
    return newest.reason, newest.detail
