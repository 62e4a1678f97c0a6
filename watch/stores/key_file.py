"""The key that links are signed with: a file beside the store, which only its owner may read."""

from __future__ import annotations

import logging
import os
import secrets
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)
_SIZE = 32  # bytes
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def key_beside(store: Path) -> bytes:
    """The key of *store*, made if there is none. Where it cannot be kept, one that holds until this process ends."""
    path = store.with_name(f"{store.name}.ack-key")
    try:
        return _read(path) or _made(path)
    except OSError as error:
        log.warning("%s: cannot be kept (%s): acknowledge links end with this process", path, error.strerror)
        return secrets.token_bytes(_SIZE)


def _read(path: Path) -> bytes | None:
    """The key at *path*; None when there is none, or none that only we may know."""
    try:
        file = os.open(path, os.O_RDONLY | _FLAGS)
    except FileNotFoundError:
        return None
    try:
        found = os.fstat(file)
        ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
        if not ours or stat.S_IMODE(found.st_mode) & 0o077:
            return None
        key = os.read(file, _SIZE + 1)
    finally:
        os.close(file)
    return key if len(key) == _SIZE else None


def _made(path: Path) -> bytes:
    key = secrets.token_bytes(_SIZE)
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
    try:
        os.write(file, key)
        os.fsync(file)
    finally:
        os.close(file)
    return key
