"""The hub: takes observations in, and sees to it that what they mean is on disk before anyone is told.

One turn of it: take what the intake holds → fold it into the book → let the board stand anew → ask the alert desk what
people must now know → commit all of that in one transaction. Only then is a notice sent or a page shown. A turn comes
at once when a state changed, else every second.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from watch.core.book import Book, began
from watch.core.figures import maintenance
from watch.core.ledger import Kind, LedgerChain
from watch.core.timeline import State
from watch.hub.board import Board
from watch.hub.check_standing import standing_of
from watch.hub.definitions import entries_for
from watch.hub.intake import Intake
from watch.hub.troubles import Troubles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from watch.core.reading import Observation
    from watch.core.settings import Check, Settings
    from watch.core.standing import CheckStanding, OwnTrouble, Sight, Standing
    from watch.ports import Batch, Clock, Store

TURN = 1.0  # seconds


class Desk(Protocol):
    """The alert desk, as the hub needs it."""

    def plan(self, settings: Settings) -> None:
        """Go by *settings* from now on."""

    def step(
        self,
        batch: Batch,
        now_ms: int,
        standings: Mapping[str, Standing],
        troubles: Sequence[OwnTrouble],
        quiet: frozenset[str],
    ) -> None:
        """Put into *batch* what people must be told now."""

    def committed(self) -> None:
        """All that `step` has put into batches so far is on disk: it may be sent."""


class Meter(Protocol):
    """Where the hub's own figures go."""

    def observed(self, verdict: str, reason: str) -> None: ...
    def lag(self, seconds: float) -> None: ...
    def schedule_lag(self, seconds: float) -> None: ...


class Hub:
    """Judges, records and alerts; an `Uplink` for the vantage point beside it.

    Args:
        book: The ledger as it is on disk, folded; *chain* is its end.
        moved: Called after a commit that changed how anything stands.
    """

    def __init__(
        self, settings: Settings, store: Store, book: Book, chain: LedgerChain, desk: Desk, meter: Meter, clock: Clock,
        moved: Callable[[], None],
    ) -> None:  # fmt: skip
        self.settings, self.book = settings, book
        self.intake = Intake(chain, store.beliefs(), store.latest())
        self.troubles = Troubles(clock.now_ms())
        self._store, self._desk, self._meter, self._clock, self._moved = store, desk, meter, clock, moved
        self._wake = asyncio.Event()
        self._stopping = False
        self._began_ms = clock.now_ms()
        self.turned, self._swept = clock.monotonic(), 0.0
        self.board = self._planned(settings)

    def _planned(self, settings: Settings) -> Board:
        """Take *settings* into ledger and intake, and stand for them."""
        now = self._clock.now_ms()
        before = set(self.book.checks)
        changed = set()
        for kind, subject, body in entries_for(settings, self.book):
            self.book.add(self.intake.record(kind, subject, body, now))
            if kind is Kind.RENAME:
                self.intake.rename(subject, str(body["was"]))
            elif kind is Kind.CHECK and subject in before:
                changed.add(subject)
        self.intake.plan(settings.checks, changed, now)
        self.settings = settings
        self._desk.plan(settings)
        for entry in self.intake.unread():
            self.book.add(entry)
        standings = {name: self._standing(check, now) for name, check in settings.checks.items()}
        return Board(settings, standings, self._began, now)

    def plan(self, settings: Settings) -> None:
        """Go by *settings* from now on (a reload)."""
        self.board = self._planned(settings)
        self._wake.set()

    # ---- the uplink --------------------------------------------------------------------------------------------

    def deliver(self, observation: Observation) -> None:
        if self.intake.accept(observation, self._clock.now_ms()):
            self._meter.observed(observation.verdict, observation.reason)
            if self.intake.changed_checks:
                self._wake.set()

    def sight(self, sight: Sight) -> None:
        now = self._clock.now_ms()
        if self.intake.see(sight.vantage, blind=sight.blind, good_ms=sight.good_ms, now_ms=now):
            self.intake.changed_checks |= set(self.settings.checks)
        self.intake.prove(sight, now)
        self.troubles.sighted(sight, now)
        self._wake.set()

    def lagged(self, loop: float, schedule: float) -> None:
        self._meter.lag(loop)
        if schedule:
            self._meter.schedule_lag(schedule)

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
                self._sweep()
            await self.turn()
        self.intake.rest()
        await self.turn()

    def _sweep(self) -> None:
        """What no observation brings about: states that lapse, checks that no longer run."""
        now = self._clock.now_ms()
        self._swept = self._clock.monotonic()
        self.intake.sweep(now)
        self.troubles.look(self.intake, self.settings, now)

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    async def turn(self) -> None:
        """Judge what has come in, commit it, and then let it be known. Raises `StoreError` when it cannot."""
        now = self._clock.now_ms()
        batch, entries, changed_checks = self.intake.take()
        for entry in entries:
            self.book.add(entry)
        moved = bool(changed_checks) and self._stand(changed_checks, now)
        self._desk.step(batch, now, self.board.components, self.troubles.current(), self.quiet(now))
        if batch:
            await self._store.commit(batch)
            self._desk.committed()
        self.turned = self._clock.monotonic()
        if moved:
            self._moved()

    def _stand(self, changed_checks: Iterable[str], now_ms: int) -> bool:
        checks = self.settings.checks
        changed = {name: self._standing(checks[name], now_ms) for name in changed_checks if name in checks}
        return bool(self.board.update(changed, now_ms)) or bool(changed)

    def judged(self, check: str) -> bool:
        """Whether *check* has had a reading since this hub began."""
        newest = (self.intake.latest.get((check, vantage)) for vantage in self.settings.vantages)
        return any(o is not None and o.at_ms >= self._began_ms for o in newest)

    def _standing(self, check: Check, now_ms: int) -> CheckStanding:
        intake = self.intake
        return standing_of(
            check, intake.beliefs, intake.latest, self.settings.vantages, self.book, now_ms, intake.blind
        )

    def _began(self, key: str, state: State, now_ms: int) -> int:
        return began(self.book, key, state, now_ms)

    def quiet(self, now_ms: int) -> frozenset[str]:
        """The components whose pages a window silences now; not one whose outage outlasts what the window allows."""
        keys: set[str] = set()
        for window, occurrence in maintenance(self.book, now_ms, now_ms + 1):
            if window.suppress_alerts:
                allowed = (
                    None if window.max_outage is None else round(window.max_outage.total_seconds() * 1000)
                )
                keys |= {
                    k for k in window.components if not self._overruns(k, allowed, occurrence.from_ms, now_ms)
                }
        return frozenset(keys)

    def _overruns(self, key: str, allowed_ms: int | None, from_ms: int, now_ms: int) -> bool:
        standing = self.board.components.get(key)
        if allowed_ms is None or standing is None or standing.state is not State.DOWN:
            return False
        return now_ms - max(standing.since_ms, from_ms) > allowed_ms
