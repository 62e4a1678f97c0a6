"""Computes again what is derived from the ledger: the tree's tiles, the checkpoints' rows, and the last 90 days.

Ledger and evidence are not changed. If a checkpoint's rows have another root than its entry, an entry was lost or
added; rebuilding cannot repair that, and `threenines ledger verify` finds the entry.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from watch.core.checkpoint import root_of
from watch.core.days import DayRow, MonthKey, month_body
from watch.core.localtime import from_utc_ms, local_day_bounds
from watch.core.merkle import Frontier, leaf_hash
from watch.errors import StoreCorrupt
from watch.hub.checkpoints import checkpoint_rows
from watch.hub.days import days_of
from watch.hub.page_history import DAYS, first_open_day
from watch.hub.replay import DAY_MS, book_now
from watch.hub.verification import record_verified
from watch.ports import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watch.core.settings import Settings
    from watch.ports import Reads

_DAY = timedelta(days=1)


def rebuilt(reads: Reads, settings: Settings, now_ms: int) -> Iterator[Batch]:
    """Batches to write one by one: each checkpoint is computed from the one before it in the store.

    StoreCorrupt if the ledger itself does not hold.
    """
    broken = record_verified(reads, derived=False).broken
    if broken is not None:
        raise StoreCorrupt(
            f"{settings.store}: the ledger is broken at entry {broken.seq}: {broken.what}. Nothing was changed. "
            "Rebuilding cannot repair that: run `threenines ledger verify`, then restore a backup."
        )
    log = Frontier()
    yield Batch(tiles=[tile for e in reads.entries() for tile in log.add(leaf_hash(bytes.fromhex(e.hash)))])
    for entry in reads.checkpoints():
        rows, _ = checkpoint_rows(reads, settings.store, entry.effective_ms, int(entry.facts["through"]))
        if root_of(rows) != entry.facts["root"]:
            raise StoreCorrupt(
                f"{settings.store}: the rows of checkpoint {entry.subject} come out otherwise than its entry "
                f"{entry.seq} says. Run `threenines ledger verify`, then restore a backup."
            )
        yield Batch(checkpoints={entry.seq: rows})
    zone = settings.service.timezone
    last = first_open_day(now_ms, zone)
    first = (last - (DAYS - 2) * _DAY).replace(day=1)  # whole months: that is how they are kept
    dates = [first + n * _DAY for n in range((last - first).days)]
    book = book_now(reads, settings.store, local_day_bounds(zone, dates[0])[0] - DAY_MS)
    keys = [key for key in settings.components if key in book.components]
    born = {key: from_utc_ms(book.naming.born_ms[key], zone).date().isoformat() for key in keys}
    by_month: dict[MonthKey, list[DayRow]] = {}
    for row in days_of(book, keys, zone, dates):
        if row.date >= born[row.component]:
            by_month.setdefault(row.month, []).append(row)
    yield Batch(days={key: month_body(rows) for key, rows in by_month.items()})
