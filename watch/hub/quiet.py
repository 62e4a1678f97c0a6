"""The components whose pages a maintenance window silences now, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.figures import maintenance
from watch.core.timeline import State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from watch.core.book import Book
    from watch.core.standing import Standing


def quiet_components(book: Book, standings: Mapping[str, Standing], now_ms: int) -> dict[str, int]:
    """The components that are silenced, each with the end of its window (Unix time in ms).

    One whose outage lasts longer than its window allows is not among them.
    """
    found: dict[str, int] = {}
    for window, it in maintenance(book, now_ms, now_ms + 1):
        for key in window.components if window.suppress_alerts else ():
            if not _overruns(standings.get(key), window.max_outage, it.from_ms, now_ms):
                found[key] = max(it.to_ms, found.get(key, 0))
    return found


def _overruns(standing: Standing | None, allowed: timedelta | None, from_ms: int, now_ms: int) -> bool:
    if allowed is None or standing is None or standing.state is not State.DOWN:
        return False
    return now_ms - max(standing.since_ms, from_ms) > round(allowed.total_seconds() * 1000)
