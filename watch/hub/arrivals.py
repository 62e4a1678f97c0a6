"""What becomes of a delivery: its findings are let in one by one, or refused, and its sender gets a receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.delivery import Delivery, Receipt, Refusal
from watch.core.standing import Sight
from watch.hub.awaited import STALL
from watch.hub.door import admitted, sight_fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watch.core.confirm import Belief
    from watch.core.delivery import Load
    from watch.core.reading import Observation
    from watch.core.settings import Settings
    from watch.hub.awaited import Awaited
    from watch.hub.door import Door
    from watch.hub.intake import Intake
    from watch.hub.reasked import Reasked
    from watch.hub.recorder import Recorder
    from watch.hub.troubles import Troubles
    from watch.ports import Meter


class Arrivals:
    """Judges deliveries."""

    def __init__(
        self,
        door: Door,
        intake: Intake,
        recorder: Recorder,
        troubles: Troubles,
        meter: Meter,
        awaited: Awaited,
        reasked: Reasked,
    ) -> None:
        self._door, self._intake, self._recorder = door, intake, recorder
        self._troubles, self._meter, self._awaited, self._reasked = troubles, meter, awaited, reasked

    def receive(
        self, delivery: Delivery, settings: Settings, asked: Mapping[str, Sequence[str]], now_ms: int
    ) -> Receipt:
        """Judge *delivery*; the receipt may be sent when the batch is on disk.

        Args:
            asked: By check, the vantage points that are to ask it.
        """
        self._meter.lag(delivery.loop_lag)
        if delivery.loop_lag >= STALL:
            self._awaited.away(now_ms)
        if delivery.schedule_lag:
            self._meter.schedule_lag(delivery.schedule_lag)
        vantage, lane = delivery.vantage, delivery.lane
        if vantage not in settings.vantages:
            return Receipt(refused=(Refusal(0, f"there is no vantage point {vantage!r} here"),))
        if delivery.load is not None:
            self._loaded(vantage, delivery.load, now_ms)
        if (refusal := self._door.refusal(delivery, now_ms)) is not None:
            return Receipt(accepted=self._door.known(vantage, lane)[1], refused=(refusal,))
        opens = self._door.known(vantage, lane)[0] != delivery.epoch
        refused = self._let_in_all(delivery, asked, now_ms)
        mark = self._recorder.batch.lanes[vantage, lane] = self._door.note(delivery)
        told = {name: b for (name, v), b in self._intake.heard().items() if v == vantage}
        if opens:
            told = self._unsettled(vantage)
        wants_sight = self._intake.gate.waits(vantage)
        return Receipt(accepted=mark[1], refused=refused, beliefs=told, wants_sight=wants_sight)

    def _loaded(self, vantage: str, load: Load, now_ms: int) -> None:
        self._meter.late(vantage, load.late)
        overloaded = self._intake.overloaded
        (overloaded.add if self._troubles.loaded(vantage, load, now_ms) else overloaded.discard)(vantage)

    def _let_in_all(
        self, delivery: Delivery, asked: Mapping[str, Sequence[str]], now_ms: int
    ) -> tuple[Refusal, ...]:
        """Take the findings that are new; those that are refused, and why."""
        skip, refused = self._door.skipped(delivery), []
        for number, found in enumerate(delivery.findings[skip:], delivery.first + skip):
            if found.vantage != delivery.vantage:
                why: str | None = f"it speaks for {found.vantage!r}, which is not who brings it"
            elif isinstance(found, Sight):
                why = self._see(found, asked, now_ms)
            else:
                why = self._let_in(found, now_ms)
            if why is not None:
                refused.append(Refusal(number, why))
        return tuple(refused)

    def _see(self, sight: Sight, asked: Mapping[str, Sequence[str]], now_ms: int) -> str | None:
        if (fault := sight_fault(sight, now_ms)) is not None:
            return fault
        if self._intake.see(sight, now_ms):
            self._intake.changed_checks |= {name for name, some in asked.items() if sight.vantage in some}
        self._troubles.sighted(sight, now_ms)
        return None

    def _let_in(self, found: Observation, now_ms: int) -> str | None:
        fit = admitted(found, now_ms)
        if isinstance(fit, str):
            return fit
        if not self._intake.accept(fit, now_ms):
            return f"{found.check!r} is not asked from there"
        if fit.check in self._awaited.unasked:
            settled = self._intake.settled(fit.check, fit.vantage)
            self._awaited.read(fit.check, fit.at_ms, settled=settled)
        self._reasked.read(fit)
        self._meter.observed(fit.verdict, fit.reason)
        return None

    def _unsettled(self, vantage: str) -> dict[str, Belief]:
        beliefs = self._intake.beliefs
        return {check: b for (check, v), b in beliefs.items() if v == vantage and not b.settled}
