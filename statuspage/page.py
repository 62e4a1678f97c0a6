"""The page as a value: everything that the renderers may show, and nothing else.

Instants are Unix time in integer milliseconds (`*_ms`), durations integer milliseconds, ratios exact fractions.
Text is untrusted plain text: the renderers escape it. Figures follow semantics §6; this module computes none.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date
    from fractions import Fraction

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Status(StrEnum):
    """The public statuses (semantics §4), and `UNKNOWN`, which is not one of them."""

    OPERATIONAL = "operational"
    MAINTENANCE = "under_maintenance"
    UNKNOWN = "unknown"
    DEGRADED = "degraded_performance"
    PARTIAL = "partial_outage"
    MAJOR = "major_outage"

    @property
    def severity(self) -> int:
        """0 for operational, rising to 5 for a major outage."""
        return _ORDER[self]


_ORDER = {status: rank for rank, status in enumerate(Status)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One local day of one component.

    Args:
        scope_ms: The measured part of the day; the first day and today have less than 24 h.
        down_ms, degraded_ms, unknown_ms, excluded_ms: The parts of it in each state.
        worst: The worst public status of the day.
    """

    date: date
    scope_ms: int
    down_ms: int = 0
    degraded_ms: int = 0
    unknown_ms: int = 0
    excluded_ms: int = 0
    worst: Status = Status.OPERATIONAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptime:
    """One uptime figure with the durations behind it.

    Args:
        ratio: Exact; None when nothing was measured.
        from_ms, to_ms: The period, half-open.
        excluded_ms: Planned maintenance that is excluded from it.
    """

    ratio: Fraction | None
    from_ms: int
    to_ms: int
    down_ms: int = 0
    excluded_ms: int = 0
    unknown_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part of the service as customers know it.

    Args:
        id: 12 characters for the Statuspage API, see `public_id`; it stays when the key changes (`was:`).
        since_ms: When `status` began; while unknown, the time of the last data.
        before: While unknown: the last published status; None when it was never observed.
        created_ms: When the component was created.
        days: Up to 90 days, oldest first; the last one is today.
    """

    key: str
    id: str
    name: str
    status: Status
    since_ms: int | None
    created_ms: int
    uptime: Uptime | None = None
    description: str | None = None
    before: Status | None = None
    days: tuple[Day, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Components shown under one heading; *name* is None for the group without a heading."""

    name: str | None
    components: tuple[Component, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """Announced maintenance: in progress while ``from_ms <= as_of < to_ms``.

    Args:
        components: Keys of the public components that it affects.
    """

    id: str
    name: str
    components: tuple[str, ...]
    from_ms: int
    to_ms: int
    announced_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A period of trouble that the monitoring found.

    Args:
        component: Key of the component in trouble.
        status: Its worst status so far.
        to_ms: None while it lasts.
        why: A sentence for customers.
    """

    id: str
    component: str
    status: Status
    from_ms: int
    to_ms: int | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything about one service that the public may see, at one instant.

    Args:
        service_url: The service's own site, linked from the header.
        page_url: The URL of this page, without a trailing slash.
        support: A mail address, a URL or a sentence.
        zone: The IANA time zone of the days and the local times.
        incidents: Ongoing and recent ones, in any order.
        maintenance: In progress and upcoming, in any order.
    """

    service: str
    title: str
    zone: str
    as_of_ms: int
    groups: tuple[Group, ...]
    page_url: str | None = None
    service_url: str | None = None
    support: str | None = None
    terms: str | None = None
    privacy: str | None = None
    maintenance: tuple[Maintenance, ...] = field(default=())
    incidents: tuple[Incident, ...] = field(default=())

    @property
    def components(self) -> tuple[Component, ...]:
        return tuple(component for group in self.groups for component in group.components)

    @property
    def status(self) -> Status:
        """The worst status of any component."""
        return max((c.status for c in self.components), key=lambda s: s.severity, default=Status.UNKNOWN)

    @property
    def ongoing(self) -> tuple[Incident, ...]:
        """Incidents that last: the worst first, then the oldest."""
        lasting = (i for i in self.incidents if i.to_ms is None)
        return tuple(sorted(lasting, key=lambda i: (-i.status.severity, i.from_ms)))

    @property
    def ended(self) -> tuple[Incident, ...]:
        """Incidents that have ended, the newest first."""
        over = (i for i in self.incidents if i.to_ms is not None)
        return tuple(sorted(over, key=lambda i: i.from_ms, reverse=True))

    @property
    def active_maintenance(self) -> tuple[Maintenance, ...]:
        working = (m for m in self.maintenance if m.from_ms <= self.as_of_ms < m.to_ms)
        return tuple(sorted(working, key=lambda m: m.to_ms))

    @property
    def upcoming_maintenance(self) -> tuple[Maintenance, ...]:
        coming = (m for m in self.maintenance if self.as_of_ms < m.from_ms)
        return tuple(sorted(coming, key=lambda m: m.from_ms))


@lru_cache(maxsize=65_536)
def public_id(kind: str, key: str) -> str:
    """12 characters of ``[0-9a-z]``, always the same for the same *kind* and *key*."""
    number = int.from_bytes(hashlib.sha256(f"{kind}\0{key}".encode()).digest())
    digits = []
    for _ in range(12):
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return "".join(digits)
