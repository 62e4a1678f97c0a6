"""Looks after the store once a second, and says what is wrong with it as trouble of our own.

Not written, lost from its path, damaged, a WAL that only grows, a disk that fills up: none of these may be silent, and
none of them may stop page and pager.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from watch.errors import StoreCorrupt, StoreError
from watch.hub.answers import disk_text, rows_text
from watch.stores.room import RoomOverTime
from watch.stores.sqlite.faults import only_wrong
from watch.stores.sqlite.soundness import WeeklyCheck

if TYPE_CHECKING:
    from watch.hub.troubles import Troubles
    from watch.ports import Clock
    from watch.stores.room import Room
    from watch.stores.sqlite import SqliteStore

log = logging.getLogger(__name__)
WAL_MOST = 256 << 20  # bytes: four times what it is cut to
_SAID_MS = 600_000  # how long it is told that the store was written anew
_DUE_LOOK = 600.0  # seconds between looks whether the weekly check is due
_MIB = 1 << 20


class StoreWatch:
    """The looks at *store*, whose troubles go to *troubles*.

    Args:
        wal_most: The size of the WAL in bytes above which it is trouble.
    """

    def __init__(
        self, store: SqliteStore, troubles: Troubles, clock: Clock, *, wal_most: int = WAL_MOST
    ) -> None:
        self._store, self._troubles, self._clock, self._wal_most = store, troubles, clock, wal_most
        self._over_time = RoomOverTime(store.path)
        self._weekly = WeeklyCheck(store.path)
        self._said: str | None = None
        self._renewed_ms: int | None = None

    def room(self) -> Room | None:
        """The room on the store's disk now, with its growth over the last day; None when it is not known."""
        return self._over_time.at(self._clock.now_ms())

    @property
    def waits(self) -> bool:
        """Whether what is acknowledged is not on disk now."""
        return self._store.trouble is not None

    def look(self) -> None:
        """Look at the store now."""
        now = self._clock.now_ms()
        self._store.look(self._clock.monotonic())
        self._look_at_writing(now)
        self._look_at_renewal(now)
        self._look_at_room(now)
        self._troubles.note("store_rows", rows_text(self._store.reads.left_out), now)

    def _look_at_writing(self, now_ms: int) -> None:
        trouble = self._store.trouble
        why = None if trouble is None else str(trouble)
        if (why is None) is not (self._said is None):
            log.log(
                logging.ERROR if why else logging.INFO, "the store: %s", why or "everything is written again"
            )
        self._said = why
        kind, text = ("", "") if trouble is None else self._told(trouble)
        self._troubles.note("store_corrupt", text if kind == "store_corrupt" else None, now_ms)
        self._troubles.note("store_lost", text if kind == "store_lost" else None, now_ms)
        self._troubles.note("store_stuck", text if kind == "store_stuck" else None, now_ms)

    def _told(self, trouble: StoreError) -> tuple[str, str]:
        """The kind of *trouble* with writing, and what is said of it."""
        given_up = self._store.waiting[2]
        more = (
            f" {given_up} raw readings were given up, because memory is limited; ledger and alerts are kept."
        )
        more = more if given_up else ""
        if isinstance(trouble, StoreCorrupt):
            return "store_corrupt", f"{only_wrong(trouble)}; all that comes in is kept in memory.{more}"
        if self._store.lost:
            return "store_lost", f"{trouble}{more}"
        return "store_stuck", f"the store takes no writes, all is kept in memory: {trouble}{more}"

    def _look_at_renewal(self, now_ms: int) -> None:
        renewed, self._store.renewed = self._store.renewed, None
        if renewed is not None:
            log.error("%s", renewed)
            self._renewed_ms = now_ms
            self._troubles.note("store_renewed", renewed, now_ms)
        elif self._renewed_ms is not None and now_ms - self._renewed_ms >= _SAID_MS:
            self._renewed_ms = None
            self._troubles.note("store_renewed", None, now_ms)

    def _look_at_room(self, now_ms: int) -> None:
        room = self.room()
        little = disk_text(room) if room is not None and room.little else None
        long = None
        if room is not None and room.wal > self._wal_most:
            long = (
                f"the WAL of the store has grown to {room.wal // _MIB} MiB, because another program keeps reading "
                f"an old state: find it with `fuser {self._store.path}` and close it"
            )
        if (behind := self._store.checkpointing) is not None:
            long = f"the WAL of the store cannot be put away: {behind}"
        self._troubles.note("disk_filling", little, now_ms)
        self._troubles.note("store_wal", long, now_ms)

    async def run(self) -> None:
        """Wait for the check of the start, then run the weekly ones."""
        await self._store.sound()
        try:
            while True:
                if self._clock.now_ms() >= self._weekly.due_ms(self._clock.now_ms()):
                    await self._check()
                await self._clock.sleep(_DUE_LOOK)
        finally:
            self._weekly.stopping.set()

    async def _check(self) -> None:
        try:
            damage = await asyncio.to_thread(self._weekly.run, self._clock.now_ms())
        except StoreError as error:
            log.warning("the weekly check of the store could not be made: %s", error)
            return
        if damage is not None:
            self._store.condemn(damage)
