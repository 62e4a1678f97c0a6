"""What the latency of each check usually is: read from its hourly sketches, for the rules with `when: slow`.

A week of one check takes some milliseconds to read, and it changes slowly. So a few checks a second are read, in
another thread, and each again after some hours: 1,000 checks are known four minutes after a start, and no turn waits
for it.
"""

from __future__ import annotations

import asyncio
import logging
from itertools import islice
from typing import TYPE_CHECKING

from watch.core.slowness import usual_p95
from watch.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from watch.hub.measures import Measures
    from watch.ports import Clock, Reads

log = logging.getLogger(__name__)
PAUSE = 1.0  # seconds
_AT_ONCE = 5  # checks
_AGAIN_MS = 6 * 3_600_000
Week = tuple[str, int, int]


class UsualLatency:
    """Tells *measures* what is usual.

    Args:
        reading: Opens reads of the store for one thread.
    """

    def __init__(
        self, reading: Callable[[], AbstractContextManager[Reads]], measures: Measures, clock: Clock
    ) -> None:
        self._reading, self._measures, self._clock = reading, measures, clock
        self._read_ms: dict[str, int] = {}
        self._round: Iterator[str] = iter(())

    async def run(self) -> None:
        while True:
            await self._clock.sleep(PAUSE)
            await self.read_some()

    async def read_some(self) -> int:
        """Read the next checks that are due; how many."""
        now_ms, measures = self._clock.now_ms(), self._measures
        names = list(islice(self._round, _AT_ONCE))
        if not names:
            timed = measures.timed
            self._read_ms = {name: at_ms for name, at_ms in self._read_ms.items() if name in timed}
            self._round = iter([name for name in timed if now_ms - self._read_ms.get(name, 0) >= _AGAIN_MS])
            names = list(islice(self._round, _AT_ONCE))
        weeks = [(name, *measures.week(name, now_ms)) for name in names if name in measures.timed]
        if not weeks:
            return 0
        try:
            found = await asyncio.to_thread(self._read, weeks)
        except StoreError as error:
            log.warning("what the latency of checks usually is cannot be read: %s", error)
            return 0
        for name, usual in found.items():
            if name in measures.timed:
                self._read_ms[name] = now_ms
                measures.usual.update(((name, vantage), p95) for vantage, p95 in usual.items())
        return len(found)

    def _read(self, weeks: Sequence[Week]) -> dict[str, Mapping[str, float | None]]:
        with self._reading() as reads:
            return {
                name: {
                    vantage: usual_p95(hours, sketch)
                    for vantage, (hours, sketch) in reads.latencies(name, from_ms, to_ms).items()
                }
                for name, from_ms, to_ms in weeks
            }
