"""Past local days as stored rows: the page draws its bars from them instead of from ledger entries.

One stored row holds the days of one component and month: a page of a thousand components loads 88,000 days at start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

MonthKey = tuple[str, str, str]  # zone, component, ``2026-11``


class DayRow(NamedTuple):
    """One local day of one component.

    Args:
        date: ``2026-11-23`` in *zone*.
        scope_ms: How much of the day counts.
        down_ms, degraded_ms, unknown_ms, excluded_ms: How much of that was in each state.
        worst: The worst public state of the day, in the public words or ``unknown``.
    """

    zone: str
    component: str
    date: str
    scope_ms: int
    down_ms: int
    degraded_ms: int
    unknown_ms: int
    excluded_ms: int
    worst: str

    @property
    def month(self) -> MonthKey:
        return self.zone, self.component, self.date[:7]


def month_body(rows: Iterable[DayRow]) -> str:
    """The days of one month and component as JSON: date → the other columns of the row."""
    return orjson.dumps({row.date: row[3:] for row in rows}, option=orjson.OPT_SORT_KEYS).decode()


def rows_of_month(zone: str, component: str, month: str, body: str) -> list[DayRow]:
    """The rows of a `month_body`, in order. ValueError or TypeError when *body* is not one, to the last character."""
    rows = [DayRow(zone, component, date, *figures) for date, figures in orjson.loads(body).items()]
    if not all(row.date.startswith(f"{month}-") for row in rows):
        raise ValueError(f"a day of another month lies in {month}")
    if month_body(rows) != body:
        raise ValueError(f"the days of {month} are not as they were written")
    return rows
