"""Alerts, notices and who received what, as rows that are kept across restarts.

An alert is a stretch of trouble that people must act on. A notice is one row of the outbox: one recipient,
one channel, one or several alerts. `Heard` is the last event of an alert that was *successfully*
delivered to a recipient; what to send next follows from comparing it with what the recipient should know now.

No row holds a channel's URL: those are secrets. A row names the person and the position of the channel.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from watch.core.background import Background
from watch.core.escalation import Plan, Severity, spelled
from watch.core.flapping import Flapping
from watch.core.measured import key_of
from watch.core.settings import When
from watch.core.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping


class Event(StrEnum):
    """What a notice says about its alerts."""

    TRIGGERED = "triggered"
    RESOLVED = "resolved"
    MERGED = "merged"  # triggered and resolved before it was delivered: one late notice says both


class Status(StrEnum):
    """The state of an outbox row."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"  # this channel refused it permanently, or left it unanswered twice
    SUPERSEDED = "superseded"  # a newer notice or another channel delivered it


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Somebody has it. It stops calls until *until_ms* (Unix time in ms), not the clock.

    Args:
        by: Who acknowledged, as they say. account: The operating system's account, or that it was by a link.
    """

    by: str
    at_ms: int
    until_ms: int
    reason: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert: one opening of a key.

    Args:
        subject: The key of the component, or of an own trouble (of the monitoring itself); new when it is renamed.
        name: The subject's name when the alert opened.
        n: The number of this opening of the key; reopening within `reopen` does not count as a new one.
        opened_ms: When the rule fired; since_ms: when the trouble itself began, backdated.
        recovered_ms: When the recovery that closed it began. again: How often it was reopened.
        ending_ms: Since when it waits to be closed, while it is open: it has recovered, or nothing covers it any more.
        recipients: The people whom it has called so far. policies: the names of the escalations.
        unseen: The state was unknown for a while since it opened, so the real length of the trouble is not known.
        closing: Why it closed, if not by recovery. by_hand: somebody resolved it; lasts: the trouble lasted then.
        closed_before: When and by whom its trouble was closed by hand, before it opened (again).
        down_ms: How long its component was down between its beginning and its end, by the ledger; None: not known.
        rule_severity: What its rules say; None: what `when` means.
        plans: The escalations as they were when it opened, and how far they have come.
        calls: How often its steps have called. called: the number of the last call to each recipient.
        skipped: Why the last call skipped steps. used: The acknowledge links that were used, as `recipient/call`.
        ack: The acknowledgement in force, or in force when it closed.
        held: A silence holds it. muted: it closed while acknowledged or silenced: who heard nothing is not told.
        flaps: Its transitions; since when it flaps. lasting: it flaps, and has been in trouble for long in a row.
        behind: The names of components in trouble that depend on its own, and have no alert. behind_ms: when the last
            was added. updated: its recipients were told of those that came after its first letter.
        background: What its letters tell beside the trouble; None before it is told in full.
        condition: The text of its rule's condition, for `When.FACT`.
        dedup_key: The same in every notice of this alert, wherever it is computed; a renamed component keeps it.
    """

    id: int
    when: When
    subject: str
    name: str
    n: int
    opened_ms: int
    since_ms: int
    recipients: tuple[str, ...]
    policies: tuple[str, ...]
    dedup_key: str
    reason: str = ""
    detail: str = ""
    cause: str = ""
    resolved_ms: int | None = None
    recovered_ms: int | None = None
    ending_ms: int | None = None
    again: int = 0
    unseen: bool = False
    closing: str = ""
    by_hand: bool = False
    rule_severity: Severity | None = None
    plans: tuple[Plan, ...] = ()
    calls: int = 0
    called: Mapping[str, int] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    ack: Acknowledgement | None = None
    held: bool = False
    muted: bool = False
    used: tuple[str, ...] = ()
    flaps: Flapping = field(default_factory=Flapping)
    lasting: bool = False
    behind: tuple[str, ...] = ()
    behind_ms: int | None = None
    updated: bool = False
    lasts: bool = False
    closed_before: tuple[int, str] | None = None
    down_ms: int | None = None
    background: Background | None = None
    condition: str = ""

    @property
    def flapping(self) -> bool:
        """Whether it says that its component flaps."""
        return self.flaps.since_ms is not None and not self.lasting

    @property
    def key(self) -> str:
        """At most one alert per key is open."""
        return key_of(self.when, self.subject, self.cause, self.condition)

    @property
    def open(self) -> bool:
        return self.resolved_ms is None

    @property
    def severity(self) -> Severity:
        return self.rule_severity or usual_severity(self.when)

    @property
    def acknowledged(self) -> bool:
        """Whether nobody is called, because somebody has it."""
        return self.open and self.ack is not None

    @property
    def next_step_at_ms(self) -> int | None:
        """When it does something by itself (Unix time in ms): a step, a round, the end of its acknowledgement."""
        if not self.open or self.held or self.ending_ms is not None:
            return None
        if self.ack is not None:
            return self.ack.until_ms
        return min((at for plan in self.plans if (at := plan.next_ms) is not None), default=None)

    def call_to(self, recipient: str) -> int:
        """The number of the last call to *recipient*; 0 when none of its steps has called them."""
        return self.called.get(recipient, 0)

    def renamed(self, names: Mapping[str, str]) -> Alert:
        """It with people's new names: former → new."""
        return replace(
            self,
            recipients=spelled(self.recipients, names),
            plans=tuple(plan.renamed(names) for plan in self.plans),
            called={names.get(who, who): call for who, call in self.called.items()},
            used=tuple(_used_by(link, names) for link in self.used),
        )

    def to_json(self) -> str:
        return _json(self)

    @classmethod
    def of_json(cls, text: str | bytes) -> Alert:
        """The row that `to_json` wrote."""
        row = json.loads(text)
        for name in ("recipients", "policies", "skipped", "used", "behind"):
            row[name] = tuple(row.get(name, ()))
        row["plans"] = tuple(map(Plan.of_row, row.get("plans", ())))
        flaps = row.get("flaps")
        row["flaps"] = Flapping(tuple(flaps["at_ms"]), flaps["since_ms"]) if flaps else Flapping()
        before = row.get("closed_before")
        row["closed_before"] = None if before is None else (int(before[0]), str(before[1]))
        row["ack"] = Acknowledgement(**row["ack"]) if row.get("ack") else None
        for name, kind in (("rule_severity", Severity), ("background", Background.of_row)):
            row[name] = None if row.get(name) is None else kind(row[name])
        return cls(**{**row, "when": When(row["when"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One row of the outbox.

    Args:
        alert_ids: The alerts it is about; the first is the root of its group.
        channel: The index of the channel in the recipient's list.
        due_ms: The earliest time to send it. lease_until_ms: while it is being sent, when it may be sent again.
        tried_ms: When it was first sent.
        expired: How often its lease has run out since an outcome was known.
        unanswered: How often the channel took it and did not answer: the recipient may have it.
        detail: What became of the last attempt: host and cause.
    """

    id: int
    alert_ids: tuple[int, ...]
    event: Event
    recipient: str
    channel: int
    status: Status
    created_ms: int
    due_ms: int
    title: str
    body: str
    attempts: int = 0
    tried_ms: int | None = None
    lease_until_ms: int | None = None
    delivered_ms: int | None = None
    expired: int = 0
    unanswered: int = 0
    detail: str = ""

    @property
    def live(self) -> bool:
        return self.status in (Status.PENDING, Status.SENDING)

    @property
    def lane(self) -> tuple[str, int]:
        """The recipient and channel: notices of one lane are sent one at a time, so a slow channel delays no other."""
        return self.recipient, self.channel

    def to_json(self) -> str:
        return _json(self)

    @classmethod
    def of_json(cls, text: str | bytes) -> Notice:
        """The row that `to_json` wrote."""
        row = json.loads(text)
        typed = {
            "alert_ids": tuple(row["alert_ids"]),
            "event": Event(row["event"]),
            "status": Status(row["status"]),
        }
        return cls(**{**row, **typed})


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The last event of an alert that was successfully delivered to *recipient*.

    Args:
        call: The number of the last call to them then: a later call is one that they have not heard.
        thread: The dedup key of the letter that told them of it: providers that pair keep the incident under that key.
    """

    alert_id: int
    recipient: str
    event: Event
    at_ms: int
    call: int = 0
    thread: str = ""

    def to_json(self) -> str:
        return _json(self)

    @classmethod
    def of_json(cls, text: str | bytes) -> Heard:
        """The row that `to_json` wrote."""
        row = json.loads(text)
        return cls(**{**row, "event": Event(row["event"])})


def usual_severity(when: When) -> Severity:
    """How much an alert of kind *when* matters, unless its rules say."""
    return Severity.URGENT if when in (When.DOWN, When.MONITOR) else Severity.NORMAL


def dedup_key(service: str, when: When, subject: str, n: int) -> str:
    """The identifier of the n-th opening of a key, for people and providers."""
    return f"{one_line(service, 80)}/{when}:{one_line(subject, 120)}/{n}"


def opening(key: str) -> str:
    """The part of a dedup key that all openings of the same trouble share: without the number."""
    return key.rpartition("/")[0]


def _used_by(link: str, names: Mapping[str, str]) -> str:
    who, _, call = link.rpartition("/")
    return f"{names.get(who, who)}/{call}"


def _json(row: Any) -> str:
    return json.dumps(asdict(row), ensure_ascii=True, separators=(",", ":"))
