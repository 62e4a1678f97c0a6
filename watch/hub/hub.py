"""The hub: the one entrance for deliveries and commands, and the turns that process them.

`take` accepts a delivery or a command and answers when it is on disk. A turn updates the board for the checks that
changed, asks the alert desk for notices, and commits everything in one transaction. Receipts, notices and pages follow
the commit. A turn comes at once when a state changed, else every second.

A reload is one set of entries. While it is made, in slices, deliveries wait at the door and no turn begins: every
reading is judged either by the former terms or by the new ones, and the entries are committed together.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from watch.core.delivery import Command, Delivery, Receipt, Refusal
from watch.core.ledger import Kind
from watch.core.standing import Sight
from watch.errors import Trouble
from watch.hub.adoption import Adoption
from watch.hub.arrivals import Arrivals
from watch.hub.awaited import STALL, Awaited
from watch.hub.background import Backgrounds
from watch.hub.checkpoints import record_checkpoint
from watch.hub.chronicle import Chronicle
from watch.hub.door import Door
from watch.hub.intake import Intake
from watch.hub.on_call import OnCall
from watch.hub.pauses import Pauses
from watch.hub.plan import planned
from watch.hub.pulse import EVERY as PULSE
from watch.hub.pulse import Pulse
from watch.hub.quiet import quiet_components
from watch.hub.reasked import Reasked
from watch.hub.recorder import LedgerEnd, Recorder
from watch.hub.returned import miss
from watch.hub.standings import SLICE, Standings
from watch.hub.taken_over import TakenOver
from watch.hub.troubles import Troubles

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from watch.core.book import Book
    from watch.core.clock_epoch import ClockEpoch
    from watch.core.settings import Settings
    from watch.hub.board import Board
    from watch.hub.plan import Plan
    from watch.ports import Clock, Desk, Meter, Store

TURN = 1.0  # seconds
log = logging.getLogger(__name__)


class Hub:
    """Judges, records and alerts.

    Args:
        book: The ledger as it is on disk; *end* is where it goes on, with the clock epoch that begins now, if any.
        moved: Called after a commit that changed how anything stands.
        verbs: What commands may ask for, by verb; filled by whoever can do it.
    """

    def __init__(
        self, settings: Settings, store: Store, book: Book, end: LedgerEnd, desk: Desk, meter: Meter, clock: Clock,
        moved: Callable[[], None], epoch: ClockEpoch | None = None,
    ) -> None:  # fmt: skip
        kept = TakenOver(store.reads, clock.now_ms(), epoch)
        self.book = book
        self.recorder = Recorder(book, end)
        kept.begin(self.recorder)
        self.intake = Intake(self.recorder, kept)
        self.intake.sights.resume(*kept.darks(), self.intake.beliefs)
        self.door = Door(kept.lanes(settings))
        self.troubles = Troubles(clock.now_ms(), self.intake.sights.blind, epoch)
        self.on_call = OnCall(store.reads.overrides(), self.recorder, self.troubles, clock)
        self.verbs: dict[str, Callable[[Command], Awaitable[Mapping[str, object]]]] = {**self.on_call.verbs}
        self._awaited = Awaited(clock.now_ms())
        self.reasked = Reasked(self.intake, book, lambda: self.board, clock)
        self._arrivals = Arrivals(
            self.door, self.intake, self.recorder, self.troubles, meter, self._awaited, self.reasked
        )
        self._store, self._desk, self._clock, self._moved = store, desk, clock, moved
        self._wake = asyncio.Event()
        self._stopping = False
        self._kept: asyncio.Future[None] | None = None
        self._began_ms = clock.now_ms()
        self._pauses = Pauses(clock)
        self.turned, self._swept = clock.monotonic(), 0.0
        self._pulse = Pulse(clock)
        miss(settings, self.intake, self._began_ms)
        self._whole, self._entrance = asyncio.Lock(), asyncio.Lock()
        plan = planned(settings)
        self._standings = Standings(plan, self.intake, book, self.troubles, clock)
        self._adoption = Adoption(
            self.recorder,
            self.intake,
            self._standings,
            self.troubles,
            self._awaited,
            self.reasked,
            self.on_call,
            desk,
            clock,
        )
        for _ in self._adoption.steps(plan):
            pass
        self._standings.tell_unseen()
        self.backgrounds = Backgrounds(
            book, self.intake, lambda: self.board, lambda check: self._standings.plan.asked[check]
        )
        self.chronicle = Chronicle(store.reads, self.recorder, self.board, self.backgrounds.note)
        self.chronicle.hub("started", self._began_ms)

    @property
    def settings(self) -> Settings:
        return self._standings.board.settings

    @property
    def board(self) -> Board:
        """How everything stands."""
        return self._standings.board

    async def plan(self, settings: Settings, others: Iterable[None] = ()) -> Plan:
        """Replace the settings (a reload), in slices; deliveries and turns wait until that is done.

        Args:
            others: The steps of whoever follows the settings in the same instant.
        """
        plan = await asyncio.to_thread(planned, settings, self._standings.plan)
        loop = asyncio.get_running_loop()
        async with self._whole, self._entrance:
            until = loop.time() + SLICE
            for _ in chain(self._adoption.steps(plan), others):
                if loop.time() >= until:
                    await asyncio.sleep(0)
                    until = loop.time() + SLICE
        self._wake.set()
        return plan

    # ---- the front door ----------------------------------------------------------------------------------------

    async def take(self, said: Delivery | Command) -> Receipt:
        """Accept a delivery or a command; return the receipt when it is on disk."""
        if isinstance(said, Delivery):
            async with self._entrance:  # in the order in which they came, whatever they waited for
                receipt = self._received(said)
        else:
            receipt = await self._obeyed(said)
        await self.committed()
        if isinstance(said, Delivery) and (soon := self.reasked.take(said.vantage)):
            receipt = replace(receipt, soon=soon)
        return receipt

    def _received(self, delivery: Delivery) -> Receipt:
        receipt = self._arrivals.receive(delivery, self.settings, self._standings.plan.asked, self._now())
        news = self.intake.changed_checks or self.reasked.answered
        if news or any(isinstance(found, Sight) for found in delivery.findings):
            self._wake.set()
        return receipt

    async def _obeyed(self, command: Command) -> Receipt:
        """Run a command and record its author."""
        verb = self.verbs.get(command.verb)
        if verb is None:
            return Receipt(refused=(Refusal(0, f"this hub knows no verb {command.verb!r}"),))
        try:
            answer = await verb(command)
        except Trouble as trouble:
            return Receipt(refused=(Refusal(0, str(trouble)),))
        about = {"about": answer["about"]} if "about" in answer else {}
        body = {"by": command.by, "account": command.account, "arguments": dict(command.arguments), **about}
        self.recorder.entry(Kind.COMMAND, command.verb, body, now_ms=self._clock.now_ms())
        self._wake.set()
        return Receipt(answer=answer)

    def keep_checkpoint(
        self, month: str, at_ms: int, rows: Sequence[str], through: int, forget_ms: int
    ) -> None:
        """Record the checkpoint of *month*; drop what the book does not need before *forget_ms*."""
        record_checkpoint(self.recorder, month, at_ms, rows, through, self._clock.now_ms())
        self.book.trim(forget_ms)
        self._wake.set()

    async def committed(self) -> None:
        """Return when all that is in the batch now is on disk."""
        if self._kept is None:
            self._kept = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._kept)

    # ---- turns -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Turn until `stop`, and a last time then."""
        beat = asyncio.create_task(self._beat(), name="pulse")
        while not self._stopping:
            try:
                async with asyncio.timeout(TURN):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            if self._clock.monotonic() - self._swept >= TURN:
                self._notice_absence()  # the sweep must not come before the beat
                async with self._whole:
                    await self._sweep()
            await self.turn()
        beat.cancel()
        self.intake.rest()
        self.chronicle.hub("stopped", self._clock.now_ms())
        await self.turn()

    async def _sweep(self) -> None:
        """Let states lapse and find checks that give nothing to believe."""
        now, swept = self._now(), self._clock.monotonic()
        if swept - max(self._swept, self.turned) >= TURN + STALL:
            self._awaited.away(now)
        self._swept = swept
        await self._sweep_at(now)

    async def sweep(self) -> None:
        """The sweep of a second, for a caller whose clock leaps: a leap is no absence."""
        async with self._whole:
            await self._sweep_at(self._clock.now_ms())

    async def _sweep_at(self, now: int) -> None:
        for step in (self.intake.sweep, self._look, self.on_call.look, self._adoption.end):
            while True:
                done = step(now)
                await asyncio.sleep(0)
                if done:
                    break

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(PULSE)
            self._notice_absence()

    def _notice_absence(self) -> None:
        """If this process stood still, its own vantage points were away, as in a restart."""
        if (seconds := self._pulse.missed()) > 0:
            now = self._clock.now_ms()
            self._return(now - round(seconds * 1000), now)
            log.warning("nothing ran for %.1f s: this process was stopped or starved", seconds)

    def _return(self, from_ms: int, now_ms: int) -> None:
        """Nothing was asked from *from_ms* on: note what was missed."""
        self._awaited.away(now_ms)
        miss(self.settings, self.intake, now_ms)
        self.troubles.paused(from_ms, now_ms)

    def _look(self, now_ms: int) -> bool:
        return self.troubles.look(self.intake, self._awaited, now_ms)

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    async def turn(self) -> None:
        """Process what came in, commit it, then publish it. Raises `StoreError` if the store fails."""
        async with self._whole:
            await self._turn()

    async def _turn(self) -> None:
        batch, kept, changed = self.recorder.take(), self._kept, self.intake.changed_checks
        self._kept, self.intake.changed_checks = None, set()
        moved = bool(changed) and await self._standings.update(changed)
        if moved:
            self.reasked.look(self.board.components)
        now = self._clock.now_ms()
        quiet = self.intake.measures.quiet = quiet_components(self.book, self.board.components, now)
        unasked = partial(self._awaited.component, self.board)
        troubles = self.troubles.current()
        self._desk.step(batch, now, self.board.components, troubles, quiet, unasked)
        self.chronicle.step(batch, now, self.board, troubles, self.on_call.recorded)
        if batch:
            await self._store.commit(batch)
            self._desk.committed()
        if kept is not None and not kept.done():
            kept.set_result(None)
        self.turned = self._clock.monotonic()
        if moved:
            self._moved()

    def _now(self) -> int:
        """The time. If the machine was suspended, what was not asked meanwhile is noted first."""
        now, from_ms = self._clock.now_ms(), self._pauses.ended()
        if from_ms is not None:
            self._return(from_ms, now)
        return now

    def judged(self, check: str) -> bool:
        """Whether *check* has had a reading since this hub began."""
        newest = (self.intake.latest.get((check, vantage)) for vantage in self.settings.vantages)
        return any(o is not None and o.at_ms >= self._began_ms for o in newest)
