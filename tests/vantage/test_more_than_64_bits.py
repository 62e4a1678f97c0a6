"""A fact that is beyond all bounds, at the vantage point: nothing that looks at facts may lose the reading to it."""

from __future__ import annotations

import pytest

from tests.fakes import settings
from tests.vantage.test_point import Stage
from watch.core.reading import Course, Reason, Verdict
from watch.vantage.point import VantagePoint


@pytest.mark.parametrize(
    "value", [2**63, 10**40, 10**400, -(10**400)], ids=["2^63", "10^40", "10^400", "-10^400"]
)
@pytest.mark.parametrize("course", [None, Course.FILLS, Course.EMPTIES], ids=["", "fills", "empties"])
async def test_the_reading_is_kept_the_fact_is_dropped_and_the_detail_says_so(value, course):
    stage = Stage()
    stage.target.facts = {"count": value, "other": 1}
    if course is not None:
        asked = stage.uplink.hub.settings.checks["web/home"]
        plan = settings(
            {"web": ["web/home"]}, vantages={"here": stage.vantage},
            checks={"web/home": {
                "probe": asked.probe, "timeout": asked.timeout, "retry_every": asked.retry_every,
                "courses": {"count": course},
            }},
        )  # fmt: skip
        await stage.uplink.hub.plan(plan)
        stage.point = VantagePoint(stage.vantage, stage.uplink, stage.clock)
        stage.point.replan(stage.vantage, plan.asked_from(stage.vantage))
    await stage.go(15)
    assert set(stage.uplink.verdicts) == {(Verdict.UP, Reason.OK)}
    kept = [o for batch in stage.uplink.store.batches for o in batch.observations]
    assert kept
    for o in kept:
        assert ("count" in o.facts, o.facts["other"]) == (False, 1)
        assert o.detail == "not kept, for no store can hold it: count"


async def test_that_a_fact_was_dropped_is_said_however_long_the_detail_is():
    from tests.fakes import START_MS, observation
    from watch.hub.door import admitted

    o = admitted(
        observation("web/home", START_MS, Verdict.DOWN, detail="x" * 200, facts={"count": 2**63}), START_MS
    )
    assert "not kept" in o.detail
    assert "count" in o.detail
