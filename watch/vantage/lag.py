"""The lag of the event loop, now and during a reading.

When the loop lags, healthy targets look slow and slow ones look down. The ticker reports when it ran and when it should
have run; after a reading the caller asks for the worst lag since the reading began, including a tick overdue now.
"""

from __future__ import annotations

from collections import deque

_WORTH_NOTING = 0.02  # seconds
_REMEMBERED = 120.0


class Lag:
    """The recent lags of the event loop. Times are seconds on the monotonic clock."""

    __slots__ = ("_late", "_next")

    def __init__(self) -> None:
        self._late: deque[tuple[float, float]] = deque()
        self._next: float | None = None

    def ticked(self, now: float, expected: float, following: float) -> float:
        """Record a tick at *now*, due at *expected*, with the next at *following*; return its lag in seconds."""
        lag = max(0.0, now - expected)
        self._next = following
        if lag >= _WORTH_NOTING:
            self._late.append((now, lag))
        while self._late and self._late[0][0] < now - _REMEMBERED:
            self._late.popleft()
        return lag

    def worst(self, since: float, now: float) -> float:
        """The worst lag between *since* and *now*, in seconds."""
        overdue = 0.0 if self._next is None else max(0.0, now - self._next)
        if not self._late or self._late[-1][0] < since:  # nearly always
            return overdue
        return max([overdue, *(lag for at, lag in self._late if at >= since)])
