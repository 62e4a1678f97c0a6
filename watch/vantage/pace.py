"""How many runs may start at a tick: as many as the loop has kept up with.

The limit is measured, not derived from the configuration. When the loop's own work between two ticks takes longer than
a tick, fewer runs start; while runs had to be left out although the loop kept up, more start. So a loop that is asked
too much does as much as it can, and page, pager and store keep their share of it. A processor that others use makes
ticks late as well, but is no reason to ask less: only processor time that the loop itself used counts.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TICK = 0.02  # seconds
_MOST = 1000.0  # runs at a tick
_FIRST = 20.0
_WEIGHT = 0.3  # of the latest tick in the mean of their processor time


class Pace:
    """The limit on starts.

    Args:
        cpu: The processor time of the loop's thread, in seconds.
    """

    __slots__ = ("_busy", "_cpu", "_quota", "_spent")

    def __init__(self, cpu: Callable[[], float] = time.thread_time) -> None:
        self._cpu, self._spent, self._busy, self._quota = cpu, cpu(), 0.0, _FIRST

    def quota(self, *, left_out: bool) -> int:
        """How many runs may start at this tick; *left_out*: whether the last tick had more than it could start."""
        spent = self._cpu()
        # A mean: one tick that also served a page or a scrape is no reason to ask less.
        self._busy += _WEIGHT * (spent - self._spent - self._busy)
        self._spent = spent
        if self._busy > 1.25 * TICK:
            self._quota = max(1.0, self._quota * 0.9)
        elif left_out and self._busy < TICK:
            self._quota = min(_MOST, self._quota * 1.05 + 0.5)
        return int(self._quota)
