"""One vantage point at work: a ticker, the runs it starts, and the observations they become.

All that an agent is; the local vantage point of a hub is the same code with another uplink.

The ticker wakes on a coarse tick, starts whatever is due in one go (a timer or a sleeping task for each check would
cost more than the checks), measures how late it was, and gives up runs that ignored their cancellation: such a run
loses its slot, not the check its schedule.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from typing import TYPE_CHECKING

from watch.core import confirm
from watch.core.reading import NOTHING, Observation, Reading, Reason, Verdict
from watch.core.standing import Sight
from watch.core.timeline import State
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
TAINTING = 0.1  # seconds of loop lag that spoil a latency


class _Run:
    """One asking under way. `over` once its slot was released, by whoever came first."""

    __slots__ = ("deadline", "over", "slot", "task")

    def __init__(self, slot: Slot, deadline: float) -> None:
        self.slot, self.deadline = slot, deadline
        self.over = False
        self.task: asyncio.Task[None] | None = None

    def __lt__(self, other: _Run) -> bool:
        return self.deadline < other.deadline


class VantagePoint:
    """Asks its checks until `stop`.

    Args:
        proven: The canaries that were good at some time.
        kept: What is known of facts that fill up or empty: check → fact → its quarters.
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
        self._seq = 0
        self._stopping = asyncio.Event()
        self._next_round = 0.0
        self._round: asyncio.Task[None] | None = None

    def replan(self, vantage: Vantage, checks: Iterable[Check]) -> None:
        """Ask *checks* from now on, and these canaries."""
        if vantage.canaries != self.canaries.asked:
            self.canaries = Canaries(vantage.canaries, self._clock, self.canaries.proven)
        checks = tuple(checks)
        self._memories = {check.name: self._memory(check) for check in checks if needed(check)}
        self.agenda.replan(checks, self._clock.monotonic())

    def _memory(self, check: Check) -> Memory:
        """What is remembered of *check*: nothing, when it asks something else than before."""
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
        """Tick until `stop`; then wait for nothing: what is under way is cancelled."""
        expected = self._clock.monotonic()
        while not self._stopping.is_set():
            expected = self.tick(expected)
            await self._clock.sleep(max(0.0, expected - self._clock.monotonic()))
        tasks = [run.task for run in self._runs if run.task is not None and not run.over]
        tasks += [self._round] if self._round is not None else []
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=1) if tasks else None

    def stop(self) -> None:
        self._stopping.set()

    def tick(self, expected: float) -> float:
        """Start what is due and give up what is overdue; was to come at *expected*, returns when to come next."""
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
            self._next_round = now + ROUND_EVERY
            self._round = asyncio.create_task(self._look(), name="canary round")
        self._uplink.lagged(lag, late)
        return following

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
            reading = Reading(Verdict.UNKNOWN, Reason.OVERLOADED, f"we were busy for {lag:.1f} s ourselves")
        took_ms = round((ended - began) * 1000)
        if self.canaries:
            reading = await self._trusted(slot, reading, began_ms, took_ms)
        if memory is not None:
            reading = memory.concluded(reading)
        if not run.over:
            self._finish(run, self._stamped(check, reading, began_ms, took_ms, lag >= TAINTING))

    async def _trusted(self, slot: Slot, reading: Reading, at_ms: int, took_ms: int) -> Reading:
        """*reading*, or unknown if we are blind; what would confirm *down* waits for canaries asked since.

        Where gaps are counted, each reading without an answer does: one of ours is no gap of theirs.
        """
        if not self.canaries.blind:
            memory = self._memories.get(slot.check.name)
            counts = memory is not None and memory.watches_gaps and reading.verdict is Verdict.DOWN
            _, changes = self._judged(slot, reading, at_ms, took_ms)
            if not counts and not any(change.state is State.DOWN for change in changes):
                return reading
            streak = slot.belief.down_run
            self._seen(await self.canaries.since(at_ms if streak is None or counts else streak.from_ms))
        if not self.canaries.blind:
            return reading
        return Reading(Verdict.UNKNOWN, Reason.BLIND, f"{self.name} cannot see its own canaries")

    def _judged(
        self, slot: Slot, reading: Reading, at_ms: int, took_ms: int
    ) -> tuple[confirm.Belief, tuple[confirm.Change, ...]]:
        return confirm.observed(
            slot.belief,
            slot.terms,
            verdict=reading.verdict,
            reason=reading.reason,
            at_ms=at_ms,
            took_ms=took_ms,
        )

    def _stamped(
        self, check: Check, reading: Reading, at_ms: int, took_ms: int, tainted: bool
    ) -> Observation:
        self._seq += 1
        latency = reading.facts.get("latency")
        return Observation(
            check.name, self.name, at_ms, took_ms, self._seq, reading.verdict, reading.reason, reading.detail,
            latency if isinstance(latency, float) else None, reading.facts, reading.phases, tainted,
        )  # fmt: skip

    def _finish(self, run: _Run, observation: Observation) -> None:
        slot = run.slot
        run.over, run.task = (
            True,
            None,
        )  # the heap keeps the run until its deadline, and need not keep the task
        slot.belief, _ = confirm.observed(
            slot.belief, slot.terms, verdict=observation.verdict, reason=observation.reason,
            at_ms=observation.at_ms, took_ms=observation.took_ms,
        )  # fmt: skip
        gone = slot.gone
        self.agenda.release(slot, self._clock.monotonic())
        if not gone:
            self._uplink.deliver(observation)

    def _abandon(self, run: _Run, now: float) -> None:
        """Let *run* go on alone: it ignores cancellation, and its check must not wait for it."""
        self.abandoned += 1
        log.error(
            "%s: a %s probe ignored its cancellation and was left behind",
            run.slot.check.name,
            run.slot.check.kind,
        )
        began_ms = self._clock.now_ms() - round((now - run.deadline + run.slot.timeout + GRACE) * 1000)
        reading = Reading(Verdict.UNKNOWN, Reason.INTERNAL, "our probe did not end in time", NOTHING, NOTHING)
        self._finish(
            run,
            self._stamped(run.slot.check, reading, began_ms, round((run.slot.timeout + GRACE) * 1000), True),
        )

    async def _look(self) -> None:
        self._seen(await self.canaries.since(self._clock.now_ms() - 1))

    def _seen(self, round_: Round) -> None:
        """Tell the hub; when it blinds us, nothing since the last good round counts here either."""
        good_ms = self.canaries.good_ms
        if round_.blind:
            for slot in self.agenda.slots.values():
                slot.belief, _ = confirm.blinded(slot.belief, at_ms=good_ms, reason=Reason.BLIND)
        self._uplink.sight(Sight(self.name, round_.blind, good_ms, round_.good, round_.bad, round_.never))
