"""A component is *k of n* over its members: checks, and components it contains (semantics §4).

With u members up or degraded, u ≥ k is degraded when a member is down, degraded or excluded (*redundancy lost* when one
is down or excluded), else up: an unknown member does not degrade a component that is seen to work. Below k it
is unknown when the unknown members could make up k; else excluded when no member is down; else down. Timelines are
combined instant by instant: multiplying percentages counts outages that never coincided, and misses those that did.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from watch.core.timeline import Item, State, Timeline, composed, filled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SEEN = (State.UP, State.DEGRADED, State.UNKNOWN, State.DOWN)


class PublicStatus(StrEnum):
    """The states of a component as the public page names them."""

    OPERATIONAL = "operational"
    DEGRADED_PERFORMANCE = "degraded_performance"
    PARTIAL_OUTAGE = "partial_outage"
    MAJOR_OUTAGE = "major_outage"
    UNDER_MAINTENANCE = "under_maintenance"


def composed_state(states: Iterable[State], k: int | None = None) -> State:
    """The state of a component whose members are in *states*; *k* None means all. Unknown without members."""
    states = list(states)
    n = len(states)
    up, degraded, unknown, down = map(states.count, _SEEN)
    return _judged(up, degraded, unknown, down, _needed(k, n), n)


def composed_timeline(members: Sequence[Sequence[Item]], k: int | None, lo: int, hi: int) -> Timeline:
    """The component's timeline in `[lo, hi)`, without gaps."""
    n = len(members)
    needed = _needed(k, n)
    if n == 1:
        return filled(members[0], lo, hi)  # most components: the state of the only member

    def rule(counts: Mapping[State, int]) -> State:
        up, degraded, unknown, down = map(counts.__getitem__, _SEEN)
        return _judged(up, degraded, unknown, down, needed, n)

    return composed(members, rule, lo, hi)


def redundancy_only(states: Iterable[State], k: int | None = None) -> bool:
    """Whether lost redundancy is the only trouble: the component is degraded, and no member is.

    Pass a contained component that has only lost redundancy as up.
    """
    states = list(states)
    return composed_state(states, k) is State.DEGRADED and State.DEGRADED not in states


def public_status(
    state: State,
    *,
    any_member_up: bool,
    redundancy_only: bool = False,
    show_redundancy_loss: bool = False,
    in_maintenance: bool = False,
) -> PublicStatus | None:
    """The public status; None without data, when the page says since when there is none.

    Args:
        any_member_up: Whether some member is up or degraded.
    """
    if in_maintenance:
        return PublicStatus.UNDER_MAINTENANCE
    if state is State.UP or (state is State.DEGRADED and redundancy_only and not show_redundancy_loss):
        return PublicStatus.OPERATIONAL
    if state is State.DEGRADED:
        return PublicStatus.DEGRADED_PERFORMANCE
    if state is State.DOWN:
        return PublicStatus.PARTIAL_OUTAGE if any_member_up else PublicStatus.MAJOR_OUTAGE
    return None


def _needed(k: int | None, n: int) -> int:
    needed = n if k is None else k
    if n and not 1 <= needed <= n:
        raise ValueError(f"{needed} of {n} members cannot be needed; write 1 to {n}")
    return needed


def _judged(up: int, degraded: int, unknown: int, down: int, k: int, n: int) -> State:
    if n == 0:
        return State.UNKNOWN
    good = up + degraded
    if good >= k:
        return State.UP if up + unknown == n else State.DEGRADED
    if good + unknown >= k:
        return State.UNKNOWN
    return State.DOWN if down else State.EXCLUDED
