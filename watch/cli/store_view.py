"""What the reading verbs read: the configuration's names, and the store beside it.

While no hub runs nobody writes down that a state has lapsed, though it has. So what a hub would write first on its
return is added here, in memory: with or without a hub, what nobody asked is unknown.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watch.clock import SystemClock
from watch.config import load
from watch.core.account import TargetOutcome
from watch.core.confirm import lapsed
from watch.core.ledger import Kind, LedgerChain, verified
from watch.core.localtime import Month
from watch.core.recorded_terms import confirmation
from watch.hub.replay import folded
from watch.stores.sqlite import SqliteReads
from watch.stores.sqlite.opening import holder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from fractions import Fraction
    from zoneinfo import ZoneInfo

    from watch.core.book import Book
    from watch.core.confirm import Belief
    from watch.core.figures import Figure
    from watch.core.ledger import Entry
    from watch.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Record:
    """All that a reading verb needs."""

    settings: Settings
    reads: SqliteReads
    book: Book
    now_ms: int


@contextmanager
def record(config: str, *, warn: bool = False) -> Iterator[Record]:
    """The record behind the configuration at *config*. Secrets are not needed and not read.

    Args:
        warn: Check every hash, and say on standard error when one does not hold.
    """
    now_ms = SystemClock().now_ms()
    settings = load(Path(config), secrets=False, environ=os.environ).settings
    reads = SqliteReads(settings.store)
    try:
        entries = list(reads.entries())
        if warn and (broken := verified(entries)[2]) is not None:
            click.echo(
                f"The ledger is broken at entry {broken.seq}: {broken.what}. These figures rest on it as it is; "
                "`threenines ledger verify` says more.",
                err=True,
            )
        book, chain = folded(entries, settings.store)
        if holder(settings.store) is None:
            for entry in _lapses(book, chain, reads.beliefs(), now_ms):
                book.add(entry)
        yield Record(settings, reads, book, now_ms)
    finally:
        reads.shut()


def _lapses(
    book: Book, chain: LedgerChain, beliefs: Mapping[tuple[str, str], Belief], now_ms: int
) -> Iterator[Entry]:
    """The transitions that a hub would record first if it came back at *now_ms*."""
    for (check, vantage), belief in beliefs.items():
        body = book.bodies.get((Kind.CHECK, check), {})
        if not body or body.get("ended"):
            continue
        for change in lapsed(belief, confirmation(body), now_ms=now_ms)[1]:
            facts = {
                "from": change.was.value, "to": change.state.value, "reason": change.reason.value, "detail": "",
                "earliest_ms": change.earliest_ms, "latest_ms": change.latest_ms,
            }  # fmt: skip
            yield chain.entry(
                Kind.TRANSITION,
                check,
                facts,
                now_ms=now_ms,
                effective_ms=change.effective_ms,
                vantage=vantage,
            )


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
    return " ".join([*parts, f"{seconds % 60:0{2 if parts else 1}}.{rest:03}s"])


def verdict_text(figure: Figure, outcome: TargetOutcome) -> str:
    """*outcome* for people, who hear *breached* only when nothing is left to lose (semantics §6)."""
    early = figure.running and outcome is TargetOutcome.BREACHED and figure.account.remaining_ms >= 0
    return "below target" if early else outcome.value


def percent_text(ratio: Fraction) -> str:
    """A ratio in percent, exactly as it was written: ``99.95``."""
    return f"{(Decimal(ratio.numerator) * 100 / Decimal(ratio.denominator)).normalize():f}"


def table(rows: Sequence[Sequence[str]], *, right: tuple[int, ...] = ()) -> Iterator[str]:
    """*rows*, the first of which is the heading, in columns; those numbered in *right* are aligned right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [
            c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
