"""Backup of a store that a hub may be writing, and restore.

A plain copy of the file lacks the WAL, or has a half-written page. SQLite's own backup reads a consistent state, and
starts again when another connection writes meanwhile.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import apsw

from watch.ports import StoreError
from watch.stores.sqlite.opening import explained, hold, readable

if TYPE_CHECKING:
    from pathlib import Path

_PAGES = 2_000  # per step: a writer waits no longer than for that


def copied(store: Path, target: Path) -> int:
    """Write a copy of *store* to *target*, whole or not at all; return its size in bytes.

    StoreError when *target* exists or cannot be written.
    """
    if target.exists():
        raise StoreError(f"{target}: exists already. Choose another name, or remove the file first.")
    partial = target.with_name(f".{target.name}.partial")
    source = readable(store)
    try:
        with explained(target):
            partial.unlink(missing_ok=True)
            os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            _pour(source, partial)
            _sync(partial)
            partial.rename(target)
            _sync(target.parent)
    except OSError as error:
        raise StoreError(f"{target}: cannot be written ({error.strerror}).") from error
    finally:
        source.close()
        with contextlib.suppress(OSError):
            partial.unlink()
    return target.stat().st_size


def _pour(source: apsw.Connection, target: Path) -> None:
    copy = apsw.Connection(str(target), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        with copy.backup("main", source, "main") as backup:
            while not backup.done:
                backup.step(_PAGES)
        copy.execute("PRAGMA journal_mode=DELETE").fetchall()  # one file, without a WAL beside it
    finally:
        copy.close()


def restored(backup: Path, store: Path) -> Path | None:
    """Replace *store*, which no hub may hold, with *backup*; return where the former store is kept.

    The pages are replaced in one transaction: a kill in the middle leaves the former store as it was.
    """
    lock = hold(store)
    try:
        former = None
        source = readable(backup)
        try:
            with explained(store):
                if store.exists():
                    former = _free(store.with_name(f"{store.name}.before-restore"))
                    copied(store, former)
                else:
                    os.close(os.open(store, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
                target = apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READWRITE)
                target.set_busy_timeout(5_000)
                try:
                    with target.backup("main", source, "main") as pages:
                        pages.step(-1)
                    target.execute("PRAGMA journal_mode=WAL").fetchall()
                finally:
                    target.close()
                _sync(store)
        finally:
            source.close()
    finally:
        os.close(lock)
    return former


def _free(path: Path) -> Path:
    """*path*, or *path* with a number when that file exists."""
    names = (path if n == 1 else path.with_name(f"{path.name}-{n}") for n in range(1, 10_000))
    return next(name for name in names if not name.exists())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
