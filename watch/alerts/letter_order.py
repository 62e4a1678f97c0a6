"""What a letter says first: what people must act on, and of that the likeliest cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from watch.core.alert import Alert, Event
from watch.core.escalation import Severity
from watch.core.settings import When

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.settings import Settings

News = Sequence[tuple[Event, Alert]]
"""What a letter says of each of its alerts; the first is its root."""


def in_order(news: News, settings: Settings) -> list[tuple[Event, Alert]]:
    """*news* with what people must act on first; each kind with the likeliest cause first."""
    said = {alert.id: event for event, alert in news}
    ordered = [(said[alert.id], alert) for alert in root_first([alert for _, alert in news], settings)]
    return sorted(ordered, key=lambda one: one[0] is not Event.TRIGGERED)


def root_first(alerts: Sequence[Alert], settings: Settings) -> list[Alert]:
    """*alerts*, the likeliest cause first: urgent ones, theirs before ours, what others contain, the oldest."""
    parents: dict[str, list[str]] = {}
    for component in settings.components.values():
        for member in component.members:
            parents.setdefault(member, []).append(component.key)
    subjects = {alert.subject for alert in alerts}
    explains = {subject: len(_above(subject, parents) & subjects) for subject in subjects}

    def rank(alert: Alert) -> tuple[bool, bool, int, int, int]:
        ours = alert.when is When.MONITOR  # a trouble of ours never hides an outage of theirs
        return alert.severity is not Severity.URGENT, ours, -explains[alert.subject], alert.since_ms, alert.id

    return sorted(alerts, key=rank)


def _above(key: str, parents: Mapping[str, Sequence[str]]) -> set[str]:
    """The components that contain *key*, at any depth."""
    found: set[str] = set()
    todo = [key]
    while todo:
        above = [parent for parent in parents.get(todo.pop(), ()) if parent not in found]
        found.update(above)
        todo += above
    return found
