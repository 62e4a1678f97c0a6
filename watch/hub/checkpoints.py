"""Computes checkpoints (`watch.core.checkpoint`): at each month's end, and at a start for months that ended before.

The rows are a pure function of the entries on disk. They are computed in another thread, from a book that
is loaded for them: the hub's own book keeps only what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.checkpoint import checkpoint_body, months_closed, rows_of
from watch.core.ledger import Kind
from watch.hub.replay import book_until, checkpoint_before, epochs_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from watch.hub.recorder import Recorder
    from watch.ports import Reads


def checkpoints_due(reads: Reads, now_ms: int) -> list[tuple[str, int]]:
    """The months that ended without a checkpoint, each with the instant of its checkpoint, in order."""
    first = reads.entry(1)
    epochs = epochs_of(reads)
    newest = checkpoint_before(reads, epochs, now_ms)
    if first is None:
        return []
    begun_ms = min(first.recorded_ms, epochs.first_ms)
    return months_closed(begun_ms if newest is None else newest.effective_ms, now_ms)


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


def record_checkpoint(
    recorder: Recorder, month: str, at_ms: int, rows: Sequence[str], through: int, now_ms: int
) -> None:
    """Record the checkpoint of *month*, made of the entries up to *through*."""
    body = checkpoint_body(rows, through=through, log=recorder.log)
    entry = recorder.entry(Kind.CHECKPOINT, month, body, now_ms=now_ms, effective_ms=at_ms)
    recorder.batch.checkpoints[entry.seq] = rows
