"""A script: what a rehearsal does to the world, and what people do. All times are Unix time in ms.

What a check gives at an instant is the worst of the faults that cover it: *silent* (it is not asked), then *unknown*,
*down* and *degraded*. Without a fault it is up. `goes: up` is for readings that show something while the check is up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.delivery import Command
    from watch.core.reading import FactValue, Reason


class Goes(StrEnum):
    """What a fault makes of its checks, the worst first."""

    SILENT = "silent"
    UNKNOWN = "unknown"
    DOWN = "down"
    DEGRADED = "degraded"
    UP = "up"  # it answers, with other facts or another latency than usual


class Fails(StrEnum):
    """How a channel fails."""

    FOR_NOW = "for_now"  # a retry may work
    FOR_GOOD = "for_good"  # it refuses
    HANGS = "hangs"  # it never answers
    UNUSABLE = "unusable"  # apprise does not accept its URL


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault of some checks in `[from_ms, to_ms)`.

    Args:
        checks: Their names. seen_from: the vantage points that see it; empty: all.
        detail: What the readings say; empty: what is usual for *reason*.
        flaps_ms: It goes and comes back, for so long each; None: it stays.
        facts: What the readings hold, in base units. latency_ms: how long an answer takes; None: as usual.
    """

    checks: frozenset[str]
    goes: Goes
    from_ms: int
    to_ms: int
    reason: Reason
    detail: str = ""
    seen_from: frozenset[str] = frozenset()
    flaps_ms: int | None = None
    facts: Mapping[str, FactValue] = field(default_factory=dict)
    latency_ms: int | None = None

    def covers(self, check: str, vantage: str, at_ms: int) -> bool:
        """Whether it makes *check* bad at *at_ms*, as *vantage* sees it."""
        if check not in self.checks or (self.seen_from and vantage not in self.seen_from):
            return False
        return self.holds(at_ms)

    def holds(self, at_ms: int) -> bool:
        """Whether it is there at *at_ms*."""
        if not self.from_ms <= at_ms < self.to_ms:
            return False
        return self.flaps_ms is None or (at_ms - self.from_ms) // self.flaps_ms % 2 == 0

    def edge_after(self, at_ms: int) -> int | None:
        """When it next comes or goes after *at_ms*; None when it does not."""
        if at_ms >= self.to_ms:
            return None
        if at_ms < self.from_ms or self.flaps_ms is None:
            return self.from_ms if at_ms < self.from_ms else self.to_ms
        return min(self.to_ms, at_ms + self.flaps_ms - (at_ms - self.from_ms) % self.flaps_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blindness:
    """Vantage points cannot see, or say nothing at all, in `[from_ms, to_ms)`.

    Args:
        silent: They deliver nothing; otherwise their canaries fail.
    """

    vantages: frozenset[str]
    from_ms: int
    to_ms: int
    silent: bool = False

    def covers(self, vantage: str, at_ms: int) -> bool:
        return vantage in self.vantages and self.from_ms <= at_ms < self.to_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFault:
    """A channel fails in `[from_ms, to_ms)`. *channel* is its index in the person's list; None: all of theirs."""

    person: str
    channel: int | None
    how: Fails
    from_ms: int
    to_ms: int

    def covers(self, person: str, channel: int, at_ms: int) -> bool:
        mine = person == self.person and self.channel in (None, channel)
        return mine and self.from_ms <= at_ms < self.to_ms


@dataclass(frozen=True, slots=True)
class Act:
    """A person gives a command at an instant. *told*: what they do, for people."""

    at_ms: int
    command: Command
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What happens in `[start_ms, end_ms)`."""

    start_ms: int
    end_ms: int
    faults: tuple[Fault, ...] = ()
    blindness: tuple[Blindness, ...] = ()
    channels: tuple[ChannelFault, ...] = ()
    acts: tuple[Act, ...] = ()

    def edge_after(self, at_ms: int) -> int:
        """The next instant after *at_ms* at which the script changes anything; at most its end."""
        edges = [edge for fault in self.faults if (edge := fault.edge_after(at_ms)) is not None]
        spans = [(it.from_ms, it.to_ms) for it in self.blindness] + [
            (it.from_ms, it.to_ms) for it in self.channels
        ]
        edges += [edge for span in spans for edge in span if edge > at_ms]
        edges += [act.at_ms for act in self.acts if act.at_ms > at_ms]
        return min([*edges, self.end_ms])
