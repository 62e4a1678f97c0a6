"""The store in one SQLite file: one hub writes it, any process may read it."""

from __future__ import annotations

import asyncio
import math
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from watch.errors import StoreCorrupt, StoreError, StoreHeld
from watch.stores.backlog import Backlog
from watch.stores.sqlite import commits, opening
from watch.stores.sqlite.faults import DiskFault, StoreWaits
from watch.stores.sqlite.lock import hold
from watch.stores.sqlite.place import Place, renewed, rescued
from watch.stores.sqlite.reads import SqliteReads
from watch.stores.sqlite.soundness import Check
from watch.stores.sqlite.visits import reading, rewriting
from watch.stores.sqlite.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import apsw

    from watch.ports import Batch

_LOOK = 0.25  # seconds between checks whether the disk still accepts writes
_MOVE_AGAIN = 5.0  # seconds between attempts to write a lost store anew

__all__ = ["SqliteReads", "SqliteStore", "reading", "rewriting"]


class SqliteStore:
    """The store at *path*, held until `close`. Raises `StoreHeld`, `StoreCorrupt` or `StoreError`.

    Where the disk accepts no writes, it begins with what can be read, everything waits in memory, and the file is
    opened as soon as that is possible. A thread checks every page while the caller already reads; nothing is written
    before the result, and never when a page is damaged.

    Args:
        backlog: What may wait in memory.
    """

    def __init__(self, path: Path, backlog: Backlog | None = None) -> None:
        opening.refuse_network(path)
        self.path, self._lock = path, -1
        self._place: Place | None = None
        self._commits, self._backlog = commits.Commits(), Backlog() if backlog is None else backlog
        self._lost: StoreError | None = None
        self.renewed: str | None = None
        self._closing = False
        self._stale = False
        self._pouring: asyncio.Future[int] | None = None
        self._move_again = 0.0
        connection, why = None, None
        try:
            try:
                connection = self._opened()
            except StoreWaits as waiting:
                why = waiting
            self.reads = self._begun(connection)
            self._began = _end(self.reads)
            self._writer = Writer(
                self._connect,
                path,
                rolled_back=self._commits.forget_names,
                connection=connection,
                trouble=why,
            )
            self._check = Check(path if connection is not None or opening.made(path) else None)
        except BaseException:
            if self._lock >= 0:
                os.close(self._lock)
            raise

    # ---- opening ----

    def _opened(self) -> apsw.Connection:
        if self._lock < 0:
            self._lock = hold(self.path)
        connection = opening.writable(self.path)
        self._place = Place.of(self.path, self._lock)
        return connection

    def _begun(self, connection: apsw.Connection | None) -> SqliteReads:
        if connection is None and not opening.made(self.path):
            return SqliteReads(self.path, opening.unwritten())
        return SqliteReads(self.path, opening.readable(self.path, ours=True))

    def _connect(self) -> apsw.Connection:
        """Open the store that could not be opened at the start. StoreHeld if it is no longer what was read then."""
        connection = self._opened()
        if _end(SqliteReads(self.path, connection)) != self._began:
            connection.close()
            raise StoreHeld(
                f"{self.path}: another hub has written it while this one could not. "
                "What waits in memory does not fit it any more and is lost."
            )
        self._stale = True
        return connection

    @contextmanager
    def reading(self) -> Iterator[SqliteReads]:
        """The reads of the store for one thread, also while there is no file yet; closed at the end of the block."""
        reads = self._begun(None)
        try:
            yield reads
        finally:
            reads.shut()

    async def sound(self) -> None:
        """Return when all pages are checked; when one is damaged, nothing is written from then on."""
        damage = await self._check.over()
        if damage is not None:
            self._writer.freeze(damage)

    def condemn(self, damage: str) -> None:
        """Never write again: *damage* was found."""
        self._writer.freeze(
            StoreCorrupt(
                f"{self.path}: the database is damaged ({damage}). It is only read from now on. "
                "Stop the hub and restore a backup (`threenines restore FILE`)."
            )
        )

    # ---- its state ----

    @property
    def trouble(self) -> StoreError | None:
        """Why what is acknowledged is not on disk now; None when it is."""
        return self._writer.trouble or self._lost

    @property
    def lost(self) -> bool:
        """Whether the file that takes the writes is no longer at its path."""
        return self._lost is not None and self._writer.trouble is None

    @property
    def waiting(self) -> tuple[int, int, int]:
        """What waits in memory: raw readings, other rows; and how many raw readings were given up."""
        return *self._backlog.size, self._backlog.given_up

    @property
    def checkpointing(self) -> StoreError | None:
        """Why the last checkpoint of the WAL could not be made."""
        return self._writer.checkpointing

    def look(self, monotonic: float) -> None:
        """Look whether the open files are still at their path; have them written anew if not. Call it each second."""
        if self._stale:
            self._read_again()
        place = self._place
        if place is None or self._writer.moving is not None:
            return
        if (what := place.lost()) is None:
            self._lost = None
        elif self._lost is None or monotonic >= self._move_again:
            self._lost = self._lost or StoreError(
                f"{self.path}: the store {what} while the hub runs. What is written is gone when the hub ends."
            )
            self._move_again = monotonic + _MOVE_AGAIN
            self._writer.moving = lambda connection: self._moved(connection, place, what)
            self._writer.submit(lambda _: 0).add_done_callback(_seen)

    def _read_again(self) -> None:
        """Read the file that is written now: the former connection keeps the room of a removed one."""
        former, self._stale = self.reads, False
        try:
            self.reads = SqliteReads(self.path, opening.readable(self.path, ours=True))
        except StoreError:
            self._stale = True  # it was removed again
            return
        self.reads.left_out = former.left_out
        former.shut()

    def _moved(self, connection: apsw.Connection, place: Place, what: str) -> apsw.Connection:
        """The connection to a copy at the path; *connection* itself when there cannot be one now."""
        try:
            fresh, found = renewed(place, connection)
        except StoreCorrupt:
            raise StoreCorrupt(
                f"{self.path}: the store {what} while the hub runs, and what is left is damaged. It is only read "
                "from now on. Stop the hub and restore a backup (`threenines restore FILE`)."
            ) from None
        except StoreError as error:
            end = "What is written is gone when the hub ends."
            if self._closing:
                with suppress(StoreError):
                    end = f"All that it holds is in {rescued(place, connection)}."
            self._lost = StoreError(f"{self.path}: the store {what} while the hub runs. {end} {error}")
            return connection
        self._place, self._lock, self._writer.displaced, self._stale = found, found.lock, False, True
        self.renewed = (
            f"{self.path}: the store {what} while the hub ran. It was written anew, and nothing is lost. "
            "Find out who did it."
        )
        self._lost = None
        return fresh

    # ---- writing ----

    async def commit(self, batch: Batch) -> None:
        """Return once *batch* is on disk, or, while the disk accepts no writes, once it is queued in memory.

        Alerts must not wait for a full disk. Queued batches are written in order as soon as the disk accepts them;
        `trouble` says why they wait. Only a kill meanwhile loses them; notices may then be sent twice.
        Raises StoreError when the disk failed, and when there is no room in memory.
        """
        if self._writer.broken is not None:
            raise self._writer.broken
        await self.sound()
        number = None
        if self._backlog or self._writer.trouble is not None:
            number = self._backlog.add(batch)
            written = self._poured()
        else:
            written = self._writer.submit(lambda connection: self._commits.write(connection, batch))
        while self._writer.trouble is None:
            await asyncio.wait((written,), timeout=_LOOK)
            if written.done():
                written.result()
                if number is None or self._backlog.written >= number:
                    return
                written = self._poured()
            elif self._writer.broken is not None:
                raise self._writer.broken
        written.add_done_callback(_seen)

    def _poured(self) -> asyncio.Future[int]:
        """Done when all batches that wait now are on disk, or those before them."""
        if self._pouring is None or self._pouring.done():
            self._pouring = self._writer.submit(
                lambda connection: self._commits.write(connection, self._backlog.taken())
            )
            self._pouring.add_done_callback(self._pour_on)
        return self._pouring

    def _pour_on(self, poured: asyncio.Future[int]) -> None:
        if not poured.cancelled() and poured.exception() is None:
            self._backlog.done()
            if self._backlog:
                self._poured()

    async def forget(self, before_ms: int, ahead_ms: int = 2**62) -> int:
        await self.sound()
        if self.trouble is not None:
            return 0
        return await self._writer.submit(lambda connection: commits.forget(connection, before_ms, ahead_ms))

    async def forget_sketches(self, before_ms: int) -> int:
        await self._check.over()
        return await self._writer.submit(lambda connection: commits.forget_sketches(connection, before_ms))

    async def close(self) -> None:
        self.reads.shut()  # first: only the last connection to close can remove the WAL
        self._check.stop()
        self._closing = True
        if self._place is not None and self._place.lost() is not None and self._writer.moving is None:
            self._move_again = 0.0
            self.look(math.inf)
            self._writer.displaced = True
        await self._writer.close()
        readings, rows, _ = self.waiting
        trouble = self._writer.broken or self.trouble
        if self._lock >= 0:
            os.close(self._lock)
        if trouble is not None:
            parts = f"{readings} reading{'s' * (readings != 1)} and {rows} other row{'s' * (rows != 1)}"
            kept = f" {parts} were only in memory." if readings + rows else ""
            message = f"The last readings could not be written.{kept} {trouble}"
            raise (
                type(trouble)(message) if isinstance(trouble, DiskFault | StoreHeld) else StoreError(message)
            )


def _end(reads: SqliteReads) -> tuple[int, str]:
    """The last entry of the ledger and its hash."""
    last = reads.last_entry()
    return (0, "") if last is None else (last.seq, last.hash)


def _seen(written: asyncio.Future[int]) -> None:
    """Look at the answer that nobody waits for: the next commit raises the error, if it was one."""
    if not written.cancelled():
        written.exception()
