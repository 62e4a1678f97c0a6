"""Slowness and conditions over facts, in scripted worlds: who is told when, and what the letter says."""

from __future__ import annotations

import pytest

from tests.rehearsal.scenes import CONFIG, pages

RULES = CONFIG + '  - {when: slow}\n  - {when: "certificate.left < 14d"}\n'
FACT, SLOW = "CONDITION MET: Web site (certificate.left < 14d)", "SLOW: Web site"
NIGHT = "start: 2025-11-22 05:00\n"
OLD = "{component: web, goes: up, facts: {certificate.left: 9d}, from: 10m, for: 40m}"
NEW = "{component: web, goes: up, facts: {certificate.left: 90d}, from: 50m, for: 10m}"


def subjects(scene, script: str, config: str = RULES) -> list[str]:
    """What alice was told, without the service's name."""
    return [
        subject.removeprefix("[Acme] ")
        for _, who, _, subject in pages(scene.simulated(NIGHT + script, config))
        if who == "alice"
    ]


def test_a_condition_is_told_once_and_its_end_when_a_reading_says_so(scene):
    assert subjects(scene, f"faults: [{OLD}, {NEW}]") == [
        FACT,
        "RESOLVED: Web site met the condition certificate.left < 14d for 40m1s",
    ]


def test_the_letter_says_which_fact_what_value_what_bound_since_when_and_where(scene):
    (_, (row, *_)), *_ = scene.simulated(f"{NIGHT}faults: [{OLD}]", RULES).diary.letters
    assert row.title == f"[Acme] {FACT}"
    for said in (
        "Web site has met the condition certificate.left < 14d since 2025-11-22 05:10:08 EST (UTC-05:00).",
        "Why: certificate.left is 9d",
        "Check: web/home, which asks https://www.example.org/",
        "Seen from: hub",
        "Alert: Acme/fact:web/home certificate.left < 14d/1",
    ):
        assert said in row.body.splitlines()


@pytest.mark.parametrize(
    "after",
    [
        "{component: web, goes: unknown, from: 50m, for: 1h}",
        "{vantage: hub, goes: blind, from: 50m, for: 1h}",
    ],
)
def test_what_is_unknown_ends_no_condition(scene, after):
    assert subjects(scene, f"faults: [{OLD}, {after}]") == [FACT]


def test_a_condition_during_an_outage_stays_and_the_outage_is_told_beside_it(scene):
    down = "{component: web, goes: down, from: 20m, for: 10m}"
    told = subjects(scene, f"faults: [{OLD}, {NEW}, {down}]")
    assert told[:3] == [FACT, "DOWN: Web site", "RESOLVED: Web site was down for 10m"]
    assert told[3].startswith("RESOLVED: Web site met the condition certificate.left < 14d")
    assert len(told) == 4


def test_a_condition_is_held_back_by_the_for_of_its_rule_and_by_a_silence(scene):
    held = RULES.replace('14d"}', '14d", for: 1h}')
    assert held != RULES
    assert subjects(scene, f"faults: [{OLD}, {NEW}]", held) == []
    silence = "acts: [{at: 1m, by: bob, silence: web, when: fact, for: 90m}]"
    assert subjects(scene, f"faults: [{OLD}, {NEW}]\n{silence}") == []


def test_a_slowness_of_an_hour_is_told_and_one_of_some_minutes_is_not(scene):
    an_hour = "{component: web, goes: up, latency: 800ms, from: 1h, for: 1h}"
    minutes = "{component: web, goes: up, latency: 800ms, from: 5h, for: 4m}"
    told = subjects(scene, f"length: 8h\nfaults: [{an_hour}, {minutes}]")
    assert told[0] == SLOW
    assert told[1].startswith("RESOLVED: Web site was slow for 1h")
    assert len(told) == 2


def test_a_few_milliseconds_more_are_no_slowness(scene):
    assert subjects(scene, "faults: [{component: web, goes: up, latency: 140ms, from: 1h, for: 2h}]") == []


def test_what_is_slow_in_a_maintenance_window_is_not_told_and_not_after_it(scene):
    window = RULES.replace(
        'components: [db], when: "Sat 03:00-04:00"', 'components: [web], when: "Sat 06:00-08:00"'
    )
    assert window != RULES
    slow = "faults: [{component: web, goes: up, latency: 800ms, from: 65m, for: 112m}]"  # 06:05 to 07:57
    assert subjects(scene, f"length: 6h\n{slow}", window) == []


def test_our_own_blindness_neither_begins_nor_ends_a_slowness(scene):
    slow = "{component: web, goes: up, latency: 800ms, from: 1h, for: 1h}"
    blind = "{vantage: hub, goes: blind, from: 2h, for: 3h}"
    told = subjects(scene, f"length: 4h\nfaults: [{slow}, {blind}]")
    assert [subject for subject in told if "Web site" in subject] == [SLOW]


def test_the_diary_names_the_rule(scene):
    lines = scene.lines(f"{NIGHT}faults: [{OLD}]", RULES)
    assert any("rule 4 (certificate.left < 14d) for web" in line for line in lines)
