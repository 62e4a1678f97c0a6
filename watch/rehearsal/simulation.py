"""A scripted world on the virtual clock.

Time goes from beat to beat (`watch.rehearsal.pace`). A reading that differs from the one before it ends a beat, as does
an edge of the script. So a week takes seconds, and nothing is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.rehearsal.asker import Asker
from watch.rehearsal.diary import Diary
from watch.rehearsal.estate import Estate
from watch.rehearsal.pace import CALM_MS, LIVELY_MS, TOGETHER_MS, Pace
from watch.rehearsal.virtual_clock import VirtualClock
from watch.rehearsal.world import USUAL_S, World

if TYPE_CHECKING:
    from collections.abc import Collection

    from watch.core.settings import Settings
    from watch.ports import Store
    from watch.rehearsal.script import Script

_BEFORE_MS = 60_000  # in which everything is read for the first time
_COMPARED_MS = 60_000  # how often it is looked whether a check is slow
_NEW_A_SECOND = 150  # checks; a vantage point spreads their first runs


class Simulation:
    """Runs a script with a configuration; `diary` is what comes of it.

    Args:
        calm_ms: The longest beat (`Pace`).
        store: An empty one to keep everything in; nothing is kept without it.
        unusable: The channels that nothing can be sent to: (person, number from 1).
    """

    def __init__(
        self, settings: Settings, script: Script, *, calm_ms: int = CALM_MS, store: Store | None = None,
        unusable: Collection[tuple[str, int]] = (),
    ) -> None:  # fmt: skip
        self._script = script
        began_ms = script.start_ms - _BEFORE_MS - len(settings.checks) * 1000 // _NEW_A_SECOND
        self._clock = VirtualClock(began_ms)
        world = World(script, unusable)
        self.diary = Diary(settings, script.start_ms)
        self._estate = Estate(settings, self._clock, self.diary, world.failure, store=store)
        self._estate.desk.dependencies.readings = self._estate.hub.reasked
        self.diary.follow(self._estate)
        measures = self._estate.hub.intake.measures
        measures.usual |= {
            (name, vantage.name): USUAL_S for vantage in settings.vantages.values() for name in measures.timed
        }
        calm_ms = min(calm_ms, _COMPARED_MS) if measures.timed else calm_ms
        self._askers = [Asker(v, settings, world, began_ms) for v in settings.vantages.values()]
        self._acts, self._entries = list(script.acts), 0
        windows = settings.windows.values()
        self._pace = Pace(settings, self._estate, self.diary, windows, began_ms, script.end_ms, calm_ms)
        self._pace.lively_until_ms = script.start_ms

    async def run(self) -> None:
        """Let the script pass."""
        await self._estate.turn()
        while self._clock.ms < self._script.end_ms:
            now = self._clock.ms
            lapses = (asker.lapses_ms(now) for asker in self._askers)
            self._clock.ms = self._ask(self._pace.beat_ms(now, self._script.edge_after(now), *lapses))
            await self._turn()

    async def _turn(self) -> None:
        now, estate = self._clock.ms, self._estate
        spoke = [(asker, d) for asker in self._askers if (d := asker.delivery()) is not None]
        acts = [act for act in self._acts if act.at_ms <= now]
        del self._acts[: len(acts)]
        before = len(self.diary.lines)
        receipts = await estate.turn([d for _, d in spoke], [act.command for act in acts])
        for (asker, _), receipt in zip(spoke, receipts, strict=False):  # those of the acts follow
            asker.heard(receipt, now)
        for act, receipt in zip(acts, receipts[len(spoke) :], strict=True):
            self.diary.acted(act, receipt.refused[0].why if receipt.refused else "", now, before)
        if estate.entries != self._entries or any(asker.unsettled for asker in self._askers):
            self._entries = estate.entries
            self._pace.lively_until_ms = now + LIVELY_MS

    def _ask(self, until_ms: int) -> int:
        """Ask what is due until *until_ms*; return when the hub must hear of it, at the latest *until_ms*.

        What is news within a quarter of a second is delivered together, as a mass outage is in a running hub.
        """
        at_ms = self._clock.ms
        while True:
            at, n = min((asker.next_ms, n) for n, asker in enumerate(self._askers))
            if at > until_ms:
                return until_ms
            at_ms = max(int(at), at_ms)
            if self._askers[n].step(at_ms):
                until_ms = min(until_ms, at_ms + -at_ms % TOGETHER_MS)
