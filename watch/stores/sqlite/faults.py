"""What an error of SQLite means, and what to do about it.

There are four kinds, and the writer treats each in its own way:

* `StoreWaits`: the disk accepts no writes now. It is full, a quota or a limit is reached, it is mounted read-only, or
  another program keeps the file locked. All of these are one: everything waits in memory until there is room again.
* `DiskFault`: the disk failed. After a failed fsync nobody knows what is on the disk (the system forgets what it could
  not write), so nothing may be written afterwards: the process ends.
* `StoreCorrupt`: what is on the disk is damaged. It is read, and never written again.
* any other `StoreError`: the file cannot be used.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

import apsw

from watch.errors import RowsDamaged, StoreCorrupt, StoreError
from watch.stores.owner import foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FULL = {
    errno.ENOSPC: "the disk is full. Free some space",
    errno.EDQUOT: "the disk quota of this user is used up. Free some space, or raise the quota",
    errno.EFBIG: "the file has reached the largest size that this process may write. Raise the limit (`ulimit -f`)",
    errno.EROFS: "the file system is mounted read-only. Look into the system's log, then mount it for writing again",
}
_SYNC = (apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC)


class StoreWaits(StoreError):  # noqa: N818 - as `Trouble`
    """The disk accepts no writes now. What is to be written waits in memory."""


class DiskFault(StoreError):  # noqa: N818 - as `Trouble`
    """The disk failed: the process must end, and restart from what is on the disk."""

    exit_code = (
        74  # EX_IOERR: a supervisor should restart the hub, which 2 (a wrong request) does not tell it
    )


@contextlib.contextmanager
def explained(path: Path, number: Callable[[], int] = lambda: 0) -> Iterator[None]:
    """Turn SQLite's errors about *path* into messages with a cure.

    Args:
        number: The system's error number of the last failure of the connection.
    """
    try:
        yield
    except apsw.Error as error:
        meant = _meant(path, error, number())
        if meant is error:
            raise
        raise meant from error
    except UnicodeDecodeError as error:
        raise StoreCorrupt(
            f"{path}: holds text that is not UTF-8 ({error}); another program has written to it. Nothing was changed. "
            "Restore a backup, or move it away to start with a new one."
        ) from error


def damaged(path: Path, table: str, row: str) -> StoreCorrupt:
    """The error of a row that cannot be read, with the way out that its table has."""
    if table in ("ledger", "evidence"):
        cure = "Run `threenines ledger verify`, then restore a backup (`threenines restore FILE`)."
    elif table in ("tile", "day", "checkpoint_row"):
        cure = "It is derived from the ledger: stop the hub and run `threenines ledger rebuild`, which makes it anew."
    else:
        cure = (
            "Restore a backup (`threenines restore FILE`), or stop the hub and run `threenines ledger rebuild`, "
            "which removes the row: what it said is then learnt anew."
        )
    kind = StoreCorrupt if table in ("ledger", "evidence") else RowsDamaged
    return kind(
        f"{path}: a row of the table {table} is damaged ({row}); another program or the disk has changed it. "
        f"Nothing was changed. {cure}"
    )


def links(path: Path) -> list[Path]:
    """Symbolic links in the place of *path* or of a file that belongs to it. SQLite and we follow none."""
    return [
        file
        for end in ("", "-wal", "-shm", ".lock")
        if (file := path.with_name(path.name + end)).is_symlink()
    ]


def refuse_tampered(path: Path) -> None:
    """Raise StoreError when a link is beside *path*, StoreCorrupt when *path* has no byte but its WAL has.

    SQLite says of the first only that it cannot open the file, and takes the second for a new database.
    """
    if found := links(path):
        raise StoreError(f"{found[0]}: is a symbolic link. Remove it, and find out who made it.")
    wal = path.with_name(f"{path.name}-wal")
    if path.exists() and not path.stat().st_size and wal.exists() and wal.stat().st_size:
        raise StoreCorrupt(
            f"{path}: the database is damaged: the file is empty, but {wal.name} is not, so something has emptied it. "
            "Nothing was changed. Keep a copy of both, then restore a backup, or move both away to begin a new one."
        )


def only_wrong(error: StoreError) -> str:
    """What *error* says is wrong, without what it says to do."""
    wrong = str(error)
    for advice in (" Nothing was changed.", " It is only read", " Stop the hub"):
        wrong = wrong.partition(advice)[0]
    return wrong.removesuffix(".")


def waits(path: Path, error: OSError) -> StoreWaits | None:
    """The error of a disk that accepts no writes now; None when *error* is another."""
    text = FULL.get(error.errno or 0)
    return None if text is None else StoreWaits(f"{path}: {text}.")


def _meant(path: Path, error: apsw.Error, number: int) -> Exception:
    code = getattr(error, "extendedresult", 0)
    if path.exists() and not path.is_file():
        return StoreError(f"{path}: is not a file. Set `store:` in checks.yaml to another path.")
    if isinstance(error, apsw.CantOpenError) and (whose := _foreign(path)) is not None:
        return StoreError(whose)
    if isinstance(error, apsw.FullError):
        number = errno.ENOSPC
    if isinstance(error, apsw.FullError | apsw.CantOpenError | apsw.IOError) and code not in _SYNC:
        number = number if number in FULL else _asked(path)
        if number in FULL:
            return StoreWaits(f"{path}: {FULL[number]}.")
    return _others(path, error, code)


def _foreign(path: Path) -> str | None:
    """Whose the store is, when this user may not read one of its files."""
    files = (path.with_name(f"{path.name}{end}") for end in ("", "-wal", "-shm"))
    return next((text for file in files if (text := foreign(file)) is not None), None)


def _others(path: Path, error: apsw.Error, code: int) -> Exception:
    for kinds, made, text in _TEXTS:
        if isinstance(error, kinds):
            return made(f"{path}: {text.format(error=error, wal=f'{path.name}-wal')}")
    if isinstance(error, apsw.IOError):
        text = (
            _FSYNC
            if code in _SYNC
            else "the disk reports an error ({error}). Check the disk, then start again."
        )
        return DiskFault(f"{path}: {text.format(error=error)}")
    return error


_Kinds = type[apsw.Error] | tuple[type[apsw.Error], ...]
_TEXTS: tuple[tuple[_Kinds, type[StoreError], str], ...] = (
    (
        (apsw.NotADBError, apsw.CorruptError), StoreCorrupt,
        ("the database is damaged or is not a database ({error}). Nothing was changed. "
         "Keep a copy of it and of {wal}, then restore a backup, or move it away to start with a new one."),
    ),
    (
        apsw.SQLError, StoreCorrupt,
        ("its tables are not as Threenines made them ({error}); another program has changed them. "
         "Nothing was changed. Restore a backup, or move it away to start with a new one."),
    ),
    (
        apsw.ReadOnlyError, StoreWaits,
        "may not be written ({error}). Give this user the permission to write it and its folder.",
    ),
    (
        apsw.CantOpenError, StoreError,
        "cannot be opened ({error}). Check that its folder exists and that this user may read it.",
    ),
    (
        (apsw.BusyError, apsw.LockedError), StoreWaits,
        "another program keeps it locked. Close that program (it may be sqlite3).",
    ),
)  # fmt: skip
_FSYNC = (
    "the disk did not store what it was given (fsync failed: {error}). The hub ends at once, because after this error "
    "nobody knows what is on the disk. What was acknowledged before it is there. Check the disk, then start again."
)


def _asked(path: Path) -> int:
    """What the folder of *path* answers to a small file: 0, or the number of the error."""
    probe = path.with_name(f".{path.name[:80]}.{os.getpid()}.room")
    try:
        descriptor = os.open(probe, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(descriptor, bytes(65_536), 0)
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError as refused:
        return refused.errno or 0
    return 0
