"""The settings and the store, for reading verbs when no hub runs."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from watch.cli.hub_ask import asked_or_none
from watch.clock import SystemClock
from watch.config import load
from watch.core.book import FOREVER
from watch.core.checkpoint import root_of
from watch.core.ledger import ChainCheck
from watch.core.localtime import Month
from watch.core.recorded_override import renamed
from watch.hub.plan import planned
from watch.hub.replay import book_now, epochs_of
from watch.hub.returned import returned
from watch.hub.taken_over import epoch_from
from watch.stores.sqlite import reading
from watch.stores.sqlite.opening import holder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watch.core.book import Book
    from watch.core.clock_epoch import ClockEpoch
    from watch.core.recorded_override import RecordedOverride
    from watch.core.settings import Settings
    from watch.stores.sqlite import SqliteReads

_UTC = ZoneInfo("UTC")
# A local month begins up to 14 h before the UTC month and ends up to 12 h after it; 24 h more for whole outages.
_EARLIER, _LATER = timedelta(hours=38), timedelta(hours=36)
_MS = timedelta(milliseconds=1)
_PATIENCE = 5.0  # seconds for a hub to say the time; one that stands still must not stop a verb


@dataclass(frozen=True, slots=True)
class Record:
    """What a reading verb needs: the settings, the store and the book of a month."""

    settings: Settings
    reads: SqliteReads
    book: Book
    month: Month
    now_ms: int


def settings_at(config: str) -> Settings:
    """The settings of the configuration at *config*; secrets without a value need none."""
    return load(Path(config), store_only=True, environ=os.environ).settings


@contextmanager
def record(config: str, month: str | None) -> Iterator[Record]:
    """The record of the configuration at *config*, for *month*.

    Prints a warning on standard error when that part of the ledger is broken.
    """
    settings = settings_at(config)
    with reading(settings.store) as reads:
        now_ms, epoch = time_of(settings.store, reads)
        wanted = month_of(month, settings, now_ms)
        start_ms, end_ms = wanted.bounds_ms(_UTC)
        lo_ms, hi_ms = start_ms - _EARLIER // _MS, end_ms + _LATER // _MS
        if (fault := _fault(reads, lo_ms, hi_ms)) is not None:
            click.echo(
                f"The ledger is broken at {fault}, so these figures may be wrong. "
                "Run `threenines ledger verify`.",
                err=True,
            )
        book = book_now(reads, settings.store, lo_ms, FOREVER if hi_ms >= now_ms else hi_ms, epoch)
        if holder(settings.store) is None and (epoch is not None or hi_ms > _last_sign_ms(reads)):
            returned(planned(settings), reads, book, now_ms, epoch)
        _complete(book, reads, settings, now_ms, epoch)
        tell_left_out(reads)
        yield Record(settings, reads, book, wanted, now_ms)


def time_of(store: Path, reads: SqliteReads) -> tuple[int, ClockEpoch | None]:
    """The time by which *store* is read, and the clock epoch that a hub would begin now.

    It is the hub's own time while one runs, which the wall clock may differ from.
    """
    if holder(store) is not None and (said := asked_or_none(store, "now", timeout=_PATIENCE)) is not None:
        return int(said["now_ms"]), None
    clock, last_ms = SystemClock(), reads.last_sign_ms()
    clock.go_on_from(last_ms)
    now_ms = clock.now_ms()
    return now_ms, epoch_from(reads, last_ms, now_ms, followed=False, boot=clock.boot)


def recorded_overrides(settings: Settings) -> list[RecordedOverride]:
    """The overrides of rotations that were made by command; none before the first start."""
    if not settings.store.exists():
        return []
    with reading(settings.store) as reads:
        kept = list(reads.overrides())
        tell_left_out(reads)
    now = {it.id: it for it in renamed(kept, settings.people)}
    return [now.get(it.id, it) for it in kept]


def tell_left_out(reads: SqliteReads) -> None:
    """Say on standard error which rows could not be read."""
    for table, rows in reads.left_out.items():
        click.echo(
            f"Damaged rows of the table {table} that were left out: {rows}. `threenines ledger rebuild` removes them.",
            err=True,
        )


def _last_sign_ms(reads: SqliteReads) -> int:
    """When the last reading was taken."""
    return max((b.last_ms for b in reads.beliefs().values() if b.last_ms is not None), default=0)


def _complete(
    book: Book, reads: SqliteReads, settings: Settings, now_ms: int, epoch: ClockEpoch | None
) -> None:
    """Add the components that were created after the span of *book*; they have no scope in it."""
    if all(key in book.components for key in settings.components):
        return
    today = book_now(reads, settings.store, now_ms, pending=epoch)
    book.service = book.service or today.service
    for key in settings.components.keys() & today.components.keys():
        book.components.setdefault(key, today.components[key])


def _fault(reads: SqliteReads, lo_ms: int, hi_ms: int) -> str | None:
    """The first break in the part of the ledger that a book of `[lo_ms, hi_ms)` is made of; None without one."""
    base, following = reads.checkpoint(lo_ms), reads.checkpoint_after(hi_ms)
    if epochs_of(reads).entries:  # times went back, so a part of the ledger is not a part of its time
        base = following = None
    check = ChainCheck() if base is None else ChainCheck(base.seq - 1, base.prev)
    for entry in reads.entries(check.seq, FOREVER if following is None else following.seq + 1):
        if not check.add(entry):
            break
    if check.broken is not None:
        return f"entry {check.broken.seq}: {check.broken.what}"
    if base is not None and root_of(reads.checkpoint_rows(base.seq)) != base.facts["root"]:
        return f"checkpoint {base.seq}: its rows do not match their hash"
    return None


def ledger_fault(reads: SqliteReads, after: int) -> str | None:
    """The first break in the ledger after entry *after*; None without one."""
    before = reads.entry(after)
    check = ChainCheck() if before is None else ChainCheck(before.seq, before.hash)
    for entry in reads.entries(check.seq):
        if not check.add(entry):
            break
    return None if check.broken is None else f"entry {check.broken.seq}: {check.broken.what}"


def month_of(text: str | None, settings: Settings, now_ms: int) -> Month:
    """The month that ``--month`` names; without it, the current one in the service's zone."""
    if text is None:
        return Month.containing(now_ms, settings.service.timezone)
    try:
        return Month.parse(text)
    except ValueError as mistake:
        raise click.BadParameter(str(mistake), param_hint="--month") from None
