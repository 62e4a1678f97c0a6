"""Checks everything that enters the hub, once, whoever brings it.

Targets and agents may be hostile. A number that the store cannot hold or text that a terminal must not show is dropped
here, and the reading's detail says so. Code behind the door does not check again.

Findings are numbered, so that each is taken exactly once (`watch.core.delivery`).
"""

from __future__ import annotations

from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING

from watch.core.delivery import Delivery, Lane, Refusal
from watch.core.reading import Observation, Reason, Verdict
from watch.core.wording import one_line, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.reading import FactValue
    from watch.core.standing import Sight

_MOST_FACTS = 200
_NAME = 80  # characters of a name
_LONGEST = 4_000  # characters of a text fact
_DETAIL = 200
_SOON_MS = 60_000
_BIG = 2**63
_DAY_MS = 86_400_000
_MOST_KNOWN = 1000
_known: set[tuple[str, ...]] = set()  # the names of facts, found good before: most readings have the same


class Door:
    """Counts the findings accepted from each vantage point.

    Args:
        taken: By (vantage point, lane), the epoch and number of the last finding accepted.
    """

    def __init__(self, taken: Mapping[tuple[str, str], tuple[int, int]]) -> None:
        self._taken = dict(taken)

    def known(self, vantage: str, lane: Lane = Lane.LIVE) -> tuple[int, int]:
        """The epoch and number of the last finding accepted from *vantage*; zeros before the first."""
        return self._taken.get((vantage, lane), (0, 0))

    def refusal(self, delivery: Delivery, now_ms: int) -> Refusal | None:
        """Why nothing of *delivery* can be taken."""
        epoch, number = self.known(delivery.vantage, delivery.lane)
        if delivery.lane is not Lane.LIVE:
            return Refusal(0, "the backlog lane is not built yet")
        if type(delivery.first) is not int or type(delivery.epoch) is not int or delivery.first < 1:
            return Refusal(0, "findings are numbered from 1 on within an epoch")
        if delivery.epoch < epoch:
            return Refusal(0, f"epoch {delivery.epoch} has ended; the vantage point started again at {epoch}")
        if delivery.epoch > now_ms + _SOON_MS:
            return Refusal(0, "its epoch lies in the future: set the clock of the vantage point right")
        expected = number + 1 if delivery.epoch == epoch else 1
        if delivery.first > expected:
            return Refusal(0, f"finding {expected} is missing; send from there")
        return None

    def skipped(self, delivery: Delivery) -> int:
        """How many of the first findings were taken before."""
        epoch, number = self.known(delivery.vantage, delivery.lane)
        return max(0, number + 1 - delivery.first) if delivery.epoch == epoch else 0

    def note(self, delivery: Delivery) -> tuple[int, int]:
        """Count all of *delivery* as accepted; return the mark to store."""
        epoch, number = self.known(delivery.vantage, delivery.lane)
        last = delivery.first + len(delivery.findings) - 1
        mark = (delivery.epoch, max(last, number) if delivery.epoch == epoch else last)
        self._taken[delivery.vantage, delivery.lane] = mark
        return mark


def admitted(o: Observation, now_ms: int) -> Observation | str:
    """*o*, cleaned if necessary; or the reason why it is refused."""
    if (fault := _observation_fault(o, now_ms)) is not None:
        return fault
    if (o.facts and not _plain(o.facts)) or (o.phases and not _plain(o.phases)):
        return _cleaned(o)
    if not o.detail.isprintable() or len(o.detail) > _DETAIL:
        return o._replace(detail=one_line(o.detail, _DETAIL))
    return o


def _observation_fault(o: Observation, now_ms: int) -> str | None:
    if type(o.at_ms) is not int or not 0 <= o.at_ms <= now_ms + _SOON_MS:
        return "its instant lies in the future or nowhere: set the clock of the vantage point right"
    if type(o.took_ms) is not int or not 0 <= o.took_ms <= _DAY_MS:
        return "it claims to have lasted for less than nothing or more than a day"
    if type(o.seq) is not int or not 0 <= o.seq < _BIG:
        return "its number is none"
    if o.latency is not None and not 0 <= o.latency < _DAY_MS:
        return "its latency is no duration"
    return None


def sight_fault(sight: Sight, now_ms: int) -> str | None:
    """Why a round of canaries is refused."""
    if type(sight.good_ms) is not int or not 0 <= sight.good_ms <= now_ms + _SOON_MS:
        return "its instant lies in the future or nowhere: set the clock of the vantage point right"
    names = (*sight.good, *sight.bad, *sight.never)
    if len(names) > _MOST_FACTS or not all(len(name) <= _LONGEST and name.isprintable() for name in names):
        return "it names canaries that nobody can have"
    return None


def _plain(facts: Mapping[str, FactValue]) -> bool:
    """Whether all of *facts* can be stored, sent and shown as they are."""
    names = tuple(facts)
    if names not in _known and not _named(names):
        return False
    for value in facts.values():
        kind = type(value)
        if kind is float:
            if not isfinite(value):  # type: ignore[arg-type] # a float, as the line above says
                return False
        elif kind is int:
            if not -_BIG <= value < _BIG:  # type: ignore[operator] # an int, likewise
                return False
        elif kind is str:
            if len(value) > _LONGEST or not value.isprintable():  # type: ignore[arg-type,union-attr] # a str
                return False
        elif kind is not bool:
            return False
    return True


def _named(names: tuple[str, ...]) -> bool:
    if len(names) > _MOST_FACTS or not all(len(name) <= _NAME and name.isprintable() for name in names):
        return False
    if len(_known) < _MOST_KNOWN:
        _known.add(names)
    return True


def _cleaned(o: Observation) -> Observation:
    kept: dict[str, FactValue] = {}
    dropped = []
    for name, value in islice(o.facts.items(), _MOST_FACTS):
        said = one_line(str(name), _NAME)
        if isinstance(value, str):
            kept[said] = visible(value, _LONGEST)
        elif _plain({"": value}):
            kept[said] = value
        else:
            dropped.append(said)
    timed = islice(o.phases.items(), _MOST_FACTS)
    phases = {one_line(str(name), _NAME): value for name, value in timed if _plain({"": value})}
    told = f"not kept, for no store can hold it: {', '.join(dropped)}" if dropped else ""
    room = _DETAIL - len(told) - 2
    said = one_line(o.detail, room) if told and room > 0 else o.detail
    detail = one_line("; ".join(part for part in (said, told) if part), _DETAIL)
    return o._replace(facts=kept, phases=phases, detail=detail)


def voided(o: Observation, detail: str) -> Observation:
    """*o* as unknown, because its vantage point was blind."""
    return o._replace(verdict=Verdict.UNKNOWN, reason=Reason.BLIND, detail=detail, latency=None)
