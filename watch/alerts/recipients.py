"""Who is to hear of an alert: whom its steps have called, who has heard of it, and the catch-all if it must.

When none of an alert's recipients can be reached, the catch-all is notified instead. Somebody who is no longer in the
configuration, but has heard of the alert, counts as reached for `resolve_hold`: if they are back by then, they were
never gone. A renamed person (`was:`) keeps what they heard and what is being sent to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.alerts.open_alerts import ms
from watch.core.alert import Alert, Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from watch.alerts.hearing import Hearing
    from watch.alerts.outbox import Outbox
    from watch.core.settings import Settings


class Recipients:
    """Finds the recipients of alerts.

    Args:
        channels: The number of a person's channels; 0 for an unknown person.
    """

    def __init__(
        self, settings: Settings, outbox: Outbox, hearing: Hearing, channels: Callable[[str], int]
    ) -> None:
        self._settings, self._outbox, self._hearing, self._channels = settings, outbox, hearing, channels
        self._missed: dict[str, int] = {}  # people who are not in the configuration, and since when

    def plan(self, settings: Settings) -> None:
        """Replace the settings."""
        self._settings = settings
        self._missed = {who: since for who, since in self._missed.items() if who not in settings.people}

    def of(self, alert: Alert, now_ms: int) -> list[str]:
        """Whom *alert* has called, or the catch-all when none of them can be reached; and who has heard of it."""
        event = Event.TRIGGERED if alert.open else Event.MERGED
        people = [p for p in alert.recipients if self._channels(p)]
        reached = any(self._outbox.reachable(alert.id, p, event, now_ms) for p in people)
        if alert.recipients and not reached and not self._may_be_back(alert, now_ms):
            people += [p for p in self._settings.catch_all if p not in people and self._channels(p)]
        return people + [who for who in self._hearing.of(alert.id) if who not in people]

    def _may_be_back(self, alert: Alert, now_ms: int) -> bool:
        """Whether somebody knows of *alert* who left the configuration only just now."""
        heard, hold_ms = self._hearing.of(alert.id), ms(self._settings.alerting.resolve_hold)
        gone = [p for p in alert.recipients if p in heard and p not in self._settings.people]
        return any(now_ms - self._missed.setdefault(p, now_ms) < hold_ms for p in gone)

    def lost(self, alert: Alert, who: str, now_ms: int) -> bool:
        """Whether *who*, whom *alert* has called, has not heard of it and cannot: every channel refused."""
        if self._hearing.untold(alert, who) is None:
            return False
        return not self._outbox.reachable(alert.id, who, Event.TRIGGERED, now_ms)
