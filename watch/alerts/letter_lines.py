"""What a letter tells of its root, line by line, and what each line is worth to somebody who was just woken.

A line that is worth less is left out first when a channel takes little. What happened and how to acknowledge are worth
most; then why, what was asked, and what to do; then why we believe it and what changed before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from watch.alerts.behind import behind_line
from watch.alerts.letter_times import clock, clock_span, ended_ms, lasted, length, moment, span, within
from watch.alerts.letter_title import WAS, WORDS, still, was
from watch.alerts.letter_words import plain
from watch.core.alert import Alert, Event
from watch.core.settings import Settings, When
from watch.core.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from watch.core.background import Background

_CURE = 600  # characters of a line
_HAS: Mapping[When, str] = {
    When.DOWN: "has been down",
    When.DEGRADED: "has been degraded",
    When.REDUNDANCY_LOST: "has been without full redundancy",
    When.UNKNOWN: "has had no data",
    When.SLOW: "has been slow",
    When.FACT: "has met the condition",
}
FACT, BEFORE, ACT = range(3)  # the blocks of a letter


class Line(NamedTuple):
    """One or more lines that stay or go together.

    Args:
        worth: From 1 to 10; 10 is never left out before the shortest form.
        block: Where it stands.
    """

    worth: int
    block: int
    text: str


def lines_of(event: Event, alert: Alert, settings: Settings, calls: Sequence[str]) -> list[Line]:
    """All lines about *alert*, the root of a letter.

    Args:
        calls: Why its recipient is called, and how they acknowledge it.
    """
    found = [Line(10, FACT, _sentence(event, alert, settings)), *_facts(event, alert, settings)]
    found += [Line(9, ACT, one_line(line, 500)) for line in calls]
    component = settings.components.get(alert.subject)
    if event is Event.TRIGGERED and component is not None and component.runbook:
        found.append(Line(6, ACT, f"Runbook: {one_line(component.runbook, 500)}"))
    if event is Event.TRIGGERED:
        ours = alert.when is When.MONITOR
        command = "doctor" if ours else f"explain {one_line(alert.subject)}"
        found.append(Line(1, ACT, f"To look further: threenines {command}"))
    if (page := _page(alert, settings)) and alert.when is not When.MONITOR:
        found.append(Line(2, ACT, page))
    return [*found, Line(5, ACT, key_line([alert]))]


def key_line(alerts: Sequence[Alert]) -> str:
    """The dedup keys of *alerts*: the same in every notice, so that duplicates can be told."""
    return f"Alert{'s' * (len(alerts) > 1)}: {', '.join(alert.dedup_key for alert in alerts)}"


def listed(event: Event, alert: Alert, settings: Settings, near_ms: int) -> str:
    """One line about *alert*, which is not the root: `- Database: down since 19:12:00, connection refused`."""
    name, ours = plain(alert.name, 80), alert.when is When.MONITOR
    if event is not Event.TRIGGERED:
        if alert.closing:
            return f"- {name}: closed, {plain(alert.closing, 120)}"
        over = "over; it was there" if ours else was(alert)
        late = ", told late" if event is Event.MERGED else ""
        return f"- {name}: {over} {clock_span(alert, settings)}, for {lasted(alert)}{within(alert)}{late}"
    begun = f"since {clock(alert.since_ms, settings, near_ms)}"
    if ours:
        return f"- Monitoring trouble {begun}: {plain(alert.name).removesuffix('.')}"
    word = "flapping" if alert.flapping else WORDS[alert.when].lower()
    why = f", {_why(alert, 100)}" if _why(alert) else ""
    word += f" ({plain(alert.condition, 80)})" if alert.condition else ""
    return f"- {name}: {word} {begun}{why}"


# ---- what happened ----


def _sentence(event: Event, alert: Alert, settings: Settings) -> str:
    name = plain(alert.name)
    begun = moment(alert.since_ms, settings)
    if event is not Event.TRIGGERED and alert.by_hand:
        return _closed_by_hand(name, alert, settings)
    if alert.when is When.MONITOR:
        return _own_trouble(name, begun, event, alert, settings)
    if event is Event.TRIGGERED:
        return f"{name} {_begun(alert, begun)}{_closed_before(alert, settings)}"
    if alert.closing:
        closing = plain(alert.closing, 600)
        return f"{name}: the alert was closed because {closing}. It {was(alert)} since {begun}."
    return f"{name} {_over(event, alert, settings)}"


def _begun(alert: Alert, begun: str) -> str:
    """`has been down since …`."""
    if alert.flapping:
        times = f"It changed {len(alert.flaps.at_ms)} times between {WORDS[alert.when].lower()} and not."
        return f"has been flapping since {begun}. {times} You hear again when that is over, or lasts for 10 minutes."
    again = " It had recovered shortly before." if alert.again and not alert.closed_before else ""
    condition = f" {plain(alert.condition)}" if alert.condition else ""
    return f"{_HAS[alert.when]}{condition} since {begun}.{again}"


def _over(event: Event, alert: Alert, settings: Settings) -> str:
    """`was down from … to …, for 9m`."""
    late = " This notice could not be delivered earlier." if event is Event.MERGED else ""
    late += " For part of that time there was no data." if alert.unseen else ""
    when = span(alert.since_ms, ended_ms(alert), settings)
    if within(alert):
        whole = length(ended_ms(alert) - alert.since_ms)
        how = "was flapping" if alert.flapping else "was in trouble"
        return f"{how} {when}: it {WAS[alert.when]} for {lasted(alert)} of these {whole}.{late}"
    return f"{was(alert)} {when}, for {lasted(alert)}.{late}"


def _closed_by_hand(name: str, alert: Alert, settings: Settings) -> str:
    """Who closed it, and what comes next: the trouble may last."""
    assert alert.resolved_ms is not None
    closing = f"{name}: {plain(alert.closing, 600)}."
    if not alert.lasts:
        return f"{closing} It {was(alert)} since {moment(alert.since_ms, settings)}."
    again_ms = alert.resolved_ms + int(settings.alerting.reopen.total_seconds() * 1000)
    begun = moment(alert.since_ms, settings)
    told = clock(again_ms, settings, alert.since_ms)
    lasts = f"It has been {still(alert)} since {begun} and still is"
    return f"{closing} {lasts}: you are told again at {told} unless it recovers."


def _closed_before(alert: Alert, settings: Settings) -> str:
    if alert.closed_before is None:
        return ""
    at_ms, who = alert.closed_before
    lasted_on = "; it has lasted since" if alert.since_ms <= at_ms else ""
    return f" At {clock(at_ms, settings, alert.since_ms)} {plain(who, 300)}{lasted_on}."


def _own_trouble(name: str, begun: str, event: Event, alert: Alert, settings: Settings) -> str:
    """The sentence for trouble of the monitoring itself, whose *name* is a whole phrase, or sentences of its own."""
    name = name.removesuffix(".")
    if event is Event.TRIGGERED:
        return f"Monitoring trouble since {begun}: {name}.{_closed_before(alert, settings)}"
    if alert.closing:
        return f"Monitoring trouble since {begun}: {name}. The alert was closed because {plain(alert.closing, 600)}."
    late = " This notice could not be delivered earlier." if event is Event.MERGED else ""
    when = span(alert.since_ms, ended_ms(alert), settings)
    return f"Monitoring trouble {when}, for {lasted(alert)}: {name}.{late}"


# ---- why, what was asked, why we believe it, what changed before ----


def _facts(event: Event, alert: Alert, settings: Settings) -> Iterator[Line]:
    if alert.when is When.MONITOR:
        if alert.detail and event is Event.TRIGGERED:
            first, *more = alert.detail.splitlines()
            cure = [f"What to do: {plain(first, _CURE)}", *(plain(line, _CURE) for line in more)]
            yield Line(8, FACT, "\n".join(cure))
        return
    if _why(alert):
        yield Line(8, FACT, f"Why: {_why(alert)}")
    found = alert.background
    if alert.cause:
        yield Line(7, FACT, _check(alert, settings))
    if found is not None and event is Event.TRIGGERED:
        yield from _belief(found, alert, settings)
    if behind := behind_line(alert):
        yield Line(6, FACT, plain(behind, 700))
    if found is not None and found.before and event is Event.TRIGGERED:
        yield Line(2, BEFORE, "\n".join(_before(found, alert, settings)))


def _why(alert: Alert, limit: int = 200) -> str:
    """`connection refused`, with the reason before it where it says more."""
    reason, detail = one_line(alert.reason, 40), plain(alert.detail, limit)
    if not detail or alert.detail == alert.name:
        return reason if reason != "ok" else ""
    return detail if reason.replace("_", " ") in detail.lower() else f"{reason}: {detail}"


def _check(alert: Alert, settings: Settings) -> str:
    found, cause = alert.background, one_line(alert.cause)
    if found is None:
        return f"Check: {cause}, seen from {one_line(settings.vantage.name)}"
    asks = f", which asks {plain(found.asked)}" if found.asked else ""
    others = f"; {found.others} other{'s' * (found.others > 1)} of its checks too" if found.others else ""
    return f"Check: {cause}{asks}{others}"


def _belief(found: Background, alert: Alert, settings: Settings) -> Iterator[Line]:
    seen = _listing([one_line(name) for name in found.seen_from])
    if not seen:
        return
    some = f" ({len(found.seen_from)} of {found.vantages} vantage points)" if found.vantages > 1 else ""
    if not found.readings:
        yield Line(3, FACT, f"Seen from: {seen}{some}")
        return
    readings = "1 bad reading" if found.readings == 1 else f"{found.readings} bad readings in a row"
    canaries = ", whose canaries answered" if found.canaries else ""
    yield Line(3, FACT, f"Seen from: {seen}{some}{canaries}; {readings}")
    if found.good_ms is not None:
        yield Line(4, FACT, f"Last good answer: {clock(found.good_ms, settings, alert.since_ms)}")


def _before(found: Background, alert: Alert, settings: Settings) -> Iterator[str]:
    yield "Before that:"
    for at_ms, what in found.before:
        yield f"- {clock(at_ms, settings, alert.since_ms)} {plain(what)}"


def _listing(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def _page(alert: Alert, settings: Settings) -> str:
    """The address of the component's page, or of the status page if it has none."""
    url, component = settings.service.url, settings.components.get(alert.subject)
    if not url:
        return ""
    base = one_line(url, 500)
    if component is None or not component.public:
        return f"Status page: {base}"
    return f"Page: {base.rstrip('/')}/components/{component.key}"
