"""A component is *k of n* over its members: checks, and components it contains (semantics §4).

With u members up or degraded, u ≥ k is degraded when a member is down, degraded or excluded (*redundancy lost* when one
is down or excluded), else up: a member that is only unknown takes nothing from what is seen to work. Below k it is
unknown when the unknown ones could make up k; else, with no member down, excluded; else down. Combining works on
timelines, instant by instant: multiplying percentages invents outages that never met, and hides those that did.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

from watch.core.timeline import Item, State, Timeline, composed, filled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class PublicStatus(StrEnum):
    """The public page's words."""

    OPERATIONAL = "operational"
    DEGRADED_PERFORMANCE = "degraded_performance"
    PARTIAL_OUTAGE = "partial_outage"
    MAJOR_OUTAGE = "major_outage"
    UNDER_MAINTENANCE = "under_maintenance"


def composed_state(states: Iterable[State], k: int | None = None) -> State:
    """What members in *states* make together; *k* None means all. A component without members is unknown."""
    counts = Counter(states)
    n = counts.total()
    return _judged(counts, _needed(k, n), n)


def composed_timeline(members: Sequence[Sequence[Item]], k: int | None, lo: int, hi: int) -> Timeline:
    """The component's timeline in `[lo, hi)`, every instant of it in an item."""
    n = len(members)
    needed = _needed(k, n)
    if n == 1:
        return filled(members[0], lo, hi)  # nearly every component: it is what its one member is
    return composed(members, lambda counts: _judged(counts, needed, n), lo, hi)


def redundancy_only(states: Iterable[State], k: int | None = None) -> bool:
    """Whether nothing is wrong but lost redundancy: degraded together, and no member itself degraded.

    A contained component that has only lost redundancy counts as up here: pass it so.
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
    """The word for the public; None when there is no data: the page then says since when.

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


def _judged(counts: Mapping[State, int], k: int, n: int) -> State:
    if n == 0:
        return State.UNKNOWN
    good = counts[State.UP] + counts[State.DEGRADED]
    if good >= k:
        return State.UP if counts[State.UP] + counts[State.UNKNOWN] == n else State.DEGRADED
    if good + counts[State.UNKNOWN] >= k:
        return State.UNKNOWN
    return State.DOWN if counts[State.DOWN] else State.EXCLUDED
