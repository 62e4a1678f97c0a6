"""Checks that were not asked yet: since they were added, or since we were away ourselves.

What was not asked yet is not missing. A state that lapsed because the hub was stopped, or the machine stood still, says
nothing about the target: it may answer at once when it is asked again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.component import composed_state
from watch.core.timeline import State

if TYPE_CHECKING:
    from collections.abc import Collection

    from watch.hub.board import Board

STALL = 2.0  # seconds more between two looks at the clock than there should be: we stood still ourselves


class Awaited:
    """The checks that should have been asked, since when, and which of them were not.

    Args:
        now_ms: When the hub began.

    Attributes:
        unasked: Checks that should have been asked, and of which no reading tells yet how they are.
    """

    def __init__(self, now_ms: int) -> None:
        self._back_ms = now_ms
        self._joined_ms: dict[str, int] = {}
        self.unasked: set[str] = set()

    def plan(self, checks: Collection[str], now_ms: int) -> None:
        """Replace the checks."""
        self.unasked = {name for name in checks if name in self.unasked or name not in self._joined_ms}
        self._joined_ms = {name: self._joined_ms.get(name, now_ms) for name in checks}

    def away(self, now_ms: int) -> None:
        """Note that we stood still until now."""
        self._back_ms = now_ms
        self.unasked = set(self._joined_ms)

    def joined_ms(self, check: str) -> int:
        """Since when *check* is to be asked."""
        return self._joined_ms.get(check, 0)

    def since_ms(self, check: str) -> int:
        """Since when *check* should have been asked (again)."""
        return max(self._back_ms, self.joined_ms(check))

    def read(self, check: str, at_ms: int, *, settled: bool) -> None:
        """Note a reading of *check* that began at *at_ms*; unless *settled*, more of them are to tell its state."""
        if settled and at_ms >= self.since_ms(check):
            self.unasked.discard(check)

    def component(self, board: Board, key: str) -> bool:
        """Whether component *key* would not be unknown if the checks that were not asked yet were up."""
        if not self.unasked or board.components[key].state is not State.UNKNOWN:
            return False
        return self._state(board, key) is not State.UNKNOWN

    def _state(self, board: Board, member: str) -> State:
        if "/" in member:
            known = board.checks[member].state
            return State.UP if known is State.UNKNOWN and member in self.unasked else known
        known = board.components[member].state
        if known is not State.UNKNOWN:
            return known
        part = board.settings.components[member]
        return composed_state([self._state(board, inner) for inner in part.members], part.needs)
