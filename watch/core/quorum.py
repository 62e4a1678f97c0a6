"""From vantage points to one state of a check, and how much to trust it (semantics §3).

A check is asked from several places, and places fail too. So those that are healthy and reporting form a
*pool*, and a strict majority of it must see the target down; some seeing it is *degraded*, for it is so only
from some places. Whom the pool is drawn from the audience says: `internal` is the component's own site,
`public` the others. For the public the own site steps in only when offsite vantage points exist and none can
speak (*fallback*: low confidence, confirmation doubled); where none was ever configured it simply is the
pool. And when offsite sees all well but the site itself sees its own service down, half the truth is with
each: degraded.

A vantage point whose state is unknown, because it is silent or its readings are void, is in no pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from watch.core.settings import Audience
from watch.core.timeline import Item, State, Timeline, merged, stretches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watch.core.spans import Span


class Confidence(StrEnum):
    NONE = "none"  # nobody could say
    LOW = "low"  # one vantage point alone, or the fallback
    NORMAL = "normal"


class SelfAlertKind(StrEnum):
    """Trouble of our own, not of the target."""

    NO_HEALTHY_VANTAGE = "no_healthy_vantage"
    VANTAGE_IMPAIRED = "vantage_impaired"


@dataclass(frozen=True, slots=True)
class SelfAlert:
    """An alert about us; *vantage* is the impaired one."""

    kind: SelfAlertKind
    vantage: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What one configured vantage point believes of a check.

    Args:
        onsite: It stands at the site of the check's component.
        healthy: It is not blind: enough of its canaries are good, or it has none.
    """

    vantage: str
    onsite: bool
    state: State
    healthy: bool = True

    @property
    def speaks(self) -> bool:
        return self.healthy and self.state is not State.UNKNOWN


@dataclass(frozen=True, slots=True)
class Quorum:
    """What they believe together. While *fallback* holds, confirmation takes double the readings."""

    state: State
    confidence: Confidence
    self_alerts: tuple[SelfAlert, ...] = ()
    fallback: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """What one vantage point believed over time, unknown wherever it was blind or silent."""

    vantage: str
    onsite: bool
    timeline: Sequence[Item]


def quorum(
    seen: Sequence[Seen],
    audience: Audience = Audience.INTERNAL,
    down_when: str | int = "majority",
    sources: Sequence[str] = (),
) -> Quorum:
    """The one state that all configured vantage points come to.

    Args:
        down_when: ``any``, ``majority``, ``all``, or how many; with fewer speaking it is unknown.
        sources: The vantage points that ``from:`` names; they are the pool whatever the audience.
    """
    assigned = _assigned(seen, audience, sources)
    pool = [one.state for one in assigned if one.speaks]
    beside = [one for one in seen if one.onsite] if _public(audience, sources) else []
    onsite = [one.state for one in beside if one.speaks]
    # Assigned and onsite are the same where no offsite vantage point is configured: that is no fallback.
    fallback = not pool and assigned != beside and any(one.healthy for one in beside)
    if fallback:
        pool = onsite
    state = _together(pool, down_when)
    if state is State.UP and State.DOWN in onsite:
        state = State.DEGRADED
    return Quorum(state, _confidence(len(pool), fallback), _about_us(assigned, pool), fallback)


def quorum_timeline(
    views: Sequence[View],
    bounds: Span,
    *,
    audience: Audience = Audience.INTERNAL,
    down_when: str | int = "majority",
    sources: Sequence[str] = (),
) -> Timeline:
    """The check's timeline in *bounds*, every instant in an item; the same at every instant as `quorum`."""
    judged: dict[tuple[State, ...], State] = {}  # a few vantage points are in few combinations of states
    items = []
    for start, end, states, _ in stretches([view.timeline for view in views], *bounds):
        key = tuple(states)
        if key not in judged:
            seen = [Seen(view.vantage, view.onsite, state) for view, state in zip(views, states, strict=True)]
            judged[key] = quorum(seen, audience, down_when, sources).state
        items.append((start, end, judged[key]))
    return merged(items)


def _public(audience: Audience, sources: Sequence[str]) -> bool:
    return audience is Audience.PUBLIC and not sources


def _assigned(seen: Sequence[Seen], audience: Audience, sources: Sequence[str]) -> list[Seen]:
    if sources:
        return [one for one in seen if one.vantage in sources]
    if audience is Audience.ANY:
        return list(seen)
    onsite = [one for one in seen if one.onsite]
    if audience is Audience.INTERNAL:
        return onsite
    return [one for one in seen if not one.onsite] or onsite


def _together(pool: Sequence[State], down_when: str | int) -> State:
    n = len(pool)
    needed = (
        {"any": 1, "majority": n // 2 + 1, "all": n}[down_when] if isinstance(down_when, str) else down_when
    )
    if n == 0 or n < needed:
        return State.UNKNOWN
    down, degraded = pool.count(State.DOWN), pool.count(State.DEGRADED)
    if down >= needed:
        return State.DOWN
    return State.DEGRADED if down or (degraded and 2 * degraded >= n) else State.UP


def _confidence(speaking: int, fallback: bool) -> Confidence:
    if speaking == 0:
        return Confidence.NONE
    return Confidence.LOW if fallback or speaking == 1 else Confidence.NORMAL


def _about_us(assigned: Sequence[Seen], speaking: Sequence[State]) -> tuple[SelfAlert, ...]:
    blind = [SelfAlert(SelfAlertKind.VANTAGE_IMPAIRED, one.vantage) for one in assigned if not one.healthy]
    return (*blind, *([] if speaking else [SelfAlert(SelfAlertKind.NO_HEALTHY_VANTAGE)]))
