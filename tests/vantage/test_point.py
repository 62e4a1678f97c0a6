"""A vantage point at work, tick by tick on a clock that goes where it is told."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.fakes import FakeClock
from watch.core.expect import Judge
from watch.core.reading import ProbeFailure, Reading, Reason, Verdict
from watch.core.settings import Canary, Check, Vantage
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

    async def run(self, *, now):
        self.asked += 1
        self.clock.move(self.stalls)
        if self.hangs is not None:
            while not self.hangs.is_set():
                try:
                    await self.hangs.wait()
                except asyncio.CancelledError:
                    continue  # the worst of probes
        if not self.well:
            raise ProbeFailure(Reason.REFUSED, "nobody listens")
        return Reading(UP, facts=self.facts)

    def peer(self):
        return ""


class Uplink:
    def __init__(self):
        self.observations, self.sights, self.lags = [], [], []

    def deliver(self, observation):
        self.observations.append(observation)

    def sight(self, sight):
        self.sights.append(sight)

    def lagged(self, loop, schedule):
        self.lags.append((loop, schedule))

    @property
    def verdicts(self):
        return [(o.verdict, o.reason) for o in self.observations]


class Stage:
    """One check on *target* every 10 s, from a vantage point with *canaries*."""

    def __init__(self, *, canaries=0, proven=()):
        self.clock, self.uplink = FakeClock(), Uplink()
        self.target = Target(self.clock)
        self.canaries = [Target(self.clock) for _ in range(canaries)]
        vantage = self.vantage = Vantage(
            name="here",
            site="s",
            canaries=tuple(Canary(name=f"c{n}", probe=c) for n, c in enumerate(self.canaries)),
        )
        self.point = VantagePoint(vantage, self.uplink, self.clock, proven)
        check = Check(
            name="web/home", component="web", kind="fake", probe=self.target, judge=Judge((), ()),
            every=timedelta(seconds=10), timeout=timedelta(seconds=4), retry_every=timedelta(seconds=2),
        )  # fmt: skip
        self.point.replan(vantage, [check])

    async def go(self, seconds: float, *, step: float = 0.5, lag: float = 0.0) -> None:
        """Tick every *step* for *seconds*, and let whatever that began come to rest."""
        for _ in range(round(seconds / step)):
            self.clock.move(step)
            self.point.tick(self.clock.monotonic() - lag)
            for _ in range(20):
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


async def test_the_latency_fact_is_the_observations_latency(stage):
    stage.target.facts = {"latency": 0.25}
    await stage.go(12)
    assert stage.uplink.observations[0].latency == 0.25


async def test_a_bad_reading_taken_while_we_stalled_is_unknown_and_ours():
    stage = Stage()
    await stage.go(12)
    stage.target.well, stage.target.stalls = False, 1.5  # over min(1 s, timeout/4)
    await stage.go(10)
    assert stage.uplink.verdicts[-1] == (UNKNOWN, Reason.OVERLOADED)
    assert "ourselves" in stage.uplink.observations[-1].detail


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
    assert (DOWN, Reason.REFUSED) in stage.uplink.verdicts
    assert stage.uplink.verdicts.count((DOWN, Reason.REFUSED)) == 2, (
        "the third, which would confirm, was held"
    )
    assert stage.uplink.verdicts[-1] == (UNKNOWN, Reason.BLIND)


async def test_a_target_that_is_down_while_canaries_sing_is_down():
    stage = Stage(canaries=2)
    await stage.go(20)
    stage.target.well = False
    rounds = stage.canaries[0].asked
    await stage.go(12)
    assert stage.uplink.verdicts.count((DOWN, Reason.REFUSED)) >= 3
    assert stage.canaries[0].asked > rounds


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
    loop, schedule = stage.uplink.lags[-1]
    assert loop == pytest.approx(0.3)
    assert schedule > 20


async def test_stopping_cancels_what_is_under_way_and_returns():
    stage = Stage()
    running = asyncio.create_task(stage.point.run())
    while not stage.uplink.observations:
        await asyncio.sleep(0)
    stage.point.stop()
    await asyncio.wait_for(running, 2)


async def test_a_restart_in_our_own_outage_remembers_that_the_canaries_were_good():
    stage = Stage(canaries=2, proven=("c0", "c1"))
    for target in (*stage.canaries, stage.target):
        target.well = False
    await stage.go(30)
    assert stage.uplink.sights[-1].blind
    assert {verdict for verdict, _ in stage.uplink.verdicts[2:]} == {UNKNOWN}
