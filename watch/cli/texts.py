"""Figures, instants and tables as the command line prints them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction
    from zoneinfo import ZoneInfo

    from watch.core.account import TargetOutcome
    from watch.core.figures import Figure


@lru_cache(4096)  # a component and its check mostly changed at the same instant
def clock_time(ms: int, zone: ZoneInfo) -> str:
    """An instant in a zone, to the second: ``2026-11-23 01:12:03 PST``."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC).astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def exact_time(ms: int, zone: ZoneInfo) -> str:
    """An instant in a zone, to the millisecond: ``2026-11-23 01:12:03.250 PST``."""
    local = datetime.fromtimestamp(ms // 1000, UTC).astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S}.{ms % 1000:03} {local:%Z}"


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
    """*outcome* for people; in a running month *breached* only once the budget is used up (semantics §6)."""
    from watch.core.account import TargetOutcome  # noqa: PLC0415 - not every verb has figures

    early = figure.running and outcome is TargetOutcome.BREACHED and figure.account.remaining_ms >= 0
    return "below target" if early else outcome.value


def percent_text(ratio: Fraction) -> str:
    """A ratio in percent, exact: ``99.95``."""
    return f"{(Decimal(ratio.numerator) * 100 / Decimal(ratio.denominator)).normalize():f}"


def counted(number: int, thing: str, things: str = "") -> str:
    """A number with its noun: ``1 check``, ``2 checks``."""
    return f"{number} {thing if number == 1 else things or f'{thing}s'}"


def table(rows: Sequence[Sequence[str]], *, right: tuple[int, ...] = ()) -> Iterator[str]:
    """*rows* as aligned columns; the first row is the heading, columns in *right* are aligned right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [
            c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
