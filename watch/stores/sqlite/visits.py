"""Short visits to a store that this process does not hold: to read it, or to rewrite it in one transaction."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from watch.stores.sqlite import commits, opening
from watch.stores.sqlite.faults import explained
from watch.stores.sqlite.lock import hold
from watch.stores.sqlite.mending import mended
from watch.stores.sqlite.reads import SqliteReads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from watch.ports import Batch


@contextmanager
def reading(path: Path) -> Iterator[SqliteReads]:
    """The reads of *path*, for one thread; closed at the end of the block."""
    reads = SqliteReads(path)
    try:
        yield reads
    finally:
        reads.shut()


@contextmanager
def rewriting(path: Path) -> Iterator[tuple[SqliteReads, Callable[[Batch], object], dict[str, int]]]:
    """The store at *path* for one transaction, without its derived tables and without rows that cannot be read.

    What to read, how to write a batch, and by table how many rows could not be read and are removed.

    All of it is committed at the end, or nothing after an error or a kill. StoreHeld while a hub runs.
    """
    lock = hold(path)
    try:
        with explained(path):
            connection = opening.writable(path)
            try:
                with connection:
                    commits.empty_derived(connection)
                    removed = mended(connection)
                    written = commits.Commits()
                    reads = SqliteReads(path, connection)
                    yield reads, lambda batch: written.write(connection, batch), removed
            finally:
                connection.close()
    finally:
        os.close(lock)
