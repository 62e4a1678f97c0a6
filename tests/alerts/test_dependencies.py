"""One cause is one alert, and never a silent hole. Outage scripts on virtual time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.alerts.stage import Stage, component, person, rule, settings
from watch.core.settings import Check
from watch.core.timeline import State

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
    assert titles(s)[-1] == "[Acme] DOWN: Switch (+500 behind it)"
    assert "In trouble because of it (500): Host000, Host001, " in s.pages[-1].body
    assert s.open() == {"down:switch"}
    for key in ("switch", *RACK):
        s.goes(key, "up")
    s.passes(300)
    assert titles(s)[-1].startswith("[Acme] RESOLVED: Switch was down")
    assert len(s.pages) <= 3
    assert s.open() == set()


def test_what_is_still_down_when_its_cause_is_over_pages():
    s = Stage(config())
    s.goes("switch", "down")
    s.goes("web", "down")
    s.passes(60)
    s.goes("switch", "up")
    s.passes(59)
    assert titles(s) == ["[Acme] DOWN: Switch (+1 behind it)"]
    s.passes(60)
    assert titles(s)[1:] == ["[Acme] RESOLVED: Switch was down for 1m", "[Acme] DOWN: Web"]


def test_what_recovers_with_its_cause_pages_nobody():
    s = Stage(config())
    s.goes("switch", "down")
    s.goes("web", "down")
    s.passes(60)
    s.goes("switch", "up")
    s.passes(30)
    s.goes("web", "up")
    s.passes(600)
    assert titles(s) == ["[Acme] DOWN: Switch (+1 behind it)", "[Acme] RESOLVED: Switch was down for 1m"]


@pytest.mark.parametrize("state", ["down", "unknown"])
def test_a_cause_that_nobody_is_told_of_holds_nothing_back_for_longer_than_two_minutes(state):
    s = Stage(config(rule("down", "web")))
    s.goes("switch", state)
    s.goes("web", "down")
    s.passes(129)
    assert s.pages == []
    s.passes(1)
    assert titles(s) == ["[Acme] DOWN: Web"]


def test_a_silence_of_the_cause_is_no_silence_of_what_depends_on_it():
    s = Stage(config(group_wait=0))
    s.tells("silence add", components=["switch"], **{"for": "2h"}, reason="moving racks")
    s.goes("switch", "down")
    s.goes("web", "down")
    s.passes(120)
    assert titles(s) == ["[Acme] DOWN: Web"]


def test_a_cause_that_somebody_resolved_by_hand_while_it_lasts_holds_nothing_back():
    s = Stage(config(group_wait=0))
    s.goes("switch", "down")
    s.goes("web", "down")
    s.passes(130)
    s.tells("resolve", alert="switch", reason="wrong alarm")
    s.passes(2)
    assert titles(s) == ["[Acme] DOWN: Switch (+1 behind it)", "[Acme] DOWN: Web; 1 closed by hand"]


def test_while_its_cause_is_well_it_pages_as_soon_as_that_would_have_been_found_down():
    s = Stage(replace(config(group_wait=0), checks={"switch/check": CHECK}))
    s.goes("web", "down")
    s.passes(69)
    assert s.pages == []
    s.passes(1)
    assert titles(s) == ["[Acme] DOWN: Web"]


def test_an_alert_that_is_open_stays_open_and_is_closed_as_usual():
    s = Stage(config(group_wait=0))
    s.goes("web", "down")
    s.passes(5)
    s.goes("switch", "down")
    s.passes(5)
    s.goes("web", "up")
    s.passes(70)
    assert titles(s) == ["[Acme] DOWN: Web", "[Acme] DOWN: Switch", "[Acme] RESOLVED: Web was down for 10s"]


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
    assert titles(s) == ["[Acme] DOWN: Switch (+1 behind it)"]


def test_of_two_switches_one_is_enough():
    """A redundancy group is a component that contains both and needs one."""
    core = replace(component("core", "a", "b"), needs=1)
    parts = (component("a"), component("b"), core, replace(component("web"), depends_on=("core",)))
    s = Stage(config(rule("down", "core", "web"), parts=parts, group_wait=0))
    s.goes("a", "down")
    s.goes("core", "degraded", redundancy_lost=True)
    s.goes("web", "down")
    s.passes(1)
    assert titles(s) == ["[Acme] DOWN: Web"]
    s = Stage(config(rule("down", "core", "web"), parts=parts, group_wait=0))
    for key in ("a", "b", "core", "web"):
        s.goes(key, "down")
    s.passes(300)
    assert titles(s) == ["[Acme] DOWN: Core (+1 behind it)"]


def test_a_restart_in_the_middle_changes_nothing():
    for moment in range(0, 90, 7):
        s = Stage(config())
        s.goes("web", "down")
        s.goes("switch", "down")
        for second in range(90):
            if second == moment:
                s.restarts()
            s.passes(1)
        assert titles(s) == ["[Acme] DOWN: Switch (+1 behind it)"]


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
    assert titles(s)[-1] == "[Acme] DOWN: Web"


class Read:
    """What the newest readings say: how a component stood at an instant (seconds of the stage)."""

    def __init__(self, s: Stage) -> None:
        self.stage, self.newest, self.failing, self.asked = s, {}, {}, {}
        s.desk.dependencies.readings = self

    def reads(self, key: str, state: str) -> None:
        self.newest[key] = self.stage.at_ms, State(state)

    def state(self, component, after_ms):
        at_ms, state = self.newest.get(component, (0, State.UNKNOWN))
        return state if at_ms > after_ms else State.UNKNOWN

    def failing_ms(self, component):
        return self.failing.get(component, 0)

    def asked_ms(self, component):
        return self.asked.get(component, 0)


def behind(**more) -> tuple[Stage, Read]:
    s = Stage(replace(config(group_wait=0, **more), checks={"switch/check": CHECK}))
    return s, Read(s)


def test_it_pages_as_soon_as_a_reading_says_that_its_cause_is_well():
    s, read = behind()
    read.reads("switch", "up")
    s.goes("web", "down")
    s.passes(9)
    assert s.pages == [], "what its cause said before tells nothing"
    read.reads("switch", "up")
    s.passes(1)
    assert [page.title for page in s.pages] == ["[Acme] DOWN: Web"]


def test_a_reading_that_began_before_its_first_bad_one_ended_tells_nothing():
    s, read = behind()
    s.goes("web", "down")
    read.failing["web"] = s.at_ms + 10_000  # it timed out, and the switch may have died meanwhile
    s.passes(5)
    read.reads("switch", "up")
    s.passes(6)
    assert s.pages == []
    read.reads("switch", "up")
    s.passes(1)
    assert titles(s) == ["[Acme] DOWN: Web"]


def test_while_its_cause_reads_badly_it_waits_until_that_is_found_down():
    s, read = behind()
    s.goes("web", "down")
    s.passes(1)
    read.reads("switch", "down")
    s.passes(30)
    s.goes("switch", "down")
    s.passes(300)
    assert titles(s) == ["[Acme] DOWN: Switch (+1 behind it)"]


@pytest.mark.parametrize("known", ["down", "unknown"])
def test_a_cause_that_is_not_well_holds_it_back_whatever_one_reading_says(known):
    s, read = behind()
    s.settings = replace(s.settings, alerts=(rule("down", "web"),))
    s.reloads(s.settings)
    s.goes("switch", known)
    s.goes("web", "down")
    s.passes(1)
    read.reads("switch", "up")
    s.passes(118)
    assert s.pages == []
    s.passes(1)
    assert titles(s) == ["[Acme] DOWN: Web"]


def test_all_that_it_depends_on_must_be_read_well():
    parts = (SWITCH, component("san"), replace(component("web"), depends_on=("switch", "san")))
    s, read = behind(parts=parts)
    s.reloads(replace(s.settings, checks={f"{key}/check": CHECK for key in ("switch", "san")}))
    s.goes("web", "down")
    s.passes(1)
    read.reads("switch", "up")
    read.reads("san", "down")
    s.passes(5)
    s.goes("san", "down")
    s.passes(1)
    assert titles(s) == ["[Acme] DOWN: San (+1 behind it)"]


@pytest.mark.parametrize("when", ["down", "degraded"])
def test_after_its_cause_it_pages_only_for_what_it_reads_since(when):
    s, read = behind(parts=(SWITCH, WEB))
    s.settings = replace(s.settings, alerts=(rule("down", "switch"), rule(when, "web")))
    s.reloads(s.settings)
    s.goes("web", when)
    s.goes("switch", "down")
    read.reads("web", when)
    s.passes(60)
    s.goes("switch", "up")
    s.passes(59)
    read.asked["web"] = s.at_ms
    s.passes(20)
    assert titles(s)[-1].startswith("[Acme] RESOLVED: Switch"), "what it read before tells nothing"
    read.reads("web", "up")
    s.passes(5)
    assert len(s.pages) == 2, "it may be about to recover"
    read.reads("switch", "up")
    read.reads("web", when)
    s.passes(1)
    assert titles(s)[-1].startswith(f"[Acme] {when.upper()}: Web")


def test_what_cannot_be_read_after_its_cause_pages_after_two_minutes():
    s, read = behind()
    s.goes("web", "down")
    s.goes("switch", "down")
    s.passes(60)
    s.goes("switch", "up")
    read.asked["web"] = s.at_ms
    s.passes(119)
    assert len(s.pages) == 2
    s.passes(1)
    assert titles(s)[-1] == "[Acme] DOWN: Web"
