"""Finds states whose validity is over (semantics §2)."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from watch.hub.deadlines import Deadlines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from watch.core.confirm import Belief, Confirmation

Key = tuple[str, str]


class Lapses:
    """Watches *beliefs*, which the intake changes. `add` a key that has a state again."""

    def __init__(self, beliefs: Mapping[Key, Belief]) -> None:
        self._beliefs = beliefs
        self._confirmations: Mapping[str, Confirmation] = {}
        self._deadlines: Deadlines[Key] = Deadlines()
        self._dimmed: set[Key] = set()  # lapsed in the dark: nothing more to wait for

    def plan(self, confirmations: Mapping[str, Confirmation], keys: Iterable[Key]) -> Iterator[None]:
        """Replace the terms, in small steps. *keys* are most of the beliefs' keys, in a good order."""
        self._confirmations = confirmations
        self._dimmed &= self._beliefs.keys()
        deadlines: Deadlines[Key] = Deadlines()
        for key in chain(keys, list(self._beliefs)):
            if key in self._beliefs:
                deadlines.add(key)
            yield
        self._deadlines = deadlines

    def add(self, key: Key) -> None:
        """Watch *key*, too."""
        self._dimmed.discard(key)
        self._deadlines.add(key)

    def dim(self, key: Key) -> None:
        """*key* is known to have lapsed: watch it no longer."""
        self._dimmed.add(key)

    def past(self, now_ms: int, most: int) -> list[Key]:
        """The keys whose states have lapsed, of the next *most* that may have."""
        return self._deadlines.past(now_ms, self._lapse_ms, most)

    def over(self, now_ms: int) -> bool:
        """Whether none is left that may have lapsed."""
        return self._deadlines.next_ms > now_ms

    def _lapse_ms(self, key: Key) -> int | None:
        belief = self._beliefs.get(key)
        if belief is None or belief.last_ms is None or key in self._dimmed:
            return None
        return belief.last_ms + self._confirmations[key[0]].validity_ms
