"""What people tell about alerts: acknowledge, resolve, silence. Each is a command, on record with author and reason.

A command changes rows in memory, and stops what is no longer to be sent, before it returns; the hub commits these rows
and the command's entry in one transaction, and then answers. A kill before that undoes all of it, and nobody was
answered.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from watch.alerts.alert_answers import alert_answer, held_back_rows, silence_answer, unreached
from watch.alerts.named_alerts import named_alerts
from watch.alerts.open_alerts import ms
from watch.core.alert import Acknowledgement, Alert, Event
from watch.core.escalation import Severity
from watch.core.quantity import duration, instant
from watch.core.settings import When
from watch.core.silence import Silence
from watch.core.wording import one_line
from watch.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from watch.alerts.reconciler import Reconciler
    from watch.core.delivery import Command
    from watch.core.settings import Settings
    from watch.ports import Clock

HOLDS = {Severity.URGENT: timedelta(minutes=30), Severity.NORMAL: timedelta(hours=2)}
_LONGEST_ACK, _LONGEST_SILENCE = timedelta(days=7), timedelta(days=366)
_MOST = 500  # silences in force: more is a program that went wrong
_REASON = 500  # characters
ACK, RESOLVE, SILENCE, END = "ack", "resolve", "silence add", "silence end"


class Interventions:
    """The verbs, and the questions about what they change.

    Args:
        settings: Gives the settings in force.
    """

    def __init__(self, desk: Reconciler, settings: Callable[[], Settings], clock: Clock) -> None:
        self._desk, self._settings, self._clock = desk, settings, clock
        self.verbs: Mapping[str, Callable[[Command], Awaitable[Mapping[str, Any]]]] = {
            ACK: self._ack, RESOLVE: self._resolve, SILENCE: self._silence, END: self._end
        }  # fmt: skip

    # ---- questions ----

    async def alerts(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """The open alerts, oldest first, and what maintenance windows hold back."""
        told = self._told([alert for alert in self._desk.alerts if alert.open])
        return {**told, "held_back": held_back_rows(self._desk.open_alerts.held_back)}

    async def silences(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """All silences on record, oldest first."""
        return silence_answer(self._desk.silences.all.values(), self._settings(), self._clock.now_ms())

    # ---- commands ----

    async def _ack(self, command: Command) -> Mapping[str, Any]:
        said, now = command.arguments, self._clock.now_ms()
        found = self._open() if said.get("all") is True else self._named(said.get("alert"))
        lasting = _time("--for", said.get("for"), _LONGEST_ACK) if said.get("for") else None
        link = str(said.get("link") or "")
        if link and link in found[0].used:
            raise Trouble("this link was used before")
        acknowledged = []
        for alert in found:
            ack = Acknowledgement(
                by=_author(command), account=command.account, at_ms=now, reason=_reason(command),
                until_ms=now + ms(lasting or HOLDS[alert.severity]),
            )  # fmt: skip
            used = (*alert.used, link) if link and alert is found[0] else alert.used
            acknowledged.append(replace(alert, ack=ack, used=used))
        for alert in acknowledged:
            self._desk.update(alert)
        return self._told(acknowledged)

    async def _resolve(self, command: Command) -> Mapping[str, Any]:
        reason, now = _reason(command, needed="resolve"), self._clock.now_ms()
        closing = one_line(f"{_author(command)} closed it by hand ({reason})", 2 * _REASON)
        found = [
            replace(
                alert,
                resolved_ms=now,
                closing=closing,
                by_hand=True,
                lasts=self._desk.open_alerts.holds(alert.key),
                muted=True,
                held=False,
            )
            for alert in self._named(command.arguments.get("alert"))
        ]
        for alert in found:
            self._desk.update(alert)
        return self._told(found)

    async def _silence(self, command: Command) -> Mapping[str, Any]:
        said, now, settings = command.arguments, self._clock.now_ms(), self._settings()
        kept = self._desk.silences
        if sum(silence.in_force(now) for silence in kept.all.values()) >= _MOST:
            raise Trouble(f"there are {_MOST} silences in force; end some with `threenines silence end N`")
        silence = Silence(
            id=kept.next_id(), components=_components(said, settings), groups=_groups(said, settings),
            whens=_whens(said), from_ms=now, until_ms=_until(said, settings, now),
            reason=_reason(command, needed="silence add"),
            by=_author(command), account=command.account,
        )  # fmt: skip
        if not silence.components and not silence.groups and not silence.whens:
            raise Trouble(
                "say what to silence: --components, --groups or --when; `--components all` for all of them"
            )
        self._desk.silence(silence, now)
        return silence_answer([silence], settings, now)

    async def _end(self, command: Command) -> Mapping[str, Any]:
        number, now = command.arguments.get("number"), self._clock.now_ms()
        silence = self._desk.silences.all.get(number) if type(number) is int else None
        if silence is None:
            raise Trouble(
                f"there is no silence {one_line(str(number), 20)}; `threenines silence list` lists them"
            )
        if not silence.in_force(now):
            raise Trouble(f"silence {number} is over already")
        ended = replace(silence, ended_ms=now, ended_by=_author(command))
        self._desk.silence(ended, now)
        return silence_answer([ended], self._settings(), now)

    def _open(self) -> list[Alert]:
        found = [alert for alert in self._desk.alerts if alert.open]
        if not found:
            raise Trouble("no alert is open")
        return found

    def _named(self, words: object) -> list[Alert]:
        return named_alerts(words, self._desk.alerts, self._settings(), self._desk.open_alerts.held_back)

    def _unreached(self, alert: Alert) -> tuple[str, ...]:
        outbox, now = self._desk.outbox, self._clock.now_ms()
        rows = [row for row in outbox if alert.id in row.alert_ids]

        def refused(who: str) -> bool:
            return not outbox.reachable(alert.id, who, Event.TRIGGERED, now)

        return unreached(alert, rows, self._desk.heard(alert.id), refused)

    def _told(self, alerts: list[Alert]) -> Mapping[str, Any]:
        return alert_answer(alerts, self._settings(), self._clock.now_ms(), self._unreached)


def _author(command: Command) -> str:
    return one_line(command.by or command.account or "somebody", 80)


def _reason(command: Command, needed: str = "") -> str:
    reason = one_line(str(command.arguments.get("reason") or ""), _REASON)
    if needed and not reason:
        raise Trouble(f"{needed}: say why, with --reason TEXT")
    return reason


def _time(option: str, text: object, longest: timedelta) -> timedelta:
    try:
        lasting = duration(str(text))
    except ValueError as error:
        raise Trouble(f"{option}: {error}") from None
    if not timedelta(0) < lasting <= longest:
        raise Trouble(f"{option}: write a time of at most {longest.days} days")
    return lasting


def _until(said: Mapping[str, Any], settings: Settings, now_ms: int) -> int:
    """The end of a silence (Unix time in ms)."""
    if said.get("for"):
        return now_ms + ms(_time("--for", said["for"], _LONGEST_SILENCE))
    if not said.get("until"):
        raise Trouble("silence add: a silence needs an end: write --until TIME or --for DURATION")
    try:
        until = round(instant(str(said["until"]), settings.service.timezone).timestamp() * 1000)
    except ValueError as error:
        raise Trouble(f"--until: {error}") from None
    if until <= now_ms:
        raise Trouble("--until: that time is over; give a later one")
    if until - now_ms > ms(_LONGEST_SILENCE):
        raise Trouble(
            f"--until: a silence may last {_LONGEST_SILENCE.days} days at most; give an earlier time"
        )
    return until


def _components(said: Mapping[str, Any], settings: Settings) -> tuple[str, ...]:
    words = _words(said, "components")
    if words == ["all"]:
        return tuple(settings.components)
    by_name = {component.name.casefold(): key for key, component in settings.components.items()}
    found = []
    for word in words:
        key = word if word in settings.components else by_name.get(word.casefold())
        if key is None:
            raise Trouble(f"--components: there is no component {word!r}; `threenines status` lists them")
        found.append(key)
    return tuple(dict.fromkeys(found))


def _groups(said: Mapping[str, Any], settings: Settings) -> tuple[str, ...]:
    known = {component.group for component in settings.components.values() if component.group is not None}
    words = _words(said, "groups")
    for word in words:
        if word not in known:
            listed = ", ".join(sorted(known)) or "no component has a group"
            raise Trouble(f"--groups: there is no group {word!r} (there are: {listed})")
    return tuple(dict.fromkeys(words))


def _whens(said: Mapping[str, Any]) -> tuple[When, ...]:
    words = _words(said, "when")
    for word in words:
        if word not in tuple(When):
            raise Trouble(f"--when: {word!r} is none of {', '.join(When)}")
    return tuple(dict.fromkeys(map(When, words)))


def _words(said: Mapping[str, Any], name: str) -> list[str]:
    words = said.get(name) or []
    if not isinstance(words, list):
        raise Trouble(f"--{name}: write a list of names")
    return [one_line(str(word), 200) for word in words]
