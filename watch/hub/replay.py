"""Loads books from the ledger on disk, for the hub and the command line.

A book is loaded for a span: the nearest checkpoint before it, the entries effective in it, and late entries about it.
An old month costs one month, however long the ledger is.
"""

from __future__ import annotations

import heapq
from operator import attrgetter
from typing import TYPE_CHECKING

from watch.core.book import FOREVER, Book, UnknownKind
from watch.core.checkpoint import book_at, root_of
from watch.core.clock_epoch import ClockEpoch, Epochs
from watch.core.ledger import Kind, LedgerChain, plausible
from watch.core.localtime import Month
from watch.core.merkle import Frontier, leaf_hash
from watch.errors import RowsDamaged, StoreCorrupt, StoreError
from watch.hub.recorder import LedgerEnd
from watch.hub.sights import open_darks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from watch.core.ledger import Entry
    from watch.ports import Reads

DAY_MS = 86_400_000
WORDS_MS = 15 * DAY_MS  # how far back the words of a page go
_SEQ = attrgetter("seq")


def live_from_ms(now_ms: int, zone: ZoneInfo) -> int:
    """The start of the span that a running hub needs: the running month and the words of the page."""
    month = Month.containing(now_ms, zone).bounds_ms(zone)[0]
    return min(month, now_ms - WORDS_MS) - DAY_MS


def folded(entries: Iterable[Entry], store: Path, book: Book | None = None) -> Book:
    """*book*, or a new one, with *entries* in it. StoreCorrupt for an entry that no version of ours wrote."""
    book = book or Book()
    for entry in entries:
        try:
            _add(book, entry)
        except UnknownKind as kind:
            raise StoreError(
                f"{store}: entry {entry.seq} of the ledger is of the kind {kind}, which only a newer version knows. "
                "Use that version."
            ) from None
        except (AttributeError, KeyError, TypeError, ValueError):
            raise StoreCorrupt(
                f"{store}: entry {entry.seq} of the ledger cannot be read; something else has written to it. "
                "Run `threenines ledger verify`, then restore a backup."
            ) from None
    return book


def book_until(reads: Reads, store: Path, at_ms: int, through: int) -> Book:
    """The book of all that is effective before *at_ms* and was on record by entry *through*."""
    epochs = epochs_of(reads, through=through)
    base = checkpoint_before(reads, epochs, at_ms - 1, through)
    if base is None:
        within = _counting(reads.entries_within(0, at_ms), epochs)
        return folded((e for e in within if e.seq <= through), store)
    book, needed = _begun(reads, base, store)
    folded((e for seq in needed if (e := reads.entry(seq)) is not None), store, book)
    wanted = _counting(_wanted(reads, base.effective_ms, int(base.facts["through"]), base.seq, at_ms), epochs)
    return folded((e for e in wanted if e.effective_ms < at_ms and e.seq <= through), store, book)


def book_now(
    reads: Reads,
    store: Path,
    lo_ms: int,
    hi_ms: int = FOREVER,
    pending: ClockEpoch | None = None,
    *,
    thin: bool = False,
) -> Book:
    """The book of `[lo_ms, hi_ms)`, with what each check missed in dark stretches that no entry closes yet.

    Args:
        pending: The clock epoch that begins now and is not on record yet, if any.
        thin: The book need not have all transitions before *lo_ms* (`Book.whole_ms`); *hi_ms* must be `FOREVER`.
    """
    book = book_for(reads, store, lo_ms, hi_ms, pending, thin=thin)
    if pending is None or not pending.anew:
        until, gaps = reads.darks()
        if until:
            open_darks(book.darks, until, gaps, reads.beliefs())
    return book


def epochs_of(reads: Reads, pending: ClockEpoch | None = None, through: int = FOREVER) -> Epochs:
    """The clock epochs on record by entry *through*, and the one that begins now."""
    return Epochs([e for e in reads.late_entries(0) if e.kind == Kind.CLOCK and e.seq <= through], pending)


def checkpoint_before(reads: Reads, epochs: Epochs, at_ms: int, through: int = FOREVER) -> Entry | None:
    """The newest checkpoint effective at *at_ms* or earlier that is not void and was made by entry *through*."""
    if not epochs:
        return reads.checkpoint(at_ms)
    found = (c for c in reads.checkpoints() if c.effective_ms <= at_ms and c.seq <= through)
    return max((c for c in found if not epochs.void(c)), key=lambda c: (c.effective_ms, c.seq), default=None)


def _counting(entries: Iterable[Entry], epochs: Epochs) -> Iterable[Entry]:
    """*entries* without those that are void."""
    return (e for e in entries if not epochs.void(e)) if epochs else entries


def _add(book: Book, entry: Entry) -> None:
    if not plausible(entry):
        raise TypeError
    book.add(entry)


def book_for(
    reads: Reads,
    store: Path,
    lo_ms: int,
    hi_ms: int = FOREVER,
    pending: ClockEpoch | None = None,
    *,
    thin: bool = False,
) -> Book:
    """The book of `[lo_ms, hi_ms)`, open dark stretches included as far as entries tell of them."""
    epochs = epochs_of(reads, pending)
    base = checkpoint_before(reads, epochs, lo_ms)
    if base is None:
        book, from_ms, through, seq = Book(), 0, 0, 0
    else:
        from_ms, through, seq = base.effective_ms, int(base.facts["through"]), base.seq
        book, needed = _begun(reads, base, store)
        folded((e for number in needed if (e := reads.entry(number)) is not None), store, book)
    if thin and not epochs and not _renamed(reads, from_ms, through):
        book.whole_ms = lo_ms
    wanted = _wanted(reads, from_ms, through, seq, hi_ms, whole_ms=book.whole_ms)
    folded(_counting(wanted, epochs), store, book)
    if hi_ms < FOREVER:
        # The edge of an outage may reach back over the span's end by as long as a state holds.
        margin_ms = max((c.validity_ms for steps in book.checks.values() for _, c in steps if c), default=0)
        beyond = (e for e in reads.entries_within(hi_ms, hi_ms + margin_ms + 1) if e.kind == Kind.TRANSITION)
        folded(_counting(beyond, epochs), store, book)
    return book


def _begun(reads: Reads, base: Entry, store: Path) -> tuple[Book, list[int]]:
    try:
        return book_at(_rows_of(reads, base))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise RowsDamaged(
            f"{store}: the rows of checkpoint {base.seq} cannot be read. They are derived: "
            "`threenines ledger rebuild` makes them anew."
        ) from None


def _rows_of(reads: Reads, base: Entry) -> list[str]:
    rows, body = list(reads.checkpoint_rows(base.seq)), base.facts
    if len(rows) != body["rows"] or root_of(rows) != body["root"]:
        raise ValueError("not those that were hashed")
    return rows


def _renamed(reads: Reads, from_ms: int, through: int) -> bool:
    """Whether a component got another key since the checkpoint: then one key is not one timeline."""
    late = reads.late_entries(0)
    return any(e.kind == Kind.RENAME and (e.effective_ms >= from_ms or e.seq > through) for e in late)


def _wanted(
    reads: Reads, from_ms: int, through: int, base: int, hi_ms: int, *, whole_ms: int = 0
) -> Iterator[Entry]:
    """The entries of the span and late entries about the time before, each once, in order of seq.

    Args:
        from_ms: The instant of the checkpoint; its rows know the entries up to seq *through*. base: Its own seq.
        whole_ms: When not 0, of the transitions before it only the two last of each check and vantage point.
    """
    within = reads.last_entries(from_ms, whole_ms) if whole_ms else reads.entries_within(from_ms, hi_ms)
    late = [
        e for e in reads.late_entries(0)
        if not from_ms <= e.effective_ms < hi_ms and (e.seq > through or e.effective_ms >= hi_ms)
    ]  # fmt: skip
    # Recorded while the checkpoint was being made, and so not marked as late by it.
    between = [e for e in reads.entries(through, base) if e.effective_ms < from_ms and not e.late]
    return heapq.merge(within, late, between, key=_SEQ) if late or between else within


def ledger_end(reads: Reads, pending: ClockEpoch | None = None) -> LedgerEnd:
    """Where the next entry goes; *pending* is the clock epoch that it begins, if any."""
    last = reads.last_entry()
    if last is None:
        return LedgerEnd()
    newest = checkpoint_before(reads, epochs_of(reads, pending), FOREVER - 1)
    horizon = 0 if newest is None else newest.effective_ms
    try:
        log = frontier(reads)
        if log.size != last.seq:
            raise RowsDamaged(
                f"the table tile speaks of {log.size} entries, but the ledger has {last.seq}. It is derived from the "
                "ledger: run `threenines ledger rebuild`, which makes it anew."
            )
        return LedgerEnd(LedgerChain(last.seq, last.recorded_ms, last.hash, horizon), log)
    except (TypeError, ValueError):
        raise StoreCorrupt(
            "the ledger holds a hash that is none; something else has written to it. "
            "Run `threenines ledger verify`, then restore a backup."
        ) from None


def frontier(reads: Reads) -> Frontier:
    """The right edge of the tree over the log: from the tiles that are kept, and the entries after them."""
    log = Frontier()
    by_level: dict[int, list[bytes]] = {}
    for tile in reads.tiles():
        by_level.setdefault(tile.level, []).append(tile.hash)
    for level in sorted(by_level, reverse=True):
        for hash_ in by_level[level][log.size >> 8 * level :]:
            log.add(hash_, 8 * level)
    for entry in reads.entries(log.size):
        log.add(leaf_hash(bytes.fromhex(entry.hash)))
    return log
