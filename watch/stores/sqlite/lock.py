"""The lock that makes sure that one hub at a time holds a store: a file beside it with the hub's process id.

A hub takes an exclusive flock, and an open-file-description lock on the same descriptor. The second one can be seen
without taking a lock, so a verb that asks who holds the store never refuses a hub its start. The file is opened without
following a symbolic link, and only a plain file of one name is written: nobody can make a hub write to another file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import struct
from pathlib import Path

from watch.errors import StoreError, StoreHeld
from watch.stores.owner import foreign
from watch.stores.sqlite.faults import waits

_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO that lies there must not block
_LOCK = "hhqqi4x"  # struct flock: type, whence, start, length, process


def lock_of(path: Path) -> Path:
    """The lock file of the store at *path*."""
    return path.with_name(path.name + ".lock")


def hold(path: Path) -> int:
    """Lock *path* for this process; return the descriptor, which holds the lock until closed or process end.

    StoreHeld while another hub holds it; StoreWaits when the disk has no room for the lock file; StoreError when
    another kind of file lies there.
    """
    lock = lock_of(path)
    while True:
        descriptor = _opened(lock)
        try:
            _take(path, descriptor)
            if _same(lock, descriptor):  # not removed between opening and locking it
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _take(path: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        raise StoreHeld(
            f"{path}: another hub holds this store (process {owner}). "
            f"Stop it first, or give this one its own `store:`."
        ) from None
    with contextlib.suppress(OSError):  # on a read-only file system the lock holds without a text
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, struct.pack(_LOCK, fcntl.F_WRLCK, 0, 0, 0, 0))
        text = f"{os.getpid()}\n".encode()
        os.pwrite(descriptor, text, 0)
        os.ftruncate(descriptor, len(text))


def _opened(lock: Path) -> int:
    try:
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
            descriptor = os.open(lock, os.O_RDONLY | _FLAGS)
    except FileNotFoundError as error:
        readonly = os.statvfs(lock.parent).f_flag & os.ST_RDONLY if lock.parent.is_dir() else 0
        if readonly and (waiting := waits(lock, OSError(errno.EROFS, ""))) is not None:
            raise waiting from error
        raise _refused(lock, "cannot be created (there is no such folder)") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _refused(lock, "is a symbolic link. Remove it, and find out who made it") from error
        if (
            error.errno == errno.EACCES
            and (whose := foreign(lock, os.W_OK) or foreign(lock.parent, os.W_OK)) is not None
        ):
            raise StoreError(whose) from error
        raise waits(lock, error) or _refused(lock, f"cannot be created ({error.strerror})") from error
    try:
        _plain(lock, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _refused(lock: Path, what: str) -> StoreError:
    return StoreError(f"{lock}: {what}. Check its folder, or set `store:`.")


def _plain(lock: Path, descriptor: int) -> None:
    """Refuse what is not a file of ours alone; take from others the rights to it."""
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise _refused(lock, "is not a plain file with one name. Remove it, and find out who made it")
    if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & 0o077:
        with contextlib.suppress(OSError):  # a read-only file system
            os.fchmod(descriptor, 0o600)


def _same(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def still_holds(path: Path, descriptor: int) -> bool:
    """Whether *descriptor* is the lock file that lies beside *path* now."""
    return _same(lock_of(path), descriptor)


def holder(path: Path) -> int | None:
    """The process id of the hub that holds *path*, 0 when it is not known; None while no hub does. Takes no lock."""
    lock = lock_of(path)
    try:
        descriptor = os.open(lock, os.O_RDONLY | _FLAGS)
    except PermissionError:
        return _listed(lock)
    except OSError:
        return None
    try:
        asked = struct.pack(_LOCK, fcntl.F_WRLCK, 0, 0, 0, 0)
        held = struct.unpack(_LOCK, fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, asked))[0] != fcntl.F_UNLCK
        text = os.pread(descriptor, 32, 0).strip()
    finally:
        os.close(descriptor)
    listed = _listed(lock)
    if listed or not held:  # the text may be of an earlier hub: a read-only file system keeps it
        return listed
    return int(text) if text.isdigit() else 0


def _listed(lock: Path) -> int | None:
    """The process that has a flock on *lock*, as the system lists it; for a file that we may not open, or not write."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        found = lock.stat()
        for line in Path("/proc/locks").read_text("utf-8").splitlines():
            words = line.split()
            if words[1] == "FLOCK" and words[5].split(":")[2] == str(found.st_ino):
                process = max(int(words[4]), 0)
                if _has_open(process, found):
                    return process
    return None


def _has_open(process: int, file: os.stat_result) -> bool:
    """Whether *process* has *file* open; also True when we may not look.

    Files of two disks may have the same number, and the system lists locks by another number of the disk than `stat`
    gives on some file systems.
    """
    try:
        descriptors = list(Path(f"/proc/{process}/fd").iterdir())
    except OSError:
        return True
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            if os.path.samestat(descriptor.stat(), file):
                return True
    return False
