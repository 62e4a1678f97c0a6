"""No check is down before its vantage point has shown that it sees."""

from __future__ import annotations

import pytest

from tests.fakes import START_MS, observation, settings
from tests.hub.test_hub import Stage
from watch.core.reading import Reason, Verdict
from watch.core.settings import Canary, Vantage
from watch.core.standing import Sight
from watch.core.timeline import State

UP, DEGRADED, DOWN = Verdict.UP, Verdict.DEGRADED, Verdict.DOWN
SECOND = 1000


def plan(*, canaries: int = 1, **more):
    here = Vantage(
        name="local",
        site="here",
        canaries=tuple(Canary(name=f"c{n}", probe=object()) for n in range(canaries)),
    )
    return settings({"web": ["web/home"]}, vantages={"local": here}, **more)


@pytest.fixture
def stage() -> Stage:
    return Stage(plan())


async def told(stage: Stage, *verdicts: Verdict, every: int = 5, **more):
    """Readings of the check one by one, *every* so many seconds; the last receipt, and when the readings began."""
    began, receipt = [], None
    for verdict in verdicts:
        stage.clock.move(every)
        began.append(stage.clock.ms - 100)
        receipt = await stage.brings(observation("web/home", began[-1], verdict, **more))
    return receipt, began


async def looks(stage: Stage, good_ms: int, *, blind: bool = False):
    stage.clock.move(1)
    good, bad = ((), ("c0",)) if blind else (("c0",), ())
    return await stage.brings(Sight("local", blind, good_ms, good, bad))


def confirmed(stage: Stage):
    return [(e.facts["to"], e.effective_ms) for e in stage.entries if e.kind == "transition"]


async def test_a_streak_that_would_be_down_waits_and_its_vantage_point_is_told_to_look(stage):
    _, (up,) = await told(stage, UP)
    early, _ = await told(stage, DOWN, DOWN)
    assert not early.wants_sight, "nothing waits yet"
    receipt, _ = await told(stage, DOWN)
    assert receipt.wants_sight
    assert stage.state("web") is State.UP
    receipt, _ = await told(stage, DOWN, DOWN)
    assert receipt.wants_sight, "as long as it waits"
    assert confirmed(stage) == [("up", up)]


async def test_a_good_round_begun_after_the_first_bad_reading_confirms_it_backdated(stage):
    await told(stage, UP)
    _, (first, *_) = await told(stage, DOWN, DOWN, DOWN)
    receipt = await looks(stage, first + 1)
    assert confirmed(stage)[1:] == [("down", first)]
    assert stage.hub.board.components["web"].since_ms == first
    assert stage.state("web") is State.DOWN
    assert receipt.beliefs["web/home"].settled, "it need not be asked soon any more"
    assert not receipt.wants_sight


async def test_what_a_round_confirms_has_the_reason_and_the_readings_that_prove_it(stage):
    await told(stage, UP)
    _, (first, *_) = await told(stage, DOWN, DOWN, DOWN, reason=Reason.REFUSED)
    await looks(stage, first + 1)
    (batch,) = [b for b in stage.store.batches if any(e.facts.get("to") == "down" for e in b.entries)]
    (entry,) = batch.entries
    assert (entry.facts["reason"], entry.facts["detail"]) == ("refused", "no answer")
    assert [o.verdict for seq, o in batch.evidence if seq == entry.seq] == [UP, DOWN, DOWN, DOWN]
    assert entry.proof


@pytest.mark.parametrize("before_ms", [0, 1, 4 * SECOND])
async def test_a_round_that_began_no_later_than_the_first_bad_reading_proves_nothing(stage, before_ms):
    await told(stage, UP)
    _, (first, *_) = await told(stage, DOWN, DOWN, DOWN)
    receipt = await looks(stage, first - before_ms)
    assert receipt.wants_sight
    assert stage.state("web") is State.UP
    await looks(stage, first + 1)
    assert stage.state("web") is State.DOWN


async def test_a_round_in_the_middle_of_the_streak_lets_its_last_reading_confirm_it_at_once(stage):
    await told(stage, UP)
    _, (first, _) = await told(stage, DOWN, DOWN)
    await looks(stage, first + 1)
    assert stage.state("web") is State.UP
    receipt, _ = await told(stage, DOWN)
    assert not receipt.wants_sight
    assert confirmed(stage)[1:] == [("down", first)]


async def test_a_blind_round_voids_the_streak_and_all_since_the_last_good_one(stage):
    await told(stage, UP)
    seen = stage.clock.ms
    await looks(stage, seen)
    await told(stage, DOWN, DOWN, DOWN)
    receipt = await looks(stage, seen, blind=True)
    assert not receipt.wants_sight
    assert stage.state("web") is State.UNKNOWN
    assert [to for to, _ in confirmed(stage)] == ["up"]
    assert stage.spans("web/home") == [(4.9, (seen - START_MS) / 1000, State.UP)]


async def test_a_streak_from_before_we_were_blind_is_not_confirmed_when_we_see_again(stage):
    await told(stage, UP)
    _, (first, *_) = await told(stage, DOWN, DOWN, DOWN)
    await looks(stage, first - 1, blind=True)
    await looks(stage, stage.clock.ms)
    assert stage.state("web") is State.UNKNOWN
    await told(stage, DOWN, DOWN)
    assert "down" not in [to for to, _ in confirmed(stage)], "down needs its full confirmation again"
    _, (third,) = await told(stage, DOWN)
    await looks(stage, third)
    assert [to for to, _ in confirmed(stage)][-1] == "down"
    assert confirmed(stage)[-1][1] == third - 10 * SECOND


async def test_readings_made_while_we_were_blind_feed_no_streak(stage):
    await told(stage, UP)
    await looks(stage, stage.clock.ms - SECOND, blind=True)
    receipt, _ = await told(stage, DOWN, DOWN, DOWN, DOWN)
    assert not receipt.wants_sight
    await looks(stage, stage.clock.ms)
    assert "down" not in [to for to, _ in confirmed(stage)]


async def test_a_good_reading_ends_the_streak_and_a_round_after_it_confirms_nothing(stage):
    await told(stage, UP)
    _, (first, *_) = await told(stage, DOWN, DOWN, DOWN)
    await told(stage, UP)
    receipt = await looks(stage, first + 1)
    assert not receipt.wants_sight
    assert [to for to, _ in confirmed(stage)] == ["up"]


async def test_a_streak_that_waits_is_not_degraded_meanwhile(stage):
    await told(stage, UP)
    await told(stage, DOWN, DOWN, DOWN, DOWN)
    assert [to for to, _ in confirmed(stage)] == ["up"]


async def test_degraded_and_recovery_wait_for_no_round(stage):
    await told(stage, UP)
    await told(stage, DEGRADED, DEGRADED, DEGRADED)
    assert stage.state("web") is State.DEGRADED
    _, (first, *_) = await told(stage, DOWN, DOWN, DOWN)
    await looks(stage, first + 1)
    assert stage.state("web") is State.DOWN
    await told(stage, UP, UP)
    assert stage.state("web") is State.UP


async def test_a_vantage_point_without_canaries_holds_nothing_up():
    stage = Stage(plan(canaries=0))
    await told(stage, UP)
    receipt, (first, *_) = await told(stage, DOWN, DOWN, DOWN)
    assert not receipt.wants_sight
    assert confirmed(stage)[1:] == [("down", first)]


async def test_two_bad_readings_before_a_restart_and_one_after_are_not_down_without_canaries_being_good(
    stage,
):
    await told(stage, UP)
    await looks(stage, stage.clock.ms)
    _, (first, _) = await told(stage, DOWN, DOWN)
    again = Stage(stage.hub.settings, stage.store, stage.clock)
    receipt, _ = await told(again, DOWN)
    assert receipt.wants_sight
    assert again.state("web") is State.UP
    await looks(again, first + 1)
    assert confirmed(again)[1:] == [("down", first)]


async def test_two_bad_readings_before_a_restart_and_one_after_are_down_where_there_are_no_canaries():
    stage = Stage(plan(canaries=0))
    await told(stage, UP)
    _, (first, _) = await told(stage, DOWN, DOWN)
    again = Stage(stage.hub.settings, stage.store, stage.clock)
    await told(again, DOWN)
    assert confirmed(again)[1:] == [("down", first)]


async def test_a_streak_that_waited_through_a_restart_is_confirmed_by_the_first_good_round(stage):
    await told(stage, UP)
    _, (first, *_) = await told(stage, DOWN, DOWN, DOWN)
    again = Stage(stage.hub.settings, stage.store, stage.clock)
    await looks(again, stage.clock.ms)
    assert confirmed(again)[1:] == [("down", first)]


async def test_who_opens_an_epoch_is_told_of_the_streaks_that_wait_for_a_round(stage):
    await told(stage, UP)
    await told(stage, DOWN, DOWN, DOWN)
    again = Stage(stage.hub.settings, stage.store, stage.clock)
    receipt = await again.brings()
    assert not receipt.beliefs["web/home"].settled
    assert receipt.wants_sight


async def test_canaries_that_were_good_go_on_record_once(stage):
    for _ in range(3):
        await looks(stage, stage.clock.ms)
    assert [b.canaries for b in stage.store.batches if b.canaries] == [{("local", "c0"): START_MS + SECOND}]
