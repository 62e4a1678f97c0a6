"""Whether this vantage point can see at all (semantics §3).

Canaries are targets that answer whenever the vantage point works. A vantage point with n canaries is blind while fewer
than min(2, n) are good. A canary that was never good yet is not counted (a wrong address must not make it blind) but
reported. The store records which canaries were ever good: otherwise, after a restart during an outage of our own, all
canaries would look like wrong addresses, and every target would be down.

A round asks all of them at once, each for at most two seconds by default. Rounds run at a fixed interval, and at once
when a check would be confirmed down and no round has begun since its first bad reading. A round that fails only because
it waited for us decides nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watch.core.reading import Reason, Verdict
from watch.vantage.ask import asked
from watch.vantage.lag import Lag, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watch.core.settings import Canary
    from watch.ports import Clock

ROUND_EVERY = 15.0  # seconds


@dataclass(frozen=True, slots=True)
class Round:
    """The result of one round. `began_ms` is by the vantage point's clock; *never* names those never yet good.

    *undecided*: whether it failed only because it waited for us; it then says nothing.
    """

    began_ms: int
    blind: bool
    good: tuple[str, ...]
    bad: tuple[str, ...]
    never: tuple[str, ...]
    undecided: bool = False


class Canaries:
    """The canaries of one vantage point, with the result of their last round."""

    def __init__(
        self, canaries: Sequence[Canary], clock: Clock, lag: Lag, proven: Iterable[str] = ()
    ) -> None:
        self.asked, self._clock, self._lag = tuple(canaries), clock, lag
        self._proven = set(proven) & {canary.name for canary in canaries}
        self._under_way: asyncio.Task[Round] | None = None
        self._under_way_since = 0
        self.last: Round | None = None
        self.good_ms = (
            clock.now_ms()
        )  # when the last good round began; before the first one, when this was made

    @property
    def proven(self) -> frozenset[str]:
        """The canaries that were ever good."""
        return frozenset(self._proven)

    def __bool__(self) -> bool:
        return bool(self.asked)

    @property
    def blind(self) -> bool:
        return self.last is not None and self.last.blind

    async def since(self, instant_ms: int) -> Round:
        """The result of a round that began after *instant_ms*: the last, the one under way, or a new one."""
        if self.last is not None and self.last.began_ms > instant_ms:
            return self.last
        if self._under_way is None or self._under_way_since <= instant_ms:
            self._under_way_since = self._clock.now_ms()
            self._under_way = asyncio.create_task(self._round(self._under_way_since), name="canaries")
        return await asyncio.shield(self._under_way)

    async def _round(self, began_ms: int) -> Round:
        waited = Waiting(self._lag, self._clock)
        readings = await asyncio.gather(
            *(asked(c.probe, None, clock=self._clock, timeout=c.timeout, waited=waited) for c in self.asked)
        )
        good = {c.name for c, r in zip(self.asked, readings, strict=True) if r.verdict is Verdict.UP}
        self._proven |= good
        names = [c.name for c in self.asked]
        needed = min(2, len(self._proven))
        round_ = Round(
            began_ms,
            len(good) < needed,
            tuple(n for n in names if n in good),
            tuple(n for n in names if n in self._proven - good),
            tuple(n for n in names if n not in self._proven),
            undecided=len(good) < needed and any(r.reason is Reason.OVERLOADED for r in readings),
        )
        if round_.undecided:
            return round_ if self.last is None else replace(self.last, undecided=True)
        if self.last is None or began_ms >= self.last.began_ms:
            self.last = round_
        if not round_.blind:
            self.good_ms = max(self.good_ms, began_ms)
        return round_
