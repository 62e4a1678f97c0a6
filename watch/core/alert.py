"""What people must be told, as rows that outlive us: alerts, notices and who heard what.

An alert is a stretch of trouble that people must act on. A notice is one row of the outbox: one recipient,
one channel, one or several alerts. `Heard` is what a recipient last *successfully* heard of an alert;
everything else follows from comparing it with what the recipient should know now.

No row holds a channel's URL: those are secrets. A row names the person and the position of the channel.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from watch.core.settings import When
from watch.core.wording import one_line


class Event(StrEnum):
    """What a notice tells of its alerts."""

    TRIGGERED = "triggered"
    RESOLVED = "resolved"
    MERGED = "merged"  # triggered and resolved before it could be told: both at once, late


class Status(StrEnum):
    """Where an outbox row stands."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"  # this channel refused it for good
    SUPERSEDED = "superseded"  # something newer, or another channel, told it


class Severity(StrEnum):
    URGENT = "urgent"
    NORMAL = "normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One opening of one key.

    Args:
        subject: The component's key, or that of a trouble of our own.
        name: What people called it when it opened.
        n: It is the n-th opening of this key; opening again within `reopen` is no new one.
        opened_ms: When the rule fired; since_ms: when the trouble itself began, backdated.
        recovered_ms: From when the recovery that closed it held.
        again: How often it was reopened.
        recipients: The people it pages, copied when it opened. policies: the escalations they come from.
        unseen: It was unknown for a while since it opened, so nobody can say how long the trouble really lasted.
        closing: Why it closed, when that was no recovery.
        dedup_key: The same wherever it is computed, in every notice.
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
    again: int = 0
    unseen: bool = False
    closing: str = ""

    @property
    def key(self) -> str:
        """Of one key at most one alert is open."""
        return f"{self.when}:{self.subject}"

    @property
    def open(self) -> bool:
        return self.resolved_ms is None

    @property
    def severity(self) -> Severity:
        return Severity.URGENT if self.when in (When.DOWN, When.MONITOR) else Severity.NORMAL

    def to_json(self) -> str:
        return _json(self)

    @classmethod
    def of_json(cls, text: str | bytes) -> Alert:
        """The row that `to_json` wrote."""
        row = json.loads(text)
        lists = {name: tuple(row[name]) for name in ("recipients", "policies")}
        return cls(**{**row, **lists, "when": When(row["when"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One row of the outbox.

    Args:
        alert_ids: What it tells of; the first is the root of its group.
        channel: The position of the channel among the recipient's.
        due_ms: Not to be sent before. lease_until_ms: being sent, and taken up again then.
        tried_ms: When it was first sent.
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

    @property
    def live(self) -> bool:
        return self.status in (Status.PENDING, Status.SENDING)

    @property
    def lane(self) -> tuple[str, int]:
        """What is sent one at a time: a slow channel delays no other."""
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
    """What *recipient* last successfully heard of an alert."""

    alert_id: int
    recipient: str
    event: Event
    at_ms: int

    def to_json(self) -> str:
        return _json(self)

    @classmethod
    def of_json(cls, text: str | bytes) -> Heard:
        """The row that `to_json` wrote."""
        row = json.loads(text)
        return cls(**{**row, "event": Event(row["event"])})


def dedup_key(service: str, when: When, subject: str, n: int) -> str:
    """What tells the n-th opening of a key from all others, to people and to providers alike."""
    return f"{one_line(service, 80)}/{when}:{one_line(subject, 120)}/{n}"


def _json(row: Any) -> str:
    return json.dumps(asdict(row), ensure_ascii=True, separators=(",", ":"))
