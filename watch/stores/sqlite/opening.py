"""Opening the database file: locks, profile, checks and migrations (security.md §1).

The library is apsw's own SQLite (≥ 3.51.3): older builds, which many systems have, can lose committed rows when two
connections reset the WAL at the same time.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from watch.ports import StoreCorrupt, StoreError, StoreHeld

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PROFILE = """
PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000;
PRAGMA foreign_keys=ON; PRAGMA wal_autocheckpoint=1000; PRAGMA journal_size_limit=67108864;
PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16000; PRAGMA mmap_size=0; PRAGMA trusted_schema=OFF;
PRAGMA cell_size_check=ON; PRAGMA fullfsync=ON; PRAGMA checkpoint_fullfsync=ON;
"""
_READER = (
    "PRAGMA busy_timeout=5000; PRAGMA query_only=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON"
)
# On a network file system locks and fsync are not reliable. Types as in /proc/mounts.
_FARAWAY = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse", "fuse.sshfs", "ceph", "glusterfs", "afs"}
)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about *path* into messages with a cure."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise StoreCorrupt(
            f"{path}: the database is damaged or is not a database ({error}). Nothing was changed. "
            f"Keep a copy of it and of {path.name}-wal, then restore a backup, or move it away to start with a new one."
        ) from error
    except apsw.SQLError as error:
        raise StoreCorrupt(
            f"{path}: its tables are not as Threenines made them ({error}); another program has changed them. "
            "Nothing was changed. Restore a backup, or move it away to start with a new one."
        ) from error
    except UnicodeDecodeError as error:
        raise StoreCorrupt(
            f"{path}: holds text that is not UTF-8 ({error}); another program has written to it. Nothing was changed. "
            "Restore a backup, or move it away to start with a new one."
        ) from error
    except apsw.ReadOnlyError as error:
        raise StoreError(
            f"{path}: may not be written ({error}). Give this user the permission to write it and its folder."
        ) from error
    except apsw.CantOpenError as error:
        raise StoreError(
            f"{path}: cannot be opened ({error}). Check that its folder exists and that this user may write it."
        ) from error
    except apsw.FullError as error:
        raise StoreError(
            f"{path}: the disk is full. Free some space; nothing acknowledged was lost."
        ) from error
    except apsw.BusyError as error:
        raise StoreError(
            f"{path}: another program keeps it locked. Close that program (it may be sqlite3)."
        ) from error
    except apsw.IOError as error:
        raise StoreError(
            f"{path}: the disk reports an error ({error}). Check the disk, then start again."
        ) from error


def hold(path: Path) -> int:
    """Lock *path* for this process; return the descriptor, which holds the lock until closed or process end."""
    lock = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"{lock}: cannot be created ({error.strerror}). Check its folder, or set `store:`."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreHeld(
            f"{path}: another hub holds this store (process {holder}). "
            f"Stop it first, or give this one its own `store:`."
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def refuse_network(path: Path) -> None:
    """Raise StoreError when *path* is on a network file system."""
    kind = _filesystem(path.parent)
    if kind in _FARAWAY:
        raise StoreError(
            f"{path}: is on a network file system ({kind}), where locks are not reliable. Set `store:` to a local disk."
        )


def _filesystem(folder: Path) -> str:
    with contextlib.suppress(OSError):
        folder = folder.resolve()
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
        return max((len(at), kind) for at, kind in mounts if folder.is_relative_to(at))[1]
    return ""


def writable(path: Path, migrations: Sequence[tuple[str, str]] | None = None) -> apsw.Connection:
    """The one connection that writes, after migration to the current schema.

    Args:
        migrations: (name, SQL) in order; None means those of this program.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)) if not path.exists() else None
    except OSError as error:
        raise StoreError(f"{path}: cannot be created ({error.strerror}). Check its folder.") from error
    with explained(path):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        list(
            connection.execute(_PROFILE)
        )  # apsw stops at the first row: only reading all rows runs all statements
        _migrate(connection, path, _migrations() if migrations is None else migrations)
    return connection


def checked(path: Path) -> None:
    """Check every page of *path*; StoreCorrupt when one is damaged. Slow on a large file: may run in a thread."""
    with explained(path):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            verdict = connection.execute("PRAGMA quick_check(1)").get
            if verdict != "ok":
                raise apsw.CorruptError(str(verdict))
        finally:
            connection.close()


def readable(path: Path) -> apsw.Connection:
    """A connection that only reads. StoreError when there is no store, or its schema is another."""
    if not path.exists():
        raise StoreError(f"{path}: there is no store yet. `threenines run` creates it.")
    with explained(path):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        list(connection.execute(_READER))
        version = connection.execute("PRAGMA user_version").get
    if version != len(_migrations()):
        cure = (
            "`threenines run` migrates it."
            if version < len(_migrations())
            else "Use a newer version of Threenines."
        )
        raise StoreError(f"{path}: has schema {version}, but this program needs {len(_migrations())}. {cure}")
    return connection


def _migrations() -> list[tuple[str, str]]:
    folder = files("watch.stores") / "migrations"
    return sorted((f.name, f.read_text("utf-8")) for f in folder.iterdir() if f.name.endswith(".sql"))


def _migrate(connection: apsw.Connection, path: Path, migrations: Sequence[tuple[str, str]]) -> None:
    """Apply the migrations that *path* lacks, each in its own transaction; keep a copy of *path* first."""
    done = int(connection.execute("PRAGMA user_version").get)
    if not done and connection.execute("SELECT count(*) FROM sqlite_master").get:
        raise StoreError(
            f"{path}: is the database of another program. Nothing was changed. Set `store:` to another file."
        )
    if done > len(migrations):
        raise StoreError(
            f"{path}: was written by a newer version (schema {done}; this one has {len(migrations)}). Use that version."
        )
    if 0 < done < len(migrations):
        _keep_copy(connection, path, done)
    for number, (name, sql) in enumerate(migrations[done:], done + 1):
        with connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migration"
                "(number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_ms INTEGER NOT NULL)"
            )
            connection.execute(sql)
            mark = (number, name, hashlib.sha256(sql.encode()).hexdigest(), time.time_ns() // 1_000_000)
            connection.execute("INSERT INTO migration VALUES (?, ?, ?, ?)", mark)
            connection.execute(f"PRAGMA user_version={number}")


def _keep_copy(connection: apsw.Connection, path: Path, schema: int) -> None:
    """Write a copy of the database as it is before its migration, beside it."""
    target = free_name(path.with_name(f"{path.name}.schema-{schema}"))
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        connection.execute("VACUUM INTO ?", (str(partial),))
        synced(partial)
        partial.rename(target)
        synced(target.parent)
    except OSError as error:
        raise StoreError(
            f"{target}: the copy before the migration cannot be written ({error.strerror}). Nothing was changed."
        ) from error


def free_name(path: Path) -> Path:
    """*path*, with a number if there is such a file already."""
    names = (path if n == 1 else path.with_name(f"{path.name}-{n}") for n in range(1, 10_000))
    return next(name for name in names if not name.exists())


def synced(path: Path) -> None:
    """Return when the file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def holder(path: Path) -> int | None:
    """The process id of the hub that holds *path*, 0 when it is not known; None while no hub does."""
    try:
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).strip()
        return int(text) if text.isdigit() else 0
    finally:
        os.close(descriptor)
    return None
