"""The hub: the one entrance for deliveries and commands, and the turns that process them.

`take` accepts a delivery or a command and answers when it is on disk. A turn updates the board for the checks that
changed, asks the alert desk for notices, and commits everything in one transaction. Receipts, notices and pages follow
the commit. A turn comes at once when a state changed, else every second.

10,000 checks may change at once when a vantage point goes blind. They are processed in slices, so that the event loop
is not blocked for long.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from watch.core.book import began
from watch.core.delivery import Command, Delivery, Receipt, Refusal
from watch.core.ledger import Kind
from watch.core.standing import Sight
from watch.hub.asked import asked_from, doubled_onsite
from watch.hub.board import Board
from watch.hub.check_standing import standing_of
from watch.hub.checkpoints import record_checkpoint
from watch.hub.definitions import entries_for
from watch.hub.door import Door, admitted, sight_fault
from watch.hub.intake import Intake
from watch.hub.pauses import Pauses
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
    from watch.core.confirm import Belief
    from watch.core.reading import Observation
    from watch.core.settings import Settings
    from watch.core.standing import CheckStanding
    from watch.core.timeline import State
    from watch.hub.intake import Key
    from watch.ports import Clock, Desk, Meter, Store

TURN = 1.0  # seconds
_SLICE = 0.005  # seconds of standings before the loop may do something else
_AT_ONCE = 5  # checks


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
        self._store, self._desk, self._meter, self._clock, self._moved = store, desk, meter, clock, moved
        self._wake = asyncio.Event()
        self._stopping = False
        self._kept: asyncio.Future[None] | None = None
        self._began_ms = self._back_ms = clock.now_ms()
        self._pauses = Pauses(clock)
        self.turned, self._swept = clock.monotonic(), 0.0
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
        return Board(settings, standings, self._began, now)

    def plan(self, settings: Settings) -> None:
        """Replace the settings (a reload)."""
        self.board = self._planned(settings)
        self._wake.set()

    # ---- the front door ----------------------------------------------------------------------------------------

    async def take(self, said: Delivery | Command) -> Receipt:
        """Accept a delivery or a command; return the receipt when it is on disk."""
        receipt = self._judged(said) if isinstance(said, Delivery) else await self._obeyed(said)
        await self.committed()
        return receipt

    def _judged(self, delivery: Delivery) -> Receipt:
        now = self._now()
        self._meter.lag(delivery.loop_lag)
        if delivery.schedule_lag:
            self._meter.schedule_lag(delivery.schedule_lag)
        if delivery.vantage not in self.settings.vantages:
            return Receipt(refused=(Refusal(0, f"there is no vantage point {delivery.vantage!r} here"),))
        if (refusal := self.door.refusal(delivery, now)) is not None:
            return Receipt(accepted=self.door.known(delivery.vantage, delivery.lane)[1], refused=(refusal,))
        opens = self.door.known(delivery.vantage, delivery.lane)[0] != delivery.epoch
        refused = self._let_in_all(delivery, now)
        mark = self.recorder.batch.lanes[delivery.vantage, delivery.lane] = self.door.note(delivery)
        if self.intake.changed_checks:
            self._wake.set()
        told = {name: b for (name, v), b in self.intake.heard().items() if v == delivery.vantage}
        if opens:
            told = self._unsettled(delivery.vantage)
        wants_sight = self.intake.gate.waits(delivery.vantage)
        return Receipt(accepted=mark[1], refused=refused, beliefs=told, wants_sight=wants_sight)

    def _let_in_all(self, delivery: Delivery, now_ms: int) -> tuple[Refusal, ...]:
        """Take the findings that are new; those that are refused, and why."""
        skip, refused = self.door.skipped(delivery), []
        for number, found in enumerate(delivery.findings[skip:], delivery.first + skip):
            why = self._let_in(delivery.vantage, found, now_ms)
            if why is not None:
                refused.append(Refusal(number, why))
        return tuple(refused)

    def _let_in(self, vantage: str, found: Observation | Sight, now_ms: int) -> str | None:
        """Take one finding; why not, if it is refused."""
        if found.vantage != vantage:
            return f"it speaks for {found.vantage!r}, which is not who brings it"
        if isinstance(found, Sight):
            if (fault := sight_fault(found, now_ms)) is not None:
                return fault
            if self.intake.see(found, now_ms):
                self.intake.changed_checks |= set(self._checks_of(vantage))
            self.troubles.sighted(found, now_ms)
            self._wake.set()
            return None
        fit = admitted(found, now_ms)
        if isinstance(fit, str):
            return fit
        if not self.intake.accept(fit, now_ms):
            return f"{found.check!r} is not asked from there"
        self._meter.observed(fit.verdict, fit.reason)
        return None

    def _unsettled(self, vantage: str) -> dict[str, Belief]:
        beliefs = self.intake.beliefs
        return {check: b for (check, v), b in beliefs.items() if v == vantage and not b.settled}

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
        while not self._stopping:
            try:
                async with asyncio.timeout(TURN):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            if self._clock.monotonic() - self._swept >= TURN:
                await self._sweep()
            await self.turn()
        self.intake.rest()
        await self.turn()

    async def _sweep(self) -> None:
        """Let states lapse and find checks that stopped running."""
        now = self._now()
        self._swept = self._clock.monotonic()
        for step in (self.intake.sweep, self._look):
            while True:
                done = step(now)
                await asyncio.sleep(0)
                if done:
                    break

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
            self._back_ms = now
            miss(self.settings, self.intake, now)
            self.troubles.paused(from_ms, now)
        return now

    def judged(self, check: str) -> bool:
        """Whether *check* has had a reading since this hub began."""
        newest = (self.intake.latest.get((check, vantage)) for vantage in self.settings.vantages)
        return any(o is not None and o.at_ms >= self._began_ms for o in newest)

    def _checks_of(self, vantage: str) -> list[str]:
        return [name for name, vantages in self._asked.items() if vantage in vantages]

    def _standing(self, name: str, now_ms: int) -> CheckStanding:
        return standing_of(self.settings.checks[name], self.intake, self._asked[name], self.book, now_ms)

    def _began(self, key: str, state: State, now_ms: int) -> int:
        return began(self.book, key, state, now_ms)
