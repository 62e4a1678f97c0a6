"""Waiting for us: measured, taken off the time limit and the latency, and turned into fewer starts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes import FakeClock
from watch.core.expect import Judge, compile_judge
from watch.core.reading import FactSpec, FactType, ProbeFailure, Reading, Reason, Verdict
from watch.vantage.agenda import Agenda
from watch.vantage.lag import Lag, Waiting
from watch.vantage.limit import Limit, allowance
from watch.vantage.load_meter import LoadMeter
from watch.vantage.pace import TICK, Pace
from watch.vantage.prober import observe

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SLOW = compile_judge(
    ["latency < 500ms"], [], {"latency": FactSpec("latency", FactType.DURATION, Reason.SLOW, "how long")}, {}
)


@dataclass
class Waited:
    """A run that waited for so long."""

    so_far: float = 0.0

    def seconds(self) -> float:
        return self.so_far


@dataclass
class Asked:
    """A probe whose run answers, fails, or takes for ever."""

    found: Reading | Exception | None
    KIND = "asked"

    async def run(self, *, now):
        if isinstance(self.found, Exception):
            raise self.found
        if self.found is None:
            await asyncio.Event().wait()
        return self.found


async def read(found, waited: float, *, judge=None, seconds: float = 2.0):
    limit = timedelta(seconds=seconds)
    return await observe(Asked(found), judge or Judge(), now=NOW, timeout=limit, waited=Waited(waited))


@pytest.mark.parametrize(("limit", "allowed"), [(1.0, 0.25), (4.0, 1.0), (60.0, 1.0)])
def test_how_long_a_run_may_wait_for_us(limit, allowed):
    assert allowance(limit) == allowed


@pytest.mark.parametrize(
    ("waited", "verdict", "reason"),
    [(0.0, "down", "slow"), (0.2, "down", "slow"), (0.35, "up", "ok"), (0.55, "up", "ok")],
)
async def test_latency_is_judged_net_of_what_the_run_waited_for_us(waited, verdict, reason):
    found = await read(Reading(Verdict.UP, facts={"latency": 0.8}), waited, judge=SLOW)
    assert (found.verdict, found.reason) == (verdict, reason)
    assert found.facts["latency"] == pytest.approx(0.8 - waited)


async def test_slowness_after_too_long_a_wait_decides_nothing():
    found = await read(Reading(Verdict.UP, facts={"latency": 1.9}), 0.6, judge=SLOW)
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, Reason.OVERLOADED)


@pytest.mark.parametrize("waited", [0.51, 60.0])
async def test_a_failure_that_says_timeout_decides_nothing_after_too_long_a_wait(waited):
    failure = ProbeFailure(Reason.TIMEOUT, "no reply to 3 pings")
    found = await read(failure, waited)
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, Reason.OVERLOADED)
    assert (await read(failure, 0.5)).verdict is Verdict.DOWN


async def test_our_own_time_limit_decides_nothing_after_too_long_a_wait():
    assert (await read(None, 0.1, seconds=0.2)).reason is Reason.OVERLOADED
    assert (await read(None, 0.0, seconds=0.2)).verdict is Verdict.DOWN


async def test_a_good_answer_is_good_however_long_it_waited_for_us():
    found = await read(Reading(Verdict.UP, facts={"latency": 9.0}), 8.9)
    assert (found.verdict, found.facts["latency"]) == (Verdict.UP, pytest.approx(0.1))


@pytest.mark.parametrize(("waited", "given"), [(0.0, 0.0), (0.02, 0.02), (9.0, 0.05)])
async def test_the_time_limit_gives_back_what_the_run_waited_up_to_the_allowance(waited, given):
    loop, began = asyncio.get_running_loop(), 0.0
    began = loop.time()
    limit = Limit(0.2, Waited(waited))
    with pytest.raises(TimeoutError), limit:
        await asyncio.Event().wait()
    assert limit.expired
    assert loop.time() - began >= 0.2 + given - 0.001  # a timer is never early, however slow the machine


async def test_a_time_limit_that_is_not_reached_leaves_no_trace():
    limit = Limit(60.0, Waited())
    with limit:
        await asyncio.sleep(0)
    assert not limit.expired
    assert limit._handle.cancelled()


async def test_somebody_elses_cancellation_goes_through():
    async def work():
        with Limit(60.0, Waited()):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_delays_add_up_and_small_ones_do_not_count():
    lag, clock = Lag(), FakeClock()
    waited = Waiting(lag, clock)
    for late in (0.005, 0.019, 0.03, 0.0, 0.5):
        clock.move(0.02 + late)
        lag.ticked(clock.monotonic(), clock.monotonic() - late, clock.monotonic() + 0.02)
    assert waited.seconds() == pytest.approx(0.53, abs=0.002)
    clock.move(0.02 + 8.0)
    assert waited.seconds() == pytest.approx(8.53, abs=0.002), "the tick that is overdue counts"
    assert Waiting(lag, clock).seconds() == pytest.approx(8.0, abs=0.002), (
        "a stall may have begun before the run"
    )


@dataclass
class Loop:
    """A loop thread whose processor time goes where it is told."""

    spent: float = 0.0
    pace: Pace = field(init=False)

    def __post_init__(self):
        self.pace = Pace(lambda: self.spent)

    def ticks(self, number: int, busy: float, *, left_out: bool) -> int:
        for _ in range(number):
            self.spent += busy
            quota = self.pace.quota(left_out=left_out)
        return quota


def test_a_loop_that_is_too_busy_starts_less_and_one_that_keeps_up_starts_more():
    loop = Loop()
    first = loop.ticks(1, 0.0, left_out=False)
    busy = loop.ticks(100, 3 * TICK, left_out=True)
    assert busy < first / 4
    assert loop.ticks(200, 0.5 * TICK, left_out=True) > first
    assert loop.ticks(10_000, 100 * TICK, left_out=True) == 1, "it never stops asking"


def test_one_long_tick_is_no_reason_to_ask_less_for_long():
    loop = Loop()
    before = loop.ticks(100, 0.5 * TICK, left_out=True)
    loop.ticks(1, 5 * TICK, left_out=True)
    assert loop.ticks(20, 0.5 * TICK, left_out=True) > before / 2


def test_who_leaves_nothing_out_asks_no_more_than_before():
    loop = Loop()
    first = loop.ticks(1, 0.0, left_out=False)
    assert loop.ticks(100, 0.0, left_out=False) == first


def test_the_load_is_of_the_last_seconds():
    meter, agenda = LoadMeter(), Agenda()
    meter.ticked(100.0, 8.0, 0.0)
    for at in (100.0, 105.0):
        meter.read(at, Reading(Verdict.UNKNOWN, Reason.OVERLOADED))
        meter.read(at, Reading(Verdict.UNKNOWN, Reason.BLIND))
    load = meter.load(106.0, agenda)
    assert (load.undecided, load.stood_still, load.late, load.checks) == (2, 8.0, 0, 0)
    assert meter.load(118.0, agenda).undecided == 1
    last = meter.load(121.0, agenda)
    assert (last.undecided, last.stood_still) == (0, 0.0)
