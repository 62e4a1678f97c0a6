"""The text of a notice. The title says what happened to what; the body says since when, why, and where it was seen.

Names and details come from the configuration and from targets: line breaks, control and bidi characters are removed
(a title becomes the subject of a mail), and titles end at 200 characters. Times are in the service's time zone, with
its offset from UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from watch.core.alert import Alert, Event
from watch.core.escalation import Severity
from watch.core.quantity import duration_text
from watch.core.settings import Settings, When
from watch.core.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TITLE = 200
_LISTED = 20
_CURE = 600  # characters
_MENTION = re.compile(r"@(?=(?:everyone|here|channel|all)\b)|<(?=[!@#])", re.IGNORECASE)
_WORDS: Mapping[When, str] = {
    When.DOWN: "DOWN",
    When.DEGRADED: "DEGRADED",
    When.REDUNDANCY_LOST: "REDUNDANCY LOST",
    When.UNKNOWN: "NO DATA",
    When.MONITOR: "MONITORING TROUBLE",
}
_WAS: Mapping[When, str] = {
    When.DOWN: "was down",
    When.DEGRADED: "was degraded",
    When.REDUNDANCY_LOST: "had lost its redundancy",
    When.UNKNOWN: "had no data",
    When.MONITOR: "was in trouble",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice's text."""

    title: str
    body: str


def letter(
    event: Event,
    alerts: Sequence[Alert],
    settings: Settings,
    *,
    instead: bool = False,
    lines: Sequence[str] = (),
) -> Letter:
    """The text for *event* of *alerts*, the likeliest cause first.

    Args:
        instead: It goes to the catch-all, because nobody else can be reached.
        lines: Why its recipient is called, and how they acknowledge it.
    """
    more = f" (+{len(alerts) - 1} more)" if len(alerts) > 1 else ""
    title = _title(event, alerts[0], settings, more)
    parts = [_paragraph(event, alert, settings) for alert in alerts[:_LISTED]]
    if len(alerts) > _LISTED:
        parts.append(f"… and {len(alerts) - _LISTED} more.")
    if instead:
        parts.append("You get this notice because none of the alert's recipients can be reached.")
    if lines:
        parts.append("\n".join(one_line(line, 500) for line in lines))
    if settings.service.url:
        parts.append(f"Status page: {one_line(settings.service.url, 500)}")
    return Letter(one_line(title, TITLE), "\n\n".join(parts))


def root_first(alerts: Sequence[Alert], settings: Settings) -> list[Alert]:
    """*alerts*, the likeliest cause first: urgent ones, then those that others contain, then the oldest."""
    parents: dict[str, list[str]] = {}
    for component in settings.components.values():
        for member in component.members:
            parents.setdefault(member, []).append(component.key)
    subjects = {alert.subject for alert in alerts}
    explains = {subject: len(_above(subject, parents) & subjects) for subject in subjects}

    def rank(alert: Alert) -> tuple[bool, int, int, int]:
        return alert.severity is not Severity.URGENT, -explains[alert.subject], alert.since_ms, alert.id

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


def _without_mentions(text: str, limit: int = TITLE) -> str:
    """*text* as one line without mentions: `@everyone` in a target's answer must not notify a whole team."""
    return _MENTION.sub(r"\g<0> ", one_line(text, limit))


def _title(event: Event, alert: Alert, settings: Settings, more: str) -> str:
    name = _without_mentions(alert.name, TITLE // 2)
    if event is Event.TRIGGERED:
        return f"{_WORDS[alert.when]}{' AGAIN' if alert.again else ''}: {name}{more}"
    if alert.closing:
        return f"CLOSED: {name}{more} ({alert.closing})"
    if alert.when is When.MONITOR:  # its name is a whole phrase
        return f"OVER: {name}{more} (lasted {_lasted(alert)})"
    if event is Event.RESOLVED:
        return f"RESOLVED: {name}{more} {_WAS[alert.when]} for {_lasted(alert)}"
    return f"DELIVERED LATE: {name}{more} {_WAS[alert.when]} {_clock_span(alert, settings)}"


def _paragraph(event: Event, alert: Alert, settings: Settings) -> str:
    lines = [_sentence(event, alert, settings)]
    if alert.when is When.MONITOR:
        if alert.detail and event is Event.TRIGGERED:
            lines.append(f"What to do: {_without_mentions(alert.detail, _CURE)}")
    elif alert.detail and alert.detail != alert.name:
        lines.append(f"Why: {one_line(alert.reason, 40)}: {_without_mentions(alert.detail)}")
    if alert.cause:
        lines.append(f"Check: {one_line(alert.cause)}, seen from {one_line(settings.vantage.name)}")
    lines.append(f"Alert: {alert.dedup_key}")
    return "\n".join(lines)


def _sentence(event: Event, alert: Alert, settings: Settings) -> str:
    name = _without_mentions(alert.name)
    since = _moment(alert.since_ms, settings)
    if alert.when is When.MONITOR:
        return _own_trouble(name, since, event, alert, settings)
    if event is Event.TRIGGERED:
        again = " It had recovered shortly before." if alert.again else ""
        return f"{name}: {_WORDS[alert.when].lower()} since {since}.{again}"
    if alert.closing:
        return f"{name}: the alert was closed because {alert.closing}. It {_WAS[alert.when]} since {since}."
    until = _moment(_ended_ms(alert), settings)
    late = " This notice could not be delivered earlier." if event is Event.MERGED else ""
    late += " For part of that time there was no data." if alert.unseen else ""
    return f"{name} {_WAS[alert.when]} from {since} to {until}, for {_lasted(alert)}.{late}"


def _own_trouble(name: str, since: str, event: Event, alert: Alert, settings: Settings) -> str:
    """The sentence for trouble of the monitoring itself, whose *name* is a whole phrase, or sentences of its own."""
    name = name.removesuffix(".")
    if event is Event.TRIGGERED:
        return f"Monitoring trouble since {since}: {name}."
    if alert.closing:
        return f"Monitoring trouble since {since}: {name}. The alert was closed because {alert.closing}."
    until = _moment(_ended_ms(alert), settings)
    late = " This notice could not be delivered earlier." if event is Event.MERGED else ""
    return f"Monitoring trouble from {since} to {until}, for {_lasted(alert)}: {name}.{late}"


def _moment(at_ms: int, settings: Settings) -> str:
    """`2025-11-24 19:12:00 PST (UTC-08:00)`: zone names are ambiguous, so the offset is added."""
    local = datetime.fromtimestamp(at_ms // 1000, settings.service.timezone)
    zone, offset = local.strftime("%Z"), f"UTC{local.isoformat()[-6:]}"
    if zone == "UTC":
        return f"{local:%Y-%m-%d %H:%M:%S} UTC"
    return f"{local:%Y-%m-%d %H:%M:%S} {f'{zone} ({offset})' if zone.isalpha() else offset}"


def _clock_span(alert: Alert, settings: Settings) -> str:
    """`03:12–03:20`, in the service's time zone."""
    zone = settings.service.timezone
    begun, ended = (datetime.fromtimestamp(ms // 1000, zone) for ms in (alert.since_ms, _ended_ms(alert)))
    form = "%H:%M" if begun.date() == ended.date() else "%Y-%m-%d %H:%M"
    return f"{begun.strftime(form)}–{ended.strftime(form)}"


def _ended_ms(alert: Alert) -> int:
    ended = alert.recovered_ms if alert.recovered_ms is not None else alert.resolved_ms
    return ended if ended is not None else alert.since_ms


def _lasted(alert: Alert) -> str:
    lasted = duration_text(timedelta(seconds=max(_ended_ms(alert) - alert.since_ms, 0) // 1000))
    return f"at most {lasted}" if alert.unseen else lasted
