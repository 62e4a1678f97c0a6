"""Makes the checkpoints of months that have ended, at the start and as they end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from watch.errors import StoreError
from watch.hub.checkpoints import checkpoint_rows, checkpoints_due
from watch.hub.replay import live_from_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from watch.hub.days import Days
    from watch.hub.hub import Hub
    from watch.ports import Clock
    from watch.stores.sqlite import SqliteStore

T = TypeVar("T")
LOOK = 600.0  # seconds between looks at whether a month has ended


class MonthEnds:
    """Reads *store* in threads; what it makes goes through *hub*."""

    def __init__(self, store: SqliteStore, hub: Hub, clock: Clock) -> None:
        self._store, self._hub, self._clock = store, hub, clock

    async def run(self) -> None:
        while True:
            why = None
            try:
                await self._make(self._clock.now_ms())
            except StoreError as error:
                why = f"the checkpoint of the month cannot be made: {error}"
            self._hub.troubles.note("checkpoint", why, self._clock.now_ms())
            await self._clock.sleep(LOOK)

    async def settle(self, days: Days) -> None:
        """Complete the *days* of the page. What cannot be read of them is trouble of ours, and the page is drawn."""
        why = None
        try:
            await days.settle(self._clock.now_ms())
        except StoreError as error:
            why = f"the days that are over cannot be read, so the page lacks them: {error}"
        self._hub.troubles.note("days", why, self._clock.now_ms())

    async def on_disk(self) -> bool:
        """Return once all entries so far are written: whether they are on disk, and not only in memory."""
        await self._hub.committed()
        return self._store.trouble is None

    async def _make(self, now_ms: int) -> None:
        if self._store.trouble is not None:
            return  # what waits in memory would be missing in what is read
        for month, at_ms in await asyncio.to_thread(self._read, checkpoints_due, now_ms):
            if not await self.on_disk():
                return
            rows, through = await asyncio.to_thread(self._read, checkpoint_rows, self._store.path, at_ms)
            forget_ms = live_from_ms(now_ms, self._hub.settings.service.timezone)
            self._hub.keep_checkpoint(month, at_ms, rows, through, forget_ms)
            await self._hub.committed()

    def _read(self, work: Callable[..., T], *arguments: object) -> T:
        """What *work* returns of a connection to the store that is this thread's own."""
        with self._store.reading() as reads:
            return work(reads, *arguments)
