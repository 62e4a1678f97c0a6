"""Whether a record holds: the chain, the evidence, the checkpoints' rows and the tree over the log; then the figures.

`record_verified` looks at every entry once. What proves an entry is compared with the digest in it, so evidence cannot
be edited more quietly than a figure. `figures_fault` works derived things out again from the entries: each checkpoint
from the one before it, each local day from the checkpoint before it. It names the first that differs.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from watch.core.checkpoint import root_of
from watch.core.evidence import proof
from watch.core.ledger import Break, ChainCheck, Kind
from watch.core.localtime import local_day_bounds
from watch.core.merkle import Frontier, Tile, leaf_hash
from watch.hub.checkpoints import checkpoint_rows
from watch.hub.days import days_of
from watch.hub.replay import DAY_MS, book_now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watch.core.days import DayRow
    from watch.core.ledger import Entry
    from watch.ports import Reads


class Verified(NamedTuple):
    """What held: how many entries, the last hash, the tree over them; and where it stops, if it does."""

    entries: int
    hash: str
    log_size: int
    log_root: str
    broken: Break | None


def record_verified(reads: Reads, *, derived: bool = True) -> Verified:
    """Check every entry with its evidence, from the first to the last.

    Args:
        derived: Check also the checkpoints' rows and the tree's tiles, which can be rebuilt.
    """
    chain, log = ChainCheck(), Frontier()
    kept = {(tile.level, tile.n): tile.hash for tile in reads.tiles()}
    evidence = _Evidence(reads.all_evidence())
    for entry in reads.entries():
        if not chain.add(entry):
            return Verified(chain.seq, chain.hash, log.size, log.root().hex(), chain.broken)
        what = (
            evidence.fault(entry)
            or _log_fault(entry, log)
            or (_rows_fault(reads, entry) if derived else None)
        )
        tiles = log.add(leaf_hash(bytes.fromhex(entry.hash)))
        what = what or (_tile_fault(tiles, kept) if derived else None)
        if what is not None:
            return Verified(chain.seq - 1, entry.prev, log.size, log.root().hex(), Break(entry.seq, what))
    seq = evidence.left()
    broken = None if seq is None else Break(seq, "there is evidence of an entry that does not exist")
    return Verified(chain.seq, chain.hash, log.size, log.root().hex(), broken)


class _Evidence:
    """The evidence on disk, walked beside the entries."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._groups = groupby(rows, key=itemgetter(0))
        self._next: tuple[int, list[tuple[Any, ...]]] | None = None
        self._step()

    def _step(self) -> None:
        group = next(self._groups, None)
        self._next = None if group is None else (group[0], [row[1:] for row in group[1]])

    def fault(self, entry: Entry) -> str | None:
        """How the evidence of *entry*, the next one, differs from what it says."""
        if self._next is None or self._next[0] != entry.seq:
            return "the readings that prove it are missing" if entry.proof else None
        _, rows = self._next
        self._step()
        return (
            None
            if proof(rows) == entry.proof
            else "the readings that prove it are not those that were hashed"
        )

    def left(self) -> int | None:
        """The entry of which evidence is left after the last entry."""
        return None if self._next is None else self._next[0]


def _log_fault(entry: Entry, log: Frontier) -> str | None:
    if entry.kind == Kind.CHECKPOINT and entry.facts["log"] != {"size": log.size, "root": log.root().hex()}:
        return "the tree over the entries before it has another root"
    return None


def _rows_fault(reads: Reads, entry: Entry) -> str | None:
    if entry.kind != Kind.CHECKPOINT:
        return None
    rows, body = list(reads.checkpoint_rows(entry.seq)), entry.facts
    if len(rows) != body["rows"] or root_of(rows) != body["root"]:
        return "the rows of this checkpoint are not those that were hashed"
    return None


def _tile_fault(made: list[Tile], kept: dict[tuple[int, int], bytes]) -> str | None:
    wrong = any(kept.get((tile.level, tile.n)) != tile.hash for tile in made)
    return "the tree that is kept over the entries up to here has another hash" if wrong else None


def figures_fault(reads: Reads, store: Path) -> str | None:
    """The first checkpoint or day that is not what the entries say."""
    for entry in reads.checkpoints():
        made, _ = checkpoint_rows(reads, store, entry.effective_ms, int(entry.facts["through"]))
        kept = list(reads.checkpoint_rows(entry.seq))
        if made != kept:
            row = next((m for m, k in zip(made, kept, strict=False) if m != k), "their number")
            return f"checkpoint {entry.subject} (entry {entry.seq}) differs in {row[:120]}"
    for zone, month in reads.months():
        try:
            rows = list(reads.days(zone, month, month))
        except (AttributeError, TypeError, ValueError):
            return f"the days of {month} in {zone} cannot be read"
        if rows and (fault := _days_fault(reads, store, rows)) is not None:
            return fault
    return None


def _days_fault(reads: Reads, store: Path, rows: list[DayRow]) -> str | None:
    """The first of *rows*, which are of one zone and month, that is not what the entries say."""
    try:
        zone = ZoneInfo(rows[0].zone)
        first, last = (date.fromisoformat(pick(row.date for row in rows)) for pick in (min, max))
    except (KeyError, ValueError):
        return f"the day {rows[0].date!r} of zone {rows[0].zone!r} is none"
    dates = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    lo, hi = local_day_bounds(zone, first)[0] - DAY_MS, local_day_bounds(zone, last)[1] + DAY_MS
    book = book_now(reads, store, lo, hi)
    keys = dict.fromkeys(row.component for row in rows if row.component in book.components)
    made = {(day.component, day.date): day for day in days_of(book, keys, zone, dates)}
    for row in rows:
        if made.get((row.component, row.date)) != row:
            return f"the day {row.date} of component {row.component} differs"
    return None
