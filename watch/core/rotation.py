"""Who is on call at an instant, by an on-call rotation.

A rotation has layers, and overrides. In a layer, people take turns of a fixed length on the wall clock of a zone: a
weekly turn is handed over at the same local time all year, so it lasts 167 or 169 hours when the clocks change. A layer
may be limited to hours (`during`). The last layer that has somebody wins; an override wins over all layers, and a later
override over an earlier one. Where nobody is found there is a *gap*.

The rules of local time are those of `watch.core.localtime`: a handover in skipped time takes the offset before the gap,
and one that occurs twice is its first occurrence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from watch.core.localtime import from_utc_ms, to_utc_ms
from watch.core.schedule import Weekly, spans_of_rule
from watch.core.spans import union

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_LONGEST = timedelta(days=366)
_SHIFTED = timedelta(hours=25)  # more than any clock change moves a local time
_NEAR = (
    4 * _DAY
)  # more than that and the short turns around it; no zone changes its clocks there and back within it
_AHEAD_MS = 16 * 86_400_000  # weekly hours occur within it, even where a clock change makes one of them empty
NEVER_MS = 2**62
GAPS_AHEAD_MS = 7 * 86_400_000  # how far ahead gaps are looked for
NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Handover:
    """When turns are handed over: a local time of *zone*, on *weekday* (Monday is 0) where turns are whole weeks."""

    time: time
    zone: ZoneInfo
    weekday: int | None = None


class Turn(NamedTuple):
    """*person* has it in `[from_ms, to_ms)`, unless somebody higher has it. *n* counts the turns of a layer."""

    from_ms: int
    to_ms: int
    person: str
    n: int = 0


class Shift(NamedTuple):
    """*person* is on call in `[from_ms, to_ms)`; None in a gap. *why* is a phrase for people."""

    from_ms: int
    to_ms: int
    person: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Override:
    """*person* is on call in `[from_ms, to_ms)`, whoever's turn it is. *note*: who said so and why, for people."""

    from_ms: int
    to_ms: int
    person: str
    note: str = ""

    def __post_init__(self) -> None:
        if self.from_ms >= self.to_ms:
            raise ValueError("its end is not after its start: give a later end")


@dataclass(frozen=True, slots=True)
class Layer:
    """People who take turns.

    Args:
        people: In the order of their turns; somebody may be in it more than once.
        every: The length of a turn on the wall clock, in whole hours.
        start: The first turn begins at the first handover on this local date or after it.
        during: The hours in which the layer has somebody; None: always.
    """

    people: tuple[str, ...]
    every: timedelta
    handover: Handover
    start: date
    during: Weekly | None = None

    def __post_init__(self) -> None:
        if not self.people:
            raise ValueError("nobody takes turns: name a person")
        if not _HOUR <= self.every <= _LONGEST or self.every % _HOUR:
            raise ValueError(
                f"a turn of {self.every} is not built: use whole hours, up to {_LONGEST.days} days"
            )
        if (self.handover.weekday is not None) != (self.every % (7 * _DAY) == timedelta(0)):
            raise ValueError("a handover names a day of the week exactly if turns are whole weeks")

    @property
    def _first(self) -> datetime:
        """The wall clock at the first handover."""
        day = self.start
        if self.handover.weekday is not None:
            day += (self.handover.weekday - day.weekday()) % 7 * _DAY
        return datetime.combine(day, self.handover.time)

    def _begin_ms(self, n: int) -> int:
        return to_utc_ms(self._first + n * self.every, self.handover.zone)

    def turn(self, at_ms: int) -> Turn | None:
        """The turn at *at_ms*; None when the layer has nobody then."""
        local = from_utc_ms(at_ms, self.handover.zone)
        near = (local.replace(tzinfo=None) - self._first) // self.every
        reach = self._reach(local)
        n = next(
            (n for n in range(near + reach, max(-1, near - reach - 1), -1) if self._begin_ms(n) <= at_ms), -1
        )
        if n < 0:
            return None
        after_ms = min(self._begin_ms(later) for later in range(n + 1, n + 2 + reach))
        turn = Turn(self._begin_ms(n), after_ms, self.people[n % len(self.people)], n)
        return turn if self.during is None else self._within_hours(turn, at_ms, self.during)

    def _reach(self, local: datetime) -> int:
        """How many handovers a clock change near *local* may bring at once or out of order: then the last counts."""
        if self.every >= _SHIFTED:
            return 1
        offsets = {(local + away).utcoffset() for away in (-_NEAR, timedelta(0), _NEAR)}
        return 0 if len(offsets) == 1 else _SHIFTED // self.every + 1

    @staticmethod
    def _within_hours(turn: Turn, at_ms: int, during: Weekly) -> Turn | None:
        for from_ms, to_ms in union(spans_of_rule(during, at_ms, at_ms + 1)):
            return turn._replace(from_ms=max(turn.from_ms, from_ms), to_ms=min(turn.to_ms, to_ms))
        return None

    def begins_ms(self, after_ms: int) -> int:
        """The first instant after *after_ms* at which the layer, which has nobody then, has somebody."""
        first_ms = self._begin_ms(0)
        if self.during is None:
            return first_ms if first_ms > after_ms else NEVER_MS
        from_ms = max(first_ms, after_ms)
        if first_ms > after_ms and self.turn(first_ms) is not None:
            return first_ms
        return min(
            start for start, _ in spans_of_rule(self.during, from_ms, from_ms + _AHEAD_MS) if start > after_ms
        )


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotation.

    Args:
        layers: The last one that has somebody wins.
        overrides: They win over all layers; the last one that applies wins.
    """

    name: str
    layers: tuple[Layer, ...]
    overrides: tuple[Override, ...] = ()

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who is named in it, once."""
        turns = (person for layer in self.layers for person in layer.people)
        return tuple(dict.fromkeys([*turns, *(it.person for it in self.overrides)]))

    @property
    def zone(self) -> ZoneInfo:
        """The zone of times that name none: that of the first handover."""
        return self.layers[0].handover.zone

    def overridden(self, more: Iterable[Override]) -> Rotation:
        """The rotation with *more* overrides, which win over those that it has."""
        return replace(self, overrides=(*self.overrides, *more))

    def at(self, at_ms: int) -> tuple[str, ...]:
        """Who is on call at *at_ms*; empty in a gap."""
        turn, _ = self._holder(at_ms)
        return () if turn is None else (turn.person,)

    def shifts(self, lo_ms: int, hi_ms: int) -> Iterator[Shift]:
        """Whole shifts and gaps that overlap `[lo_ms, hi_ms)`, in order, without anything between them.

        A gap that lasts at *lo_ms* begins there. The last gap ends at `NEVER_MS` if nobody is ever on call again.
        """
        at_ms = self._since_ms(lo_ms)
        while at_ms < hi_ms:
            turn, rank = self._holder(at_ms)
            to_ms = self._until_ms(at_ms, turn, rank)
            while turn is not None and self._goes_on(turn, rank, to_ms):
                to_ms = self._until_ms(to_ms, *self._holder(to_ms))
            if to_ms > lo_ms:
                yield Shift(at_ms, to_ms, None if turn is None else turn.person, self._why(rank))
            at_ms = to_ms

    def _since_ms(self, at_ms: int) -> int:
        """When the turn at *at_ms* began, or where to look from: higher ones may have interrupted it since."""
        turn, rank = self._holder(at_ms)
        if turn is None:
            return at_ms
        while turn is not None and self._goes_on(turn, rank, turn.from_ms - 1):
            at_ms = turn.from_ms
            turn, rank = self._holder(turn.from_ms - 1)
        return at_ms if turn is None else turn.from_ms

    def _until_ms(self, at_ms: int, turn: Turn | None, rank: int) -> int:
        return min(NEVER_MS if turn is None else turn.to_ms, self._begins_ms(at_ms, rank))

    def _goes_on(self, turn: Turn, rank: int, at_ms: int) -> bool:
        """Whether *turn* is still held at *at_ms*: hours that touch, like those of two whole days, are one shift."""
        there, rank_there = self._holder(at_ms)
        return there is not None and (rank_there, there.n) == (rank, turn.n)

    def gaps(self, lo_ms: int, hi_ms: int) -> list[Shift]:
        """The gaps that overlap `[lo_ms, hi_ms)`, as `shifts` has them."""
        return [shift for shift in self.shifts(lo_ms, hi_ms) if shift.person is None]

    def gap_text(self, lo_ms: int, hi_ms: int, zone: ZoneInfo) -> str | None:
        """What to say of the gaps that overlap `[lo_ms, hi_ms)`, in times of *zone*; None without gaps."""
        gaps = self.gaps(lo_ms, hi_ms)
        if not gaps:
            return None
        first, more = gaps[0], len(gaps) - 1
        since = f" from {_minute(first.from_ms, zone)}" if first.from_ms > lo_ms else ""
        until = (
            "" if first.to_ms == NEVER_MS else f" {'to' if since else 'until'} {_minute(first.to_ms, zone)}"
        )
        later = "" if not more else f", and in {more} later gap{'s' * (more > 1)}"
        return f"nobody is on call in {self.name}{since}{until}{later}"

    def _holder(self, at_ms: int) -> tuple[Turn | None, int]:
        """Who has it, with the rank: layers from 0 on, then overrides; -1 is nobody."""
        base = len(self.layers)
        for n in range(len(self.overrides) - 1, -1, -1):
            it = self.overrides[n]
            if it.from_ms <= at_ms < it.to_ms:
                return Turn(it.from_ms, it.to_ms, it.person), base + n
        for n in range(base - 1, -1, -1):
            if (turn := self.layers[n].turn(at_ms)) is not None:
                return turn, n
        return None, -1

    def _begins_ms(self, after_ms: int, rank: int) -> int:
        """The first instant after *after_ms* at which somebody above *rank* has it."""
        base = len(self.layers)
        layers = (layer.begins_ms(after_ms) for layer in self.layers[rank + 1 :])
        above = self.overrides[max(0, rank + 1 - base) :]
        return min((*layers, *(it.from_ms for it in above if it.from_ms > after_ms)), default=NEVER_MS)

    def _why(self, rank: int) -> str:
        base = len(self.layers)
        if rank < 0:
            return NOBODY
        if rank < base:
            return "turn" if base == 1 else f"turn, layer {rank + 1} of {base}"
        note = self.overrides[rank - base].note
        return f"override {note}" if note else "override"


def _minute(ms: int, zone: ZoneInfo) -> str:
    return f"{from_utc_ms(ms, zone):%Y-%m-%d %H:%M %Z}"
