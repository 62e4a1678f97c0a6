"""How much of the disk of the store is left, and when it is full at the store's growth over the last day."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_DAY_MS, _HOUR_MS = 86_400_000, 3_600_000
_LOOK_MS = 10_000
_LITTLE = 256 * 1024 * 1024  # bytes: less is too little on any disk
_SOON_DAYS = 7.0
_BESIDE = ("", "-wal", "-shm")


class DiskLeft(NamedTuple):
    """The file system of the store.

    Args:
        free, size: Bytes that we may still write, and bytes in all.
        a_day: Bytes by which the store grew in the last day; None while less than an hour of it is known.
    """

    free: int
    size: int
    a_day: int | None = None

    @property
    def full_in_days(self) -> float | None:
        """When it is full at that growth; None when it does not grow, or that is not known."""
        return self.free / self.a_day if self.a_day is not None and self.a_day > 0 else None

    @property
    def little(self) -> bool:
        """Whether it is nearly full, or will be within a week."""
        soon = self.full_in_days
        return self.free < _LITTLE or (soon is not None and soon < _SOON_DAYS)


def disk_left(store: Path, statvfs: Callable[[Path], os.statvfs_result] = os.statvfs) -> DiskLeft | None:
    """The file system of *store*, or of its folder; None when the folder does not exist or may not be read."""
    try:
        found = statvfs(store if store.exists() else store.parent)
    except OSError:
        return None
    return DiskLeft(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


class DiskWatch:
    """The disk of *store* over time: `left` looks at most every ten seconds, and keeps a size an hour for a day."""

    def __init__(self, store: Path, statvfs: Callable[[Path], os.statvfs_result] = os.statvfs) -> None:
        self._store, self._statvfs = store, statvfs
        self._sizes: deque[tuple[int, int]] = deque()
        self._looked_ms, self._left = -_LOOK_MS, disk_left(store, statvfs)

    def left(self, now_ms: int) -> DiskLeft | None:
        """What is left at *now_ms*."""
        if not 0 <= now_ms - self._looked_ms < _LOOK_MS:
            self._looked_ms = now_ms
            left, size = disk_left(self._store, self._statvfs), self._size()
            self._left = None if left is None else left._replace(a_day=self._growth(now_ms, size))
        return self._left

    def _growth(self, now_ms: int, size: int) -> int | None:
        sizes = self._sizes
        if sizes and now_ms < sizes[-1][0]:
            sizes.clear()  # the clock went back
        if not sizes or now_ms - sizes[-1][0] >= _HOUR_MS:
            sizes.append((now_ms, size))
        while now_ms - sizes[0][0] > _DAY_MS:
            sizes.popleft()
        known_ms = now_ms - sizes[0][0]
        return (size - sizes[0][1]) * _DAY_MS // known_ms if known_ms >= _HOUR_MS else None

    def _size(self) -> int:
        files = (self._store.with_name(self._store.name + end) for end in _BESIDE)
        return sum(file.stat().st_size for file in files if file.exists())
