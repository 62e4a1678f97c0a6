"""Names and times as a rehearsal prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.localtime import from_utc_ms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

_NAMED = 6


def listed(names: Sequence[str]) -> str:
    """The first few of *names*, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def stamp(at_ms: int, zone: ZoneInfo, near_ms: int | None = None) -> str:
    """An instant as the clocks of *zone* show it; the time alone when it is on the day of *near_ms*."""
    local = from_utc_ms(at_ms - at_ms % 1000, zone)
    same = near_ms is not None and from_utc_ms(near_ms, zone).date() == local.date()
    return f"{local:%H:%M:%S}" if same else f"{local:%Y-%m-%d %H:%M:%S}"
