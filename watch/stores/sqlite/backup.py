"""Backup of a store that a hub may be writing, and restore.

A plain copy of the file lacks the WAL, or has a half-written page. SQLite's own backup reads a consistent state, and
starts again when another connection writes meanwhile.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from typing import TYPE_CHECKING

import apsw

from watch.errors import StoreCorrupt, StoreError
from watch.stores.sqlite.faults import explained
from watch.stores.sqlite.lock import hold
from watch.stores.sqlite.opening import checked, free_name, readable, synced

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PAGES = 2_000  # of one step: a writer waits no longer than that
_BESIDE = ("", "-wal", "-shm", "-journal")
_PARTIAL = ".partial"


def copied(store: Path, target: Path) -> int:
    """Write a copy of *store* to *target*, whole or not at all; return its size in bytes.

    StoreError when *target* exists or cannot be written; StoreCorrupt when a page of the copy is damaged.
    """
    try:
        _remove_left(target)
        if target.exists():
            raise FileExistsError  # noqa: TRY301 - said below, as when it appears meanwhile
        with partial(target) as copy:
            _copy(store, copy)
            checked(copy)
            os.link(copy, target)  # unlike a rename, it never replaces a file
            synced(target.parent)
        return target.stat().st_size
    except FileExistsError:
        raise StoreError(f"{target}: exists already. Choose another name, or remove it first.") from None
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{target}: cannot be written ({getattr(error, 'strerror', None) or error})."
        ) from error


@contextlib.contextmanager
def partial(target: Path) -> Iterator[Path]:
    """An empty file beside *target* for what is not whole yet; it is gone afterwards.

    A kill leaves it there, as large as the store. So it is locked while it is in use, and the next one for *target*
    removes what nobody holds.
    """
    _remove_left(target)
    file, held = _held(target)
    try:
        yield file
    finally:
        os.close(held)
        _remove(file)


def _held(target: Path) -> tuple[Path, int]:
    """A new file beside *target*, and the descriptor that locks it."""
    while True:
        file = target.with_name(f"{_prefix(target)}{secrets.token_hex(4)}{_PARTIAL}")
        held = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(held, fcntl.LOCK_EX)
        if os.fstat(held).st_nlink:
            return file, held
        os.close(held)  # another backup took it for one that was left, before it was locked


def _prefix(target: Path) -> str:
    return f".{target.name[:80]}."


def _remove_left(target: Path) -> None:
    """Remove the partial files for *target* of those who were killed."""
    start, length = _prefix(target), len(secrets.token_hex(4))
    with contextlib.suppress(OSError):
        for file in target.parent.iterdir():
            token = file.name.removeprefix(start).removesuffix(_PARTIAL)
            if file.name != f"{start}{token}{_PARTIAL}" or len(token) != length:
                continue
            with contextlib.suppress(OSError):
                held = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove(file)
                finally:
                    os.close(held)


def _remove(file: Path) -> None:
    for suffix in _BESIDE:
        with contextlib.suppress(OSError):
            file.with_name(file.name + suffix).unlink()


def _copy(source: Path, target: Path) -> None:
    """Copy the pages of *source* into the empty file *target*, and put it on disk."""
    reads = readable(source)
    try:
        pour(reads, target)
    finally:
        reads.close()


def pour(source: apsw.Connection, target: Path) -> None:
    """Copy all that *source* reads into the empty file *target*, and put it on disk."""
    with explained(target):
        copy = apsw.Connection(str(target), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            with copy.backup("main", source, "main") as backup:
                while not backup.done:
                    backup.step(_PAGES)
            copy.execute("PRAGMA journal_mode=DELETE").fetchall()  # one file, without a WAL beside it
        finally:
            copy.close()
    synced(target)


def restored(backup: Path, store: Path) -> Path | None:
    """Replace *store*, which no hub may hold, with *backup*; return where the former store is kept.

    A store that can be read is replaced in one transaction; one that cannot is moved aside. A kill at any moment
    leaves the former store or the restored one.
    """
    lock = hold(store)
    try:
        former = free_name(store.with_name(f"{store.name}.before-restore"))
        if not store.exists():
            _placed(backup, store)
            return None
        try:
            copied(store, former)
        except StoreCorrupt:
            _set_aside(backup, store, former)
        except StoreError:
            if store.stat().st_size:
                raise
            _set_aside(backup, store, former)
        else:
            _replaced(backup, store)
        return former
    finally:
        os.close(lock)


def _placed(backup: Path, store: Path) -> None:
    with partial(store) as copy:
        _copy(backup, copy)
        for suffix in _BESIDE[1:]:  # of a store that is gone: they would be applied to the new one
            store.with_name(store.name + suffix).unlink(missing_ok=True)
        copy.rename(store)
        synced(store.parent)


def _set_aside(backup: Path, store: Path, former: Path) -> None:
    with partial(store) as copy:
        _copy(backup, copy)
        for suffix in _BESIDE[1:]:
            with contextlib.suppress(FileNotFoundError):
                store.with_name(store.name + suffix).rename(former.with_name(former.name + suffix))
        os.link(store, former)
        copy.rename(
            store
        )  # there is a store at every moment: else a hub that starts now would make an empty one
        synced(store.parent)


def _replaced(backup: Path, store: Path) -> None:
    """Replace all pages of *store* in one transaction."""
    source = readable(backup)
    try:
        with explained(store):
            target = apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READWRITE)
            target.set_busy_timeout(5_000)
            try:
                with target.backup("main", source, "main") as pages:
                    pages.step(-1)
                target.execute("PRAGMA journal_mode=WAL").fetchall()
            finally:
                target.close()
        synced(store)
    finally:
        source.close()
