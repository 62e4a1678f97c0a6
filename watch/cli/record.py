"""What the reading verbs read: the configuration's names, and the store beside it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watch.clock import SystemClock
from watch.config import load
from watch.core.book import Book
from watch.core.localtime import Month
from watch.stores.sqlite import SqliteReads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from watch.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Record:
    """All that a reading verb needs."""

    settings: Settings
    reads: SqliteReads
    book: Book
    now_ms: int


@contextmanager
def record(config: str) -> Iterator[Record]:
    """The record behind the configuration at *config*. Secrets are not needed and not read."""
    now_ms = SystemClock().now_ms()
    settings = load(Path(config), secrets=False, environ=os.environ).settings
    reads = SqliteReads(settings.store)
    try:
        yield Record(settings, reads, Book(reads.entries()), now_ms)
    finally:
        reads.shut()


def month_of(text: str | None, settings: Settings, now_ms: int) -> Month:
    """The month that ``--month`` names; the running one of the service's zone without it."""
    if text is None:
        return Month.containing(now_ms, settings.service.timezone)
    try:
        return Month.parse(text)
    except ValueError as mistake:
        raise click.BadParameter(str(mistake), param_hint="--month") from None


def clock_time(ms: int, zone: ZoneInfo) -> str:
    """An instant for people, to the second: ``2026-11-23 01:12:03 PST``."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC).astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def exact_time(ms: int) -> str:
    """An instant to the millisecond, UTC: ``2026-11-23T09:12:03.250Z``."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"


def span_text(ms: int) -> str:
    """A span to the millisecond: ``1h 02m 03.250s``."""
    seconds, rest = divmod(ms, 1000)
    hours, minutes = divmod(seconds // 60, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days}d"] if days else []
    parts += [f"{hours}h"] if hours or days else []
    parts += [f"{minutes:02}m" if parts else f"{minutes}m"] if minutes or parts else []
    return " ".join([*parts, f"{seconds % 60}.{rest:03}s"])


def table(rows: Sequence[Sequence[str]], *, right: tuple[int, ...] = ()) -> Iterator[str]:
    """*rows*, the first of which is the heading, in columns; those numbered in *right* are aligned right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [
            c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
