"""The one real clock.

It starts from the wall clock and then follows the boot-time clock, so that setting the wall clock cannot move recorded
times (an hour back by a time server, ten years ahead by mistake). Time during suspend is included. Small differences
to the wall clock are slewed. A large one is a *step*: our time goes on as it was, and when the step has lasted for five
minutes the hub begins anew with the wall clock, in a new clock epoch (`watch.core.clock_epoch`). A wall clock that says
a time before this program existed is wrong, and is never followed.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from watch.core.clock_epoch import Boot

if TYPE_CHECKING:
    from collections.abc import Callable

_SLEW_MS = 5  # the most per call of `adjust`, once a second: half a percent
_FOLLOWED_MS = 5_000
_PATIENCE_MS = 300_000
_OLDEST_MS = 1_735_689_600_000  # 2025-01-01
_BOOT_ID, _BOOT_NAME = Path("/proc/sys/kernel/random/boot_id"), 18  # characters of it that are kept

try:
    _BOOT = time.CLOCK_BOOTTIME
except AttributeError:  # not Linux
    _BOOT = time.CLOCK_MONOTONIC


class Step(NamedTuple):
    """A lasting difference between the wall clock and ours.

    Args:
        at_ms: When it was noticed, by our time. skew_ms: how far the wall clock was ahead of ours then.
        follow_ms: When the hub goes over to the wall clock, by our time; None if the wall clock cannot be right.
    """

    at_ms: int
    skew_ms: int
    follow_ms: int | None


class SystemClock:
    """The machine's time, without jumps.

    Args:
        wall, boot: The wall clock and the boot-time clock, in ms.
        patience_ms: How long a step must last until it is followed.

    Attributes:
        skew_ms: How far the wall clock is ahead of ours, as of the last `adjust`.
        step: The step that lasts now, if any.
    """

    def __init__(
        self,
        wall: Callable[[], int] | None = None,
        boot: Callable[[], int] | None = None,
        *,
        patience_ms: int = _PATIENCE_MS,
    ) -> None:
        self._wall, self._boot, self._patience_ms = wall or _wall_ms, boot or _boot_ms, patience_ms
        self.skew_ms = 0
        self.step: Step | None = None
        self._offset_ms = self._wall() - self._boot()

    def now_ms(self) -> int:
        return self._offset_ms + self._boot()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    @property
    def boot(self) -> Boot | None:
        """The boot-time clock now, which nobody can set; None when it is not known which start it counts from."""
        try:
            return Boot(_BOOT_ID.read_text().strip()[:_BOOT_NAME], self._boot())
        except OSError:
            return None

    def go_on_from(self, last_ms: int) -> None:
        """Move our time to *last_ms*, the end of the record, if that is a few seconds ahead of the wall clock.

        Also if the wall clock cannot be right. Otherwise a record that lies ahead needs a new clock epoch.
        """
        ahead_ms = last_ms - self.now_ms()
        if ahead_ms <= _FOLLOWED_MS or self._wall() < _OLDEST_MS:
            self._offset_ms += max(0, ahead_ms)

    def adjust(self) -> None:
        """Move a little towards the wall clock, or note a step; call it about once a second."""
        wall_ms, now_ms = self._wall(), self.now_ms()
        self.skew_ms = wall_ms - now_ms
        if abs(self.skew_ms) <= _FOLLOWED_MS:
            self.step = None
            self._offset_ms += max(-_SLEW_MS, min(_SLEW_MS, self.skew_ms))
        elif self.step is None or abs(self.skew_ms - self.step.skew_ms) > _FOLLOWED_MS:
            follow_ms = now_ms + self._patience_ms if wall_ms >= _OLDEST_MS else None
            self.step = Step(now_ms, self.skew_ms, follow_ms)

    @property
    def must_follow(self) -> bool:
        """Whether a step has lasted so long that the wall clock must be right."""
        step = self.step
        return step is not None and step.follow_ms is not None and self.now_ms() >= step.follow_ms

    def anew(self) -> SystemClock:
        """The same clock, with the time that the wall clock says now."""
        return SystemClock(self._wall, self._boot, patience_ms=self._patience_ms)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _boot_ms() -> int:
    return time.clock_gettime_ns(_BOOT) // 1_000_000
