"""The current state of every component; the book has the history.

A change of a check updates its component, then the components that contain it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from watch.core.component import composed_state
from watch.core.reading import Reason
from watch.core.standing import CheckStanding, Standing
from watch.core.timeline import State

if TYPE_CHECKING:
    from watch.core.settings import Settings
    from watch.hub.plan import Plan

# When a component entered the state it is in at that instant: by the book, so that page and account agree. The last
# argument is when the last of its members entered the state it is in.
Began = Callable[[str, State, int, int], int]
_NONE: Mapping[str, str] = {}


class Board:
    """All components' standings; `update` them with the checks that changed."""

    def __init__(self, plan: Plan, checks: Mapping[str, CheckStanding], began: Began) -> None:
        self.checks = dict(checks)
        self.components: dict[str, Standing] = {}
        self.settings, self._began = plan.settings, began
        self._order, self._parents = plan.order, plan.parents
        self._rank = {key: n for n, key in enumerate(self._order)}

    def fill(
        self, now_ms: int, former: Board | None = None, moved: Mapping[str, str] = _NONE
    ) -> Iterator[None]:
        """Compose all components, in small steps.

        What a *former* board has of the same components is carried over; *moved* gives those that have other keys:
        former key → new key.
        """
        known = {} if former is None else {moved.get(k, k): s for k, s in former.components.items()}
        for key in self._order:
            self._compose(key, now_ms, known.get(key))
            yield

    def update(self, changed: Mapping[str, CheckStanding], now_ms: int) -> set[str]:
        """Update *changed* checks; return the keys of the components that changed."""
        self.checks.update(changed)
        frontier = {p for name in changed for p in self._parents.get(name, ())}
        above = sorted(self._above(frontier), key=self._rank.__getitem__)
        return {key for key in above if self._compose(key, now_ms)}

    def _above(self, keys: Iterable[str]) -> set[str]:
        found: set[str] = set()
        todo = list(keys)
        while todo:
            key = todo.pop()
            if key not in found:
                found.add(key)
                todo += self._parents.get(key, ())
        return found

    def _compose(self, key: str, now_ms: int, former: Standing | None = None) -> bool:
        """Compose *key* again; return whether anything but its detail changed.

        Args:
            former: How it stood before a reload: a state that is the same has not begun anew.
        """
        component = self.settings.components[key]
        before = self.components.get(key)
        states = [self._state(m) for m in component.members]
        state = composed_state(states, component.needs)
        worst = self._worst(component.members, state)
        # A contained component that lost only its redundancy passes that on, not a degradation.
        sagging = any(
            s is State.DEGRADED and not self._only_redundancy(m)
            for m, s in zip(component.members, states, strict=True)
        )
        near_ms = max(self._since_ms(m) for m in component.members)
        since_ms = (
            former.since_ms
            if former is not None and former.state is state
            else self._began(key, state, now_ms, near_ms)
        )
        after = Standing(
            key=key, state=state, since_ms=since_ms,
            reason=worst.reason if worst is not None else Reason.OK,
            detail=worst.detail if worst is not None else "",
            redundancy_lost=state is State.DEGRADED and not sagging,
            redundancy_unknown=state is State.UP and State.UNKNOWN in states,
            members_up=sum(s in (State.UP, State.DEGRADED) for s in states), members=len(states),
            cause=worst.name if worst is not None else "",
        )  # fmt: skip
        self.components[key] = after
        return before is None or (before.state, before.redundancy_lost, before.members_up) != (
            after.state, after.redundancy_lost, after.members_up,
        )  # fmt: skip

    def _state(self, member: str) -> State:
        return self.checks[member].state if "/" in member else self.components[member].state

    def _since_ms(self, member: str) -> int:
        return self.checks[member].since_ms if "/" in member else self.components[member].since_ms

    def _only_redundancy(self, member: str) -> bool:
        return "/" not in member and self.components[member].redundancy_lost

    def _worst(self, members: Sequence[str], state: State) -> CheckStanding | None:
        """The check that explains *state* best: the first in trouble, the worst trouble first."""
        if state is State.UP:
            return None
        leaves = [self.checks[m] for m in _leaves(self.settings, members)]
        order = (
            (State.DOWN, State.DEGRADED, State.UNKNOWN)
            if state is not State.UNKNOWN
            else (State.UNKNOWN, State.DOWN, State.DEGRADED)
        )
        for trouble in order:
            found = sorted((c for c in leaves if c.state is trouble), key=lambda c: c.since_ms)
            if found:
                return found[0]
        return None


def _leaves(settings: Settings, members: Iterable[str]) -> list[str]:
    found: list[str] = []
    for member in members:
        found += [member] if "/" in member else _leaves(settings, settings.components[member].members)
    return found
