"""The times in a letter, in the service's time zone, and how long trouble lasted.

A letter names the zone once, with the first time. Lengths are in whole seconds, and a part of a second counts as one,
as everywhere (semantics §6).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from watch.core.quantity import duration_text

if TYPE_CHECKING:
    from watch.core.alert import Alert
    from watch.core.settings import Settings


def moment(at_ms: int, settings: Settings) -> str:
    """`2025-11-24 19:12:00 PST (UTC-08:00)`: zone names are ambiguous, so the offset is added."""
    return f"{_local(at_ms, settings):%Y-%m-%d %H:%M:%S} {_zone(at_ms, settings)}"


def span(from_ms: int, to_ms: int, settings: Settings) -> str:
    """`from 2025-11-24 19:12:00 to 19:21:00 PST (UTC-08:00)`."""
    zones = [_zone(ms, settings) for ms in (from_ms, to_ms)]
    begun = f"{_local(from_ms, settings):%Y-%m-%d %H:%M:%S}"
    if zones[0] != zones[1]:  # a clock change in between
        begun = f"{begun} {zones[0]}"
    return f"from {begun} to {clock(to_ms, settings, from_ms)} {zones[1]}"


def clock(at_ms: int, settings: Settings, near_ms: int) -> str:
    """`19:12:00`, with its day if that is not the day of *near_ms*."""
    at, near = _local(at_ms, settings), _local(near_ms, settings)
    return f"{at:%H:%M:%S}" if at.date() == near.date() else f"{at:%Y-%m-%d %H:%M:%S}"


def since(alert: Alert, settings: Settings) -> str:
    """`since 19:12 PST`."""
    local = _local(alert.since_ms, settings)
    return f"since {local:%H:%M} {local:%Z}".strip()


def clock_span(alert: Alert, settings: Settings) -> str:
    """`03:12–03:20`, in the service's time zone."""
    begun, ended = (_local(ms, settings) for ms in (alert.since_ms, ended_ms(alert)))
    form = "%H:%M" if begun.date() == ended.date() else "%Y-%m-%d %H:%M"
    return f"{begun.strftime(form)}–{ended.strftime(form)}"


def ended_ms(alert: Alert) -> int:
    """When it ended (Unix time in ms); when it began, if it has not."""
    ended = alert.recovered_ms if alert.recovered_ms is not None else alert.resolved_ms
    return ended if ended is not None else alert.since_ms


def lasted(alert: Alert) -> str:
    """`1m10s`: how long it was down by the ledger, else from its beginning to its end."""
    if alert.down_ms is not None:
        return length(alert.down_ms)
    whole = length(ended_ms(alert) - alert.since_ms)
    return f"at most {whole}" if alert.unseen else whole


def within(alert: Alert) -> str:
    """` of 2m30s` when its component was up in between; empty when not."""
    whole = length(ended_ms(alert) - alert.since_ms)
    return "" if alert.down_ms is None or length(alert.down_ms) == whole else f" of {whole}"


def length(ms: int) -> str:
    """`1m10s`; a part of a second counts as one."""
    return duration_text(timedelta(seconds=-(-max(ms, 0) // 1000)))


def _local(at_ms: int, settings: Settings) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, settings.service.timezone)


def _zone(at_ms: int, settings: Settings) -> str:
    """`PST (UTC-08:00)`."""
    local = _local(at_ms, settings)
    zone, offset = local.strftime("%Z"), f"UTC{local.isoformat()[-6:]}"
    if zone == "UTC":
        return zone
    return f"{zone} ({offset})" if zone.isalpha() else offset
