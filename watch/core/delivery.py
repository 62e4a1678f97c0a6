"""What comes in at the hub's front door, and what is answered (`hub.take`).

A *delivery* is what a vantage point found, in the order in which it found it. Its findings are numbered without gaps
within an *epoch* (one start of the vantage point) and a *lane*, so that each is accepted exactly once: what is known
already is answered again and changes nothing, and what follows a gap is refused until the gap is filled.

A *command* is what a person tells the hub to do; it goes on record with its author.

The *receipt* comes after the commit: what it says accepted is on disk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from watch.core.reading import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.confirm import Belief
    from watch.core.reading import Observation
    from watch.core.standing import Sight


class Lane(StrEnum):
    """*live* changes what is believed; *backlog* is history that could not be delivered in time."""

    LIVE = "live"
    BACKLOG = "backlog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one vantage point found.

    Args:
        epoch: When the vantage point started, in ms; a later one ends those before it.
        first: The number of the first finding; the first of an epoch is 1.
        findings: Observations and sights in the order in which they were made.
        loop_lag, schedule_lag: The worst delays since the last delivery, in seconds.
    """

    vantage: str
    epoch: int
    first: int
    findings: tuple[Observation | Sight, ...] = ()
    lane: Lane = Lane.LIVE
    loop_lag: float = 0.0
    schedule_lag: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a person says.

    Args:
        by: Who says so; not verified.
        account: The operating system's account that it came from.
    """

    verb: str
    arguments: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    by: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was not taken and why. *number* is that of a finding; 0 stands for the whole."""

    number: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of what was brought.

    Args:
        accepted: The number of the last finding that is on record.
        refused: What was not taken. A single finding that is refused does not hold up those after it.
        beliefs: To go on from: the checks whose streaks have changed, or all those on their way to a change when
            the delivery opened an epoch.
        wants_sight: Some check waits for a canary round to be confirmed down.
        answer: What a command's verb says.
    """

    accepted: int = 0
    refused: tuple[Refusal, ...] = ()
    beliefs: Mapping[str, Belief] = field(default_factory=lambda: NOTHING)
    wants_sight: bool = False
    answer: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
