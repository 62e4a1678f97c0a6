"""The result of one probe run.

A probe returns a `Reading`, without the check, the vantage point and the time; the vantage point adds these, and
the result is an `Observation`.

A fault of the target is *down*; a fault of ours is *unknown* (semantics §1). Only
`watch.vantage.prober` tells them apart; everything after it relies on the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

FactValue = float | int | str | bool
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Verdict(StrEnum):
    """The state of the target as one probe run saw it."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"  # the fault is ours, not the target's: never counted as downtime


class Reason(StrEnum):
    """The reason for a verdict: the closed list that alerts, pages and metrics share."""

    OK = "ok"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    RESET = "reset"
    UNREACHABLE = "unreachable"
    DNS = "dns"
    TLS = "tls"
    CERTIFICATE = "certificate"
    AUTH = "auth"
    PROTOCOL = "protocol"
    STATUS = "status"
    EXPECTATION = "expectation"
    SLOW = "slow"
    STALE = "stale"
    MISSING = "missing"
    LIMIT = "limit"
    SITE_LOST = "site_lost"
    INTERNAL = "internal"
    BLIND = "blind"
    OVERLOADED = "overloaded"


class FactType(StrEnum):
    """The type of a fact; it determines the base unit and how literals in expectations are read."""

    DURATION = "duration"  # seconds
    BYTES = "bytes"  # bytes
    RATIO = "ratio"  # 0..1
    COUNT = "count"  # a plain number
    INSTANT = "instant"  # seconds since the epoch, UTC
    TEXT = "text"
    BOOL = "bool"


class Course(StrEnum):
    """The direction of a fact that can run out: one that fills up is used up at 1, one that empties at 0."""

    FILLS = "fills"
    EMPTIES = "empties"


@dataclass(frozen=True, slots=True)
class FactSpec:
    """One fact that expectations may name.

    Args:
        reason: The reason of a reading that breaks an expectation on it.
        course: Whether it fills up or empties over time; None for neither.
        absent: The value that expectations use while it is not known; None for a fact that must exist.
    """

    name: str
    type: FactType
    reason: Reason
    text: str
    course: Course | None = None
    absent: FactValue | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of one probe run.

    Args:
        detail: One short sentence for people; never a secret, never longer than 200 characters.
        facts: Typed facts in base units (see `FactType`); stored with the observation.
        phases: Seconds spent in each phase the probe knows: resolve, connect, tls, first_byte, transfer.
        material: Data for expectations that is never stored: ``body`` (str), ``headers`` (mapping of lower-case
            names to text).
    """

    verdict: Verdict
    reason: Reason = Reason.OK
    detail: str = ""
    facts: Mapping[str, FactValue] = field(default_factory=lambda: NOTHING)
    phases: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    material: Mapping[str, Any] = field(default_factory=lambda: NOTHING, repr=False, compare=False)


class Observation(NamedTuple):
    """A reading with its check, vantage point and time.

    Args:
        at_ms: When the run began, UTC.
        took_ms: How long it lasted; the reading is true of some instant of that time.
        seq: The number of the finding within the vantage point's epoch.
        tainted: Whether the event loop lagged over 100 ms meanwhile: percentiles then leave the latency out.
        latency: The answer's latency in seconds, for the sketch; None when there was no answer.
    """

    check: str
    vantage: str
    at_ms: int
    took_ms: int
    seq: int
    verdict: Verdict
    reason: Reason
    detail: str
    latency: float | None
    facts: Mapping[str, FactValue]
    phases: Mapping[str, float]
    tainted: bool = False


class ProbeFailure(Exception):  # noqa: N818 - a failure of the target, not an error of ours
    """The target is at fault. Any unexpected exception from a probe is a bug of ours."""

    def __init__(
        self,
        reason: Reason,
        detail: str,
        *,
        facts: Mapping[str, FactValue] = NOTHING,
        phases: Mapping[str, float] = NOTHING,
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.facts = facts
        self.phases = phases


class OurFault(Exception):  # noqa: N818 - names whose fault it is
    """The probe could not ask: no permission, no working resolver, a pool exhausted. Gives *unknown*.

    Args:
        detail: What is missing and exactly how to grant it.
    """

    def __init__(self, detail: str, reason: Reason = Reason.INTERNAL) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
