"""A vantage point at work, tick by tick on a clock that goes where it is told."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.fakes import Counter, FakeClock, MemoryStore, SilentDesk, settings
from tests.yardstick import PATIENCE
from watch.core.book import Book
from watch.core.delivery import Receipt
from watch.core.reading import ProbeFailure, Reading, Reason, Verdict
from watch.core.settings import Canary, Vantage
from watch.core.standing import Sight
from watch.core.timeline import State
from watch.hub.hub import Hub
from watch.hub.recorder import LedgerEnd
from watch.vantage.agenda import GRACE
from watch.vantage.point import VantagePoint

UP, DOWN, UNKNOWN = Verdict.UP, Verdict.DOWN, Verdict.UNKNOWN


@dataclass(eq=False)
class Target:
    """A target, and the probe that asks it. *stalls* moves the clock while it is asked."""

    clock: FakeClock
    well: bool = True
    asked: int = 0
    stalls: float = 0.0
    hangs: asyncio.Event | None = None
    facts: dict = field(default_factory=dict)
    reason: Reason = Reason.REFUSED
    late_for: float = 0.0

    async def run(self, *, now):
        self.asked += 1
        self.clock.move(self.stalls)
        until = self.clock.monotonic() + self.late_for
        while self.clock.monotonic() < until:
            await asyncio.sleep(0)
        if self.hangs is not None:
            while not self.hangs.is_set():
                try:
                    await self.hangs.wait()
                except asyncio.CancelledError:
                    continue  # the worst of probes
        if not self.well:
            raise ProbeFailure(self.reason, "it is not well")
        return Reading(UP, facts=self.facts)

    def peer(self):
        return ""


class Uplink:
    """A hub that turns for each delivery, and what it was brought."""

    def __init__(self, plan, clock):
        self.observations, self.sights, self.lags, self.store = [], [], [], MemoryStore()
        self.hub = Hub(
            plan, self.store, Book(), LedgerEnd(), SilentDesk(), Counter(), clock, lambda: None
        )  # fmt: skip

    async def take(self, said):
        for found in said.findings:
            (self.sights if isinstance(found, Sight) else self.observations).append(found)
        self.lags.append((said.loop_lag, said.schedule_lag))
        taken = asyncio.ensure_future(self.hub.take(said))
        await asyncio.sleep(0)
        await self.hub.turn()
        receipt = await taken
        assert receipt.refused == ()
        return receipt

    @property
    def states(self):
        """Every state that was confirmed, with the instant from which it holds."""
        return [(e.facts["to"], e.effective_ms) for e in self.store.entries() if e.kind == "transition"]

    @property
    def verdicts(self):
        return [(o.verdict, o.reason) for o in self.observations]


class Stage:
    """One check on *target* every 10 s, from a vantage point with *canaries*."""

    def __init__(self, *, canaries=0, proven=()):
        self.clock = FakeClock()
        self.target = Target(self.clock)
        self.canaries = [Target(self.clock) for _ in range(canaries)]
        vantage = self.vantage = Vantage(
            name="here",
            site="here",
            canaries=tuple(Canary(name=f"c{n}", probe=c) for n, c in enumerate(self.canaries)),
        )
        asks = {"probe": self.target, "timeout": timedelta(seconds=4), "retry_every": timedelta(seconds=2)}
        plan = settings({"web": ["web/home"]}, checks={"web/home": asks}, vantages={"here": vantage})
        self.uplink = Uplink(plan, self.clock)
        self.point = VantagePoint(vantage, self.uplink, self.clock, proven)
        self.point.replan(vantage, plan.asked_from(vantage))

    @property
    def state(self) -> State:
        return self.uplink.hub.board.components["web"].state

    async def go(self, seconds: float, *, step: float = 0.5, lag: float = 0.0) -> None:
        """Tick every *step* for *seconds*, and let whatever that began come to rest."""
        for _ in range(round(seconds / step)):
            self.clock.move(step)
            self.point.tick(self.clock.monotonic() - lag)
            await self.rest()

    async def rest(self) -> None:
        """Let whatever has begun come to rest."""
        for _ in range(40):
            await asyncio.sleep(0)


@pytest.fixture
def stage():
    return Stage()


async def test_an_observation_carries_who_asked_when_and_in_what_order(stage):
    await stage.go(25)
    first, second, *_ = stage.uplink.observations
    assert (first.check, first.vantage, first.verdict) == ("web/home", "here", UP)
    assert second.seq == first.seq + 1
    assert second.at_ms > first.at_ms


async def test_a_bad_reading_is_asked_again_after_retry_every(stage):
    await stage.go(12)
    stage.target.well = False
    before = len(stage.uplink.observations)
    await stage.go(16)
    bad = stage.uplink.observations[before:]
    gaps = [(b.at_ms - a.at_ms) / 1000 for a, b in itertools.pairwise(bad)]
    assert gaps[:2] == [2, 2]
    assert [o.verdict for o in bad[:3]] == [DOWN, DOWN, DOWN]


async def test_what_the_hub_wants_to_know_is_asked_at_once_and_once(stage):
    while stage.target.asked < 3:
        await stage.go(0.5)
    stage.point.heard(Receipt(soon=frozenset(("web/home", "web/unheard-of"))))
    await stage.go(1.5)
    assert stage.target.asked == 3, "not sooner than after `retry_every`, which is two seconds"
    await stage.go(0.5)
    assert stage.target.asked == 4
    await stage.go(7.5)
    assert stage.target.asked == 4
    await stage.go(0.5)
    assert stage.target.asked == 5, "at its pace, each ten seconds"


async def test_the_latency_fact_is_the_observations_latency(stage):
    stage.target.facts = {"latency": 0.25}
    await stage.go(12)
    assert stage.uplink.observations[0].latency == 0.25


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.SLOW])
async def test_lateness_that_our_own_stall_explains_is_unknown_and_ours(stage, reason):
    await stage.go(12)
    stage.target.well, stage.target.reason, stage.target.stalls = (
        False,
        reason,
        1.5,
    )  # over min(1 s, timeout/4)
    await stage.go(10)
    assert stage.uplink.verdicts[-1] == (UNKNOWN, Reason.OVERLOADED)
    assert "waited 1.5 s for us" in stage.uplink.observations[-1].detail


@pytest.mark.parametrize("reason", sorted(set(Reason) - {Reason.OK, Reason.TIMEOUT, Reason.SLOW}))
async def test_what_the_target_said_counts_however_long_we_stalled(stage, reason):
    await stage.go(12)
    stage.target.well, stage.target.reason, stage.target.stalls = False, reason, 3.5
    await stage.go(10)
    assert stage.uplink.verdicts[-1] == (DOWN, reason)


async def test_a_short_stall_leaves_lateness_to_the_target(stage):
    await stage.go(12)
    stage.target.well, stage.target.reason, stage.target.stalls = False, Reason.TIMEOUT, 0.9
    await stage.go(10)
    assert stage.uplink.verdicts[-1] == (DOWN, Reason.TIMEOUT)


async def test_many_short_stalls_add_up(stage):
    await stage.go(12)
    stage.target.well, stage.target.reason, stage.target.late_for = False, Reason.TIMEOUT, 2.0
    await stage.go(6, step=0.1, lag=0.08)
    assert stage.uplink.verdicts[-1] == (UNKNOWN, Reason.OVERLOADED)


async def test_a_good_reading_taken_while_we_stalled_stays_good_but_its_latency_is_tainted(stage):
    await stage.go(12)
    assert not stage.uplink.observations[-1].tainted
    stage.target.stalls = 0.2
    await stage.go(10)
    assert stage.uplink.verdicts[-1] == (UP, Reason.OK)
    assert stage.uplink.observations[-1].tainted


async def test_a_run_that_ignores_its_cancellation_is_left_behind_and_its_check_goes_on(stage):
    hung = stage.target.hangs = asyncio.Event()
    try:
        await stage.go(5)  # the first round
        assert (stage.target.asked, stage.uplink.observations) == (1, [])
        stage.target.hangs = None
        await stage.go(4 + GRACE)
        assert (stage.uplink.verdicts[0], stage.point.abandoned) == ((UNKNOWN, Reason.INTERNAL), 1)
        await stage.go(12)
        assert stage.uplink.verdicts[-1] == (UP, Reason.OK)
    finally:
        hung.set()
    await stage.go(1)
    assert stage.uplink.verdicts.count((UNKNOWN, Reason.INTERNAL)) == 1, "its late answer counts for nothing"
    assert stage.point.agenda.busy == 0


async def test_canaries_are_asked_in_steady_rounds():
    stage = Stage(canaries=2)
    await stage.go(61)
    assert {c.asked for c in stage.canaries} <= {4, 5}
    assert all(not s.blind for s in stage.uplink.sights)


async def test_blind_everything_reads_unknown_the_good_as_well():
    stage = Stage(canaries=2)
    await stage.go(20)
    for canary in stage.canaries:
        canary.well = False
    await stage.go(40)
    assert stage.uplink.sights[-1].blind
    assert stage.uplink.sights[-1].bad == ("c0", "c1")
    assert stage.uplink.verdicts[-1] == (UNKNOWN, Reason.BLIND)


async def test_down_is_confirmed_only_after_a_canary_round_begun_since_its_first_bad_reading():
    stage = Stage(canaries=2)
    await stage.go(20)
    stage.target.well = False
    for canary in stage.canaries:  # our own network has just gone: the next steady round is seconds away
        canary.well = False
    await stage.go(12)
    assert stage.uplink.verdicts.count((DOWN, Reason.REFUSED)) >= 3, "enough to confirm, but for the round"
    assert stage.uplink.verdicts[-1] == (UNKNOWN, Reason.BLIND)
    assert [state for state, _ in stage.uplink.states] == ["up"]
    assert stage.state is State.UNKNOWN


async def test_a_target_that_is_down_while_canaries_sing_is_down():
    stage = Stage(canaries=2)
    await stage.go(20)
    stage.target.well = False
    rounds = stage.canaries[0].asked
    await stage.go(12)
    bad = [o.at_ms for o in stage.uplink.observations if o.verdict is DOWN]
    assert len(bad) >= 3
    assert stage.canaries[0].asked > rounds
    assert stage.uplink.states[1:] == [("down", bad[0])]
    assert stage.state is State.DOWN


async def test_a_round_that_the_hub_waits_for_is_begun_at_once_and_not_at_the_steady_pace():
    stage = Stage(canaries=2)
    await stage.go(20)
    steady = stage.uplink.sights[-1].good_ms
    stage.target.well = False
    await stage.go(12)
    asked_for = next(s.good_ms for s in stage.uplink.sights if s.good_ms > steady)
    third = [o.at_ms for o in stage.uplink.observations if o.verdict is DOWN][2]
    assert 0 <= asked_for - third <= 1000


async def test_the_last_good_round_is_told_so_that_what_came_after_it_does_not_count():
    stage = Stage(canaries=1)
    await stage.go(20)
    good_ms = stage.uplink.sights[-1].good_ms
    stage.canaries[0].well = False
    await stage.go(20)
    assert stage.uplink.sights[-1].blind
    assert stage.uplink.sights[-1].good_ms == good_ms


async def test_a_canary_that_was_never_good_blinds_nobody_but_is_reported():
    stage = Stage(canaries=2)
    stage.canaries[1].well = False
    await stage.go(40)
    assert not stage.uplink.sights[-1].blind
    assert stage.uplink.sights[-1].never == ("c1",)


async def test_one_of_two_good_canaries_is_too_few():
    stage = Stage(canaries=2)
    await stage.go(20)
    stage.canaries[0].well = False
    await stage.go(20)
    assert stage.uplink.sights[-1].blind


async def test_two_of_three_good_canaries_are_enough():
    stage = Stage(canaries=3)
    await stage.go(20)
    stage.canaries[0].well = False
    await stage.go(20)
    assert not stage.uplink.sights[-1].blind
    assert stage.uplink.sights[-1].bad == ("c0",)


async def test_a_late_start_is_said(stage):
    await stage.go(0.5)
    stage.clock.move(30)
    stage.point.tick(stage.clock.monotonic() - 0.3)
    await stage.rest()
    loop, schedule = stage.uplink.lags[-1]
    assert loop == pytest.approx(0.3)
    assert schedule > 20


async def test_stopping_cancels_what_is_under_way_and_returns():
    stage = Stage()
    running = asyncio.create_task(stage.point.run())
    while not stage.uplink.observations:
        await asyncio.sleep(0)
    stage.point.stop()
    await asyncio.wait_for(running, PATIENCE)


async def test_a_restart_in_our_own_outage_remembers_that_the_canaries_were_good():
    stage = Stage(canaries=2, proven=("c0", "c1"))
    for target in (*stage.canaries, stage.target):
        target.well = False
    await stage.go(30)
    assert stage.uplink.sights[-1].blind
    assert {verdict for verdict, _ in stage.uplink.verdicts[2:]} == {UNKNOWN}
    assert stage.uplink.states == []


async def test_what_was_found_is_numbered_without_a_gap_sights_and_readings_together():
    stage = Stage(canaries=1)
    await stage.go(40)
    found = len(stage.uplink.observations) + len(stage.uplink.sights)
    assert stage.uplink.hub.door.known("here") == (stage.point._out.epoch, found)
    numbers = [o.seq for o in stage.uplink.observations]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] <= found


async def test_a_restarted_vantage_point_is_told_which_checks_are_on_their_way_to_a_change(stage):
    await stage.go(12)
    stage.target.well = False
    while [v for v, _ in stage.uplink.verdicts].count(DOWN) < 2:
        await stage.go(0.5)
    await stage.go(0.5)
    again = VantagePoint(stage.vantage, stage.uplink, stage.clock)
    again.replan(stage.vantage, stage.uplink.hub.settings.asked_from(stage.vantage))
    assert not again.agenda.slots["web/home"].unsettled
    again.tick(stage.clock.monotonic())
    await stage.rest()
    assert again.agenda.slots["web/home"].unsettled
