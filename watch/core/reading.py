"""What one probe run learned: the smallest fact this system keeps.

A probe returns a `Reading`. It does not know which check asked, from which vantage point, or why; the
prober adds that, and the result is an `Observation`.

A fault of the target is *down*; a fault of ours is *unknown* (semantics §1). The line between the two is
drawn once, in `watch.vantage.prober`; everything after it trusts the verdict.
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
    """How the target did, as one probe run saw it."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"  # we failed, not the target: never counted as downtime


class Reason(StrEnum):
    """Why a reading is what it is: the closed list that alerts, pages and metrics share."""

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
    """What a fact is a number of; fixes its base unit and how a literal beside it is read."""

    DURATION = "duration"  # seconds
    BYTES = "bytes"  # bytes
    RATIO = "ratio"  # 0..1
    COUNT = "count"  # a plain number
    INSTANT = "instant"  # seconds since the epoch, UTC
    TEXT = "text"
    BOOL = "bool"


class Course(StrEnum):
    """Where a fact is heading in the end: what fills up is used up at 1, what empties at 0."""

    FILLS = "fills"
    EMPTIES = "empties"


@dataclass(frozen=True, slots=True)
class FactSpec:
    """One fact that expectations may speak of.

    Args:
        reason: What a broken expectation on it reads as.
        course: Whether it fills up or empties in the course of time.
        absent: What an expectation takes it for while it is not known; None for a fact that must be there.
    """

    name: str
    type: FactType
    reason: Reason
    text: str
    course: Course | None = None
    absent: FactValue | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One probe run's answer.

    Args:
        detail: One short sentence for people; never a secret, never longer than 200 characters.
        facts: Typed facts in base units (see `FactType`); stored with the observation.
        phases: Seconds spent in each phase the probe knows: resolve, connect, tls, first_byte, transfer.
        material: What expectations may look into but nobody keeps: ``body`` (str), ``headers`` (mapping of
            lower-case names to text).
    """

    verdict: Verdict
    reason: Reason = Reason.OK
    detail: str = ""
    facts: Mapping[str, FactValue] = field(default_factory=lambda: NOTHING)
    phases: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    material: Mapping[str, Any] = field(default_factory=lambda: NOTHING, repr=False, compare=False)


class Observation(NamedTuple):
    """A reading stamped with who asked, from where and when.

    Args:
        at_ms: When the run began, UTC.
        took_ms: How long it lasted; the target was as the reading says at some instant in between.
        seq: Counts the vantage point's observations within its epoch.
        tainted: The loop lagged over 100 ms meanwhile: the latency stays out of percentiles.
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
    """The target is at fault. Whatever else escapes a probe is our own bug."""

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


class OurFault(Exception):  # noqa: N818 - says whose fault it is
    """We could not ask: no permission, no working resolver, a pool exhausted. Reads *unknown*.

    Args:
        detail: What is missing and exactly how to grant it.
    """

    def __init__(self, detail: str, reason: Reason = Reason.INTERNAL) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
