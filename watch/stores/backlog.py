"""What waits in memory while the disk accepts no writes: merged to one batch, and bounded.

Rows that replace each other are kept once, sums are added up, and raw readings are limited: the oldest are given up and
counted. Nothing else is given up, because every figure and every alert comes from it. When so much of that waits that
memory would run out, `add` refuses: the hub ends, says what is lost, and restarts from what is on the disk.
"""

from __future__ import annotations

import threading

from watch.core.sketch import Sketch
from watch.errors import StoreError
from watch.ports import Batch

READINGS = 200_000  # raw readings; some 150 MB
ROWS = 500_000  # ledger entries, evidence, alerts, notices, beliefs; some 400 MB
# Parts of a batch of which a later row replaces an earlier one.
_REPLACED = (
    "checkpoints",
    "days",
    "darks",
    "gaps",
    "lanes",
    "beliefs",
    "sights",
    "alerts",
    "notices",
    "heard",
    "silences",
    "overrides",
)


def merge(into: Batch, later: Batch) -> None:
    """Add *later* to *into*, so that writing *into* does the same as writing both in order."""
    if later.anew_ms is not None:
        _begin_anew(into, later.anew_ms)
    if later.renames:
        into.rename(later.renames)
    for component, month in later.void_days:
        for key in [k for k in into.days if k[1] == component and k[2] >= month]:
            del into.days[key]
    for name in ("observations", "entries", "tiles", "evidence", "void_days", "happenings"):
        getattr(into, name).extend(getattr(later, name))
    for name in _REPLACED:
        getattr(into, name).update(getattr(later, name))
    for canary, good_ms in later.canaries.items():
        into.canaries.setdefault(canary, good_ms)
    _add_up(into, later)


def _add_up(into: Batch, later: Batch) -> None:
    """Add the sums of *later* to those of *into*."""
    for hour, sketch in later.sketches.items():
        mine = into.sketches.get(hour)
        if mine is None:
            into.sketches[hour] = sketch
        else:  # neither of the two is changed: somebody may still write it
            both = into.sketches[hour] = Sketch()
            both.merge(mine)
            both.merge(sketch)
    for quarter, sums in later.quarters.items():
        before = into.quarters.get(quarter)
        into.quarters[quarter] = sums if before is None else before.plus(sums)


def _begin_anew(into: Batch, from_ms: int) -> None:
    """Drop what a new clock epoch drops in the store: what is kept by time and lies ahead of it."""
    into.anew_ms = from_ms if into.anew_ms is None else min(from_ms, into.anew_ms)
    into.sights = {vantage: at for vantage, at in into.sights.items() if at <= from_ms}
    into.quarters = {key: sums for key, sums in into.quarters.items() if key[3] <= from_ms}
    into.days = {}  # they are made anew


def rows_of(batch: Batch) -> int:
    """The number of rows of *batch* that are never given up."""
    lists = len(batch.entries) + len(batch.evidence) + len(batch.alerts) + len(batch.notices)
    return (
        lists
        + len(batch.beliefs)
        + len(batch.heard)
        + len(batch.silences)
        + len(batch.gaps)
        + len(batch.sketches)
        + len(batch.overrides)
        + len(batch.happenings)
    )


class Backlog:
    """Batches that wait, merged. The loop adds, and the writer's thread takes.

    Attributes:
        given_up: How many raw readings were dropped since the backlog was last empty.
        added, written: How many batches were added, and how many of them are on disk.
    """

    def __init__(self, readings: int = READINGS, rows: int = ROWS) -> None:
        self._readings, self._rows = readings, rows
        self._lock = threading.Lock()
        self._waiting, self._taken = Batch(), Batch()
        self._through = 0
        self.added = self.written = self.given_up = 0

    def __bool__(self) -> bool:
        return self.written < self.added

    @property
    def size(self) -> tuple[int, int]:
        """How many raw readings wait, and how many other rows."""
        parts = (self._waiting, self._taken)
        return sum(len(b.observations) for b in parts), sum(map(rows_of, parts))

    def add(self, batch: Batch) -> int:
        """Keep *batch*; return its number. StoreError when there is no room for what may not be given up."""
        with self._lock:
            readings, rows = self.size
            if rows + rows_of(batch) > self._rows:
                raise StoreError(
                    f"The disk has accepted no writes for so long that {rows} ledger entries, alerts and other "
                    f"rows and {readings} readings wait in memory. There is no room for more: the hub ends, and they "
                    "are lost."
                )
            merge(self._waiting, batch)
            self._give_up(self._waiting, readings + len(batch.observations) - self._readings)
            self.added += 1
            return self.added

    def _give_up(self, batch: Batch, too_many: int) -> None:
        """Drop the oldest readings of *batch*, which the writer has not taken yet."""
        dropped = min(max(too_many, 0), len(batch.observations))
        del batch.observations[:dropped]
        self.given_up += dropped

    def taken(self) -> Batch:
        """All that waits, as one batch; call `done` when it is on disk. Only for the writer's thread."""
        with self._lock:
            waiting, self._waiting = self._waiting, Batch()
            self._through = self.added
            if self._taken:
                merge(self._taken, waiting)
            else:
                self._taken = waiting  # nearly always; a merge under the lock would hold up the loop
            self._give_up(self._taken, len(self._taken.observations) - self._readings)
            return self._taken

    def done(self) -> None:
        """What was last taken is on disk."""
        with self._lock:
            self._taken, self.written = Batch(), self._through
            if not self:
                self.given_up = 0
