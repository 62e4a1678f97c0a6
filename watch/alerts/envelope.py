"""What goes with a letter: its tone, its urgency, and the incidents that it opens or closes at providers that pair.

A letter about several alerts opens one incident, under the dedup key of the first. What was told together is closed
together: an incident ends when the last alert that was told under its key is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.alerts.letter import letter, letters
from watch.alerts.letter_order import in_order
from watch.alerts.message import Letter, Message, Thread, Tone
from watch.core.alert import Event, Notice, Status
from watch.core.escalation import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watch.alerts.letter_order import News
    from watch.core.alert import Alert, Heard
    from watch.core.settings import Settings


def enveloped(
    rows: Sequence[Notice],
    recipient: str,
    known: Mapping[int, Alert],
    heard: Mapping[int, Mapping[str, Heard]],
    settings: Settings,
    lines: Callable[[Sequence[Alert]], Sequence[str]],
) -> Message:
    """What to send for *rows* now. It is composed when it is sent, so a late retry says what is true then.

    Args:
        rows: At least one; all are told in one letter.
        known: All alerts by id.
        heard: By alert and recipient.
        lines: Why *recipient* is called for some alerts, and how they acknowledge.
    """
    told_in = [(row.event, [known[i] for i in row.alert_ids if i in known]) for row in rows]
    news = in_order([(event, alert) for event, alerts in told_in for alert in alerts], settings)
    if not news:
        return Message((Letter(rows[0].title, rows[0].body),))
    event, root = news[0]
    calls = [alert for said, alert in news if said is Event.TRIGGERED]
    urgent = root.severity is Severity.URGENT
    told = [(known[i], row[recipient]) for i, row in heard.items() if recipient in row and i in known]
    threads = [thread for said, alerts in told_in if alerts for thread in _threads(said, alerts, told)]
    return Message(
        letters(news, settings, instead=_instead(news, recipient), lines=lines(calls)),
        _tone([said for said, _ in news], urgent=urgent),
        urgent=urgent and event is Event.TRIGGERED,
        threads=tuple(dict.fromkeys(threads)),
    )


def new_row(
    row_id: int,
    event: Event,
    alerts: Sequence[Alert],
    recipient: str,
    settings: Settings,
    lines: Sequence[str],
    now_ms: int,
) -> Notice:
    """A row of the outbox: *event* of *alerts*, the root first, for *recipient*."""
    news = [(event, alert) for alert in alerts]
    text = letter(news, settings, instead=_instead(news, recipient), lines=lines)
    return Notice(
        id=row_id, alert_ids=tuple(a.id for a in alerts), event=event, recipient=recipient,
        channel=0, status=Status.PENDING, created_ms=now_ms, due_ms=now_ms,
        title=text.title, body=text.body,
    )  # fmt: skip


def _instead(news: News, recipient: str) -> bool:
    return not any(recipient in alert.recipients for _, alert in news)


def root_key(notice: Notice, known: Mapping[int, Alert]) -> str:
    """The dedup key of the first alert of *notice*; empty if it is not known any more."""
    root = known.get(notice.alert_ids[0])
    return root.dedup_key if root is not None else ""


def _tone(events: Sequence[Event], *, urgent: bool) -> Tone:
    """The tone of a letter that says *events*; *urgent*: the first is of an urgent alert."""
    if all(event is Event.RESOLVED for event in events):
        return Tone.SUCCESS
    return Tone.FAILURE if urgent and events[0] is Event.TRIGGERED else Tone.WARNING


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
