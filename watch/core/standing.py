"""How things stand right now: the live side of what the book knows for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watch.core.quorum import Confidence, SelfAlert
from watch.core.reading import Reason

if TYPE_CHECKING:
    from watch.core.reading import Observation
    from watch.core.timeline import State


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStanding:
    """What we believe of one check, since when and why.

    Args:
        observation: The newest one of those who see it so, for people to see.
        seen_from: The vantage points that see it so.
        about_us: What is wrong with those who should see it.
    """

    name: str
    state: State
    since_ms: int
    reason: Reason
    detail: str
    observation: Observation | None = None
    seen_from: tuple[str, ...] = ()
    confidence: Confidence = Confidence.NORMAL
    fallback: bool = False
    about_us: tuple[SelfAlert, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one component stands.

    Args:
        since_ms: From when; backdated to the first reading of what confirmed it.
        redundancy_lost: Degraded only because some members are down.
        redundancy_unknown: Seen to work, but some members are not seen.
        members_up: How many of its members are up or degraded; *members* is how many it has.
        cause: The name of the check whose trouble explains it; empty while it is up.
    """

    key: str
    state: State
    since_ms: int
    reason: Reason = Reason.OK
    detail: str = ""
    redundancy_lost: bool = False
    redundancy_unknown: bool = False
    members_up: int = 0
    members: int = 0
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Sight:
    """What one round of a vantage point's canaries showed.

    Args:
        good_ms: When the last good round began.
        good: Canaries that are good. bad: those that were before. never: those never good yet; they do not count.
    """

    vantage: str
    blind: bool
    good_ms: int
    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnTrouble:
    """Something wrong with us: what `monitor` rules speak of. *key* is the same while it lasts."""

    key: str
    text: str
    since_ms: int
