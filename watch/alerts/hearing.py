"""What each recipient has last successfully heard of each alert, and what they must still be told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watch.core.alert import Alert, Event, Heard, Notice

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

_KNOWS_CLOSED = (Event.RESOLVED, Event.MERGED)
_JUST_MS = 5_000
Rows = dict[tuple[int, str], Heard | None]


class Hearing:
    """The rows of `Heard`. The methods that change some return them for the caller to commit."""

    def __init__(self, heard: Iterable[Heard], alerts: Collection[int]) -> None:
        self._heard: dict[int, dict[str, Heard]] = {}  # by alert and recipient
        for row in heard:
            if row.alert_id in alerts:
                self._heard.setdefault(row.alert_id, {})[row.recipient] = row

    @property
    def all(self) -> Mapping[int, Mapping[str, Heard]]:
        """By alert and recipient."""
        return self._heard

    def of(self, alert_id: int) -> Mapping[str, Heard]:
        """Who has heard of an alert, and what."""
        return self._heard.get(alert_id, {})

    def untold(self, alert: Alert, recipient: str) -> Event | None:
        """The event of *alert* that *recipient* must still be told; None when they know, or need not."""
        heard = self.of(alert.id).get(recipient)
        if alert.open:
            if alert.ack is not None or alert.held:
                return None
            if heard is None or heard.event is not Event.TRIGGERED or heard.call < alert.call_to(recipient):
                return Event.TRIGGERED
            return None
        if heard is None:
            return None if alert.muted else Event.MERGED
        return None if heard.event in _KNOWS_CLOSED else Event.RESOLVED

    def called_again(self, alert: Alert, recipient: str) -> bool:
        """Whether *recipient* knows of *alert*, and a step has called them since they heard of it."""
        heard = self.of(alert.id).get(recipient)
        return heard is not None and heard.event is Event.TRIGGERED and heard.call < alert.call_to(recipient)

    def just_told(self, alert: Alert, recipient: str, now_ms: int) -> bool:
        """Whether *recipient* heard that *alert* is open right before *now_ms* (Unix time in ms)."""
        heard = self.of(alert.id).get(recipient)
        return heard is not None and heard.event is Event.TRIGGERED and 0 <= now_ms - heard.at_ms < _JUST_MS

    def note(self, notice: Notice, thread: str, alerts: Mapping[int, Alert], now_ms: int) -> Rows:
        """*notice* was delivered, under the dedup key *thread*."""
        return dict(self._noted(notice, thread, alerts, now_ms))

    def _noted(
        self, notice: Notice, thread: str, alerts: Mapping[int, Alert], now_ms: int
    ) -> Iterator[tuple[tuple[int, str], Heard]]:
        who = notice.recipient
        for alert_id in notice.alert_ids:
            alert = alerts.get(alert_id)
            call = 0 if alert is None else alert.call_to(who)
            heard = Heard(
                alert_id=alert_id, recipient=who, event=notice.event, at_ms=now_ms, call=call, thread=thread
            )
            self._heard.setdefault(alert_id, {})[who] = heard
            yield (alert_id, who), heard

    def rename(self, names: Mapping[str, str]) -> Rows:
        """Know people by other names: former → new."""
        changed: Rows = {}
        for alert_id, rows in self._heard.items():
            for was in names.keys() & rows.keys():
                row = replace(rows.pop(was), recipient=names[was])
                known = rows.get(row.recipient)
                if known is None or known.at_ms <= row.at_ms:
                    rows[row.recipient] = changed[alert_id, row.recipient] = row
                changed[alert_id, was] = None
        return changed

    def forget(self, alert_id: int) -> None:
        """Drop what is known of an alert that is over."""
        self._heard.pop(alert_id, None)
