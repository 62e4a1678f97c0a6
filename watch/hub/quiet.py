"""The components whose pages a maintenance window silences now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.figures import maintenance
from watch.core.timeline import State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from watch.core.book import Book
    from watch.core.standing import Standing


def quiet_components(book: Book, standings: Mapping[str, Standing], now_ms: int) -> frozenset[str]:
    """The components that are silenced; not one whose outage lasts longer than its window allows."""
    return frozenset(
        key
        for window, occurrence in maintenance(book, now_ms, now_ms + 1)
        if window.suppress_alerts
        for key in window.components
        if not _overruns(standings.get(key), window.max_outage, occurrence.from_ms, now_ms)
    )


def _overruns(standing: Standing | None, allowed: timedelta | None, from_ms: int, now_ms: int) -> bool:
    if allowed is None or standing is None or standing.state is not State.DOWN:
        return False
    return now_ms - max(standing.since_ms, from_ms) > round(allowed.total_seconds() * 1000)
