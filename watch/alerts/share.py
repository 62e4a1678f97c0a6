"""The share of the loop's time that looking at all alerts may take.

A look at 10,000 open alerts takes a tenth of a second. If each of the hub's turns had one, a storm that changes states
all the time would leave the probes too little, and what is late because of us is unknown.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHORT = 0.01  # seconds; a shorter look is no burden
REST = 4  # times as long as a look lasted, before the next one


class Share:
    """Says whether the next look may be now.

    Args:
        spent: Returns the processor time of this thread in seconds.
    """

    def __init__(self, spent: Callable[[], float]) -> None:
        self._spent, self._rests_until_ms = spent, 0

    def ready(self, now_ms: int) -> bool:
        """Whether it has rested; also when the clock was set back."""
        return not 0 < self._rests_until_ms - now_ms <= REST * 60_000

    @contextmanager
    def taken(self, now_ms: int) -> Iterator[None]:
        """A look, which begins at *now_ms*."""
        begun = self._spent()
        yield
        took = self._spent() - begun
        self._rests_until_ms = now_ms + round(took * 1000 * (REST + 1)) if took >= SHORT else 0
