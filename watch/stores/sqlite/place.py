"""Whether the files that a hub has open are still those at the store's path, and the store written anew when not.

A file that was removed or replaced under an open descriptor takes every write and is gone with the process: it is not
"on disk". The open connection still reads all of it, so its state is copied to a new file, which gets the path's name.

Two writers are never possible, and a file of somebody else is never overwritten: the copy takes the place of nothing
(a hard link fails where a file is) or of the very file that is open; the lock must be held, and a WAL that is not ours
must be empty.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import apsw

from watch.errors import StoreError
from watch.stores.sqlite.backup import partial, pour
from watch.stores.sqlite.lock import hold, still_holds
from watch.stores.sqlite.opening import checked, free_name, named, synced, writable

if TYPE_CHECKING:
    from pathlib import Path

_Id = tuple[int, int]  # device and inode
_BESIDE = ("-wal", "-shm")
_PAGE = 512  # bytes: the smallest of SQLite; all others are multiples of it


def _id(path: Path) -> _Id | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in _BESIDE]


@dataclass(frozen=True, slots=True)
class Place:
    """The identity of the open files: the database, its WAL and its shared memory, and the lock's descriptor.

    Args:
        size: The bytes of the database when it was opened.
    """

    path: Path
    lock: int
    database: _Id | None
    beside: tuple[_Id | None, ...]
    size: int = 0

    @classmethod
    def of(cls, path: Path, lock: int) -> Place:
        """The files at *path* now, which were just opened."""
        return cls(path, lock, _id(path), tuple(map(_id, _beside(path))), _size(path))

    def lost(self) -> str | None:
        """What is no longer at its path, as the end of a sentence; None when all is."""
        now = _id(self.path)
        if now is None:
            return "was removed or moved" if self.path.parent.is_dir() else "is gone with its folder"
        if now != self.database:
            return "was replaced by another file"
        if self.cut():
            return "was emptied or overwritten by another program"
        for file, known in zip(_beside(self.path), self.beside, strict=True):
            if known is not None and _id(file) != known:
                return f"lost its {file.name}, which was removed or replaced"
        return (
            None
            if still_holds(self.path, self.lock)
            else f"lost its {self.path.name}.lock, which was removed"
        )

    def cut(self) -> bool:
        """Whether the file is shorter than it was, and has no length that SQLite would give it: whole pages."""
        size = _size(self.path)
        return size < self.size and (size == 0 or size % _PAGE != 0)


def renewed(place: Place, connection: apsw.Connection) -> tuple[apsw.Connection, Place]:
    """Write all that *connection* reads to the path of *place*; return the new connection and its place.

    *connection* is closed then. StoreError, and nothing is changed, when another file or hub has the path; StoreCorrupt
    when something has cut the file short and its pages are not all left.
    """
    path = place.path
    lock = place.lock if still_holds(path, place.lock) else hold(path)
    try:
        refuse_foreign(place)
        with partial(path) as copy:
            pour(connection, copy)
            if place.cut():
                checked(copy)  # SQLite reads a page that is gone as zeros
            refuse_foreign(place)  # a long time may have passed
            if _id(path) is None:
                os.link(copy, path)  # fails where a file is
            else:
                copy.rename(path)
            for file in _beside(path):  # of the former file: with the new one they would be read as its own
                file.unlink(missing_ok=True)
            synced(path.parent)
        fresh = _opened(path)
        connection.config(
            apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1
        )  # or it would remove the new WAL by its name
        connection.close()
    except OSError as error:
        _give_back(place, lock)
        raise StoreError(f"It cannot be written anew ({error.strerror}).") from error
    except BaseException:
        _give_back(place, lock)
        raise
    if lock != place.lock:
        os.close(place.lock)
    return fresh, Place.of(path, lock)


def rescued(place: Place, connection: apsw.Connection) -> Path:
    """Write all that *connection* reads beside the path of *place*, which a file of somebody else has; return where.

    Our WAL is removed then: SQLite would apply it to that file.
    """
    target = free_name(place.path.with_name(f"{place.path.name}.rescued"))
    try:
        with partial(target) as copy:
            pour(connection, copy)
            os.link(copy, target)
            synced(target.parent)
        for file, known in zip(_beside(place.path), place.beside, strict=True):
            if known is not None and _id(file) == known:
                file.unlink()
    except OSError as error:
        raise StoreError(f"{target}: cannot be written ({error.strerror}).") from error
    return target


def _opened(path: Path) -> apsw.Connection:
    try:
        return writable(path)
    except BaseException:
        path.unlink()  # it is ours, and nothing but a copy: the next attempt must not take it for another's
        raise


def _give_back(place: Place, lock: int) -> None:
    if lock != place.lock:
        os.close(lock)


def refuse_foreign(place: Place) -> None:
    """StoreError when a file that is not ours lies at the path."""
    path = named(place.path)
    if _id(path) not in (None, place.database):
        raise StoreError(
            f"Another file is at {place.path}, and it is not overwritten. Move it away, or stop the hub."
        )
    for file, known in zip(_beside(path), place.beside, strict=True):
        if file.name.endswith("-wal") and _id(file) not in (None, known) and file.stat().st_size:
            raise StoreError(
                f"Another program has written {file.name}, and it is not overwritten. "
                "Close that program, and move the file away."
            )
