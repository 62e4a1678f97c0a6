"""Deletes what is too old: raw observations after the retention, two days by default, and latency sketches.

An hourly sketch is what percentiles of that hour are computed from. A month is compared with that of the year before,
so sketches are kept for 400 days: 9,600 rows for each check and vantage point. What figures and evidence consist of is
never deleted.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from watch.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from watch.ports import Clock, Store

log = logging.getLogger(__name__)
SKETCHES_KEPT = timedelta(days=400)
_MS = timedelta(milliseconds=1)
_ROUND = 60.0  # seconds
_SOON_MS = 60_000  # how far the clock of another machine may be ahead
_FULL = 20_000  # rows; as many went, so there may be more
_SKETCHES_EVERY = 60  # rounds: sketches are of whole hours


class Janitor:
    """Runs once a minute; sooner while there is much to delete."""

    def __init__(self, store: Store, clock: Clock, retention: timedelta) -> None:
        self._store, self._clock, self._retention = store, clock, retention
        self._rounds = 0  # since sketches were last looked at; 0: look at them now

    def plan(self, retention: timedelta) -> None:
        """Replace the retention."""
        self._retention = retention

    async def run(self) -> None:
        while True:
            await self._clock.sleep(1.0 if await self.tidy() >= _FULL else _ROUND)

    async def tidy(self) -> int:
        """Delete what is too old; return how much of one sort that was at most."""
        now_ms = self._clock.now_ms()
        before_ms = now_ms - self._retention // _MS
        gone = await self._forgotten(self._store.forget(before_ms, now_ms + _SOON_MS))
        if self._rounds % _SKETCHES_EVERY == 0:
            sketches = await self._forgotten(self._store.forget_sketches(now_ms - SKETCHES_KEPT // _MS))
            if sketches >= _FULL:
                return max(gone, sketches)
        self._rounds += 1
        return gone

    async def _forgotten(self, deleting: Awaitable[int]) -> int:
        try:
            return await deleting
        except StoreError as error:
            log.warning("old data could not be deleted: %s", error)
            return 0
