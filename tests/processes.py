"""What /proc says of processes: for tests that kill some, and look for what they left."""

from __future__ import annotations

import contextlib
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether a thread of the process exists and is no zombie: the last one closes its files."""
    return any(_state(stat) not in ("Z", "X", "") for stat in Path("/proc").glob(f"{pid}/task/*/stat"))


def _state(stat: Path) -> str:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return stat.read_text().rpartition(")")[2].split()[0]
    return ""


def children(pid: int) -> list[int]:
    """The children that the main thread of *pid* has started, in that order."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
