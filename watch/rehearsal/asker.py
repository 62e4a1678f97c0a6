"""A vantage point of a rehearsal: its schedule is the product's own, its answers are the script's.

It goes from event to event: a check is due, a run ends, a canary round is due. `news` says whether the last event is
one that the hub must hear at once, because an answer is another than the one before.
"""

from __future__ import annotations

import heapq
from math import ceil
from typing import TYPE_CHECKING

from watch.core.delivery import Delivery
from watch.core.reading import NOTHING, Verdict
from watch.core.standing import Sight
from watch.vantage.agenda import Agenda
from watch.vantage.canaries import ROUND_EVERY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.delivery import Receipt
    from watch.core.reading import FactValue, Observation
    from watch.core.settings import Settings, Vantage
    from watch.rehearsal.world import World
    from watch.vantage.agenda import Slot

_FRESH = 1.3  # intervals; a state is valid for 2.5 of them
_ROUND_MS = round(ROUND_EVERY * 1000)
_ROUNDED = 1e-6  # seconds: a due time in whole milliseconds may be a rounding error before the exact one


class Asker:
    """Asks the checks of one vantage point; times are Unix time in ms."""

    def __init__(self, vantage: Vantage, settings: Settings, world: World, now_ms: int) -> None:
        self.vantage, self._world, self._epoch = vantage, world, now_ms
        self._agenda = Agenda()
        self._agenda.replan(settings.asked_from(vantage), now_ms / 1000)
        self._runs: list[tuple[int, int, Slot, Observation]] = []
        self._findings: list[Observation | Sight] = []
        self._sent = self._begun = 0
        self._next_round_ms: float = now_ms if vantage.canaries else float("inf")
        self._good_ms, self._blind = now_ms, False
        self._verdicts: dict[str, Verdict] = {}
        self._read_ms: dict[str, int] = {}
        self._shown: dict[str, Mapping[str, FactValue]] = {}  # the facts of each check's last reading
        self.unsettled: set[str] = set()
        self._soon: dict[str, int] = {}  # checks of which the hub wants a reading, and since when

    @property
    def next_ms(self) -> float:
        """When something happens next."""
        ends = self._runs[0][0] if self._runs else float("inf")
        due = self._agenda.due
        return min(ends, self._next_round_ms, ceil(due * 1000) if due < float("inf") else due)

    def lapses_ms(self, now_ms: int) -> int | None:
        """When the next state lapses of a check that gave nothing usable last."""
        slots = self._agenda.slots
        mute = (name for name, verdict in self._verdicts.items() if verdict is Verdict.UNKNOWN)
        ends = [self._read_ms.get(name, 0) + slots[name].check.confirmation.validity_ms + 1 for name in mute]
        return min((end for end in ends if end > now_ms), default=None)

    def step(self, now_ms: int) -> bool:
        """Do what is due at *now_ms*; whether the hub must hear of it at once."""
        news = False
        silent = self._world.silent(self.vantage.name, now_ms)
        while self._runs and self._runs[0][0] <= now_ms:
            _, _, slot, found = heapq.heappop(self._runs)
            news |= self._noted(found.check, found.verdict, found.at_ms)
            news |= self._shown.get(found.check, NOTHING) is not found.facts
            self._shown[found.check] = found.facts
            self._findings.append(found._replace(seq=self._sent + len(self._findings) + 1))
            self._agenda.release(slot, now_ms / 1000)
        for slot in self._agenda.take(now_ms / 1000 + _ROUNDED):
            if self._steady(slot, now_ms):
                self._agenda.release(slot, now_ms / 1000)
                continue
            found_now = None if silent else self._answer(slot, now_ms)
            if found_now is None:
                news |= self._noted(slot.check.name, Verdict.UNKNOWN, now_ms)
                self._agenda.release(slot, now_ms / 1000)
            else:
                self._begun += 1
                heapq.heappush(self._runs, (now_ms + found_now.took_ms, self._begun, slot, found_now))
        if now_ms >= self._next_round_ms:
            news |= self._look(now_ms, silent=silent)
        return news

    def _steady(self, slot: Slot, now_ms: int) -> bool:
        """Whether one more reading of *slot* would change nothing: it is up as before, and its state is valid for long.

        So every other reading of what is well is spared.
        """
        name = slot.check.name
        wanted = name in self.unsettled or name in self._soon
        if self._verdicts.get(name) is not Verdict.UP or wanted or self._blind:
            return False
        fresh = now_ms - self._read_ms[name] < _FRESH * slot.every * 1000
        return fresh and self._world.well(name, self.vantage.name, now_ms)

    def _answer(self, slot: Slot, now_ms: int) -> Observation | None:
        return self._world.answer(slot.check, self.vantage, now_ms, known_blind=self._blind)

    def _noted(self, check: str, verdict: Verdict, at_ms: int) -> bool:
        """Remember what *check* gave; whether it is something else than before."""
        other = self._verdicts.get(check) is not verdict
        self._verdicts[check] = verdict
        if verdict is not Verdict.UNKNOWN:
            self._read_ms[check] = at_ms
        if wanted := at_ms >= self._soon.get(check, at_ms + 1):
            del self._soon[check]
        return other or wanted or check in self.unsettled

    def _look(self, now_ms: int, *, silent: bool) -> bool:
        """A canary round; whether the vantage point went blind or sees again."""
        self._next_round_ms = now_ms + _ROUND_MS
        if silent:
            return False
        names = tuple(canary.name for canary in self.vantage.canaries)
        before, self._blind = self._blind, self._world.blind(self.vantage.name, now_ms)
        if not self._blind:
            self._good_ms = now_ms
        good, bad = ((), names) if self._blind else (names, ())
        self._findings.append(Sight(self.vantage.name, self._blind, self._good_ms, good, bad))
        return before != self._blind

    def delivery(self) -> Delivery | None:
        """What was found since the last delivery; None when nothing was."""
        if not self._findings:
            return None
        findings, self._findings = tuple(self._findings), []
        first = self._sent + 1
        self._sent += len(findings)
        return Delivery(vantage=self.vantage.name, epoch=self._epoch, first=first, findings=findings)

    def heard(self, receipt: Receipt, now_ms: int) -> None:
        """Apply a receipt from the hub."""
        for name, belief in receipt.beliefs.items():
            self._agenda.settle(name, now_ms / 1000, unsettled=not belief.settled)
            (self.unsettled.discard if belief.settled else self.unsettled.add)(name)
        for name in receipt.soon:
            self._agenda.hasten(name, now_ms / 1000)
            self._soon[name] = now_ms
        if receipt.wants_sight and self.vantage.canaries:
            self._next_round_ms = now_ms
