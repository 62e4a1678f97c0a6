"""Alerts, notices and who received what, as rows that are kept across restarts.

An alert is a stretch of trouble that people must act on. A notice is one row of the outbox: one recipient,
one channel, one or several alerts. `Heard` is the last event of an alert that was *successfully*
delivered to a recipient; what to send next follows from comparing it with what the recipient should know now.

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


class Severity(StrEnum):
    URGENT = "urgent"
    NORMAL = "normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert: one opening of a key.

    Args:
        subject: The key of the component, or of an own trouble (of the monitoring itself); new when it is renamed.
        name: The subject's name when the alert opened.
        n: The number of this opening of the key; reopening within `reopen` does not count as a new one.
        opened_ms: When the rule fired; since_ms: when the trouble itself began, backdated.
        recovered_ms: When the recovery that closed it began.
        again: How often it was reopened.
        recipients: The people it pages, copied when it opened. policies: the escalations they come from.
        unseen: The state was unknown for a while since it opened, so the real length of the trouble is not known.
        closing: Why it closed, if not by recovery.
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
    again: int = 0
    unseen: bool = False
    closing: str = ""

    @property
    def key(self) -> str:
        """At most one alert per key is open."""
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
        alert_ids: The alerts it is about; the first is the root of its group.
        channel: The index of the channel in the recipient's list.
        due_ms: The earliest time to send it. lease_until_ms: while it is being sent, when it may be sent again.
        tried_ms: When it was first sent.
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
        thread: The dedup key of the letter that told them of it: providers that pair keep the incident under that key.
    """

    alert_id: int
    recipient: str
    event: Event
    at_ms: int
    thread: str = ""

    def to_json(self) -> str:
        return _json(self)

    @classmethod
    def of_json(cls, text: str | bytes) -> Heard:
        """The row that `to_json` wrote."""
        row = json.loads(text)
        return cls(**{**row, "event": Event(row["event"])})


def dedup_key(service: str, when: When, subject: str, n: int) -> str:
    """The identifier of the n-th opening of a key, for people and providers."""
    return f"{one_line(service, 80)}/{when}:{one_line(subject, 120)}/{n}"


def opening(key: str) -> str:
    """The part of a dedup key that all openings of the same trouble share: without the number."""
    return key.rpartition("/")[0]


def _json(row: Any) -> str:
    return json.dumps(asdict(row), ensure_ascii=True, separators=(",", ":"))
