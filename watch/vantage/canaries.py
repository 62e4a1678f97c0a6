"""Whether this vantage point can see at all (semantics §3).

Canaries are targets that are good whenever we are. A vantage point with n of them is blind while fewer than
min(2, n) are good. One that was never good yet is not counted (a wrong address must not blind us) but reported.
"Never" outlives us: which ones were good is on record, or a restart in the middle of our own outage would take all
canaries for wrong addresses, and every target for down.

A round is all of them asked at once, at most two seconds each. Rounds come at a steady pace, and at once when a check
is about to be confirmed down without a round begun after its first bad reading.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watch.core.reading import Verdict
from watch.vantage.ask import asked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watch.core.settings import Canary
    from watch.ports import Clock

ROUND_EVERY = 15.0  # seconds


@dataclass(frozen=True, slots=True)
class Round:
    """One look at all canaries. `began_ms` by the vantage point's clock; *never* names those never yet good."""

    began_ms: int
    blind: bool
    good: tuple[str, ...]
    bad: tuple[str, ...]
    never: tuple[str, ...]


class Canaries:
    """The canaries of one vantage point, and what their last round said."""

    def __init__(self, canaries: Sequence[Canary], clock: Clock, proven: Iterable[str] = ()) -> None:
        self.asked, self._clock = tuple(canaries), clock
        self._proven = set(proven) & {canary.name for canary in canaries}
        self._under_way: asyncio.Task[Round] | None = None
        self._under_way_since = 0
        self.last: Round | None = None
        self.good_ms = clock.now_ms()  # when the last good round began; before the first, our start

    @property
    def proven(self) -> frozenset[str]:
        """The canaries that were good at some time."""
        return frozenset(self._proven)

    def __bool__(self) -> bool:
        return bool(self.asked)

    @property
    def blind(self) -> bool:
        return self.last is not None and self.last.blind

    async def since(self, instant_ms: int) -> Round:
        """A round that began after *instant_ms*: the last one, the one under way, or a new one."""
        if self.last is not None and self.last.began_ms > instant_ms:
            return self.last
        if self._under_way is None or self._under_way_since <= instant_ms:
            self._under_way_since = self._clock.now_ms()
            self._under_way = asyncio.create_task(self._round(self._under_way_since), name="canaries")
        return await asyncio.shield(self._under_way)

    async def _round(self, began_ms: int) -> Round:
        readings = await asyncio.gather(
            *(asked(c.probe, None, clock=self._clock, timeout=c.timeout) for c in self.asked)
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
        )
        if self.last is None or began_ms >= self.last.began_ms:
            self.last = round_
        if not round_.blind:
            self.good_ms = max(self.good_ms, began_ms)
        return round_
