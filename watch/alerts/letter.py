"""The text of a notice. The title says what happened to what; the body says since when, why, and where it was seen.

Channels take texts of different lengths, from 32,000 characters to 66. A letter is made shorter by what it means: first
it tells fewer alerts in full and names the rest, then it counts those that it has no room to name, then it tells only
the root, then since when. Nothing is cut in the middle except a name that is too long for a title.

Names and details come from the configuration and from targets: line breaks, control and bidi characters are removed
(a title becomes the subject of a mail), and titles end at 200 characters. Times are in the service's time zone, with
its offset from UTC.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from watch.alerts.behind import behind_line
from watch.alerts.letter_times import clock_span, ended_ms, lasted, moment, since
from watch.alerts.message import Letter
from watch.core.alert import Alert, Event
from watch.core.escalation import Severity
from watch.core.settings import Settings, When
from watch.core.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

TITLE = 200
_LISTED = 20
_CURE = 600  # characters
# Characters of title and body, a few below the limits of services; between them, because escapes make texts longer.
_LENGTHS = (32_000, 15_000, 10_000, 7_500, 5_000, 4_000, 3_000, 2_000, 1_500, 1_000, 750, 480, 300, 140, 66)
_JOINT = 2  # between them, where a channel sends both as one
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


News = Sequence[tuple[Event, Alert]]
"""What a letter says of each of its alerts; the first is its root."""


def letters(
    news: News, settings: Settings, *, instead: bool = False, lines: Sequence[str] = ()
) -> tuple[Letter, ...]:
    """The text that tells *news*, in all lengths that channels need: longest first.

    Args:
        instead: It goes to the catch-all, because nobody else can be reached.
        lines: Why its recipient is called, and how they acknowledge it.
    """
    draft = _Draft(news, settings, instead=instead, lines=lines)
    return tuple(dict.fromkeys(draft.within(most) for most in _LENGTHS))


def letter(news: News, settings: Settings, *, instead: bool = False, lines: Sequence[str] = ()) -> Letter:
    """The longest of `letters`."""
    return _Draft(news, settings, instead=instead, lines=lines).within(_LENGTHS[0])


class _Draft:
    """A letter before its length is known."""

    def __init__(self, news: News, settings: Settings, *, instead: bool, lines: Sequence[str]) -> None:
        self._settings, self._count = settings, len(news)
        self._event, self._root = news[0]
        failed = sum(event is Event.TRIGGERED for event, _ in news)
        self._over = len(news) - failed if failed else 0  # recoveries beside failures
        self._paragraphs = [_paragraph(event, alert, settings) for event, alert in news[:_LISTED]]
        self._names = _names(news)
        whole = len(self._names) == self._count
        # The characters of all names that are told in no paragraph: more than any room if there are too many.
        self._least = sum(len(name) + 2 for name in self._names[_LISTED:]) if whole else _LENGTHS[0] + 1
        self._call = ["\n".join(one_line(line, 500) for line in lines)] if lines else []
        self._footers = [*self._call]
        if instead:
            self._footers.append("You get this notice because none of the alert's recipients can be reached.")
        if settings.service.url:
            self._footers.append(f"Status page: {one_line(settings.service.url, 500)}")

    def within(self, most: int) -> Letter:
        """The text in at most *most* characters, title and body together. What is left out is counted, never cut."""
        more = f" (+{others} more)" if (others := self._count - self._over - 1) else ""
        behind = len(self._root.behind)
        more = f" (+{behind} behind it)" if behind and not others and self._event is Event.TRIGGERED else more
        more += f", {self._over} resolved" if self._over else ""
        title = _title(self._event, self._root, self._settings, more, min(TITLE, most // 2))
        room = most - len(title) - _JOINT
        named = range(min(self._count, _LISTED), 0, -1) if self._least <= room else ()
        for told in named:
            body = self._body(told, self._footers, self._others(told))
            if len(body) <= room:
                return Letter(title, body)
        whole = self._footers
        for told, footers in ((3, whole), (2, whole), (1, whole), (1, self._call), (1, ())):
            full = len(self._body(told, footers, ""))
            if told > 1 and full > room // 2:  # more names are worth more than a second whole paragraph
                continue
            body = self._body(told, footers, self._others(told, room - full - 2))
            if len(body) <= room:
                return Letter(title, body)
        return Letter(title, self._short(room))

    def _body(self, told: int, footers: Sequence[str], others: str) -> str:
        parts = (*self._paragraphs[:told], others, *footers)
        return "\n\n".join(part for part in parts if part)

    def _others(self, told: int, room: int = _LENGTHS[0]) -> str:
        """`And 480 more: API, Database and 478 others.`: all but the first *told*, or as many as fit into *room*."""
        count, names = self._count - told, self._names[told:]
        if not count:
            return ""
        start = f"And {count} more"
        full = f"{start}: {', '.join(names)}."
        if len(names) == count and len(full) <= room:
            return full
        left = room - len(f"{start}:  and {count} others.")
        ends = itertools.accumulate(len(name) + 2 for name in names)
        fitting = sum(1 for _ in itertools.takewhile(lambda end: end <= left, ends))
        return (
            f"{start}: {', '.join(names[:fitting])} and {count - fitting} others." if fitting else f"{start}."
        )

    def _short(self, room: int) -> str:
        """Since when, and which alert if that fits."""
        root, settings = self._root, self._settings
        begun = since(root, settings)
        clock = clock_span(root, settings) if root.resolved_ms is not None else begun
        candidates = (f"{clock}, {root.dedup_key}", clock)
        return next((text for text in candidates if len(text) <= room), begun)


def in_order(news: News, settings: Settings) -> list[tuple[Event, Alert]]:
    """*news* with what people must act on first; each kind with the likeliest cause first."""
    said = {alert.id: event for event, alert in news}
    ordered = [(said[alert.id], alert) for alert in root_first([alert for _, alert in news], settings)]
    return sorted(ordered, key=lambda one: one[0] is not Event.TRIGGERED)


def _names(news: News) -> list[str]:
    """The names of the alerts, as many as the longest letter could hold. Recoveries beside failures say so."""
    found: list[str] = []
    left = _LENGTHS[0]
    for event, alert in news:
        name = _without_mentions(alert.name, 60)
        name += " (resolved)" if event is not news[0][0] and news[0][0] is Event.TRIGGERED else ""
        left -= len(name)
        if left < 0:
            break
        found.append(name)
    return found


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


def _without_mentions(text: str, limit: int = TITLE) -> str:
    """*text* as one line without mentions: `@everyone` in a target's answer must not notify a whole team."""
    return _MENTION.sub(r"\g<0> ", one_line(text, limit))


def _title(event: Event, alert: Alert, settings: Settings, more: str, limit: int) -> str:
    """The title in at most *limit* characters: the name is shortened, the rest says what happened."""
    before, after = _around_name(event, alert, settings)
    for end in (after, ""):
        room = limit - len(before) - len(more) - len(end)
        if room >= min(len(alert.name), 12):
            return f"{before}{_without_mentions(alert.name, min(room, TITLE // 2))}{more}{end}"
    return f"{before}{_without_mentions(alert.name, max(room, 5))}{more}"


def _around_name(event: Event, alert: Alert, settings: Settings) -> tuple[str, str]:
    """What a title says before and after the name."""
    if event is Event.TRIGGERED:
        again = " AGAIN" if alert.again and not alert.flaps.since_ms else ""
        return f"{'FLAPPING' if alert.flapping else _WORDS[alert.when]}{again}: ", ""
    if alert.closing:
        return "CLOSED: ", f" ({alert.closing})"
    if alert.when is When.MONITOR:  # its name is a whole phrase
        return "OVER: ", f" (lasted {lasted(alert)})"
    if event is Event.RESOLVED:
        return "RESOLVED: ", f" {_was(alert)} for {lasted(alert)}"
    return "DELIVERED LATE: ", f" {_was(alert)} {clock_span(alert, settings)}"


def _was(alert: Alert) -> str:
    return "was flapping" if alert.flapping else _WAS[alert.when]


def _paragraph(event: Event, alert: Alert, settings: Settings) -> str:
    lines = [_sentence(event, alert, settings)]
    if alert.when is When.MONITOR:
        if alert.detail and event is Event.TRIGGERED:
            first, *more = alert.detail.splitlines()
            lines.append(f"What to do: {_without_mentions(first, _CURE)}")
            lines += [_without_mentions(line, _CURE) for line in more]
    elif alert.detail and alert.detail != alert.name:
        lines.append(f"Why: {one_line(alert.reason, 40)}: {_without_mentions(alert.detail)}")
    if alert.cause:
        lines.append(f"Check: {one_line(alert.cause)}, seen from {one_line(settings.vantage.name)}")
    if behind := behind_line(alert):
        lines.append(_without_mentions(behind, 700))
    lines.append(f"Alert: {alert.dedup_key}")
    return "\n".join(lines)


def _sentence(event: Event, alert: Alert, settings: Settings) -> str:
    name = _without_mentions(alert.name)
    begun = moment(alert.since_ms, settings)
    if alert.when is When.MONITOR:
        return _own_trouble(name, begun, event, alert, settings)
    if event is Event.TRIGGERED and alert.flapping:
        times = f"It changed {len(alert.flaps.at_ms)} times between {_WORDS[alert.when].lower()} and not."
        return f"{name}: flapping since {begun}. {times} You hear again when that is over, or lasts for 10 minutes."
    if event is Event.TRIGGERED:
        again = " It had recovered shortly before." if alert.again else ""
        return f"{name}: {_WORDS[alert.when].lower()} since {begun}.{again}"
    if alert.closing:
        return f"{name}: the alert was closed because {alert.closing}. It {_was(alert)} since {begun}."
    until = moment(ended_ms(alert), settings)
    late = " This notice could not be delivered earlier." if event is Event.MERGED else ""
    late += " For part of that time there was no data." if alert.unseen else ""
    return f"{name} {_was(alert)} from {begun} to {until}, for {lasted(alert)}.{late}"


def _own_trouble(name: str, since: str, event: Event, alert: Alert, settings: Settings) -> str:
    """The sentence for trouble of the monitoring itself, whose *name* is a whole phrase, or sentences of its own."""
    name = name.removesuffix(".")
    if event is Event.TRIGGERED:
        return f"Monitoring trouble since {since}: {name}."
    if alert.closing:
        return f"Monitoring trouble since {since}: {name}. The alert was closed because {alert.closing}."
    until = moment(ended_ms(alert), settings)
    late = " This notice could not be delivered earlier." if event is Event.MERGED else ""
    return f"Monitoring trouble from {since} to {until}, for {lasted(alert)}: {name}.{late}"
