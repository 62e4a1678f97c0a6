"""Finds overdue keys without looking at all of them every second.

Most deadlines move before they come, because each reading renews its state. So a key is queued with the deadline it
had at the last look, and the current deadline is computed only when that one has come. 10,000 checks then cost one look
each per validity of a state instead of one per second.

This requires that a deadline never moves earlier unnoticed. After a change that moves one earlier (other terms), make a
new queue; it looks at every key once.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

K = TypeVar("K", bound=tuple[str, ...])


class Deadlines(Generic[K]):
    """*keys* by the instant at which each must be looked at; all of them the first time."""

    def __init__(self, keys: Iterable[K] = ()) -> None:
        self._heap: list[tuple[int, K]] = [(0, key) for key in sorted(keys)]  # sorted: a heap already
        self._known = {key for _, key in self._heap}

    @property
    def next_ms(self) -> int:
        """When the next key must be looked at; far ahead when there is none."""
        return self._heap[0][0] if self._heap else 2**62

    def add(self, key: K) -> None:
        """Look at *key*, too, from the next time on."""
        if key not in self._known:
            self._known.add(key)
            heapq.heappush(self._heap, (0, key))

    def past(self, now_ms: int, deadline_ms: Callable[[K], int | None], most: int = 2**62) -> list[K]:
        """The keys whose deadline has come, at every call until it moves; a key with deadline None is dropped.

        Args:
            most: Look at so many at the most; those left come first the next time.
        """
        found = []
        while self._heap and self._heap[0][0] <= now_ms and (most := most - 1) >= 0:
            key = self._heap[0][1]
            at_ms = deadline_ms(key)
            if at_ms is None:
                heapq.heappop(self._heap)
                self._known.discard(key)
                continue
            if at_ms <= now_ms:
                found.append(key)
            heapq.heapreplace(self._heap, (max(at_ms, now_ms + 1), key))
        return found
