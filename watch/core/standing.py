"""The current state of checks, components and the monitoring itself."""

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
    """The current state of one check, since when and why.

    Args:
        observation: The newest observation from *seen_from*, to show to people.
        seen_from: The vantage points that see it in this state.
        about_us: Troubles of the vantage points that should see it.
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
    """The current state of one component.

    Args:
        since_ms: Since when; backdated to the first reading of the confirming streak.
        redundancy_lost: Whether it is degraded only because some members are down.
        redundancy_unknown: Whether it is up while some members are unknown.
        members_up: How many of its members are up or degraded; *members* is how many it has.
        cause: The check that explains the trouble; empty while the component is up.
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
    """The result of one canary round of a vantage point.

    Args:
        good_ms: When the last good round began.
        good: Canaries that are good. bad: those that were good before. never: those never good yet, not counted.
    """

    vantage: str
    blind: bool
    good_ms: int
    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnTrouble:
    """A trouble of the monitoring itself, for `monitor` rules. *key* stays the same while it lasts.

    Args:
        pages_ms: The instant before which nobody is paged for it.
        cure: What to do about it.
        not_ready: Whether the hub cannot do its work while it lasts.
    """

    key: str
    text: str
    since_ms: int
    pages_ms: int = 0
    cure: str = ""
    not_ready: bool = False

    @property
    def kind(self) -> str:
        """The key without whom it is about: ``vantage_blind``."""
        return self.key.partition(":")[0]
