"""What the public may see of a component over time: its timeline in the public words (semantics §4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from statuspage.page import Status
from watch.core.book import Book, Edge, eras
from watch.core.component import composed_state, public_status
from watch.core.timeline import State, Timeline, merged, stretches

if TYPE_CHECKING:
    from collections.abc import Mapping

Words = list[tuple[int, int, Status]]


class PublicView:
    """Public timelines by the book; *shows* are the components that show their loss of redundancy."""

    def __init__(self, book: Book, shows: frozenset[str]) -> None:
        self._book, self._shows = book, shows

    def words(self, key: str, lo: int, hi: int) -> Words:
        """*key* in `[lo, hi)` in public words; its unknown stretches are `Status.UNKNOWN`."""
        return [(start, end, status) for start, end, status, _ in self._walk(key, lo, hi)]

    def _seen(self, key: str, lo: int, hi: int) -> Timeline:
        """*key* as those that contain it count it: what only lost redundancy is up."""
        return merged((start, end, state) for start, end, _, state in self._walk(key, lo, hi))

    def _walk(self, key: str, lo: int, hi: int) -> list[tuple[int, int, Status, State]]:
        found: list[tuple[int, int, Status, State]] = []
        for from_ms, to_ms, terms in eras(self._book.components.get(key, ()), lo, hi):
            if terms is None:
                continue
            members = [
                self._book.check(m, Edge.FOUND, from_ms, to_ms) if "/" in m else self._seen(m, from_ms, to_ms)
                for m in terms.members
            ]
            for start, end, states, counts in stretches(members, from_ms, to_ms):
                status, state = self._word(key, states, counts, terms.needs)
                if found and found[-1][1] == start and found[-1][2:] == (status, state):
                    found[-1] = (found[-1][0], end, status, state)
                else:
                    found.append((start, end, status, state))
        return found

    def _word(
        self, key: str, states: list[State], counts: Mapping[State, int], needs: int | None
    ) -> tuple[Status, State]:
        state = composed_state(states, needs)
        only_redundancy = state is State.DEGRADED and not counts[State.DEGRADED]
        shows = key in self._shows
        word = public_status(
            state,
            any_member_up=bool(counts[State.UP] + counts[State.DEGRADED]),
            redundancy_only=only_redundancy,
            show_redundancy_loss=shows,
        )
        seen = State.UP if only_redundancy and not shows else state
        return Status.UNKNOWN if word is None else Status(word.value), seen
