"""Opening the database file: locks, profile, checks and migrations (security.md §1).

The library is apsw's own SQLite (≥ 3.51.3): older builds, which many systems have, can lose committed rows when two
connections reset the WAL at the same time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from watch.errors import StoreCorrupt, StoreError
from watch.stores.sqlite.faults import explained, refuse_tampered, waits
from watch.stores.sqlite.lock import hold, holder

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "checked", "free_name", "hold", "holder", "readable", "refuse_network", "synced", "unwritten", "writable"
]  # fmt: skip

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


def named(path: Path) -> Path:
    """*path* without symbolic links in its folders: what SQLite is given, as it refuses every link (S9)."""
    return path.parent.resolve() / path.name


def writable(path: Path, migrations: Sequence[tuple[str, str]] | None = None) -> apsw.Connection:
    """The one connection that writes, after migration to the current schema.

    Args:
        migrations: (name, SQL) in order; None means those of this program.
    """
    file = named(path)
    _guard(path, file)
    refuse_tampered(path)
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOFOLLOW
    with explained(path):
        connection = apsw.Connection(str(file), flags=flags)
    try:
        with explained(path, lambda: connection.system_errno):
            if connection.readonly("main"):
                os.close(os.open(file, os.O_RDWR | os.O_CLOEXEC))  # says why
            _begun(connection, path, _migrations() if migrations is None else migrations)
            # apsw stops at the first row: only reading all rows runs all statements
            list(connection.execute(_PROFILE))
            _migrate(connection, path, _migrations() if migrations is None else migrations)
    except OSError as error:
        connection.close()
        raise waits(path, error) or StoreError(
            f"{path}: may not be written ({error.strerror}). Give this user the permission to write it and its folder."
        ) from error
    except BaseException:
        connection.close()
        raise
    for suffix in ("-wal", "-shm"):
        _tighten(file.with_name(file.name + suffix))
    return connection


def _guard(path: Path, file: Path) -> None:
    """Create the file for its owner alone if there is none; refuse what is not a plain file; tighten its mode."""
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(file, flags, 0o600))
    except FileExistsError:
        _tighten(file)
    except OSError as error:
        raise waits(path, error) or StoreError(
            f"{path}: cannot be created ({error.strerror}). Check its folder."
        ) from error


def _tighten(file: Path) -> None:
    """Take from others the rights to *file* when it is ours. StoreError when it is a link or no plain file."""
    try:
        # O_PATH: closing another kind of descriptor would drop the locks that SQLite has on the file.
        descriptor = os.open(file, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            link = "is a symbolic link" if stat.S_ISLNK(found.st_mode) else "is no plain file"
            raise StoreError(f"{file}: {link}. Set `store:` to the file itself.")
        if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & 0o077:
            with contextlib.suppress(OSError):  # a read-only file system
                Path(f"/proc/self/fd/{descriptor}").chmod(0o600)
    finally:
        os.close(descriptor)


def checked(path: Path, *, ours: bool = False) -> None:
    """Check every page of *path*; StoreCorrupt when one is damaged. Slow on a large file: may run in a thread."""
    connection = _reader(path, ours=ours)
    try:
        with explained(path, lambda: connection.system_errno):
            verdict = connection.execute("PRAGMA quick_check(1)").get
            if verdict != "ok":
                raise apsw.CorruptError(str(verdict))
    finally:
        connection.close()


def readable(path: Path, *, ours: bool = False) -> apsw.Connection:
    """A connection that only reads, for which the right to read is enough.

    StoreError when there is no store, or its schema is another.

    Args:
        ours: The hub of this process holds the store.
    """
    if not path.exists():
        raise StoreError(f"{path}: there is no store yet. `threenines run` creates it.")
    connection = _reader(path, ours=ours)
    with explained(path, lambda: connection.system_errno):
        version = connection.execute("PRAGMA user_version").get
    if version != len(_migrations()):
        connection.close()
        cure = (
            "`threenines run` migrates it."
            if version < len(_migrations())
            else "Use a newer version of Threenines."
        )
        raise StoreError(f"{path}: has schema {version}, but this program needs {len(_migrations())}. {cure}")
    return connection


def _reader(path: Path, *, ours: bool) -> apsw.Connection:
    """A connection beside the writer's; where its shared memory cannot be used, one to a store that nobody writes."""
    refuse_tampered(path)
    try:
        with explained(path):
            connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
            try:
                list(connection.execute(_READER))
                connection.execute("PRAGMA schema_version").fetchall()  # reads the file, and opens the WAL
            except BaseException:
                connection.close()
                raise
    except StoreCorrupt:
        raise
    except StoreError:
        if not ours and holder(path) is not None and not os.statvfs(path).f_flag & os.ST_RDONLY:
            raise  # a hub writes it; on a read-only file system nobody does
        return _still(path)
    return connection


def _still(path: Path) -> apsw.Connection:
    """A connection to a store that no hub writes: on a read-only or full disk, or in a folder of another user.

    It needs no shared memory and takes no lock, so it would read nonsense beside a writer. A WAL is read into memory;
    without one, nothing at all is opened beside the file.
    """
    wal = path.with_name(f"{path.name}-wal")
    with explained(path):
        left = wal.exists() and wal.stat().st_size > 0
        options = "vfs=unix-none&mode=ro" if left else "immutable=1&mode=ro"
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        connection = apsw.Connection(f"{path.resolve().as_uri()}?{options}", flags=flags)
        try:
            list(connection.execute("PRAGMA locking_mode=EXCLUSIVE" if left else "PRAGMA locking_mode"))
            list(connection.execute(_READER))
            connection.execute("PRAGMA schema_version").fetchall()
        except BaseException:
            connection.close()
            raise
    return connection


def made(path: Path) -> bool:
    """Whether there is a store at *path* with tables in it. A full disk may have left one without."""
    if not path.exists() or not path.stat().st_size:
        return False
    connection = _reader(path, ours=True)
    try:
        with explained(path):
            return bool(connection.execute("PRAGMA user_version").get)
    finally:
        connection.close()


def unwritten() -> apsw.Connection:
    """An empty store in memory: what a hub reads that starts where its store cannot be created yet."""
    connection = apsw.Connection(":memory:")
    _migrate(connection, Path(":memory:"), _migrations())
    return connection


@cache
def _migrations() -> list[tuple[str, str]]:
    folder = Path(__file__).parents[1] / "migrations"
    return sorted((file.name, file.read_text("utf-8")) for file in folder.glob("*.sql"))


def _migrate(connection: apsw.Connection, path: Path, migrations: Sequence[tuple[str, str]]) -> None:
    """Apply the migrations that *path* lacks, each in its own transaction; keep a copy of *path* first."""
    done = _begun(connection, path, migrations)
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


def _begun(connection: apsw.Connection, path: Path, migrations: Sequence[tuple[str, str]]) -> int:
    """How many of *migrations* were applied. StoreError for what is not ours, which is not even set to WAL then."""
    done = int(connection.execute("PRAGMA user_version").get)
    if not done and connection.execute("SELECT count(*) FROM sqlite_master").get:
        raise StoreError(
            f"{path}: is the database of another program. Nothing was changed. Set `store:` to another file."
        )
    if done > len(migrations):
        raise StoreError(
            f"{path}: was written by a newer version (schema {done}; this one has {len(migrations)}). Use that version."
        )
    return done


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
