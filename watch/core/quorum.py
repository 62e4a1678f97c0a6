"""From vantage points to one state of a check, and how much to trust it (semantics §3).

A check is asked from several vantage points, and vantage points fail too. So those that are healthy and reporting
form a *pool*. The target is *down* when a strict majority of the pool sees it down, and *degraded* when only some do.

The audience selects the pool: `internal` the vantage points at the component's own site (onsite), `public` those at
other sites (offsite), `any` all. For `public` the onsite ones replace the offsite ones when none of these is healthy
(*fallback*: low confidence, confirmation doubled), or when none is configured (no fallback). When the offsite pool sees
the target up but a healthy onsite vantage point sees it down, it is degraded.

A vantage point whose state is unknown (silent, or its readings do not count) is in no pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from watch.core.settings import Audience
from watch.core.timeline import Item, State, Timeline, merged, stretches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watch.core.spans import Span


class Confidence(StrEnum):
    NONE = "none"  # the pool is empty
    LOW = "low"  # a pool of one, or the fallback
    NORMAL = "normal"


class SelfAlertKind(StrEnum):
    """The kinds of trouble with the monitoring itself, not with the target."""

    NO_HEALTHY_VANTAGE = "no_healthy_vantage"
    VANTAGE_IMPAIRED = "vantage_impaired"


@dataclass(frozen=True, slots=True)
class SelfAlert:
    """An alert about the monitoring; *vantage* is the impaired vantage point."""

    kind: SelfAlertKind
    vantage: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """The state of a check as one configured vantage point sees it.

    Args:
        onsite: Whether it is at the site of the check's component.
        healthy: Whether it is not blind: enough of its canaries are good, or it has none.
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
    """The combined state of a check. While *fallback* is true, confirmation takes twice the readings."""

    state: State
    confidence: Confidence
    self_alerts: tuple[SelfAlert, ...] = ()
    fallback: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """The timeline of a check as one vantage point saw it, unknown where it was blind or silent."""

    vantage: str
    onsite: bool
    timeline: Sequence[Item]


def quorum(
    seen: Sequence[Seen],
    audience: Audience = Audience.INTERNAL,
    down_when: str | int = "majority",
    sources: Sequence[str] = (),
) -> Quorum:
    """The combined state of all configured vantage points.

    Args:
        down_when: ``any``, ``majority``, ``all`` or a number; a smaller pool gives unknown.
        sources: The vantage points that ``from:`` names; they replace those of the audience.
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
    """The check's timeline in *bounds*, without gaps; at every instant it equals `quorum`."""
    judged: dict[tuple[State, ...], State] = {}  # few vantage points have few combinations of states
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
    return _troubles(tuple(one.vantage for one in assigned if not one.healthy), bool(speaking))


@lru_cache(256)  # the same for all checks of a vantage point: 10,000 of them need it at once
def _troubles(blind: tuple[str, ...], speaking: bool) -> tuple[SelfAlert, ...]:
    impaired = [SelfAlert(SelfAlertKind.VANTAGE_IMPAIRED, vantage) for vantage in blind]
    return (*impaired, *([] if speaking else [SelfAlert(SelfAlertKind.NO_HEALTHY_VANTAGE)]))
