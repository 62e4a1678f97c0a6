"""What is asked again at once, because components depend on one another, and what is read then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes import observation, settings
from tests.hub.test_hub import DOWN, UNKNOWN, UP, Stage
from tests.hub.test_several_vantages import ANYWHERE, EAST, NORTH, SITES, Several, at_sites
from watch.core.reading import Verdict
from watch.core.timeline import State

DEGRADED = Verdict.DEGRADED
SWITCHES = {"a": ["a/ping"], "b": ["b/ping"], "network": ["a", "b"]}


def estate(**more) -> Stage:
    plan = settings({"switch": ["switch/ping"], "web": ["web/home", "web/api"], "far": ["far/home"]}, **more)
    return Stage(behind(plan, web=("switch",)))


def behind(plan, **needs):
    parts = {key: replace(part, depends_on=needs.get(key, ())) for key, part in plan.components.items()}
    return replace(plan, components=parts)


async def read(stage: Stage, name: str, verdict: Verdict, seconds: float = 1, **more) -> frozenset[str]:
    """The checks that a vantage point is to ask at once after one reading of *name*."""
    stage.clock.move(seconds)
    at_ms = stage.clock.ms - 100
    receipt = await stage.brings(observation(name, at_ms, verdict, **more))
    return receipt.soon


@pytest.fixture
async def stage() -> Stage:
    made = estate()
    for name in made.hub.settings.checks:
        assert await read(made, name, UP) == frozenset()
    return made


async def test_with_each_bad_reading_until_it_is_confirmed_its_cause_is_asked(stage):
    asked = [await read(stage, "web/home", DOWN) for _ in range(5)]
    assert stage.state("web") is State.DOWN
    assert asked == [{"switch/ping"}] * 3 + [set()] * 2


async def test_what_depends_on_nothing_and_what_is_unknown_for_our_sake_asks_nobody(stage):
    for name, verdict in (("far/home", DOWN), ("switch/ping", DOWN), ("web/home", UNKNOWN)):
        assert await read(stage, name, verdict) == frozenset()


async def test_a_degraded_check_that_goes_down_asks_again(stage):
    asked = [await read(stage, "web/home", DEGRADED) for _ in range(4)]
    asked.append(await read(stage, "web/home", DOWN))
    assert [bool(it) for it in asked] == [True, True, True, False, True]
    assert stage.hub.reasked.failing_ms("web") == stage.clock.ms - 100 + 20


async def test_its_trouble_begins_with_its_first_bad_reading_and_ends_with_a_good_one(stage):
    assert stage.hub.reasked.failing_ms("web") == 0
    await read(stage, "web/home", DOWN, took_ms=90)
    first = stage.clock.ms - 10
    await read(stage, "web/home", DOWN)
    assert stage.hub.reasked.failing_ms("web") == first
    await read(stage, "web/home", UP)
    assert stage.hub.reasked.failing_ms("web") == 0


async def test_a_state_is_told_only_by_readings_that_began_after_an_instant(stage):
    state, now = stage.hub.reasked.state, stage.clock.ms
    assert state("switch", now) is State.UNKNOWN
    await read(stage, "switch/ping", UP)
    assert state("switch", now) is State.UP
    assert state("switch", stage.clock.ms - 100) is State.UNKNOWN, "not at the instant itself"
    await read(stage, "switch/ping", DOWN)
    assert state("switch", now) is State.DOWN, "one reading, whatever is believed"
    await read(stage, "switch/ping", UNKNOWN)
    assert state("switch", now) is State.UNKNOWN, "it may be as bad as before"


async def test_of_two_switches_one_is_enough():
    parts = settings({**SWITCHES, "web": ["web/home"]}, needs={"network": 1})
    stage = Stage(behind(parts, web=("network",)))
    for name in parts.checks:
        await read(stage, name, UP)
    now = stage.clock.ms
    assert await read(stage, "web/home", DOWN) == {"a/ping", "b/ping"}
    await read(stage, "a/ping", DOWN)
    assert stage.hub.reasked.state("network", now) is State.UNKNOWN
    await read(stage, "b/ping", UP)
    assert stage.hub.reasked.state("network", now) in (State.UP, State.DEGRADED)


async def test_of_several_vantage_points_all_that_have_a_say_are_asked_and_count():
    names = {"switch": ["switch/ping"], "web": ["web/home"]}
    any_ = dict.fromkeys(("switch/ping", "web/home"), ANYWHERE)
    several = Several(behind(settings(names, checks=any_, vantages=at_sites(**SITES)), web=("switch",)))
    await several.all_say(UP, "web/home")
    for vantage in (NORTH, EAST):  # the third says nothing of it, and has no say
        await several.says(vantage, UP, "switch/ping")
    now, state = several.clock.ms, several.hub.reasked.state
    assert (await several.says(NORTH, DOWN)).soon == {"switch/ping"}
    assert (await several.says(EAST, UP)).soon == {"switch/ping"}
    await several.says(NORTH, UP, "switch/ping")
    assert state("switch", now) is State.UNKNOWN, "one of them was not asked yet"
    await several.says(EAST, DOWN, "switch/ping")
    assert state("switch", now) is State.DEGRADED
    await several.says(NORTH, DOWN, "switch/ping")
    assert state("switch", now) is State.DOWN


async def test_when_its_cause_is_well_again_what_is_in_trouble_behind_it_is_asked(stage):
    for _ in range(3):
        for name in ("switch/ping", "web/home"):
            await read(stage, name, DOWN)
    assert (stage.state("switch"), stage.state("web")) == (State.DOWN, State.DOWN)
    asked = [await read(stage, "switch/ping", UP) for _ in range(3)]
    assert asked == [set(), {"web/home", "web/api"}, set()], "once it is confirmed, and once"
    assert stage.hub.reasked.asked_ms("web") == stage.clock.ms - 1000
    assert stage.hub.reasked.asked_ms("far") == 0


async def test_what_is_well_is_not_asked_when_its_cause_is_well_again(stage):
    for verdict in (DOWN, DOWN, DOWN, UP, UP):
        assert await read(stage, "switch/ping", verdict) == frozenset()
    assert stage.hub.reasked.asked_ms("web") == 0


async def test_after_a_restart_what_is_in_trouble_behind_what_is_well_is_asked(stage):
    for _ in range(3):
        await read(stage, "web/home", DOWN)
    stage.store.kept_latest = dict(stage.hub.intake.latest)
    again = Stage(stage.hub.settings, stage.store, stage.clock)
    assert await read(again, "far/home", UP) == frozenset()
    assert await read(again, "switch/ping", UP) == frozenset()
    asked = [await read(again, "far/home", DOWN) for _ in range(3)]
    assert asked == [set(), set(), {"web/home", "web/api"}], "with the first change"


async def test_the_hub_turns_at_once_for_an_answer_that_it_waits_for(stage):
    stage.hub._wake.clear()
    await read(stage, "switch/ping", UP)
    assert not stage.hub._wake.is_set()
    await read(stage, "web/home", DOWN)
    await read(stage, "switch/ping", UP)
    assert stage.hub._wake.is_set()


async def test_a_reload_forgets_what_depends_on_nothing_any_more(stage):
    await read(stage, "web/home", DOWN)
    plain = stage.hub.settings
    await stage.hub.plan(behind(plain))
    assert await read(stage, "web/home", DOWN) == frozenset()
    assert stage.hub.reasked.failing_ms("web") == 0
    await stage.hub.plan(behind(plain, far=("web",)))
    assert await read(stage, "far/home", DOWN) == {"web/home", "web/api"}
