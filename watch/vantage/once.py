"""Asks checks once, now, as fast as this machine keeps up.

A run that waited for us for too long says nothing of its target. It is asked again when the others are done, with
fewer at a time; only what still waits for us then is *overloaded*.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from watch.core.reading import Reading, Reason
from watch.vantage.ask import asked
from watch.vantage.lag import Lag, Waiting
from watch.vantage.pace import TICK, Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from watch.core.settings import Check
    from watch.ports import Clock

_AT_ONCE = (64, 8, 1)  # in the first round, the second, …


async def ask_once(
    checks: Iterable[Check], clock: Clock, said: Callable[[Check, Reading, float], None]
) -> None:
    """Ask each of *checks*; *said* gets its reading and how long its run took, in seconds."""
    asking, left = _Asking(clock), list(checks)
    for at_once in _AT_ONCE[:-1]:
        left = await asking.round(left, at_once, said, again=True)
    await asking.round(left, _AT_ONCE[-1], said, again=False)


class _Asking:
    """Rounds of runs, and how late the loop is meanwhile."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lag, self._pace = clock, Lag(), Pace()

    async def round(
        self,
        checks: Iterable[Check],
        at_once: int,
        said: Callable[[Check, Reading, float], None],
        *,
        again: bool,
    ) -> list[Check]:
        """Ask *checks*; with *again* those that waited for us for too long are not told but returned."""
        waiting = deque(checks)
        left: list[Check] = []
        running: set[asyncio.Task[None]] = set()

        async def one(check: Check) -> None:
            reading, seconds = await self._asked(check)
            if again and reading.reason is Reason.OVERLOADED:
                left.append(check)
            else:
                said(check, reading, seconds)

        expected = self._clock.monotonic()
        try:
            while waiting or running:
                expected = self._ticked(expected)
                quota = self._pace.quota(left_out=bool(waiting))
                for _ in range(min(quota, at_once - len(running), len(waiting))):
                    running.add(asyncio.create_task(one(waiting.popleft())))
                await self._clock.sleep(max(0.0, expected - self._clock.monotonic()))
                for task in [task for task in running if task.done()]:
                    running.remove(task)
                    task.result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        return left

    def _ticked(self, expected: float) -> float:
        now = self._clock.monotonic()
        following = max(expected, now) + TICK
        self._lag.ticked(now, expected, following)
        return following

    async def _asked(self, check: Check) -> tuple[Reading, float]:
        began, waited = self._clock.monotonic(), Waiting(self._lag, self._clock)
        reading = await asked(
            check.probe,
            check.judge,
            clock=self._clock,
            timeout=check.timeout,
            way=check.way,
            waited=waited,
        )
        return reading, self._clock.monotonic() - began
