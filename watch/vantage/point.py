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

from watch.core.delivery import Delivery, Receipt
from watch.core.reading import NOTHING, Observation, Reading, Reason, Verdict
from watch.core.standing import Sight
from watch.vantage.agenda import GRACE, Agenda, Slot
from watch.vantage.ask import asked
from watch.vantage.canaries import ROUND_EVERY, Canaries, Round
from watch.vantage.lag import Lag
from watch.vantage.memory import Memory, needed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watch.core.settings import Check, Vantage
    from watch.core.trend import QuarterHours
    from watch.ports import Clock, Uplink

log = logging.getLogger(__name__)
TICK = 0.02  # seconds
_REPORT = 1.0  # seconds between deliveries without findings, which report the lag
TAINTING = 0.1  # seconds of loop lag from which on a latency is tainted


class _Run:
    """One run under way. `over` once its slot is released, at its end or when it is abandoned."""

    __slots__ = ("deadline", "over", "slot", "task")

    def __init__(self, slot: Slot, deadline: float) -> None:
        self.slot, self.deadline = slot, deadline
        self.over = False
        self.task: asyncio.Task[None] | None = None

    def __lt__(self, other: _Run) -> bool:
        return self.deadline < other.deadline


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
        self.canaries = Canaries(vantage.canaries, clock, proven)
        self.abandoned = 0
        self.ticked = clock.monotonic()
        self._uplink, self._clock, self._lag = uplink, clock, Lag()
        self._runs: list[_Run] = []
        self._memories: dict[str, Memory] = {}
        self._kept = dict(kept or {})
        self._epoch = clock.now_ms()
        self._findings: list[Observation | Sight] = []
        self._sent = 0  # the number of the last finding that was sent
        self._carried: set[asyncio.Task[None]] = set()
        self._loop_lag = self._schedule_lag = 0.0
        self._reported = float("-inf")
        self._stopping = asyncio.Event()
        self._next_round = 0.0
        self._round: asyncio.Task[None] | None = None
        self._again = False

    def replan(self, vantage: Vantage, checks: Iterable[Check]) -> None:
        """Replace the checks and the canaries."""
        if vantage.canaries != self.canaries.asked:
            self.canaries = Canaries(vantage.canaries, self._clock, self.canaries.proven)
        checks = tuple(checks)
        self._memories = {check.name: self._memory(check) for check in checks if needed(check)}
        self.agenda.replan(checks, self._clock.monotonic())

    def _memory(self, check: Check) -> Memory:
        """The memory of *check*; a new one when its question has changed."""
        known = self._memories.get(check.name)
        if known is not None and known.check == check:
            return known
        memory = Memory(check, self._kept.pop(check.name, {}), self._clock, self._stalled)
        if known is not None:
            memory.inherit(known)
        return memory

    def _stalled(self, since: float) -> bool:
        return self._lag.worst(since, self._clock.monotonic()) >= TAINTING

    async def run(self) -> None:
        """Tick until `stop`; then cancel the runs under way and deliver what was found."""
        expected = self._clock.monotonic()
        self._send()  # this opens the epoch: its receipt has the streaks under way
        while not self._stopping.is_set():
            expected = self.tick(expected)
            await self._clock.sleep(max(0.0, expected - self._clock.monotonic()))
        tasks = [run.task for run in self._runs if run.task is not None and not run.over]
        tasks += [self._round] if self._round is not None else []
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=1) if tasks else None
        self._send()

    def stop(self) -> None:
        self._stopping.set()

    def tick(self, expected: float) -> float:
        """Start due checks and abandon overdue runs; due at *expected*, returns when the next tick is due."""
        now = self.ticked = self._clock.monotonic()
        following = max(expected, now) + TICK
        lag = self._lag.ticked(now, expected, following)
        late = 0.0
        for slot in self.agenda.take(now):
            late = max(late, now - slot.due)
            self._start(slot, now)
        while self._runs and (self._runs[0].over or self._runs[0].deadline <= now):
            run = heapq.heappop(self._runs)
            if not run.over:
                self._abandon(run, now)
        if self.canaries and now >= self._next_round and (self._round is None or self._round.done()):
            self._look_soon()
        self._loop_lag, self._schedule_lag = max(self._loop_lag, lag), max(self._schedule_lag, late)
        if self._findings or now - self._reported >= _REPORT:
            self._send()
        return following

    # ---- deliveries ----

    def _send(self) -> None:
        """Deliver the findings since the last delivery, in order."""
        findings, self._findings = tuple(self._findings), []
        delivery = Delivery(
            vantage=self.name, epoch=self._epoch, first=self._sent + 1, findings=findings,
            loop_lag=self._loop_lag, schedule_lag=self._schedule_lag,
        )  # fmt: skip
        self._sent += len(findings)
        self._loop_lag = self._schedule_lag = 0.0
        self._reported = self._clock.monotonic()
        task = asyncio.create_task(self._carry(delivery), name="delivery")
        self._carried.add(task)
        task.add_done_callback(self._carried.discard)

    async def _carry(self, delivery: Delivery) -> None:
        self.heard(await self._uplink.take(delivery))

    def heard(self, receipt: Receipt) -> None:
        """Apply a receipt from the hub."""
        now = self._clock.monotonic()
        for name, belief in receipt.beliefs.items():
            self.agenda.settle(name, now, unsettled=not belief.settled)
        for refusal in receipt.refused:
            log.warning("%s: the hub refused finding %d: %s", self.name, refusal.number, refusal.why)
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

    def _start(self, slot: Slot, now: float) -> None:
        run = _Run(slot, now + slot.timeout + GRACE)
        heapq.heappush(self._runs, run)
        run.task = asyncio.create_task(self._ask(run))

    async def _ask(self, run: _Run) -> None:
        slot, check = run.slot, run.slot.check
        memory = self._memories.get(check.name)
        began_ms, began = self._clock.now_ms(), self._clock.monotonic()
        reading = await asked(
            check.probe, memory or check.judge, clock=self._clock, timeout=check.timeout, way=check.way
        )
        ended = self._clock.monotonic()
        lag = self._lag.worst(began, ended)
        if reading.verdict is Verdict.DOWN and lag > min(1.0, slot.timeout / 4):
            reading = Reading(Verdict.UNKNOWN, Reason.OVERLOADED, f"our event loop was busy for {lag:.1f} s")
        took_ms = round((ended - began) * 1000)
        if self.canaries:
            reading = await self._trusted(memory, reading, began_ms)
        if memory is not None:
            reading = memory.concluded(reading)
        if not run.over:
            self._finish(run, self._stamped(check, reading, began_ms, took_ms, lag >= TAINTING))

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

    def _stamped(
        self, check: Check, reading: Reading, at_ms: int, took_ms: int, tainted: bool
    ) -> Observation:
        latency = reading.facts.get("latency")
        return Observation(
            check.name, self.name, at_ms, took_ms, 0, reading.verdict, reading.reason, reading.detail,
            latency if isinstance(latency, float) else None, reading.facts, reading.phases, tainted,
        )  # fmt: skip

    def _finish(self, run: _Run, observation: Observation) -> None:
        slot = run.slot
        run.over, run.task = (
            True,
            None,
        )  # the heap keeps the run until its deadline, but not the task
        gone = slot.gone
        self.agenda.release(slot, self._clock.monotonic())
        if not gone:
            number = self._sent + len(self._findings) + 1
            self._findings.append(observation._replace(seq=number))

    def _abandon(self, run: _Run, now: float) -> None:
        """Release the slot of *run*, which ignores cancellation: its check must not wait for it."""
        self.abandoned += 1
        log.error(
            "%s: a %s probe ignored its cancellation and was abandoned",
            run.slot.check.name,
            run.slot.check.kind,
        )
        began_ms = self._clock.now_ms() - round((now - run.deadline + run.slot.timeout + GRACE) * 1000)
        reading = Reading(
            Verdict.UNKNOWN, Reason.INTERNAL, "our probe did not stop at its timeout", NOTHING, NOTHING
        )
        self._finish(
            run,
            self._stamped(run.slot.check, reading, began_ms, round((run.slot.timeout + GRACE) * 1000), True),
        )

    async def _look(self) -> None:
        self._seen(await self.canaries.since(self._clock.now_ms() - 1))

    def _seen(self, round_: Round) -> None:
        """Deliver the result of a round; when it is blind, the hub ignores readings since the last good round."""
        self._findings.append(
            Sight(self.name, round_.blind, self.canaries.good_ms, round_.good, round_.bad, round_.never)
        )
