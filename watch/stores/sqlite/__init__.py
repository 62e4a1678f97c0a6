"""The store on one SQLite file: one hub writes it, anyone may read it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from watch.ports import StoreError
from watch.stores.sqlite import commits, opening
from watch.stores.sqlite.reads import SqliteReads
from watch.stores.sqlite.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from watch.core.alert import Alert, Heard, Notice
    from watch.core.confirm import Belief
    from watch.core.ledger import Entry
    from watch.core.reading import Observation
    from watch.core.sketch import Sketch
    from watch.core.trend import QuarterHours
    from watch.ports import Batch

_LOOK = 0.25  # seconds between looks at whether the disk still takes anything
_MOST_QUEUED = 200_000  # observations; some 150 MB

__all__ = ["SqliteReads", "SqliteStore"]


class SqliteStore:
    """Holds *path* until `close`. Raises `StoreHeld`, `StoreCorrupt` or `StoreError` when it cannot."""

    def __init__(self, path: Path) -> None:
        opening.refuse_network(path)
        self._lock = opening.hold(path)
        try:
            self._commits = commits.Commits()
            self._failure: BaseException | None = None
            self._queued = 0
            self._writer = Writer(opening.writable(path), path, rolled_back=self._commits.forget_names)
            self._reads = SqliteReads(path)
        except BaseException:
            os.close(self._lock)
            raise

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
        return await self._writer.submit(lambda connection: commits.forget(connection, before_ms))

    async def close(self) -> None:
        self._reads.shut()  # first: the last connection to close is the one that can put the WAL away
        await self._writer.close()
        trouble = self._failure or self._writer.trouble
        os.close(self._lock)
        if trouble is not None:
            raise StoreError(f"What was seen last could not be written. {trouble}")

    def entries(self, after: int = 0) -> Iterator[Entry]:
        return self._reads.entries(after)

    def evidence(self, seq: int) -> Sequence[Observation]:
        return self._reads.evidence(seq)

    def beliefs(self) -> Mapping[tuple[str, str], Belief]:
        return self._reads.beliefs()

    def latest(self) -> Mapping[tuple[str, str], Observation]:
        return self._reads.latest()

    def alerts(self) -> tuple[Sequence[Alert], Sequence[Notice], Sequence[Heard]]:
        return self._reads.alerts()

    def canaries(self, vantage: str) -> frozenset[str]:
        return self._reads.canaries(vantage)

    def trends(self, vantage: str, since_ms: int) -> Mapping[str, Mapping[str, QuarterHours]]:
        return self._reads.trends(vantage, since_ms)

    def sketch(self, check: str, from_ms: int, to_ms: int) -> Sketch:
        return self._reads.sketch(check, from_ms, to_ms)
