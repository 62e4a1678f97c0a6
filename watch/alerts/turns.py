"""Whose turn it is to get a letter, and what is in it.

* The first of new alerts waits for `group_wait`, so that those that belong to it are in the same letter. Recoveries
  wait for each other likewise.
* A person gets letters at a pace (`alerts.pace`). What waits for their turn, failures and recoveries alike, is one
  letter then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.alerts.open_alerts import ms
from watch.alerts.pace import RESERVE, Pace
from watch.core.alert import Alert, Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from watch.core.alert import Notice
    from watch.core.settings import Settings

Wanted = dict[tuple[str, Event], list[Alert]]
"""What people must be told: recipient and event → the alerts."""


class Turns:
    """Decides which letters leave now."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        pace = settings.alerting.pace
        self._pace: Pace[str] = Pace(pace.burst, ms(pace.every))
        self._paid: set[int] = set()  # the rows with which a letter began, until they are tried
        self._next_ms: list[int] = []

    def plan(self, settings: Settings) -> None:
        """Replace the settings."""
        self._settings = settings
        self._pace.set(settings.alerting.pace.burst, ms(settings.alerting.pace.every))

    def rename(self, names: Mapping[str, str]) -> None:
        """Know people by other names: former → new."""
        self._pace.rename(names)

    def due(self, wanted: Wanted, now_ms: int) -> Iterator[tuple[str, dict[Event, list[Alert]]]]:
        """The recipients whose turn it is, and what their letter says, by event."""
        waited: dict[str, dict[Event, list[Alert]]] = {}
        self._next_ms = []
        for (recipient, event), alerts in wanted.items():
            if (at_ms := self._together_ms(event, alerts, now_ms)) <= now_ms:
                waited.setdefault(recipient, {})[event] = alerts
            else:
                self._next_ms.append(at_ms)
        for recipient, news in waited.items():
            reserve = 0 if Event.TRIGGERED in news else RESERVE
            if (at_ms := self._pace.next_ms(recipient, now_ms, reserve=reserve)) <= now_ms:
                yield recipient, news
            else:
                self._next_ms.append(at_ms)

    @property
    def next_ms(self) -> int | None:
        """When the next of those letters may leave that wait since `due` (Unix time in ms); None without any."""
        return min(self._next_ms, default=None)

    def take(self, recipient: str, row_id: int, now_ms: int) -> None:
        """A letter to *recipient* leaves; *row_id* is the first of its rows."""
        self._pace.take(recipient, now_ms)
        self._paid.add(row_id)

    def tried(self, rows: Sequence[Notice]) -> None:
        """These rows are being sent."""
        self._paid.difference_update(row.id for row in rows)

    def replaced(self, row: Notice) -> None:
        """*row* is not sent: a newer one replaces it."""
        if row.id in self._paid:
            self._paid.discard(row.id)
            self._pace.give_back(row.recipient)

    def _together_ms(self, event: Event, alerts: Sequence[Alert], now_ms: int) -> int:
        """When the first of *alerts* has waited for `group_wait`; *now_ms* when it need not wait."""
        wait = ms(self._settings.alerting.group_wait)
        if event is Event.TRIGGERED:
            return min(now_ms if alert.again else alert.opened_ms + wait for alert in alerts)
        return min(now_ms if alert.resolved_ms is None else alert.resolved_ms + wait for alert in alerts)
