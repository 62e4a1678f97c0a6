"""The current state of every component; the book has the history.

Changes of checks update their components, then the components that contain these: each of them once, however many of
its checks changed. Since when it is so follows from what changed (`watch.hub.tails`), if it can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from watch.core.component import composed_state
from watch.core.reading import Reason
from watch.core.standing import CheckStanding, Standing
from watch.core.timeline import State
from watch.hub.tails import LOST, Tails

if TYPE_CHECKING:
    from watch.core.settings import Settings
    from watch.hub.plan import Plan
    from watch.hub.tails import Drawn

# When a component entered the state it is in at that instant: by the book, so that page and account agree. The last
# argument is when the last of its members entered the state it is in.
Began = Callable[[str, State, int, int], int]
_NONE: Mapping[str, str] = {}
_SEEN = (State.DOWN, State.DEGRADED, State.UNKNOWN)
_UNSEEN = (State.UNKNOWN, State.DOWN, State.DEGRADED)
_AT_ONCE = 5  # checks
_SINCE = attrgetter("since_ms")


class Board:
    """All components' standings; `update` them with the checks that changed.

    Args:
        drawn: A check's timeline in a span, by the book.
    """

    def __init__(self, plan: Plan, checks: Mapping[str, CheckStanding], began: Began, drawn: Drawn) -> None:
        self.checks = dict(checks)
        self.components: dict[str, Standing] = {}
        self.settings, self._began = plan.settings, began
        self._order, self._parents = plan.order, plan.parents
        self._rank = {key: n for n, key in enumerate(self._order)}
        self._leaves: dict[str, tuple[str, ...]] = {}
        self._drawn, self._tails = drawn, Tails(drawn, 0)

    def fill(
        self, now_ms: int, former: Board | None = None, moved: Mapping[str, str] = _NONE
    ) -> Iterator[None]:
        """Compose all components, in small steps.

        What a *former* board has of the same components is carried over; *moved* gives those that have other keys:
        former key → new key.
        """
        known = {} if former is None else {moved.get(k, k): s for k, s in former.components.items()}
        self._tails = Tails(self._drawn, now_ms)
        for key in self._order:
            self._compose(key, now_ms, known.get(key))
            yield

    def update(
        self, changed: Iterable[str], standing: Callable[[str], CheckStanding], clock: Callable[[], int]
    ) -> Iterator[list[CheckStanding]]:
        """Update *changed* checks and what contains them, in small steps; each gives the checks that it updated.

        Args:
            standing: How a check stands now.
        """
        left, altered = set(changed), dict[str, int]()
        for key in sorted(self._above(left), key=self._rank.__getitem__):
            members = self.settings.components[key].members
            mine = [m for m in members if m in left] if left else []
            left.difference_update(mine)
            yield from self._renewed(mine, standing, clock, altered)
            self._recompose(key, clock(), altered)
            yield []
        yield from self._renewed(sorted(left), standing, clock, altered)

    def _renewed(
        self, names: Sequence[str], standing: Callable[[str], CheckStanding], clock: Callable[[], int],
        altered: dict[str, int],
    ) -> Iterator[list[CheckStanding]]:  # fmt: skip
        """Update the checks *names*; *altered* gets from when on those have another timeline that have one."""
        for n in range(0, len(names), _AT_ONCE):
            fresh = []
            for name in names[n : n + _AT_ONCE]:
                was, now = self.checks.get(name), standing(name)
                self.checks[name] = now
                fresh.append(now)
                if (from_ms := self._tails.check(was, now, clock())) is not None:
                    altered[name] = from_ms
            yield fresh

    def _above(self, members: Iterable[str]) -> set[str]:
        """The components that contain *members*, in others, too."""
        found: set[str] = set()
        todo = [parent for member in members for parent in self._parents.get(member, ())]
        while todo:
            key = todo.pop()
            if key not in found:
                found.add(key)
                todo += self._parents.get(key, ())
        return found

    def _recompose(self, key: str, now_ms: int, altered: dict[str, int]) -> None:
        """Compose *key* after a change of its members; *altered* is read for them, and written for it."""
        component, was = self.settings.components[key], self.components[key]
        members = {m: self.checks[m] if "/" in m else self.components[m] for m in component.members}
        state = composed_state([m.state for m in members.values()], component.needs)
        changes = [altered[m] for m in component.members if m in altered]
        told: tuple[int, int | None] | None = None
        if not changes:
            told = (was.since_ms, None) if was.state is state and self._tails.tell(key) else None
        elif LOST not in changes:
            told = self._tails.component(was, members, component.needs, state, min(changes))
        if told is None:
            self._compose(key, now_ms)
            altered[key] = LOST
            return
        after = self._standing(key, state, told[0])
        if after != was:
            self.components[key] = after
        if told[1] is not None:
            altered[key] = told[1]

    def _compose(self, key: str, now_ms: int, former: Standing | None = None) -> None:
        """Compose *key* by the book.

        Args:
            former: How it stood before a reload: a state that is the same has not begun anew.
        """
        component = self.settings.components[key]
        state = composed_state([self._state(m) for m in component.members], component.needs)
        near_ms = max(self._since_ms(m) for m in component.members)
        if former is not None and former.state is state:
            since_ms = former.since_ms
            self._tails.lose(key)  # by the book, which is asked when it changes
        else:
            since_ms = self._began(key, state, now_ms, near_ms)
            self._tails.begin(key, state, since_ms, now_ms)
        self.components[key] = self._standing(key, state, since_ms)

    def _standing(self, key: str, state: State, since_ms: int) -> Standing:
        members = self.settings.components[key].members
        states = [self._state(m) for m in members]
        worst = self._worst(key, state)
        # A contained component that lost only its redundancy passes that on, not a degradation.
        sagging = State.DEGRADED in states and any(
            s is State.DEGRADED and not self._only_redundancy(m) for m, s in zip(members, states, strict=True)
        )
        return Standing(
            key=key, state=state, since_ms=since_ms,
            reason=worst.reason if worst is not None else Reason.OK,
            detail=worst.detail if worst is not None else "",
            redundancy_lost=state is State.DEGRADED and not sagging,
            redundancy_unknown=state is State.UP and State.UNKNOWN in states,
            members_up=states.count(State.UP) + states.count(State.DEGRADED), members=len(states),
            cause=worst.name if worst is not None else "",
        )  # fmt: skip

    def _state(self, member: str) -> State:
        return self.checks[member].state if "/" in member else self.components[member].state

    def _since_ms(self, member: str) -> int:
        return self.checks[member].since_ms if "/" in member else self.components[member].since_ms

    def _only_redundancy(self, member: str) -> bool:
        return "/" not in member and self.components[member].redundancy_lost

    def _worst(self, key: str, state: State) -> CheckStanding | None:
        """The check that explains *state* of *key* best: the first in trouble, the worst trouble first."""
        if state is State.UP:
            return None
        if key not in self._leaves:
            self._leaves[key] = tuple(_leaves(self.settings, self.settings.components[key].members))
        leaves = [self.checks[leaf] for leaf in self._leaves[key]]
        for trouble in _UNSEEN if state is State.UNKNOWN else _SEEN:
            if found := [check for check in leaves if check.state is trouble]:
                return min(found, key=_SINCE)
        return None


def _leaves(settings: Settings, members: Iterable[str]) -> list[str]:
    found: list[str] = []
    for member in members:
        found += [member] if "/" in member else _leaves(settings, settings.components[member].members)
    return found
