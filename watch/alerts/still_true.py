"""Whether a row of the outbox still says what is true: what is not is superseded before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.alert import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.alerts.silences import Silences
    from watch.core.alert import Alert, Notice


def still_true(notice: Notice, alerts: Mapping[int, Alert], silences: Silences) -> bool:
    """Whether the event of *notice* is still to be told of all its alerts."""
    about = [alerts.get(alert_id) for alert_id in notice.alert_ids]
    return all(alert is not None and _still(notice.event, alert, silences) for alert in about)


def _still(event: Event, alert: Alert, silences: Silences) -> bool:
    if event is not Event.TRIGGERED:
        return not alert.open
    return alert.open and not alert.acknowledged and not silences.hold(alert.when, alert.subject)
