"""One running vantage point: a ticker, the runs that it starts, and their observations.

An agent and the local vantage point of a hub are the same code with another uplink.

It keeps no states itself. It delivers the findings of a tick together; the receipt says which checks have a streak
under way, so that they are asked again soon, and whether one needs the canaries to be confirmed down.

Each tick starts all checks that are due (a timer or a sleeping task per check would cost more than the checks),
measures how late it was, and abandons runs that ignored their cancellation: such a run loses its slot, but its check
keeps its schedule.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from typing import TYPE_CHECKING

from watch.core.reading import NOTHING, Observation, Reading, Reason, Verdict
from watch.core.standing import Sight
from watch.vantage.agenda import GRACE, Agenda, Slot
from watch.vantage.ask import asked
from watch.vantage.canaries import ROUND_EVERY, Canaries, Round
from watch.vantage.deliveries import Deliveries
from watch.vantage.lag import Lag, Waiting
from watch.vantage.load_meter import LoadMeter
from watch.vantage.memory import Memory, needed
from watch.vantage.pace import TICK, Pace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from watch.core.delivery import Receipt
    from watch.core.settings import Check, Vantage
    from watch.core.trend import QuarterHours
    from watch.ports import Clock, Uplink

log = logging.getLogger(__name__)
TAINTING = 0.1  # seconds of waiting for the loop from which on a latency is tainted


class _Run:
    """One run under way. `over` once its slot is released, at its end or when it is abandoned."""

    __slots__ = ("over", "slot", "task")

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.over = False
        self.task: asyncio.Task[None] | None = None


class VantagePoint:
    """A vantage point that runs its checks until `stop`.

    Args:
        proven: The canaries that were ever good.
        kept: The stored trends of facts that fill up or empty: check → fact → its quarter hours.
    """

    def __init__(
        self,
        vantage: Vantage,
        uplink: Uplink,
        clock: Clock,
        proven: Iterable[str] = (),
        kept: Mapping[str, Mapping[str, QuarterHours]] | None = None,
        *,
        most: int = 16_384,
    ) -> None:
        self.name = vantage.name
        self.agenda = Agenda(most=most)
        self.lag = Lag()
        self.canaries = Canaries(vantage.canaries, clock, self.lag, proven)
        self.abandoned = 0
        self.ticked = clock.monotonic()
        self._clock = clock
        self._meter, self._pace = LoadMeter(), Pace()
        self._out = Deliveries(vantage.name, uplink, clock, self.heard)
        # By deadline, net of the loop's delays like the time limit; the number sets the order of equals.
        self._runs: list[tuple[float, int, _Run]] = []
        self._started = 0
        self._memories: dict[str, Memory] = {}
        self._kept = dict(kept or {})
        self._stopping = asyncio.Event()
        self._next_round = 0.0
        self._round: asyncio.Task[None] | None = None
        self._again = False

    def replan(self, vantage: Vantage, checks: Iterable[Check]) -> None:
        """Replace the checks and the canaries at once; see `replanning`."""
        for _ in self.replanning(vantage, checks):
            pass

    def replanning(self, vantage: Vantage, checks: Iterable[Check]) -> Iterator[None]:
        """Replace the checks and the canaries, in small steps; nothing is started between them."""
        if vantage.canaries != self.canaries.asked:
            self.canaries = Canaries(vantage.canaries, self._clock, self.lag, self.canaries.proven)
        checks, memories = tuple(checks), {}
        yield from self.agenda.replanning(checks, self._clock.monotonic())
        for check in checks:
            if needed(check):
                memories[check.name] = self._memory(check)
            yield
        self._memories = memories

    def _memory(self, check: Check) -> Memory:
        """The memory of *check*; a new one when its question has changed."""
        known = self._memories.get(check.name)
        if known is not None and known.check == check:
            return known
        memory = Memory(check, self._kept.pop(check.name, {}), self._clock, self._delays)
        if known is not None:
            memory.inherit(known)
        return memory

    def _delays(self) -> float:
        return self.lag.upto(self._clock.monotonic())

    async def run(self) -> None:
        """Tick until `stop`; then cancel the runs under way and deliver what was found."""
        expected = self._clock.monotonic()
        self._out.send(
            self._meter, self.agenda
        )  # this opens the epoch: its receipt has the streaks under way
        while not self._stopping.is_set():
            expected = self.tick(expected)
            await self._clock.sleep(max(0.0, expected - self._clock.monotonic()))
        tasks = [run.task for *_, run in self._runs if run.task is not None and not run.over]
        tasks += [self._round] if self._round is not None else []
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=1) if tasks else None
        self._out.send(self._meter, self.agenda)

    def stop(self) -> None:
        self._stopping.set()

    def tick(self, expected: float) -> float:
        """Start due checks and abandon overdue runs; due at *expected*, returns when the next tick is due."""
        now = self.ticked = self._clock.monotonic()
        following = max(expected, now) + TICK
        lag = self.lag.ticked(now, expected, following)
        late, net, loop = 0.0, now - self.lag.total, asyncio.get_running_loop()
        for slot in self.agenda.take(now, self._pace.quota(left_out=self.agenda.left_out)):
            late = max(late, now - slot.due)
            self._start(slot, net, loop)
        while self._runs and (self._runs[0][2].over or self._runs[0][0] <= net):
            run = heapq.heappop(self._runs)[2]
            if not run.over:
                self._abandon(run)
        if self.canaries and now >= self._next_round and (self._round is None or self._round.done()):
            self._look_soon()
        self._meter.ticked(now, lag, late)
        if self._out.due(now):
            self._out.send(self._meter, self.agenda)
        return following

    def heard(self, receipt: Receipt) -> None:
        """Apply a receipt from the hub."""
        now = self._clock.monotonic()
        for name, belief in receipt.beliefs.items():
            self.agenda.settle(name, now, unsettled=not belief.settled)
        for name in receipt.soon:
            self.agenda.hasten(name, now)
        if receipt.refused:
            number, why = len(receipt.refused), receipt.refused[0].why
            log.warning("%s: the hub refused %d findings; the first: %s", self.name, number, why)
        if receipt.wants_sight and self.canaries:
            self._look_soon()

    def _look_soon(self) -> None:
        """Start a canary round now, or after the one under way."""
        if self._round is None or self._round.done():
            self._next_round = self._clock.monotonic() + ROUND_EVERY
            self._round = asyncio.create_task(self._look(), name="canary round")
        elif not self._again:
            self._again = True  # the round under way began before the reading that waits
            self._round.add_done_callback(lambda _: self._look_again())

    def _look_again(self) -> None:
        self._again = False
        if not self._stopping.is_set():
            self._look_soon()

    def _start(self, slot: Slot, net: float, loop: asyncio.AbstractEventLoop) -> None:
        run = _Run(slot)
        self._started += 1
        heapq.heappush(self._runs, (net + slot.timeout + GRACE, self._started, run))
        run.task = loop.create_task(self._ask(run))

    async def _ask(self, run: _Run) -> None:
        check = run.slot.check
        memory = self._memories.get(check.name)
        began_ms, began = self._clock.now_ms(), self._clock.monotonic()
        waited = Waiting(self.lag, self._clock)
        reading = await asked(
            check.probe,
            memory or check.judge,
            clock=self._clock,
            timeout=check.timeout,
            way=check.way,
            waited=waited,
        )
        ended, tainted = self._clock.monotonic(), waited.seconds() >= TAINTING
        self._meter.read(ended, reading)
        if self.canaries:
            reading = await self._trusted(memory, reading, began_ms)
        if memory is not None:
            reading = memory.concluded(reading)
        if not run.over:
            self._finish(run, reading, began_ms, round((ended - began) * 1000), tainted)

    async def _trusted(self, memory: Memory | None, reading: Reading, at_ms: int) -> Reading:
        """*reading*, or unknown while the vantage point is blind.

        Where gaps are measured, a down reading waits for a canary round: an outage of our own must not count as a gap
        of the target.
        """
        if (
            memory is not None
            and memory.watches_gaps
            and reading.verdict is Verdict.DOWN
            and not self.canaries.blind
        ):
            self._seen(await self.canaries.since(at_ms))
        if not self.canaries.blind:
            return reading
        return Reading(
            Verdict.UNKNOWN,
            Reason.BLIND,
            f"vantage point {self.name} is blind: too few of its canaries answer",
        )

    def _finish(self, run: _Run, reading: Reading, at_ms: int, took_ms: int, tainted: bool) -> None:
        """Release the slot of *run* and deliver its reading. The heap keeps the run until its deadline."""
        slot, check = run.slot, run.slot.check
        run.over, run.task = True, None
        self.agenda.release(slot, self._clock.monotonic())
        if slot.gone:
            return
        latency = reading.facts.get("latency")
        self._out.add(
            Observation(
                check.name, self.name, at_ms, took_ms, self._out.next_number, reading.verdict, reading.reason,
                reading.detail, latency if isinstance(latency, float) else None, reading.facts, reading.phases, tainted,
            )
        )  # fmt: skip

    def _abandon(self, run: _Run) -> None:
        """Release the slot of *run*, which ignores cancellation: its check must not wait for it."""
        self.abandoned += 1
        check = run.slot.check
        log.error("%s: a %s probe ignored its cancellation and was abandoned", check.name, check.kind)
        started = run.slot.started
        took_ms = round((self._clock.monotonic() - (0.0 if started is None else started)) * 1000)
        reading = Reading(
            Verdict.UNKNOWN, Reason.INTERNAL, "our probe did not stop at its timeout", NOTHING, NOTHING
        )
        self._finish(run, reading, self._clock.now_ms() - took_ms, took_ms, True)

    async def _look(self) -> None:
        self._seen(await self.canaries.since(self._clock.now_ms() - 1))

    def _seen(self, round_: Round) -> None:
        """Deliver the result of a round; when it is blind, the hub ignores readings since the last good round."""
        if round_.undecided:
            return
        self._out.add(
            Sight(self.name, round_.blind, self.canaries.good_ms, round_.good, round_.bad, round_.never)
        )
