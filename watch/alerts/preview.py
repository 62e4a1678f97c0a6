"""Letters before there is any trouble: how an alert would read on each channel of a person."""

from __future__ import annotations

import logging
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

from watch.alerts.call_lines import command_to_ack
from watch.alerts.letter import letters
from watch.alerts.letter_order import root_first
from watch.core.alert import Alert, Event, dedup_key
from watch.core.background import Background
from watch.core.measured import key_of
from watch.core.settings import When
from watch.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from watch.alerts.message import Letter
    from watch.core.settings import Check, Person, Settings

_LASTED_MS = 480_000  # how long the trouble of a preview has lasted
# What a target could have answered: a reason and a detail.
_WHY: Mapping[When, tuple[str, str]] = {
    When.DOWN: ("refused", "connection refused"),
    When.DEGRADED: ("slow", "the answer took 4.2 s, which is more than 2 s"),
    When.REDUNDANCY_LOST: ("refused", "connection refused"),
    When.UNKNOWN: ("blind", "no vantage point can see it"),
    When.SLOW: (
        "",
        "one answer in 20 of the last 10m took 1.24 s or longer; in the week before, 310 ms or longer",
    ),
    When.FACT: ("", "this is where the values of the facts stand"),
    When.MONITOR: ("internal", "This is where the letter says what to do."),
}


def previewed(
    settings: Settings, when: When, components: Sequence[str], person: str, now_ms: int, *, recovered: bool,
    asked: Callable[[Check], str] = lambda _: "",
) -> tuple[Letter, ...]:  # fmt: skip
    """The letter about *components*, in all lengths, the longest first.

    Args:
        asked: The target of a check, as letters name it.
    """
    alerts = root_first(
        [_alert(settings, when, key, n, now_ms, recovered) for n, key in enumerate(components, 1)], settings
    )
    alerts = [_with_background(alerts[0], settings, asked), *alerts[1:]]
    event = Event.RESOLVED if recovered else Event.TRIGGERED
    lines = () if recovered else (command_to_ack(alerts, person, now_ms),)
    return letters([(event, alert) for alert in alerts], settings, lines=lines)


def components_for(when: When, words: Sequence[str], settings: Settings) -> list[str]:
    """The components that *words* name by key or name; the first one without any. Trouble when one names none."""
    if when is When.MONITOR:
        if words:
            raise Trouble("--components: `monitor` is about the monitoring itself; leave them out")
        return ["vantage_blind:local"]
    if list(words) == ["all"]:
        return list(settings.components)
    names = {component.name.casefold(): key for key, component in settings.components.items()}
    found = []
    for word in words:
        key = word if word in settings.components else names.get(word.casefold())
        if key is None:
            raise Trouble(f"--components: there is no component {word!r}; `threenines status` lists them")
        found.append(key)
    return list(dict.fromkeys(found)) or list(settings.components)[:1]


def fitting(person: Person, said: Sequence[Letter]) -> Iterator[tuple[int, Letter | None]]:
    """For each channel of *person*, counted from 1, the longest of *said* that it takes; None when it takes none.

    It loads apprise, which takes most of a second. UnsupportedError counts as none: a secret may be missing here.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its plug-ins use deprecated modules
        from watch.alerts.plugin import Plugin, UnsupportedError  # noqa: PLC0415 - slow to import

        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it would print the URL it cannot read
        Plugin("json://localhost")
    for number, url in enumerate(person.channels, 1):
        try:
            plugin = Plugin(url.reveal())
        except UnsupportedError:
            yield number, None
        else:
            yield number, next((letter for letter in said if plugin.fits(letter)), None)


def _with_background(alert: Alert, settings: Settings, asked: Callable[[Check], str]) -> Alert:
    check = settings.checks.get(alert.cause)
    if check is None:
        return alert
    vantage = settings.vantage
    seen = alert.when is not When.UNKNOWN
    found = Background(
        asked=asked(check), seen_from=(vantage.name,), vantages=1, readings=check.confirm_down if seen else 0,
        canaries=alert.when is When.DOWN and bool(vantage.canaries),
        good_ms=alert.since_ms - round(check.every.total_seconds() * 1000) if seen else None,
    )  # fmt: skip
    return replace(alert, background=found)


def _alert(settings: Settings, when: When, key: str, number: int, now_ms: int, recovered: bool) -> Alert:
    component = settings.components.get(key)
    reason, detail = _WHY.get(when, ("expectation", "this is where the reason stands"))
    name = (
        "vantage point local is blind: its canaries cannot be reached"
        if component is None
        else component.name
    )
    checks = () if component is None else [member for member in component.members if "/" in member]
    ended_ms = now_ms if recovered else None
    written = (rule.condition for rule in settings.alerts if rule.when is when)
    condition = next(written, "certificate.left < 14d") if when is When.FACT else ""
    about = key_of(when, key, checks[0] if checks else key, condition).partition(":")[2]
    return Alert(
        id=number, when=when, subject=key, name=name, n=1, opened_ms=now_ms - _LASTED_MS, since_ms=now_ms - _LASTED_MS,
        recipients=(), policies=(), dedup_key=dedup_key(settings.service.name, when, about, 1), reason=reason,
        detail=detail, cause=checks[0] if checks else "", resolved_ms=ended_ms, recovered_ms=ended_ms,
        condition=condition,
    )  # fmt: skip
