"""Input to the hub (deliveries and commands) and its answer, the receipt (`hub.take`).

A *delivery* carries a vantage point's findings in order. They are numbered without gaps within an *epoch* (one start
of the vantage point) and a *lane*, so that each is accepted exactly once: a finding that is on record already is
acknowledged again and changes nothing, and one after a gap is refused until the gap is filled.

A *command* is what a person tells the hub to do; it goes on record with its author.

The *receipt* is sent after the commit: accepted findings are on disk.
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
    """*live* findings change states; *backlog* findings are history that could not be delivered in time."""

    LIVE = "live"
    BACKLOG = "backlog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How well a vantage point keeps up with what it is to ask.

    Args:
        checks: How many checks it is to ask.
        late: How many of them were not asked on time in the last `RECENT` seconds, or wait for too long now.
        undecided: Readings of the last `RECENT` seconds that decided nothing, because they waited for us.
        stood_still: The longest time for which nothing ran, in the last `RECENT` seconds, in seconds.
    """

    checks: int = 0
    late: int = 0
    undecided: int = 0
    stood_still: float = 0.0


RECENT = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Findings of one vantage point.

    Args:
        epoch: When the vantage point started, in ms; a later epoch ends all earlier ones.
        first: The number of the first finding; the first of an epoch is 1.
        findings: Observations and sights in the order in which they were made.
        loop_lag, schedule_lag: The worst delays since the last delivery, in seconds.
        load: How well the vantage point keeps up; None when it does not say.
    """

    vantage: str
    epoch: int
    first: int
    findings: tuple[Observation | Sight, ...] = ()
    lane: Lane = Lane.LIVE
    loop_lag: float = 0.0
    schedule_lag: float = 0.0
    load: Load | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command from a person.

    Args:
        by: The person's name as given; not verified.
        account: The operating system account that sent it.
    """

    verb: str
    arguments: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    by: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was refused, and why. *number* is that of the finding; 0 means the whole delivery."""

    number: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The answer to a delivery or a command.

    Args:
        accepted: The number of the last finding that is on record.
        refused: What was refused. A refused finding does not block those after it.
        beliefs: By check, for those whose streaks have changed; when the delivery opened an epoch, for all with a
            streak under way.
        wants_sight: A check needs a canary round to be confirmed down.
        soon: Checks to be asked once more at once, because of what others have found.
        answer: The result of the command.
    """

    accepted: int = 0
    refused: tuple[Refusal, ...] = ()
    beliefs: Mapping[str, Belief] = field(default_factory=lambda: NOTHING)
    wants_sight: bool = False
    soon: frozenset[str] = frozenset()
    answer: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
