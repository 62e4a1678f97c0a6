"""A stage for outage scripts on virtual time: components change state, seconds pass, pages arrive or do not.

Commits go to a disk of JSON texts, from which a restart reads everything back; a crash loses what was not committed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

from watch.alerts.interventions import Interventions
from watch.alerts.message import SendOutcome, Sent
from watch.alerts.not_ahead import not_ahead
from watch.alerts.reconciler import Reconciler
from watch.alerts.row_changes import LEASE_MS
from watch.core.alert import Alert, Event, Heard, Notice
from watch.core.alerting import Alerting
from watch.core.delivery import Command
from watch.core.escalation import Policy, Severity, Step
from watch.core.reading import Reason
from watch.core.settings import (
    AlertRule,
    Component,
    PageSettings,
    Person,
    Secret,
    Service,
    Settings,
    Vantage,
    When,
)
from watch.core.silence import Silence
from watch.core.standing import OwnTrouble, Standing
from watch.core.timeline import State
from watch.ports import Batch

START_MS = 1_764_040_320_000  # 2025-11-25 03:12 UTC
DELIVERED, FAILED, REFUSED, UNANSWERED = (
    SendOutcome(Sent(word)) for word in ("delivered", "temporary", "permanent", "unknown")
)
HANGS = None  # the send is under way until `stage.settle`, or is killed after 15 s


def component(key: str, *members: str, name: str = "") -> Component:
    return Component(key=key, name=name or key.capitalize(), members=members or (f"{key}/check",))


def person(name: str, channels: int = 1) -> Person:
    return Person(
        name=name, channels=tuple(Secret(f"json://{name}:secret@127.0.0.1/{n}") for n in range(channels))
    )


def rule(
    when: str, *components: str, lasting: float = 0, escalate: str | None = None, severity: str | None = None
) -> AlertRule:
    return AlertRule(
        when=When(when), components=components, lasting=timedelta(seconds=lasting), escalate=escalate,
        severity=None if severity is None else Severity(severity),
    )  # fmt: skip


def step(*page: str, after: float = 0, during: str = "") -> Step:
    return Step(page=page, after_ms=round(after * 1000), during=during)


def policy(*steps: Step | str, repeat: float | None = None) -> Policy:
    """A policy of *steps*; names are one step that pages them at once."""
    written = tuple(one for one in steps if isinstance(one, Step))
    names = tuple(one for one in steps if isinstance(one, str))
    return Policy(
        steps=(*((Step(page=names),) if names else ()), *written),
        repeat_ms=None if repeat is None else round(repeat * 1000),
    )


@dataclass(frozen=True)
class Shifts:
    """A rotation of fixed shifts: from second (since the beginning of the stage) on, who holds the pager."""

    shifts: tuple[tuple[float, tuple[str, ...]], ...]

    def at(self, at_ms: int) -> tuple[str, ...]:
        begun = [people for since, people in self.shifts if at_ms >= START_MS + since * 1000]
        return begun[-1] if begun else ()


def shifts(*people: str, **later: str) -> Shifts:
    """*people* hold the pager from the beginning; `s600="bob"`: bob from second 600 on; an empty name is nobody."""
    changes = [(float(at.removeprefix("s")), (who,) if who else ()) for at, who in later.items()]
    return Shifts(((-1e9, people), *changes))


def settings(
    *rules: AlertRule,
    people: tuple[Person, ...] = (person("alice"), person("bob")),
    components: tuple[Component, ...] = (
        component("web", name="Web application"),
        component("db"),
        component("san"),
    ),
    escalations: dict[str, tuple[str, ...] | Policy] | None = None,
    rotations: dict[str, Shifts] | None = None,
    catch_all: tuple[str, ...] = ("alice",),
    group_wait: float = 10,
) -> Settings:
    return Settings(
        service=Service(name="Acme", url="https://status.acme.example", timezone=ZoneInfo("America/Los_Angeles"), target=Fraction(999, 1000), site="irvine"),
        vantages={"irvine-1": Vantage(name="irvine-1", site="irvine")},
        components={c.key: c for c in components}, checks={}, windows={}, people={p.name: p for p in people},
        catch_all=catch_all, rotations=rotations or {}, escalations={name: it if isinstance(it, Policy) else policy(*it) for name, it in (escalations or {}).items()}, alerts=rules, page=PageSettings(title="Acme"), store=Path("x.db"),
        alerting=Alerting(group_wait=timedelta(seconds=group_wait)),
    )  # fmt: skip


@dataclass(frozen=True)
class Page:
    """A notice that arrived."""

    at: float
    who: str
    channel: int
    event: Event
    alerts: tuple[int, ...]
    title: str
    body: str
    said: dict[
        int, Event
    ]  # by alert: a letter may say of some that they are over, and of others that they are not


@dataclass
class Disk:
    alerts: dict[int, str] = field(default_factory=dict)
    notices: dict[int, str] = field(default_factory=dict)
    heard: dict[tuple[int, str], str] = field(default_factory=dict)
    silences: dict[int, str] = field(default_factory=dict)

    def commit(self, batch: Batch) -> None:
        self.alerts |= {key: row.to_json() for key, row in batch.alerts.items()}
        self.notices |= {key: row.to_json() for key, row in batch.notices.items()}
        self.heard |= {key: row.to_json() for key, row in batch.heard.items() if row is not None}
        self.heard = {key: row for key, row in self.heard.items() if batch.heard.get(key, row) is not None}

        self.silences |= {key: row.to_json() for key, row in batch.silences.items()}

    def rows(self) -> tuple[list[Alert], list[Notice], list[Heard], list[Silence]]:
        return (
            [Alert.of_json(text) for text in self.alerts.values()],
            [Notice.of_json(text) for text in self.notices.values()],
            [Heard.of_json(text) for text in self.heard.values()],
            [Silence.of_json(text) for text in self.silences.values()],
        )


class Stage:
    """The desk with everything around it. `at` is in seconds since the beginning."""

    def __init__(self, config: Settings) -> None:
        self.settings = config
        self.disk = Disk()
        self.at_ms = START_MS
        self.standings = {key: self._standing(key, State.UP) for key in config.components}
        self.troubles: list[OwnTrouble] = []
        self.quiet: dict[str, int] = {}
        self.pages: list[Page] = []
        self.attempts: list[tuple[float, str, int]] = []
        self.answers: dict[tuple[str, int], SendOutcome | None] = {}
        self.under_way: list[Notice] = []
        self.desk = self._desk()

    def now_ms(self) -> int:
        """It is its own clock."""
        return self.at_ms

    @property
    def at(self) -> float:
        return (self.at_ms - START_MS) / 1000

    def goes(
        self, key: str, state: str, *, redundancy_lost: bool = False, detail: str = "connection refused"
    ) -> None:
        found = self._standing(key, State(state))
        before = self.standings.get(key)
        if before is not None and before.state is found.state:
            found = replace(found, since_ms=before.since_ms)
        reason = Reason.OK if state == "up" else Reason.REFUSED
        self.standings[key] = replace(
            found,
            redundancy_lost=redundancy_lost,
            reason=reason,
            detail="" if state == "up" else detail,
            cause="" if state == "up" else f"{key}/check",
        )

    def passes(self, seconds: float) -> None:
        """Let time pass, a step a second, as the hub does."""
        self.turn()
        for _ in range(round(seconds)):
            self.at_ms += 1000
            self.kill()
            self.turn()

    def kill(self) -> None:
        """End the sends that have taken as long as the sender lets them."""
        hanging = [n for n in self.under_way if self.at_ms - n.lease_until_ms >= 15_000 - LEASE_MS]
        for notice in hanging:
            self.under_way.remove(notice)
            self.ends(notice, FAILED)

    def tells(self, verb: str, by: str = "alice", **said: object) -> dict:
        """Give the hub a command; its answer. It is committed at the next turn."""
        desk = Interventions(self.desk, lambda: self.settings, self)
        obeyed = desk.verbs[verb](Command(verb=verb, arguments=said, by=by, account="root"))
        try:
            obeyed.send(None)
        except StopIteration as done:
            return dict(done.value)
        raise AssertionError("a command about alerts waits for nothing")

    def turn(self) -> None:
        batch = Batch()
        self.desk.step(batch, self.at_ms, self.standings, self.troubles, self.quiet)
        self.disk.commit(batch)
        self.desk.committed()
        self.send()

    def send(self) -> None:
        """Send all that is due, as the dispatcher does."""
        for _ in range(9):  # what follows from an answer may be due at once
            batch = Batch()
            notices = self.desk.lease(batch, self.at_ms, 64)
            if not batch:
                break
            self.disk.commit(batch)
            self.desk.confirm(batch)
            for notice in notices:
                self.attempts.append((self.at, notice.recipient, notice.channel))
                outcome = self.answers.get(notice.lane, DELIVERED)
                if outcome is HANGS:
                    self.under_way.append(notice)
                else:
                    self.ends(notice, outcome)

    def settle(self, outcome: SendOutcome) -> None:
        """End all sends under way so."""
        under_way, self.under_way = self.under_way, []
        for notice in under_way:
            self.ends(notice, outcome)

    def ends(self, notice: Notice, outcome: SendOutcome) -> None:
        if outcome.sent is Sent.DELIVERED:
            self.arrives(notice)
        batch = Batch()
        self.desk.sent(batch, notice.id, outcome, self.at_ms)
        self.disk.commit(batch)
        self.desk.confirm(batch)

    def arrives(self, notice: Notice) -> None:
        stored = [Notice.of_json(text) for text in self.disk.notices.values() if '"sending"' in text]
        rows = [
            row for row in stored if (row.lane, row.lease_until_ms) == (notice.lane, notice.lease_until_ms)
        ]
        said = {alert: row.event for row in rows or [notice] for alert in row.alert_ids}
        event = Event.TRIGGERED if Event.TRIGGERED in said.values() else notice.event
        text = self.desk.message(notice).letters[0]
        self.pages.append(
            Page(self.at, notice.recipient, notice.channel, event, tuple(said), text.title, text.body, said)
        )

    def restarts(self, config: Settings | None = None, *, clock_set_by: float = 0) -> None:
        """Kill the hub and start another on the same disk, after the clock was set by some seconds."""
        self.settings = config or self.settings
        self.under_way.clear()
        self.at_ms += round(clock_set_by * 1000)
        for key, standing in self.standings.items():  # in a new clock epoch, states begin anew
            self.standings[key] = replace(standing, since_ms=min(standing.since_ms, self.at_ms))
        self.desk = self._desk(round(clock_set_by * 1000))

    def reloads(self, config: Settings) -> None:
        self.settings = config
        self.standings = {key: s for key, s in self.standings.items() if key in config.components}
        self.desk.plan(config)

    def told(self) -> list[tuple[str, str]]:
        """Who was paged what, in order."""
        return [(page.who, page.title) for page in self.pages]

    def calls(self) -> list[tuple[float, str]]:
        """When whom was told that something is wrong, in order."""
        return [(page.at, page.who) for page in self.pages if page.event is Event.TRIGGERED]

    def open(self) -> set[str]:
        return {alert.key for alert in self.desk.alerts if alert.open}

    def _desk(self, clock_set_by_ms: int = 0) -> Reconciler:
        *rows, silences = self.disk.rows()
        rows = not_ahead(*rows, self.at_ms, clock_set_by_ms)
        desk = Reconciler(self.settings, *rows, silences, chance=lambda: 0.5)
        desk.moved(self.at_ms, clock_set_by_ms)
        return desk

    def _standing(self, key: str, state: State) -> Standing:
        return Standing(key=key, state=state, since_ms=self.at_ms)
