"""How long our programs waited for a processor: one that had too little of it says nothing about its target."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from watch.core.reading import OurFault, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

_MUCH = 0.25  # of the time that a program ran
_LEAST, _MOST = 0.1, 1.0  # seconds


def starved(name: str, processes: Iterable[int], seconds: float) -> OurFault | None:
    """The fault of ours if *name*, which ran for *seconds* as *processes*, waited too long for a processor."""
    waited = sum(map(_waited, processes))
    if waited <= max(_LEAST, min(_MOST, _MUCH * seconds)):
        return None
    return OurFault(f"{name} waited {waited:.1f} s for a processor", Reason.OVERLOADED)


def _waited(pid: int) -> float:
    """The time in seconds; 0 where the kernel does not say."""
    with contextlib.suppress(OSError, LookupError, ValueError):
        return int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[1]) / 1e9
    return 0.0
