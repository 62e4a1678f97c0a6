"""The newest stretch of every member's timeline, from which follows since when a component is in its state.

The book could tell that, too, but it would draw the timelines of all members again, over a long time. What is composed
has changed only from the first instant on at which one of its members has: before, it is as it was composed last.

A *tail* is exact from its first instant on, and its last state lasts. Only a check that changed is looked up in the
book, from the last instant at which it was known to be as before. Whatever a tail cannot tell (an instant before it
began, a check that is otherwise in the book) is *lost*: then the book is asked as at the start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.component import composed_state
from watch.core.timeline import State, filled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watch.core.standing import CheckStanding, Standing
    from watch.core.timeline import Timeline

    Drawn = Callable[[str, int, int], Timeline]  # check, from_ms, to_ms

LOST = -1  # instead of an instant: it is not known from when on a member has changed
_KEPT = 6  # events of a tail: a state that lapses and comes back is two
Tail = list[tuple[int, State]]  # (from_ms, state)


class Tails:
    """The tails of checks and components. What has not changed since the board was made has none: it is as it stands.

    Args:
        drawn: A check's timeline in a span, by the book.
        floor_ms: When the board was made: members and terms may have been others before.
    """

    def __init__(self, drawn: Drawn, floor_ms: int) -> None:
        self._drawn, self._floor_ms = drawn, floor_ms
        self._tails: dict[str, Tail | None] = {}

    def check(self, was: CheckStanding | None, now: CheckStanding, now_ms: int) -> int | None:
        """From when on the check has another timeline than it had when it stood as *was*; None: it has the same."""
        if was is not None and was.state is now.state and was.since_ms == now.since_ms:
            return None
        tail = None if was is None else self._of(was, was.name)
        renewed = None if tail is None else self._renewed(tail, now, now_ms)
        if renewed is None:
            self.begin(now.name, now.state, now.since_ms, now_ms)
            return LOST
        self._tails[now.name] = renewed[0][-_KEPT:]
        return renewed[1]

    def _renewed(self, tail: Tail, now: CheckStanding, now_ms: int) -> tuple[Tail, int | None] | None:
        """*tail* by the book, and its first instant that is another; None if the book says something else of *now*."""
        for n in range(len(tail) - 1, -1, -1):
            from_ms, state = tail[n]
            if from_ms > now_ms:
                return None
            drawn = filled(self._drawn(now.name, from_ms, now_ms + 1), from_ms, now_ms + 1)
            if drawn[0][2] is not state:
                continue  # it changes what was believed from then on: look further back
            events = [(at, after) for at, _, after in drawn[1:]]
            renewed = [*tail[: n + 1], *events]
            if renewed[-1] != (now.since_ms, now.state):
                return None
            return renewed, min((at for at, _ in (*tail[n + 1 : n + 2], *events)), default=None)
        return None

    def begin(self, name: str, state: State, since_ms: int, now_ms: int) -> None:
        """*name* is in *state* since then; how it was before is not known. It is no instant if it is *now_ms*."""
        self._tails[name] = [(since_ms, state)] if since_ms < now_ms else None

    def lose(self, name: str) -> None:
        """Let the book be asked since when *name* is in its state, at its next change."""
        self._tails[name] = None

    def tell(self, name: str) -> bool:
        """Whether it is known since when *name* is in its state."""
        return self._tails.get(name, ()) is not None

    def component(
        self, was: Standing, members: Mapping[str, CheckStanding | Standing], k: int | None, state: State, from_ms: int
    ) -> tuple[int, int | None] | None:  # fmt: skip
        """Since when a component is in *state*, and from when on its timeline is another (None: it is the same).

        None instead of both when that is lost.

        Args:
            was: How it stood.
            members: How its members stand now, and *k* how many of them it needs.
            from_ms: The first instant at which one of them has changed since it stood as *was*.
        """
        tail = self._of(was, was.key)
        if tail is None or from_ms <= max(self._floor_ms, tail[0][0]):
            return None
        walked = self._walked(members, k, from_ms)
        if walked is None:
            return None
        n = len(tail)
        while tail[n - 1][0] >= from_ms:
            n -= 1
        after = tail[:n]
        for event in walked:
            if event[1] is not after[-1][1]:
                after.append(event)
        if after[-1][1] is not state:
            return None
        changed = [at for at, _ in (*tail[n : n + 1], *after[n : n + 1])]
        if tail[n:] == after[n:]:
            return after[-1][0], None
        self._tails[was.key] = after[-_KEPT:]
        return after[-1][0], min(changed)

    def _walked(
        self, members: Mapping[str, CheckStanding | Standing], k: int | None, from_ms: int
    ) -> Tail | None:
        """The composed states from *from_ms* on, each with its instant; None when a tail does not reach back so far."""
        states: list[State] = []
        events: list[tuple[int, int, State]] = []
        for n, (name, standing) in enumerate(members.items()):
            tail = self._of(standing, name)
            if tail is None or tail[0][0] > from_ms:
                return None
            state = tail[0][1]
            for at, later in tail[1:]:
                if at <= from_ms:
                    state = later
                else:
                    events.append((at, n, later))
            states.append(state)
        walked = [(from_ms, composed_state(states, k))]
        if events:
            events.sort()
            last_ms = events[0][0]
            for at, n, state in events:
                if at != last_ms:
                    walked.append((last_ms, composed_state(states, k)))
                    last_ms = at
                states[n] = state
            walked.append((last_ms, composed_state(states, k)))
        return walked

    def _of(self, standing: CheckStanding | Standing, name: str) -> Tail | None:
        """The tail of *name*; None when it is lost."""
        try:
            return self._tails[name]
        except KeyError:
            return [(standing.since_ms, standing.state)]
