"""Computes checkpoints (`watch.core.checkpoint`): at each month's end, and at a start for months that ended before.

The rows are a pure function of the entries on disk. They are computed in another thread, from a book that
is loaded for them: the hub's own book keeps only what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.checkpoint import months_closed, rows_of
from watch.hub.replay import book_until

if TYPE_CHECKING:
    from pathlib import Path

    from watch.ports import Reads


def checkpoints_due(reads: Reads, now_ms: int) -> list[tuple[str, int]]:
    """The months that ended without a checkpoint, each with the instant of its checkpoint, in order."""
    first = reads.entry(1)
    newest = reads.checkpoint(now_ms)
    if first is None:
        return []
    return months_closed(first.recorded_ms if newest is None else newest.effective_ms, now_ms)


def checkpoint_rows(
    reads: Reads, store: Path, at_ms: int, through: int | None = None
) -> tuple[list[str], int]:
    """The rows of a checkpoint at *at_ms*, and the seq of the last entry that they know of.

    Args:
        through: That seq; the last entry on disk without it.
    """
    if through is None:
        last = reads.last_entry()
        through = 0 if last is None else last.seq
    return rows_of(book_until(reads, store, at_ms, through), at_ms), through
