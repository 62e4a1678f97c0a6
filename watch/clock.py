"""The one real clock.

It starts from the wall clock and then follows the boot-time clock, so that setting the wall clock cannot move recorded
times (an hour back by a time server, ten years ahead by mistake). Time during suspend is included. Small differences
to the wall clock are slewed; large ones are reported as `skew_ms` and followed only after a restart, and then not to
before the last recorded entry.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from watch.ports import StoreError

if TYPE_CHECKING:
    from pathlib import Path

_SLEW_MS = 5  # the most per call of `adjust`, once a second: half a percent
_FOLLOWED_MS = 5_000
_BEHIND_MS = 3_600_000

try:
    _BOOT = time.CLOCK_BOOTTIME
except AttributeError:  # not Linux
    _BOOT = time.CLOCK_MONOTONIC


class SystemClock:
    """The machine's time, without jumps."""

    def __init__(self) -> None:
        self.skew_ms = 0
        self._offset_ms = _wall_ms() - _boot_ms()

    def now_ms(self) -> int:
        return self._offset_ms + _boot_ms()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def hold(self, not_before_ms: int) -> None:
        """Begin no earlier than *not_before_ms*: recorded entries must not be later than new ones."""
        self._offset_ms += max(0, not_before_ms - self.now_ms())

    def adjust(self) -> None:
        """Move a little towards the wall clock; call it about once a second."""
        self.skew_ms = _wall_ms() - self.now_ms()
        if abs(self.skew_ms) <= _FOLLOWED_MS:
            self._offset_ms += max(-_SLEW_MS, min(_SLEW_MS, self.skew_ms))


def begin_after(clock: SystemClock, recorded_ms: int, store: Path) -> None:
    """Start *clock* no earlier than the last entry; StoreError when it is over an hour behind."""
    ahead_ms = recorded_ms - clock.now_ms()
    if ahead_ms > _BEHIND_MS:
        raise StoreError(
            f"{store}: its last entry was recorded {ahead_ms / 3_600_000:.1f} h ahead of this machine's clock. "
            "Correct the clock; if it was wrong when the entry was recorded, move the store away to start a new one."
        )
    clock.hold(recorded_ms)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _boot_ms() -> int:
    return time.clock_gettime_ns(_BOOT) // 1_000_000
