"""Stored rows as of a clock that went back: a stamp that lies ahead is taken for now.

A row that was due tomorrow by a wrong clock is due now: no alert may wait for a time that does not come. An alert whose
trouble began in the future could never be resolved. What lies ahead on purpose (the next step of an escalation, the end
of an acknowledgement) is moved with the clock: an escalation takes as long as it says. A silence is moved back, too: by
a clock that went back it would last longer than its author said. By one that was set ahead it only ends earlier.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from watch.core.alert import Alert, Heard, Notice
from watch.core.flapping import Flapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watch.core.silence import Silence

R = TypeVar("R", Alert, Notice, Heard)
_STAMPS = {
    Alert: ("opened_ms", "since_ms", "resolved_ms", "recovered_ms", "ending_ms", "behind_ms"),
    Notice: ("created_ms", "due_ms", "tried_ms", "lease_until_ms", "delivered_ms"),
    Heard: ("at_ms",),
}


def not_ahead(
    alerts: Iterable[Alert],
    notices: Iterable[Notice],
    heard: Iterable[Heard],
    now_ms: int,
    set_by_ms: int = 0,
) -> tuple[Sequence[Alert], Sequence[Notice], Sequence[Heard]]:
    """The rows without a stamp later than *now_ms*.

    Args:
        set_by_ms: By how much the clock was set since they were written, in ms.
    """
    moved = [_moved(alert, set_by_ms) for alert in alerts] if set_by_ms else alerts
    return _rows(moved, now_ms), _rows(notices, now_ms), _rows(heard, now_ms)


def silences_not_ahead(silences: Iterable[Silence], now_ms: int, set_by_ms: int) -> list[Silence]:
    """The *silences* that a clock set by *set_by_ms* would prolong or begin again, as they are now."""
    if set_by_ms >= 0:
        return []
    lasting = [silence for silence in silences if silence.in_force(now_ms)]
    return [
        replace(silence, from_ms=silence.from_ms + set_by_ms, until_ms=silence.until_ms + set_by_ms)
        for silence in lasting
    ]


def _moved(alert: Alert, by_ms: int) -> Alert:
    ack = alert.ack
    moved = None if ack is None else replace(ack, at_ms=ack.at_ms + by_ms, until_ms=ack.until_ms + by_ms)
    flaps = Flapping(
        tuple(at + by_ms for at in alert.flaps.at_ms),
        None if alert.flaps.since_ms is None else alert.flaps.since_ms + by_ms,
    )
    return replace(alert, ack=moved, flaps=flaps, plans=tuple(plan.shifted(by_ms) for plan in alert.plans))


def _rows(rows: Iterable[R], now_ms: int) -> Sequence[R]:
    return [_row(row, now_ms) for row in rows]


def _row(row: R, now_ms: int) -> R:
    ahead = {name: now_ms for name in _STAMPS[type(row)] if (getattr(row, name) or 0) > now_ms}
    return replace(row, **ahead) if ahead else row  # type: ignore[arg-type] # all of them are instants
