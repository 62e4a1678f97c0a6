"""Silences: what they hold back, and that it comes when they end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.alerts.stage import FAILED, START_MS, Stage, component, person, policy, rule, settings, step
from watch.core.alert import Event
from watch.core.standing import OwnTrouble
from watch.errors import Trouble

HOUR = 3600
PARTS = (
    replace(component("web", name="Web application"), group="Product"),
    replace(component("db"), group="Storage"),
    component("san"),
)


def stage(steps=None, **kwargs) -> Stage:
    kinds = [rule(kind, "web", "db", "san", escalate="team") for kind in ("down", "degraded")]
    made = settings(
        *kinds, rule("monitor"), people=(person("alice"), person("bob")), components=PARTS, catch_all=("alice",),
        escalations={"team": steps or policy(step("alice"), step("bob", after=600))}, group_wait=0, **kwargs,
    )  # fmt: skip
    return Stage(made)


def silence(s: Stage, **said) -> int:
    return s.tells("silence add", **{"for": "1h", "reason": "deploy", **said})["silences"][0]["id"]


def test_what_it_matches_does_not_open_and_when_it_ends_while_the_trouble_lasts_the_page_comes():
    s = stage()
    silence(s, components=["web"])
    s.goes("web", "down")
    s.passes(HOUR - 1)
    assert (s.pages, s.open()) == ([], set())
    s.passes(700)
    assert s.calls() == [(HOUR, "alice"), (HOUR + 600, "bob")]


def test_trouble_within_it_is_told_to_nobody():
    s = stage()
    silence(s, components=["web"])
    s.goes("web", "down")
    s.passes(1000)
    s.goes("web", "up")
    s.passes(2 * HOUR)
    assert s.pages == []


def test_an_open_alert_calls_nobody_meanwhile_and_begins_with_the_first_step_afterwards():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    silence(s, components=["web"])
    s.passes(2 * HOUR)
    assert s.calls() == [(0, "alice"), (60 + HOUR, "alice"), (660 + HOUR, "bob")]


def test_it_stops_what_is_not_sent_yet_and_that_comes_afterwards():
    s = stage()
    s.answers["alice", 0] = FAILED
    s.goes("web", "down")
    s.passes(30)
    silence(s, components=["web"])
    s.answers.clear()
    s.passes(HOUR + 5)
    assert s.calls() == [(30 + HOUR, "alice")]


def test_those_who_know_of_the_trouble_hear_of_its_end():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    silence(s, components=["web"])
    s.goes("web", "up")
    s.passes(2 * HOUR)
    assert [page.event for page in s.pages] == [Event.TRIGGERED, Event.RESOLVED]


def test_an_acknowledgement_holds_beyond_it():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.tells("ack", alert="web", **{"for": "2h"})
    silence(s, components=["web"])
    s.passes(2 * HOUR - 1)
    assert s.calls() == [(0, "alice")]
    s.passes(1)
    assert s.calls()[1:] == [(60 + 2 * HOUR, "alice")]


@pytest.mark.parametrize(
    ("said", "held"),
    [
        ({"components": ["web"]}, {"down:web", "degraded:web"}),
        ({"components": ["Web Application"]}, {"down:web", "degraded:web"}),
        (
            {"components": ["all"]},
            {"down:web", "degraded:web", "down:db", "degraded:db", "down:san", "degraded:san"},
        ),
        ({"groups": ["Product"]}, {"down:web", "degraded:web"}),
        (
            {"groups": ["Product"], "components": ["san"]},
            {"down:web", "degraded:web", "down:san", "degraded:san"},
        ),
        ({"when": ["degraded"]}, {"degraded:web", "degraded:db", "degraded:san"}),
        ({"when": ["down"], "groups": ["Storage"]}, {"down:db"}),
        ({"when": ["monitor"]}, {"monitor:sender_stuck"}),
        ({"when": ["monitor"], "components": ["web"]}, set()),
    ],
)
def test_it_holds_what_it_matches_and_nothing_else(said, held):
    everything = {f"{when}:{key}" for when in ("down", "degraded") for key in ("web", "db", "san")}
    opened = set()
    for state in ("down", "degraded"):
        s = stage()
        silence(s, **said)
        s.troubles = [OwnTrouble("sender_stuck", "notices wait", START_MS)]
        for key in ("web", "db", "san"):
            s.goes(key, state)
        s.passes(5)
        opened |= s.open()
    assert (everything | {"monitor:sender_stuck"}) - opened == held


def test_it_is_ended_by_its_number():
    s = stage()
    number = silence(s, components=["web"])
    s.goes("web", "down")
    s.passes(60)
    s.tells("silence end", "bob", number=number)
    s.passes(5)
    assert s.calls() == [(60, "alice")]
    with pytest.raises(Trouble, match="silence 1 is over already"):
        s.tells("silence end", number=number)
    with pytest.raises(Trouble, match="there is no silence 7; `threenines silence list` lists them"):
        s.tells("silence end", number=7)


def test_the_longer_of_two_decides():
    s = stage()
    silence(s, components=["web"])
    silence(s, groups=["Product"], **{"for": "2h"})
    s.goes("web", "down")
    s.passes(2 * HOUR + 1)
    assert s.calls() == [(2 * HOUR, "alice")]


@pytest.mark.parametrize("killed_at", [0, 1, 1800, HOUR - 1, HOUR])
def test_it_outlives_a_restart(killed_at):
    s = stage()
    silence(s, components=["web"])
    s.goes("web", "down")
    s.passes(killed_at)
    s.restarts()
    s.passes(HOUR + 5 - killed_at)
    assert s.calls() == [(HOUR, "alice")]


def test_a_component_that_is_renamed_stays_silenced():
    s = stage()
    silence(s, components=["web"])
    s.passes(1)
    parts = (replace(component("front"), was="web"), *PARTS[1:])
    s.reloads(replace(s.settings, components={c.key: c for c in parts}, alerts=(rule("down", "front"),)))
    s.desk.rename({"web": "front"})
    s.goes("front", "down")
    s.passes(60)
    s.restarts()
    s.passes(60)
    assert s.pages == []


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({}, "say what to silence: --components, --groups or --when; `--components all` for all of them"),
        (
            {"components": ["wbe"]},
            "--components: there is no component 'wbe'; `threenines status` lists them",
        ),
        ({"groups": ["Produkt"]}, r"--groups: there is no group 'Produkt' \(there are: Product, Storage\)"),
        (
            {"when": ["broken"]},
            "--when: 'broken' is none of down, degraded, redundancy_lost, unknown, slow, fact, monitor",
        ),
        ({"components": "web"}, "--components: write a list of names"),
        (
            {"components": ["web"], "for": None},
            "a silence needs an end: write --until TIME or --for DURATION",
        ),
        ({"components": ["web"], "for": "2y"}, "--for: "),
        ({"components": ["web"], "for": "900d"}, "--for: write a time of at most 366 days"),
        ({"components": ["web"], "for": None, "until": "2025-11-25 03:00 UTC"}, "that time is over"),
        ({"components": ["web"], "for": None, "until": "2035-11-25 03:00 UTC"}, "366 days at most"),
        ({"components": ["web"], "for": None, "until": "tomorrow"}, "--until: 'tomorrow' is not a time"),
        ({"components": ["web"], "reason": ""}, "silence add: say why, with --reason TEXT"),
    ],
)
def test_what_is_no_silence_is_refused(said, wrong):
    s = stage()
    with pytest.raises(Trouble, match=wrong):
        silence(s, **said)
    assert not s.desk.silences.all


def test_its_end_may_be_a_time_on_the_clock_of_the_service():
    s = stage()
    silence(s, components=["web"], until="2025-11-24 20:12", **{"for": None})  # Los Angeles
    assert s.desk.silences.all[1].until_ms == START_MS + HOUR * 1000


@pytest.mark.parametrize("over", [False, True])
def test_a_clock_that_is_set_back_prolongs_no_silence_and_begins_none_again(over):
    s = stage()
    silence(s, components=["web"], **{"for": "20m"})
    s.passes(1300 if over else 600)
    s.restarts(clock_set_by=-HOUR)
    s.goes("web", "down")
    s.passes(11 if over else 612)
    s.restarts()
    assert [title for _, title in s.told()] == ["[Acme] DOWN: Web application"]


def test_a_clock_that_is_set_ahead_ends_a_silence_earlier():
    s = stage()
    silence(s, components=["web"], **{"for": "20m"})
    s.goes("web", "down")
    s.passes(60)
    s.restarts(clock_set_by=HOUR)
    s.passes(11)
    assert [title for _, title in s.told()] == ["[Acme] DOWN: Web application"]
