"""The hub: the one entrance for deliveries and commands, and the turns that process them.

`take` accepts a delivery or a command and answers when it is on disk. A turn updates the board for the checks that
changed, asks the alert desk for notices, and commits everything in one transaction. Receipts, notices and pages follow
the commit. A turn comes at once when a state changed, else every second.

10,000 checks may change at once when a vantage point goes blind. They are processed in slices, so that the event loop
is not blocked for long.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from watch.core.book import began
from watch.core.delivery import Command, Delivery, Receipt, Refusal
from watch.core.ledger import Kind
from watch.core.standing import Sight
from watch.hub.arrivals import Arrivals
from watch.hub.asked import asked_from, doubled_onsite
from watch.hub.board import Board
from watch.hub.check_standing import standing_of
from watch.hub.checkpoints import record_checkpoint
from watch.hub.definitions import entries_for
from watch.hub.door import Door
from watch.hub.intake import Intake
from watch.hub.pauses import Pauses
from watch.hub.pulse import EVERY as PULSE
from watch.hub.pulse import Pulse
from watch.hub.quiet import quiet_components, returning
from watch.hub.recorder import LedgerEnd, Recorder
from watch.hub.returned import miss
from watch.hub.taken_over import TakenOver
from watch.hub.troubles import Troubles
from watch.ports import Trouble

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from watch.core.book import Book
    from watch.core.clock_epoch import ClockEpoch
    from watch.core.settings import Settings
    from watch.core.standing import CheckStanding
    from watch.hub.intake import Key
    from watch.ports import Clock, Desk, Meter, Store

TURN = 1.0  # seconds
_SLICE = 0.005  # seconds of standings before the loop may do something else
_AT_ONCE = 5  # checks
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
        self.settings, self.book = settings, book
        self.recorder = Recorder(book, end)
        kept.begin(self.recorder)
        self.intake = Intake(self.recorder, kept)
        self.intake.sights.resume(*kept.darks(), self.intake.beliefs)
        self.door = Door(kept.lanes(settings))
        self.troubles = Troubles(clock.now_ms(), self.intake.sights.blind, epoch)
        self.verbs: dict[str, Callable[[Command], Awaitable[Mapping[str, object]]]] = {}
        self._arrivals = Arrivals(self.door, self.intake, self.recorder, self.troubles, meter)
        self._store, self._desk, self._clock, self._moved = store, desk, clock, moved
        self._wake = asyncio.Event()
        self._stopping = False
        self._kept: asyncio.Future[None] | None = None
        self._began_ms = self._back_ms = clock.now_ms()
        self._pauses = Pauses(clock)
        self.turned, self._swept = clock.monotonic(), 0.0
        self._pulse = Pulse(clock)
        miss(settings, self.intake, self._began_ms)
        self.board = self._planned(settings)
        self._tell_unseen()

    def _planned(self, settings: Settings) -> Board:
        """Apply *settings* to ledger, intake and alert desk; return the board."""
        now = self._clock.now_ms()
        before = set(self.book.checks)
        changed = set()
        for kind, subject, body in entries_for(settings, self.book):
            self.recorder.entry(kind, subject, body, now_ms=now)
            if kind is Kind.RENAME:
                self.intake.rename(subject, str(body["was"]))
            elif kind is Kind.CHECK and subject in before:
                changed.add(subject)
        self.intake.plan(settings, changed, now)
        self.settings = settings
        self._asked = asked_from(settings)
        self._desk.plan(settings)
        self.intake.changed_checks.clear()
        standings = {name: self._standing(name, now) for name in settings.checks}
        self.intake.doubled = self._doubled(standings)
        return Board(settings, standings, partial(began, self.book), now)

    def plan(self, settings: Settings) -> None:
        """Replace the settings (a reload)."""
        self.board = self._planned(settings)
        self._wake.set()

    # ---- the front door ----------------------------------------------------------------------------------------

    async def take(self, said: Delivery | Command) -> Receipt:
        """Accept a delivery or a command; return the receipt when it is on disk."""
        receipt = self._received(said) if isinstance(said, Delivery) else await self._obeyed(said)
        await self.committed()
        return receipt

    def _received(self, delivery: Delivery) -> Receipt:
        receipt = self._arrivals.receive(delivery, self.settings, self._asked, self._now())
        if self.intake.changed_checks or any(isinstance(found, Sight) for found in delivery.findings):
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
        body = {"by": command.by, "account": command.account, "arguments": dict(command.arguments)}
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
                await self._sweep()
            await self.turn()
        beat.cancel()
        self.intake.rest()
        await self.turn()

    async def _sweep(self) -> None:
        """Let states lapse and find checks that give nothing to believe."""
        now, self._swept = self._now(), self._clock.monotonic()
        for step in (self.intake.sweep, self._look):
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
        self._back_ms = now_ms
        miss(self.settings, self.intake, now_ms)
        self.troubles.paused(from_ms, now_ms)

    def _look(self, now_ms: int) -> bool:
        return self.troubles.look(self.intake, self.settings, now_ms)

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    async def turn(self) -> None:
        """Process what came in, commit it, then publish it. Raises `StoreError` if the store fails."""
        batch, kept, changed = self.recorder.take(), self._kept, self.intake.changed_checks
        self._kept, self.intake.changed_checks = None, set()
        moved = bool(changed) and await self._stand(changed)
        now = self._clock.now_ms()
        quiet = quiet_components(self.book, self.board.components, now)
        quiet |= returning(self.settings, self.board.components, self._back_ms, now)
        self._desk.step(batch, now, self.board.components, self.troubles.current(), quiet)
        if batch:
            await self._store.commit(batch)
            self._desk.committed()
        if kept is not None and not kept.done():
            kept.set_result(None)
        self.turned = self._clock.monotonic()
        if moved:
            self._moved()

    async def _stand(self, changed: set[str]) -> bool:
        """Update the board for *changed* checks in slices; return whether anything changed."""
        loop = asyncio.get_running_loop()
        board, names, moved = self.board, sorted(changed & self.settings.checks.keys()), False
        until = loop.time() + _SLICE
        for n in range(0, len(names), _AT_ONCE):
            if board is not self.board:
                break  # a reload stands for all of them by itself
            now = self._clock.now_ms()
            fresh = {name: self._standing(name, now) for name in names[n : n + _AT_ONCE]}
            board.update(fresh, now)
            self.intake.doubled = self._doubled(fresh)
            moved = True
            if loop.time() >= until:
                await asyncio.sleep(0)
                until = loop.time() + _SLICE
        self._tell_unseen()
        return moved

    def _tell_unseen(self) -> None:
        several = [s for s in self.board.checks.values() if s.about_us and len(self._asked[s.name]) > 1]
        self.troubles.unseen(several, self._clock.now_ms())

    def _doubled(self, fresh: Mapping[str, CheckStanding]) -> frozenset[Key]:
        return doubled_onsite(self.intake.doubled, fresh, self.settings, self.book, self._asked)

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

    def _standing(self, name: str, now_ms: int) -> CheckStanding:
        return standing_of(self.settings.checks[name], self.intake, self._asked[name], self.book, now_ms)
