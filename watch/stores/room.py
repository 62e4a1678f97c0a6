"""The room for the store: what is free on its disk, how fast that shrinks, and when nothing is left.

What fills the disk may be another program, so growth is measured on what is free, not on the store alone. A forecast
reaches at most 24 times as far as we have measured: one large download in the first hour is no trend.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_DAY_MS = 86_400_000
_EVERY_MS = 60_000  # between the points of the line
_LEAST_MS = 3_600_000  # of measurement before anything is foretold
_AHEAD = 24  # times as long as was measured
_SOON_MS = 7 * _DAY_MS
_FEW = 256 << 20  # bytes; too little on any disk
_LOW = 0.05
_PLENTY = 1 << 30  # bytes; on a large disk five percent are enough for a long time


@dataclass(frozen=True, slots=True)
class Room:
    """The room for a store at one instant.

    Args:
        free, total: Bytes of the disk; free is what this user may still use.
        store, wal: Bytes of the database and of its WAL.
        growth: By how many bytes a day the free room shrinks, negative when it grows; None before an hour of looks.
        known_ms: Over how long that was measured, at most a day.
    """

    free: int
    total: int
    store: int = 0
    wal: int = 0
    growth: float | None = None
    known_ms: int = 0

    @property
    def left_ms(self) -> int | None:
        """After how long nothing is left at that growth; None when it does not shrink or that is too far ahead."""
        if self.growth is None or self.growth <= 0:
            return None
        left_ms = round(self.free / self.growth * _DAY_MS)
        return left_ms if left_ms <= _AHEAD * self.known_ms else None

    @property
    def little(self) -> bool:
        """Whether it is nearly full, or will be within a week."""
        if self.free < max(_FEW, min(_PLENTY, self.total * _LOW)):
            return True
        return self.left_ms is not None and self.left_ms < _SOON_MS


def room(path: Path, statvfs: Callable[[Path], os.statvfs_result] = os.statvfs) -> Room | None:
    """The room for the store at *path* now, without growth; None when its folder cannot be looked at."""
    try:
        disk = statvfs(path if path.exists() else path.parent)
    except OSError:
        return None
    unit = disk.f_frsize
    return Room(
        disk.f_bavail * unit, disk.f_blocks * unit, _size(path), _size(path.with_name(f"{path.name}-wal"))
    )


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


class RoomOverTime:
    """The room for the store at *path*, with its growth over the last day, as far as we have looked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._points: deque[tuple[int, int]] = deque()  # instant in ms, bytes free

    def at(self, now_ms: int) -> Room | None:
        """The room now, Unix time in ms; also remembers it. None when the folder cannot be looked at."""
        now = room(self._path)
        if now is None:
            return None
        self.note(now_ms, now.free)
        return self.told(now, now_ms)

    def note(self, now_ms: int, free: int) -> None:
        """*free* bytes are left now; kept once a minute, for a day."""
        points = self._points
        if points and points[-1][0] > now_ms:
            points.clear()  # the clock went back
        if not points or now_ms - points[-1][0] >= _EVERY_MS:
            points.append((now_ms, free))
        while now_ms - points[0][0] > _DAY_MS:
            points.popleft()

    def told(self, now: Room, now_ms: int) -> Room:
        """*now* with its growth over the last day."""
        since_ms, free = self._points[0]
        known_ms = now_ms - since_ms
        if known_ms < _LEAST_MS:
            return now
        return replace(now, growth=(free - now.free) / known_ms * _DAY_MS, known_ms=known_ms)
