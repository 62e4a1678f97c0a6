"""One cause is one alert, and never a silent hole. Outage scripts on virtual time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.alerts.stage import Stage, component, person, rule, settings
from watch.core.settings import Check

if TYPE_CHECKING:
    from watch.core.settings import Component, Settings

SWITCH, WEB = component("switch"), replace(component("web"), depends_on=("switch",))
# Found down within 70 s: it is asked every 30 s, then twice more 5 s later, and each time it may take 10 s to answer.
CHECK = Check(name="switch/check", component="switch", kind="icmp", probe=None, judge=None)
RACK = [f"host{n:03}" for n in range(500)]


def config(*rules, parts: tuple[Component, ...] = (SWITCH, WEB), **more) -> Settings:
    rules = rules or (rule("down", *(part.key for part in parts)),)
    return settings(*rules, components=parts, people=(person("alice"),), **{"group_wait": 10} | more)


def titles(s: Stage) -> list[str]:
    return [page.title for page in s.pages]


@pytest.mark.parametrize("wait", [0, 10])
def test_five_hundred_behind_one_switch_are_at_most_two_pages_and_all_are_told(wait):
    parts = (SWITCH, *(replace(component(key), depends_on=("switch",)) for key in RACK))
    s = Stage(replace(config(parts=parts, group_wait=wait), checks={"switch/check": CHECK}))
    for n, key in enumerate(
        (*RACK[:300], "switch", *RACK[300:])
    ):  # many of them are found down before the switch
        s.goes(key, "down")
        if n % 17 == 0:
            s.passes(1)
    s.passes(600)
    assert len(s.pages) <= 2
    assert titles(s)[-1] == "DOWN: Switch (+500 behind it)"
    assert "In trouble because of it (500): Host000, Host001, " in s.pages[-1].body
    assert s.open() == {"down:switch"}
    for key in ("switch", *RACK):
        s.goes(key, "up")
    s.passes(300)
    assert titles(s)[-1].startswith("RESOLVED: Switch was down")
    assert len(s.pages) <= 3
    assert s.open() == set()


def test_what_is_still_down_when_its_cause_is_over_pages():
    s = Stage(config())
    s.goes("switch", "down")
    s.goes("web", "down")
    s.passes(60)
    s.goes("switch", "up")
    s.passes(59)
    assert titles(s) == ["DOWN: Switch (+1 behind it)"]
    s.passes(60)
    assert titles(s)[1:] == ["RESOLVED: Switch was down for 1m", "DOWN: Web"]


def test_what_recovers_with_its_cause_pages_nobody():
    s = Stage(config())
    s.goes("switch", "down")
    s.goes("web", "down")
    s.passes(60)
    s.goes("switch", "up")
    s.passes(30)
    s.goes("web", "up")
    s.passes(600)
    assert titles(s) == ["DOWN: Switch (+1 behind it)", "RESOLVED: Switch was down for 1m"]


@pytest.mark.parametrize("state", ["down", "unknown"])
def test_a_cause_that_nobody_is_told_of_holds_nothing_back_for_longer_than_two_minutes(state):
    s = Stage(config(rule("down", "web")))
    s.goes("switch", state)
    s.goes("web", "down")
    s.passes(129)
    assert s.pages == []
    s.passes(1)
    assert titles(s) == ["DOWN: Web"]


def test_a_silence_of_the_cause_is_no_silence_of_what_depends_on_it():
    s = Stage(config(group_wait=0))
    s.tells("silence add", components=["switch"], **{"for": "2h"}, reason="moving racks")
    s.goes("switch", "down")
    s.goes("web", "down")
    s.passes(120)
    assert titles(s) == ["DOWN: Web"]


def test_a_cause_that_somebody_resolved_by_hand_while_it_lasts_holds_nothing_back():
    s = Stage(config(group_wait=0))
    s.goes("switch", "down")
    s.goes("web", "down")
    s.passes(130)
    s.tells("resolve", alert="switch", reason="wrong alarm")
    s.passes(2)
    assert titles(s) == ["DOWN: Switch (+1 behind it)", "DOWN: Web, 1 resolved"]


def test_while_its_cause_is_well_it_pages_as_soon_as_that_would_have_been_found_down():
    s = Stage(replace(config(group_wait=0), checks={"switch/check": CHECK}))
    s.goes("web", "down")
    s.passes(69)
    assert s.pages == []
    s.passes(1)
    assert titles(s) == ["DOWN: Web"]


def test_an_alert_that_is_open_stays_open_and_is_closed_as_usual():
    s = Stage(config(group_wait=0))
    s.goes("web", "down")
    s.passes(5)
    s.goes("switch", "down")
    s.passes(5)
    s.goes("web", "up")
    s.passes(70)
    assert titles(s) == ["DOWN: Web", "DOWN: Switch", "RESOLVED: Web was down for 10s"]


def test_a_cause_of_a_cause_explains_too():
    parts = (
        SWITCH,
        replace(component("san"), depends_on=("switch",)),
        replace(component("web"), depends_on=("san",)),
    )
    s = Stage(config(rule("down", "switch", "web"), parts=parts))
    for key in ("web", "san", "switch"):
        s.goes(key, "down")
    s.passes(300)
    assert titles(s) == ["DOWN: Switch (+1 behind it)"]


def test_of_two_switches_one_is_enough():
    """A redundancy group is a component that contains both and needs one."""
    core = replace(component("core", "a", "b"), needs=1)
    parts = (component("a"), component("b"), core, replace(component("web"), depends_on=("core",)))
    s = Stage(config(rule("down", "core", "web"), parts=parts, group_wait=0))
    s.goes("a", "down")
    s.goes("core", "degraded", redundancy_lost=True)
    s.goes("web", "down")
    s.passes(1)
    assert titles(s) == ["DOWN: Web"]
    s = Stage(config(rule("down", "core", "web"), parts=parts, group_wait=0))
    for key in ("a", "b", "core", "web"):
        s.goes(key, "down")
    s.passes(300)
    assert titles(s) == ["DOWN: Core (+1 behind it)"]


def test_a_restart_in_the_middle_changes_nothing():
    for moment in range(0, 90, 7):
        s = Stage(config())
        s.goes("web", "down")
        s.goes("switch", "down")
        for second in range(90):
            if second == moment:
                s.restarts()
            s.passes(1)
        assert titles(s) == ["DOWN: Switch (+1 behind it)"]


def test_what_flaps_and_is_well_explains_nothing():
    s = Stage(config(group_wait=0))
    for _ in range(4):
        s.goes("switch", "down")
        s.passes(30)
        s.goes("switch", "up")
        s.passes(30)
    assert "down:switch" in s.open()
    s.passes(60)
    s.goes("web", "down")
    s.passes(5)
    assert titles(s)[-1] == "DOWN: Web"
