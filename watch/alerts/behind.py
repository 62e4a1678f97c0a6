"""What an alert says about the components that depend on its own, and that alert nobody because of it.

Some are found down after its first letter has left. When no more have come for a while, its recipients get one more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watch.alerts.flaps import called
from watch.core.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watch.core.alert import Alert
    from watch.core.settings import Settings

SETTLED_MS = 30_000
_NAMED = 8


def told_behind(alert: Alert, names: Iterable[str], now_ms: int, settings: Settings) -> Alert:
    """*alert* with what is behind it now; itself when nothing has changed and nothing is due."""
    known = dict.fromkeys(alert.behind)
    behind = tuple(dict.fromkeys((*alert.behind, *names)))
    if len(behind) > len(known):
        return replace(alert, behind=behind, behind_ms=now_ms)
    first_ms = alert.opened_ms + settings.alerting.group_wait.total_seconds() * 1000
    late = alert.behind_ms is not None and alert.behind_ms > first_ms
    if alert.updated or not late or alert.behind_ms is None or now_ms - alert.behind_ms < SETTLED_MS:
        return alert
    alert = replace(alert, updated=True)
    return called(alert) if alert.ack is None else alert


def behind_line(alert: Alert) -> str:
    """A line about them; empty when there are none."""
    if not alert.behind:
        return ""
    names = [one_line(name, 60) for name in alert.behind[:_NAMED]]
    others = len(alert.behind) - len(names)
    more = f" and {others} others" if others else ""
    return f"In trouble because of it ({len(alert.behind)}): {', '.join(names)}{more}."
