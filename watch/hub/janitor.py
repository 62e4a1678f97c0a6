"""Deletes raw observations after the retention, two days by default."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from watch.ports import Clock, Store, StoreError

if TYPE_CHECKING:
    from datetime import timedelta

log = logging.getLogger(__name__)
_ROUND = 60.0  # seconds
_SOON_MS = 60_000  # how far the clock of another machine may be ahead
_FULL = 20_000  # rows; as many went, so there may be more


class Janitor:
    """Runs once a minute; sooner while there is much to delete."""

    def __init__(self, store: Store, clock: Clock, retention: timedelta) -> None:
        self._store, self._clock, self._retention = store, clock, retention

    def plan(self, retention: timedelta) -> None:
        """Replace the retention."""
        self._retention = retention

    async def run(self) -> None:
        while True:
            await self._clock.sleep(1.0 if await self.tidy() >= _FULL else _ROUND)

    async def tidy(self) -> int:
        """Forget what is too old; return how much that was."""
        now_ms = self._clock.now_ms()
        before_ms = now_ms - round(self._retention.total_seconds() * 1000)
        try:
            return await self._store.forget(before_ms, now_ms + _SOON_MS)
        except StoreError as error:
            log.warning("old observations could not be put away: %s", error)
            return 0
