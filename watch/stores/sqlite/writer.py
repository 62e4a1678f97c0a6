"""The one thread that writes: it commits in groups and answers after COMMIT.

All jobs queued when a transaction begins are in it, so a hundred callers cost one fsync. What happens after an error
depends on what it means (`watch.stores.sqlite.faults`):

* The disk accepts no writes now: the transaction is repeated without limit while the queue waits; `trouble` says why.
* The store is damaged: nothing is ever written again; `trouble` says so, and everything waits until the end.
* Anything else, above all a failed fsync, ends the writer for good: `broken` is the reason, and this job and all later
  ones get it as their answer. The WAL is then left as it is, for the recovery at the next start.

Checkpoints of the WAL are made here and not by SQLite, which would not report an fsync that fails in one.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import apsw

from watch.errors import StoreCorrupt, StoreError
from watch.stores.sqlite.faults import StoreWaits, explained

if TYPE_CHECKING:
    from pathlib import Path

Work = Callable[[apsw.Connection], int]
_Job = tuple[Work, "asyncio.Future[int]"]
_GROUP = 500
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 2.0
_CHECKPOINT = 1000  # pages of the WAL


class Writer:
    """The thread with the writing connection. It starts at once; `close` waits for submitted jobs.

    Args:
        connect: Opens the connection; StoreWaits when that is not possible yet.
        rolled_back: Called after a transaction that was rolled back.
        connection: The connection, if it is open already; else *trouble* says why not.
    """

    def __init__(
        self, connect: Callable[[], apsw.Connection], path: Path, *, rolled_back: Callable[[], None],
        connection: apsw.Connection | None = None, trouble: StoreError | None = None,
    ) -> None:  # fmt: skip
        self.trouble = trouble
        self.broken: Exception | None = None
        self.checkpointing: StoreError | None = None  # why the last checkpoint could not be made
        self.displaced = (
            False  # the files beside the store are not ours: closing must not remove them by name
        )
        self.moving: Callable[[apsw.Connection], apsw.Connection] | None = None
        self._rolled_back, self._connect, self._path = rolled_back, connect, path
        self._connection: apsw.Connection | None = None
        if connection is not None:
            self._use(connection)
        self._frames = 0
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._damage: StoreCorrupt | None = None
        self._thread = threading.Thread(target=self._serve, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """The number of jobs that wait for a transaction."""
        return self._jobs.qsize()

    def submit(self, work: Work) -> asyncio.Future[int]:
        """Run *work* in a transaction; the future has its result once the transaction is on disk."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._jobs.put((work, future))
        return future

    def freeze(self, damage: StoreCorrupt) -> None:
        """Never write again: the store is damaged."""
        self._damage = self.trouble = damage

    async def close(self) -> None:
        self._closing.set()
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        last = False
        while not last:
            group, last = self._group()
            if group:
                self._settle(group)
                self._checkpoint()
        if (connection := self._connection) is not None:
            if self.displaced:
                self._frames = _CHECKPOINT
                self._checkpoint()  # the WAL that is ours has no name any more
            if self.displaced or self.broken is not None or self._damage is not None:
                connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.close()

    def _group(self) -> tuple[list[_Job], bool]:
        """The next jobs, at least one of them, and whether they are the last."""
        group: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            group.append(job)
            if len(group) >= _GROUP or self._jobs.empty():
                return group, False
            job = self._jobs.get()
        return group, True

    def _settle(self, group: list[_Job]) -> None:
        wait = _FIRST_WAIT
        while self.broken is None:
            try:
                results = self._committed([work for work, _ in group])
            except StoreCorrupt as damage:
                self.freeze(damage)
                self._closing.wait()
                return self._answer(group, damage)
            except StoreWaits as error:
                self.trouble = error
                if self._closing.is_set():
                    return self._answer(group, error)
                self._closing.wait(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
            except StoreError as error:
                self.broken = error
            except Exception as bug:  # noqa: BLE001 - raised in the caller
                return self._answer(group, bug)
            else:
                self.trouble = None
                return self._answer(group, results)
        return self._answer(group, self.broken)

    def _committed(self, works: list[Work]) -> list[int]:
        if self._damage is not None:
            raise self._damage
        if self._connection is None:
            self._use(self._connect())
        if (move := self.moving) is not None and (connection := self._connection) is not None:
            self.moving = None
            self._use(move(connection))
        connection = self._connection
        assert connection is not None  # `_use` has set it
        with explained(self._path, lambda: connection.system_errno):
            connection.execute("BEGIN IMMEDIATE")
            try:
                results = [work(connection) for work in works]
                connection.execute("COMMIT")
            except BaseException:
                self._undo(connection)
                self._rolled_back()
                raise
        return results

    @staticmethod
    def _undo(connection: apsw.Connection) -> None:
        with contextlib.suppress(apsw.Error):  # the first error is the one that counts
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _use(self, connection: apsw.Connection) -> None:
        """Write to *connection* from now on."""
        self._connection, self._frames = connection, 0
        connection.set_wal_hook(self._grown)

    def _grown(self, _: apsw.Connection, __: str, frames: int) -> int:
        self._frames = frames
        return int(apsw.SQLITE_OK)

    def _checkpoint(self) -> None:
        """Copy what readers allow from a long WAL into the database."""
        connection = self._connection
        if (
            connection is None
            or self._frames < _CHECKPOINT
            or self.broken is not None
            or self._damage is not None
        ):
            return
        try:
            with explained(self._path, lambda: connection.system_errno):
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except StoreCorrupt as damage:
            self.freeze(damage)
        except StoreWaits as error:
            self.checkpointing = error
        except StoreError as error:
            self.broken = error
        else:
            self.checkpointing = None

    def _answer(self, group: list[_Job], results: list[int] | Exception) -> None:
        """Pass the results to the loops that wait; a closed loop needs none."""
        for index, (_, future) in enumerate(group):
            loop = future.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(
                    _resolve, future, results if isinstance(results, Exception) else results[index]
                )


def _resolve(future: asyncio.Future[int], result: int | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
