"""The store in one SQLite file: one hub writes it, any process may read it."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from watch.ports import StoreError
from watch.stores.sqlite import commits, opening
from watch.stores.sqlite.reads import SqliteReads
from watch.stores.sqlite.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from watch.ports import Batch

_LOOK = 0.25  # seconds between checks whether the disk still accepts writes
_MOST_QUEUED = 200_000  # observations; some 150 MB

__all__ = ["SqliteReads", "SqliteStore", "reading", "rewriting"]


@contextmanager
def reading(path: Path) -> Iterator[SqliteReads]:
    """The reads of *path*, for one thread; closed at the end of the block."""
    reads = SqliteReads(path)
    try:
        yield reads
    finally:
        reads.shut()


@contextmanager
def rewriting(path: Path) -> Iterator[tuple[SqliteReads, Callable[[Batch], object]]]:
    """The store at *path* for one transaction, without its derived tables: what to read, and how to write a batch.

    All of it is committed at the end, or nothing after an error or a kill. StoreHeld while a hub runs.
    """
    lock = opening.hold(path)
    try:
        with opening.explained(path):
            connection = opening.writable(path)
            try:
                with connection:
                    commits.empty_derived(connection)
                    written = commits.Commits()
                    yield SqliteReads(path, connection), lambda batch: written.write(connection, batch)
            finally:
                connection.close()
    finally:
        os.close(lock)


class SqliteStore:
    """The store at *path*, held until `close`. Raises `StoreHeld`, `StoreCorrupt` or `StoreError`.

    A thread checks every page while the caller already reads: `sound` waits for the result, and nothing is written
    before it.
    """

    def __init__(self, path: Path) -> None:
        opening.refuse_network(path)
        self._lock = opening.hold(path)
        try:
            self._commits = commits.Commits()
            self._failure: BaseException | None = None
            self._queued = 0
            connection = opening.writable(path)
            self._check = _Check(path)
            self._writer = Writer(connection, path, rolled_back=self._commits.forget_names)
            self.reads = SqliteReads(path)
        except BaseException:
            os.close(self._lock)
            raise

    async def sound(self) -> None:
        """Return when all pages are checked; StoreCorrupt when one is damaged."""
        await self._check.over()

    @property
    def trouble(self) -> StoreError | None:
        """Why writes are waiting now; None when they are not."""
        return self._writer.trouble

    @property
    def waiting(self) -> int:
        return self._writer.waiting

    async def commit(self, batch: Batch) -> None:
        """Return once *batch* is on disk, or, while the disk accepts no writes, once it is queued in memory.

        Alerts must not wait for a full disk. Queued batches are written in order as soon as the disk accepts them;
        `trouble` says why they wait. Only a kill meanwhile loses them; notices may then be sent twice.
        """
        if self._failure is not None:
            raise self._failure
        await self._check.over()
        self._spare(batch)
        written = self._writer.submit(lambda connection: self._commits.write(connection, batch))
        while self._writer.trouble is None:
            await asyncio.wait((written,), timeout=_LOOK)
            if written.done():
                written.result()
                return
        written.add_done_callback(self._late)

    def _spare(self, batch: Batch) -> None:
        """Bound the memory while nothing can be written: drop raw readings, never ledger entries."""
        self._queued = 0 if self._writer.trouble is None else self._queued + len(batch.observations)
        if self._queued > _MOST_QUEUED:
            batch.observations.clear()

    def _late(self, written: asyncio.Future[int]) -> None:
        if not written.cancelled() and (error := written.exception()) is not None:
            self._failure = error

    async def forget(self, before_ms: int, ahead_ms: int = 2**62) -> int:
        await self._check.over()
        return await self._writer.submit(lambda connection: commits.forget(connection, before_ms, ahead_ms))

    async def forget_sketches(self, before_ms: int) -> int:
        await self._check.over()
        return await self._writer.submit(lambda connection: commits.forget_sketches(connection, before_ms))

    async def close(self) -> None:
        self.reads.shut()  # first: only the last connection to close can remove the WAL
        await self._writer.close()
        trouble = self._failure or self._writer.trouble
        os.close(self._lock)
        if trouble is not None:
            raise StoreError(f"The last readings could not be written. {trouble}")


class _Check:
    """The check of every page, in its own thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fault: Exception | None = None
        self._thread: threading.Thread | None = threading.Thread(
            target=self._look, name="store-check", daemon=True
        )
        self._thread.start()

    def _look(self) -> None:
        try:
            opening.checked(self._path)
        except Exception as fault:  # noqa: BLE001 - raised in `verdict`
            self._fault = fault

    def verdict(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._fault is not None:
            raise self._fault

    async def over(self) -> None:
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        self.verdict()
