"""The one thread that writes: it commits in groups and answers after COMMIT.

All jobs queued when a transaction begins are in it, so a hundred callers cost one fsync. After a temporary error (a
locked file, a full disk) the transaction is repeated without limit while the queue waits: no job is dropped, and
`trouble` says why it waits. A permanent error (a failed fsync: the page cache can no longer be trusted) ends the
writer: every caller gets the error, and the process must restart from what is on the disk.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import apsw

from watch.ports import StoreError
from watch.stores.sqlite.opening import explained

if TYPE_CHECKING:
    from pathlib import Path

Work = Callable[[apsw.Connection], int]
_Job = tuple[Work, "asyncio.Future[int]"]
_GROUP = 500
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 2.0


class Writer:
    """The thread with the writing connection. It starts at once; `close` waits for submitted jobs."""

    def __init__(self, connection: apsw.Connection, path: Path, *, rolled_back: Callable[[], None]) -> None:
        self.trouble: StoreError | None = None
        self._rolled_back = rolled_back
        self._connection, self._path = connection, path
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._broken = False
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
        self._connection.close()

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
        while True:
            try:
                results = self._committed([work for work, _ in group])
            except StoreError as error:
                self.trouble = error
                if (
                    self._broken
                    or self._closing.is_set()
                    or not isinstance(error.__cause__, apsw.BusyError | apsw.FullError)
                ):
                    self._broken = True
                    return self._answer(group, error)
                self._closing.wait(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
            except Exception as bug:  # noqa: BLE001 - raised in the caller
                return self._answer(group, bug)
            else:
                self.trouble = None
                return self._answer(group, results)

    def _committed(self, works: list[Work]) -> list[int]:
        with explained(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                results = [work(self._connection) for work in works]
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._rolled_back()
                raise
        return results

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
