"""A stage for outage scripts on virtual time: components change state, seconds pass, pages arrive or do not.

Commits go to a disk of JSON texts, from which a restart reads everything back; a crash loses what was not committed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

from watch.alerts.message import SendOutcome, Sent
from watch.alerts.outbox import LEASE_MS
from watch.alerts.reconciler import Reconciler
from watch.core.alert import Alert, Event, Heard, Notice
from watch.core.reading import Reason
from watch.core.settings import (
    Alerting,
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


def rule(when: str, *components: str, lasting: float = 0, escalate: str | None = None) -> AlertRule:
    return AlertRule(
        when=When(when), components=components, lasting=timedelta(seconds=lasting), escalate=escalate
    )


def settings(
    *rules: AlertRule,
    people: tuple[Person, ...] = (person("alice"), person("bob")),
    components: tuple[Component, ...] = (
        component("web", name="Web application"),
        component("db"),
        component("san"),
    ),
    escalations: dict[str, tuple[str, ...]] | None = None,
    catch_all: tuple[str, ...] = ("alice",),
    group_wait: float = 10,
) -> Settings:
    return Settings(
        service=Service(name="Acme", url="https://status.acme.example", timezone=ZoneInfo("America/Los_Angeles"), target=Fraction(999, 1000), site="irvine"),
        vantages={"irvine-1": Vantage(name="irvine-1", site="irvine")},
        components={c.key: c for c in components}, checks={}, windows={}, people={p.name: p for p in people},
        catch_all=catch_all, escalations=escalations or {}, alerts=rules, page=PageSettings(title="Acme"), store=Path("x.db"),
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


@dataclass
class Disk:
    alerts: dict[int, str] = field(default_factory=dict)
    notices: dict[int, str] = field(default_factory=dict)
    heard: dict[tuple[int, str], str] = field(default_factory=dict)

    def commit(self, batch: Batch) -> None:
        self.alerts |= {key: row.to_json() for key, row in batch.alerts.items()}
        self.notices |= {key: row.to_json() for key, row in batch.notices.items()}
        self.heard |= {key: row.to_json() for key, row in batch.heard.items() if row is not None}
        self.heard = {key: row for key, row in self.heard.items() if batch.heard.get(key, row) is not None}

    def rows(self) -> tuple[list[Alert], list[Notice], list[Heard]]:
        return (
            [Alert.of_json(text) for text in self.alerts.values()],
            [Notice.of_json(text) for text in self.notices.values()],
            [Heard.of_json(text) for text in self.heard.values()],
        )


class Stage:
    """The desk with everything around it. `at` is in seconds since the beginning."""

    def __init__(self, config: Settings) -> None:
        self.settings = config
        self.disk = Disk()
        self.now_ms = START_MS
        self.standings = {key: self._standing(key, State.UP) for key in config.components}
        self.troubles: list[OwnTrouble] = []
        self.quiet: frozenset[str] = frozenset()
        self.pages: list[Page] = []
        self.attempts: list[tuple[float, str, int]] = []
        self.answers: dict[tuple[str, int], SendOutcome | None] = {}
        self.under_way: list[Notice] = []
        self.desk = self._desk()

    @property
    def at(self) -> float:
        return (self.now_ms - START_MS) / 1000

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
            self.now_ms += 1000
            self.kill()
            self.turn()

    def kill(self) -> None:
        """End the sends that have taken as long as the sender lets them."""
        hanging = [n for n in self.under_way if self.now_ms - n.lease_until_ms >= 15_000 - LEASE_MS]
        for notice in hanging:
            self.under_way.remove(notice)
            self.ends(notice, FAILED)

    def turn(self) -> None:
        batch = Batch()
        self.desk.step(batch, self.now_ms, self.standings, self.troubles, self.quiet)
        self.disk.commit(batch)
        self.desk.committed()
        self.send()

    def send(self) -> None:
        """Send all that is due, as the dispatcher does."""
        for _ in range(9):  # what follows from an answer may be due at once
            batch = Batch()
            notices = self.desk.lease(batch, self.now_ms, 64)
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
        self.desk.sent(batch, notice.id, outcome, self.now_ms)
        self.disk.commit(batch)
        self.desk.confirm(batch)

    def arrives(self, notice: Notice) -> None:
        self.pages.append(
            Page(
                self.at,
                notice.recipient,
                notice.channel,
                notice.event,
                notice.alert_ids,
                notice.title,
                notice.body,
            )
        )

    def restarts(self, config: Settings | None = None) -> None:
        """Kill the hub and start another on the same disk."""
        self.settings = config or self.settings
        self.under_way.clear()
        self.desk = self._desk()

    def reloads(self, config: Settings) -> None:
        self.settings = config
        self.standings = {key: s for key, s in self.standings.items() if key in config.components}
        self.desk.plan(config)

    def told(self) -> list[tuple[str, str]]:
        """Who was paged what, in order."""
        return [(page.who, page.title) for page in self.pages]

    def open(self) -> set[str]:
        return {alert.key for alert in self.desk.alerts if alert.open}

    def _desk(self) -> Reconciler:
        return Reconciler(self.settings, *self.disk.rows(), chance=lambda: 0.5)

    def _standing(self, key: str, state: State) -> Standing:
        return Standing(key=key, state=state, since_ms=self.now_ms)
