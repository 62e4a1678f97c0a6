"""What only several readings tell: how long nobody answered, and when something will be used up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.vantage.test_point import Stage, Target
from watch.core import gap, trend
from watch.core.expect import compile_judge
from watch.core.reading import Course, FactSpec, FactType, Reason, Verdict
from watch.core.settings import Check
from watch.core.trend import QUARTER_MS, QuarterHour, quarter_of
from watch.vantage.memory import needed
from watch.vantage.point import VantagePoint

UP, DEGRADED, DOWN, UNKNOWN = Verdict.UP, Verdict.DEGRADED, Verdict.DOWN, Verdict.UNKNOWN
FREE = FactSpec("free", FactType.RATIO, Reason.LIMIT, "what is left", Course.EMPTIES)
FACTS = {it.name: it for it in (FREE, gap.FACT, trend.fact(["free"]))}


def watching(stage, *expect, warn=(), every=1.0, courses=None):
    """Let *stage* ask its target with these expectations."""
    check = Check(
        name="web/home", component="web", kind="fake", probe=stage.target,
        judge=compile_judge(list(expect), list(warn), FACTS, {}),
        every=timedelta(seconds=every), timeout=timedelta(seconds=1), retry_every=timedelta(seconds=1),
        courses=courses or {},
    )  # fmt: skip
    stage.point.replan(stage.vantage, [check])
    return check


@pytest.fixture
def stage():
    return Stage(canaries=2)


async def test_a_failover_that_took_longer_than_promised_reads_degraded_for_all_to_see(stage):
    watching(stage, warn=["gap < 5s"])
    await stage.go(10, step=0.25)
    assert set(stage.uplink.verdicts) == {(UP, Reason.OK)}
    stage.target.well = False
    await stage.go(8, step=0.25)
    stage.target.well = True
    await stage.go(10, step=0.25)
    last = stage.uplink.observations[-1]
    assert (last.verdict, last.reason) == (DEGRADED, Reason.SLOW)
    assert 8 <= last.facts["gap"] <= 9.5


async def test_a_failover_within_a_matter_of_seconds_is_good(stage):
    watching(stage, warn=["gap < 5s"])
    await stage.go(10, step=0.25)
    stage.target.well = False
    await stage.go(2, step=0.25)
    stage.target.well = True
    await stage.go(10, step=0.25)
    assert stage.uplink.verdicts[-1] == (UP, Reason.OK)


async def test_while_nobody_answers_the_gap_grows(stage):
    watching(stage, "gap < 60s")
    await stage.go(10, step=0.25)
    stage.target.well = False
    await stage.go(6, step=0.25)
    last = stage.uplink.observations[-1]
    assert last.verdict is DOWN
    assert 5 <= last.facts["gap"] <= 7


async def test_an_outage_of_our_own_is_no_gap_of_theirs(stage):
    watching(stage, warn=["gap < 5s"])
    await stage.go(20, step=0.25)
    for one in (*stage.canaries, stage.target):
        one.well = False
    await stage.go(12, step=0.25)
    for one in (*stage.canaries, stage.target):
        one.well = True
    await stage.go(30, step=0.25)
    assert DEGRADED not in {verdict for verdict, _ in stage.uplink.verdicts}
    assert stage.uplink.verdicts[-1] == (UP, Reason.OK)


async def test_time_in_which_we_were_busy_ourselves_is_no_gap_of_theirs(stage):
    watching(stage, warn=["gap < 5s"])
    await stage.go(10, step=0.25)
    stage.clock.move(30)  # the loop stood still
    stage.point.tick(stage.clock.monotonic() - 30)
    await stage.go(10, step=0.25)
    assert stage.uplink.verdicts[-1] == (UP, Reason.OK)


async def test_a_check_that_says_nothing_of_gaps_counts_none(stage):
    check = watching(stage, "free > 1%")
    stage.target.facts = {"free": 0.5}
    await stage.go(5, step=0.25)
    assert not needed(check)
    assert stage.uplink.observations[-1].facts == {"free": 0.5}


async def test_a_disk_that_fills_is_told_days_before_it_is_full(stage):
    watching(stage, warn=["exhausted_in > 7d"], every=600, courses={"free": Course.EMPTIES})
    for n in range(150):  # a point every hour: 50 h from here
        stage.target.facts = {"free": 0.5 - n / 600}
        await stage.go(600, step=300)
    observations = [o for o in stage.uplink.observations if o.verdict is not UNKNOWN]
    assert observations[3].verdict is UP, "before an hour is over nothing is said"
    last = observations[-1]
    assert (last.verdict, last.reason) == (DEGRADED, Reason.LIMIT)
    assert last.facts["exhausted_in"] == pytest.approx(last.facts["free"] * 100 * 3600, rel=0.05)


async def test_what_was_kept_is_followed_on_after_a_restart():
    stage = Stage()
    now_ms = stage.clock.now_ms()
    kept = {
        quarter_of(now_ms - n * QUARTER_MS): QuarterHour(3, QUARTER_MS, 3 * (0.5 + n / 400))
        for n in range(1, 90)
    }
    stage.point = VantagePoint(stage.vantage, stage.uplink, stage.clock, kept={"web/home": {"free": kept}})
    watching(stage, warn=["exhausted_in > 7d"], courses={"free": Course.EMPTIES})
    stage.target.facts = {"free": 0.5}
    await stage.go(3, step=0.25)
    assert stage.uplink.verdicts[0] == (DEGRADED, Reason.LIMIT)
    # It lost a point every hour, and has 50 left.
    assert stage.uplink.observations[0].facts["exhausted_in"] == pytest.approx(50 * 3600, rel=0.05)


async def test_other_expectations_of_the_same_question_keep_its_history_and_another_question_begins_anew(
    stage,
):
    watching(stage, warn=["exhausted_in > 7d"], every=600, courses={"free": Course.EMPTIES})
    for n in range(30):
        stage.target.facts = {"free": 0.5 - n / 300}
        await stage.go(600, step=300)
    assert stage.uplink.verdicts[-1][0] is DEGRADED
    watching(stage, warn=["exhausted_in > 6d"], every=600, courses={"free": Course.EMPTIES})
    await stage.go(1200, step=300)
    assert stage.uplink.verdicts[-1][0] is DEGRADED
    stage.target = Target(stage.clock, facts={"free": 0.3})
    watching(stage, warn=["exhausted_in > 6d"], every=600, courses={"free": Course.EMPTIES})
    await stage.go(1200, step=300)
    assert stage.uplink.verdicts[-1][0] is UP


async def test_a_gap_is_remembered_through_a_change_of_what_is_expected_of_it(stage):
    watching(stage, warn=["gap < 5s"])
    await stage.go(10, step=0.25)
    stage.target.well = False
    await stage.go(8, step=0.25)
    stage.target.well = True
    watching(stage, warn=["gap < 6s"])
    await stage.go(5, step=0.25)
    assert stage.uplink.verdicts[-1] == (DEGRADED, Reason.SLOW)
