"""The times in a letter, in the service's time zone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from watch.core.quantity import duration_text

if TYPE_CHECKING:
    from watch.core.alert import Alert
    from watch.core.settings import Settings


def moment(at_ms: int, settings: Settings) -> str:
    """`2025-11-24 19:12:00 PST (UTC-08:00)`: zone names are ambiguous, so the offset is added."""
    local = datetime.fromtimestamp(at_ms // 1000, settings.service.timezone)
    zone, offset = local.strftime("%Z"), f"UTC{local.isoformat()[-6:]}"
    if zone == "UTC":
        return f"{local:%Y-%m-%d %H:%M:%S} UTC"
    return f"{local:%Y-%m-%d %H:%M:%S} {f'{zone} ({offset})' if zone.isalpha() else offset}"


def since(alert: Alert, settings: Settings) -> str:
    """`since 19:12 PST`."""
    local = datetime.fromtimestamp(alert.since_ms // 1000, settings.service.timezone)
    return f"since {local:%H:%M} {local:%Z}".strip()


def clock_span(alert: Alert, settings: Settings) -> str:
    """`03:12–03:20`, in the service's time zone."""
    zone = settings.service.timezone
    begun, ended = (datetime.fromtimestamp(ms // 1000, zone) for ms in (alert.since_ms, ended_ms(alert)))
    form = "%H:%M" if begun.date() == ended.date() else "%Y-%m-%d %H:%M"
    return f"{begun.strftime(form)}–{ended.strftime(form)}"


def ended_ms(alert: Alert) -> int:
    """When it ended (Unix time in ms); when it began, if it has not."""
    ended = alert.recovered_ms if alert.recovered_ms is not None else alert.resolved_ms
    return ended if ended is not None else alert.since_ms


def lasted(alert: Alert) -> str:
    """`1m10s`."""
    length = duration_text(timedelta(seconds=max(ended_ms(alert) - alert.since_ms, 0) // 1000))
    return f"at most {length}" if alert.unseen else length
