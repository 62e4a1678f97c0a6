"""The store on one SQLite file: one hub writes it, anyone may read it."""

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

_LOOK = 0.25  # seconds between looks at whether the disk still takes anything
_MOST_QUEUED = 200_000  # observations; some 150 MB

__all__ = ["SqliteReads", "SqliteStore", "reading", "rewriting"]


@contextmanager
def reading(path: Path) -> Iterator[SqliteReads]:
    """A connection that reads *path*, for one thread and a while."""
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
    """Holds *path* until `close`. Raises `StoreHeld`, `StoreCorrupt` or `StoreError` when it cannot.

    Every page is checked in a thread, while the caller already reads: `sound` waits for the verdict, and nothing is
    written before it.
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
        """Return when every page was checked; StoreCorrupt when one is damaged."""
        await self._check.over()

    @property
    def trouble(self) -> StoreError | None:
        """Why writing waits just now, if it does."""
        return self._writer.trouble

    @property
    def waiting(self) -> int:
        return self._writer.waiting

    async def commit(self, batch: Batch) -> None:
        """Return once *batch* is on disk; or, while the disk takes nothing, once it is safe in memory and queued.

        A pager that waits for a full disk helps nobody. What is queued is written in order as soon as that goes;
        `trouble` says so meanwhile. Only a kill in that time loses anything, and then people are told again.
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
        """Keep memory bounded while nothing can be written: raw readings go first, the ledger never."""
        self._queued = 0 if self._writer.trouble is None else self._queued + len(batch.observations)
        if self._queued > _MOST_QUEUED:
            batch.observations.clear()

    def _late(self, written: asyncio.Future[int]) -> None:
        if not written.cancelled() and (error := written.exception()) is not None:
            self._failure = error

    async def forget(self, before_ms: int) -> int:
        await self._check.over()
        return await self._writer.submit(lambda connection: commits.forget(connection, before_ms))

    async def close(self) -> None:
        self.reads.shut()  # first: the last connection to close is the one that can put the WAL away
        await self._writer.close()
        trouble = self._failure or self._writer.trouble
        os.close(self._lock)
        if trouble is not None:
            raise StoreError(f"What was seen last could not be written. {trouble}")


class _Check:
    """A look at every page, in a thread of its own."""

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
        except Exception as fault:  # noqa: BLE001 - said to whoever asks for the verdict
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
