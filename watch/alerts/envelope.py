"""What goes with a letter: its tone, its urgency, and the incidents that it opens or closes at providers that pair.

A letter about several alerts opens one incident, under the dedup key of the first. What was told together is closed
together: an incident ends when the last alert that was told under its key is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.alerts.letter import letters
from watch.alerts.message import Letter, Message, Thread, Tone
from watch.core.alert import Event
from watch.core.escalation import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watch.core.alert import Alert, Heard, Notice
    from watch.core.settings import Settings


def enveloped(
    notice: Notice,
    recipient: str,
    known: Mapping[int, Alert],
    heard: Mapping[int, Mapping[str, Heard]],
    settings: Settings,
    lines: Callable[[Sequence[Alert]], Sequence[str]],
) -> Message:
    """What to send for *notice* now. It is composed when it is sent, so a late retry says what is true then.

    Args:
        known: All alerts by id.
        heard: By alert and recipient.
        lines: Why *recipient* is called for some alerts, and how they acknowledge.
    """
    alerts = [known[alert_id] for alert_id in notice.alert_ids if alert_id in known]
    if not alerts:
        return Message((Letter(notice.title, notice.body),))
    instead = not any(recipient in alert.recipients for alert in alerts)
    urgent = alerts[0].severity is Severity.URGENT
    told = [(known[i], rows[recipient]) for i, rows in heard.items() if recipient in rows and i in known]
    return Message(
        letters(notice.event, alerts, settings, instead=instead, lines=lines(alerts)),
        _tone(notice.event, urgent=urgent),
        urgent=urgent and notice.event is Event.TRIGGERED,
        threads=_threads(notice.event, alerts, told),
    )


def root_key(notice: Notice, known: Mapping[int, Alert]) -> str:
    """The dedup key of the first alert of *notice*; empty if it is not known any more."""
    root = known.get(notice.alert_ids[0])
    return root.dedup_key if root is not None else ""


def _tone(event: Event, *, urgent: bool) -> Tone:
    if event is Event.RESOLVED:
        return Tone.SUCCESS
    return Tone.FAILURE if urgent and event is Event.TRIGGERED else Tone.WARNING


def _threads(
    event: Event, alerts: Sequence[Alert], heard: Sequence[tuple[Alert, Heard]]
) -> tuple[Thread, ...]:
    root = alerts[0].dedup_key
    if event is Event.TRIGGERED:
        return (Thread(root, open=True),)
    if event is Event.MERGED:  # the provider has not heard of it: opened and closed, it is on record there
        return Thread(root, open=True), Thread(root, open=False)
    told = {alert.id: found.thread or alert.dedup_key for alert, found in heard}
    going_on = {told[alert.id] for alert, found in heard if alert.open and found.event is Event.TRIGGERED}
    keys = dict.fromkeys(told.get(alert.id, alert.dedup_key) for alert in alerts)
    return tuple(Thread(key, open=key in going_on) for key in keys)
