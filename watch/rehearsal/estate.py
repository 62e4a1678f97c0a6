"""One configuration at work on a virtual clock: the hub, the alert desk and what people tell them.

They are the product's own. Only what is around them is missing: a store, a page, and a process that sends.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from watch.alerts.interventions import Interventions
from watch.alerts.message import SendOutcome, Sent
from watch.alerts.reconciler import Reconciler
from watch.alerts.row_changes import LEASE_MS
from watch.core.book import Book
from watch.hub.hub import Hub
from watch.hub.recorder import LedgerEnd
from watch.ports import Batch
from watch.rehearsal.blank_store import BlankStore, NoMeter
from watch.rehearsal.script import Fails

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from watch.alerts.message import Letter
    from watch.core.alert import Notice
    from watch.core.delivery import Command, Delivery, Receipt
    from watch.core.ledger import Entry
    from watch.core.settings import Settings
    from watch.core.standing import OwnTrouble, Standing
    from watch.ports import Store
    from watch.rehearsal.virtual_clock import VirtualClock

_PATIENCE_MS = 15_000  # after it the sender ends a send that hangs
_ROUNDS = 9  # what follows from a result may be due at once
_RESULTS = {
    Fails.FOR_NOW: Sent.TEMPORARY,
    Fails.FOR_GOOD: Sent.PERMANENT,
    Fails.UNUSABLE: Sent.PERMANENT,
    Fails.HANGS: Sent.UNKNOWN,
    None: Sent.DELIVERED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a turn of the hub came to.

    Args:
        batch: The rows that the alert desk has added.
        quiet: The components that a maintenance window silences, and until when (Unix time in ms).
        unasked: Whether a component is unknown only because it was not asked yet.
    """

    now_ms: int
    batch: Batch
    standings: Mapping[str, Standing]
    troubles: Sequence[OwnTrouble]
    quiet: Mapping[str, int]
    unasked: Callable[[str], bool]


class Witness(Protocol):
    """Whoever writes down what happens."""

    def turned(self, turn: Turn) -> None: ...
    def sent(self, rows: Sequence[Notice], letter: Letter, how: Fails | None, now_ms: int) -> None: ...


class _Desk:
    """The alert desk as the hub sees it, with a witness."""

    def __init__(self, desk: Reconciler, witness: Witness, unasked: Callable[[str], bool] | None) -> None:
        self._desk, self._witness, self._unasked = desk, witness, unasked
        self.plan, self.rename, self.committed = desk.plan, desk.rename, desk.committed

    def step(
        self, batch: Batch, now_ms: int, standings: Mapping[str, Standing], troubles: Sequence[OwnTrouble],
        quiet: Mapping[str, int], unasked: Callable[[str], bool] = lambda _: False,
    ) -> None:  # fmt: skip
        asked = self._unasked or unasked
        self._desk.step(batch, now_ms, standings, troubles, quiet, asked)
        self._witness.turned(
            Turn(
                now_ms=now_ms, batch=batch, standings=standings, troubles=troubles, quiet=quiet, unasked=asked
            )
        )


class Estate:
    """The hub and the desk.

    Attributes:
        entries: How many entries the hub has made. turns: how often it has turned.

    Args:
        store: Where everything is kept; nowhere without it.
        failure: How a channel fails at an instant: (person, channel, Unix time in ms); None when it works.
        unasked: Replaces the hub's own answer whether a component was not asked yet.
    """

    def __init__(
        self, settings: Settings, clock: VirtualClock, witness: Witness,
        failure: Callable[[str, int, int], Fails | None], *,
        store: Store | None = None, unasked: Callable[[str], bool] | None = None,
    ) -> None:  # fmt: skip
        self.clock, self._witness, self._failure = clock, witness, failure
        self.entries = self.turns = 0
        self.desk = Reconciler(settings, chance=lambda: 0.5)
        desk = _Desk(self.desk, witness, unasked)
        self._store = store or BlankStore()
        self.hub = Hub(settings, self._store, Book(), LedgerEnd(), desk, NoMeter(), clock, lambda: None)
        self.desk.escalator.rotations = lambda: self.hub.on_call.rotations
        self.desk.insight = self.hub.backgrounds
        self.desk.conditions.measures = self.hub.intake.measures
        self.hub.verbs |= Interventions(self.desk, lambda: settings, clock).verbs
        self.hub.recorder.heard = self._entered
        self._hanging: list[tuple[Notice, Letter]] = []

    def _entered(self, _: Entry) -> None:
        self.entries += 1

    async def turn(
        self, deliveries: Iterable[Delivery] = (), commands: Iterable[Command] = (), *, sweep: bool = True
    ) -> list[Receipt]:
        """Give the hub what came in, let it turn, and send what is due; the receipts."""
        said: list[Delivery | Command] = [*deliveries, *commands]
        tasks = [asyncio.ensure_future(self.hub.take(it)) for it in said]
        await asyncio.sleep(0)
        if sweep:
            await self.hub.sweep()
        await self.hub.turn()
        self.turns += 1
        if tasks and not all(task.done() for task in tasks):
            await asyncio.sleep(0)
        receipts = [await task for task in tasks]
        await self._send()
        return receipts

    # ---- sending ----

    async def _commit(self, batch: Batch) -> None:
        await self._store.commit(batch)
        self.desk.confirm(batch)

    def next_send_ms(self) -> int | None:
        """When something is to be sent, or a send ends (Unix time in ms)."""
        ends = [_killed_ms(n) for n, _ in self._hanging]
        due = self.desk.next_due_ms(self.clock.ms)
        return min([*ends, *([] if due is None else [due])], default=None)

    async def _send(self) -> None:
        """Send all rows that are due, as the dispatcher does."""
        now = self.clock.ms
        over = [sent for sent in self._hanging if _killed_ms(sent[0]) <= now]
        for sent in over:
            self._hanging.remove(sent)
            await self._ends(*sent, Fails.HANGS)
        for _ in range(_ROUNDS):
            batch = Batch()
            notices = self.desk.lease(batch, now, 64)
            if not batch:
                return
            await self._commit(batch)
            for notice in notices:
                how, letter = self._failure(*notice.lane, now), self.desk.message(notice).letters[0]
                if how is Fails.HANGS:
                    self._hanging.append((notice, letter))
                else:
                    await self._ends(notice, letter, how)

    async def _ends(self, notice: Notice, letter: Letter, how: Fails | None) -> None:
        batch, rows = Batch(), self.desk.letter(notice)
        self.desk.sent(batch, notice.id, SendOutcome(_RESULTS[how]), self.clock.ms)
        await self._commit(batch)
        self._witness.sent(rows, letter, how, self.clock.ms)


def _killed_ms(notice: Notice) -> int:
    """When the sender ends *notice*, which hangs."""
    return (notice.lease_until_ms or 0) - LEASE_MS + _PATIENCE_MS
