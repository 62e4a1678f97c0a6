"""Scripted worlds: who is paged when, and why; who is not, and why not."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.rehearsal.scenes import CONFIG, START, pages
from watch.core.settings import Vantage
from watch.rehearsal.script_file import script_at
from watch.rehearsal.simulation import Simulation

OUTAGE = "faults: [{component: web, goes: down, from: 10m, for: 40m, reason: refused}]\n"
ROOT = Path(__file__).parents[2]
ALL_KINDS = """
faults:
  - {component: web, goes: down, from: 10m, for: 30m, reason: refused}
  - {check: db/a, goes: down, from: 1h, for: 5m}
  - {check: db/b, goes: silent, from: 65m, for: 15m}
  - {vantage: hub, goes: blind, from: 90m, for: 5m}
  - {group: Data, goes: degraded, from: 2h, for: 5m}
  - {group: Data, goes: down, from: 2h10m, for: 1h}
  - {component: web, goes: down, flaps: 90s, from: 200m, for: 20m}
channels:
  - {person: alice, number: 1, fails: for_now, from: 0s, for: 20m}
  - {person: bob, fails: hangs, from: 20m, for: 10m}
acts:
  - {at: 30m, by: alice, ack: web, for: 5m}
  - {at: 205m, by: bob, silence: web, for: 5m, reason: known}
"""


def why(lines: list[str], text: str) -> list[str]:
    """The reasons under the first line with *text*."""
    at = next(n for n, line in enumerate(lines) if text in line)
    found = []
    for line in lines[at + 1 :]:
        if not line.startswith("   "):
            break
        found.append(line.strip())
    return found


def test_an_outage_pages_whoever_is_on_call_and_then_the_next_step(scene):
    assert pages(scene.simulated(OUTAGE)) == [
        ("01:10:29", "alice", 1, "[Acme] DOWN: Web site"),
        ("01:25:19", "bob", 1, "[Acme] DOWN: Web site"),
        ("01:51:19", "alice", 1, "[Acme] RESOLVED: Web site was down for 40m"),
        ("01:51:19", "bob", 1, "[Acme] RESOLVED: Web site was down for 40m"),
    ]


def test_a_page_says_its_rule_its_step_and_who_holds_the_pager(scene):
    lines = scene.lines(OUTAGE)
    assert why(lines, "page to alice") == [
        "rule 1 (down) for web",
        "escalation urgent, step 1: alice is on call in primary",
    ]
    assert why(lines, "page to bob") == [
        "rule 1 (down) for web",
        "escalation urgent, step 2, 15m after the opening: bob",
    ]


def test_a_channel_that_fails_is_told_and_the_next_one_is_taken(scene):
    script = OUTAGE + "channels: [{person: alice, number: 1, fails: for_good, from: 0s}]\n"
    lines = scene.lines(script)
    assert "01:10:29  not delivered to alice, channel 1: the channel refuses it for good" in lines
    assert pages(scene.simulated(script))[0] == ("01:10:29", "alice", 2, "[Acme] DOWN: Web site")


def test_a_channel_whose_url_apprise_does_not_accept_is_never_paged(scene, threenines):
    text = CONFIG.replace('"ntfy://${env:NTFY_A}"', '"slack://s3cret"')
    assert text != CONFIG
    (scene.folder / "checks.yaml").write_text(text, "utf-8")
    (scene.folder / "faults.yaml").write_text(START + OUTAGE, "utf-8")
    said = threenines("simulate", "checks.yaml", "--script", "faults.yaml")
    assert said.code == 0
    assert (
        "not delivered to alice, channel 1: the channel cannot be used, as apprise does not accept"
        in said.out
    )
    assert "page to alice, channel 1:" not in said.out
    assert "page to alice, channel 2:" in said.out


def test_an_acknowledgement_stops_the_next_step(scene):
    simulation = scene.simulated(OUTAGE + "acts: [{at: 12m, by: alice, ack: web, for: 1h}]\n")
    assert [who for _, who, _, _ in pages(simulation)] == ["alice", "alice"]


def test_a_window_holds_the_page_back_until_it_ends(scene):
    script = "faults: [{component: db, goes: down, from: 2h10m, for: 1h}]\n"
    lines = scene.lines(script)
    assert "maintenance window storage suppresses alerts until 04:00:00" in why(lines, "no page for db")
    assert pages(scene.simulated(script))[0][0] == "04:00:10"


def test_a_silence_holds_the_page_back_and_its_author_is_told(scene):
    script = OUTAGE + "acts: [{at: 5m, by: bob, silence: web, for: 2h, reason: new switch}]\n"
    assert why(scene.lines(script), "no page for web") == [
        "silence 1 by bob holds until 03:05:00: new switch"
    ]
    assert pages(scene.simulated(script)) == []


def test_trouble_that_ends_before_its_rule_waits_is_told_then(scene):
    lines = scene.lines("faults: [{check: db/a, goes: down, from: 1h, for: 5m}]\n")
    assert why(lines, "no page for db") == [
        "it was over after 5m5s; its rule waits for longer (redundancy_lost for 10m)"
    ]


def test_a_state_without_a_rule_is_told(scene):
    lines = scene.lines("faults: [{component: web, goes: degraded, from: 1h}]\n")
    assert why(lines, "no page for web") == ["no rule has `when: degraded` for it"]


def test_a_gap_on_call_is_skipped_aloud(scene):
    turns = "{people: [alice, bob], every: 1 week, handover: Mon 09:00, start: 2025-11-03}"
    config = CONFIG.replace(turns, '{layers: [{people: alice, during: "Mon 08:00-09:00"}]}')
    lines = scene.lines(OUTAGE, config)
    assert why(lines, "page to bob") == [
        "rule 1 (down) for web",
        "escalation urgent, step 2, 15m after the opening: bob",
        "skipped: nobody is on call in primary",
    ]


def test_a_step_that_waits_for_its_hours_is_told(scene):
    config = CONFIG.replace("{page: primary}", '{page: primary, during: "Mon-Fri 08:00-18:00"}')
    lines = scene.lines(OUTAGE, config)
    assert why(lines, "no page to primary about web before 2025-11-24 08:00:00") == [
        "escalation urgent, step 1 calls in Mon-Fri 08:00-18:00 America/New_York"
    ]


def test_a_clock_change_begins_a_new_heading(scene):
    lines = scene.lines("start: 2025-11-02 00:30\nlength: 4h\n" + OUTAGE.replace("40m", "2h"))
    assert [line for line in lines if line.startswith("Sunday")] == [
        "Sunday 2025-11-02 (EDT)",
        "Sunday 2025-11-02 (EST)",
    ]


def test_blindness_of_a_vantage_point_pages_for_no_target(scene):
    simulation = scene.simulated("faults: [{vantage: hub, goes: blind, from: 1h, for: 30m}]\n")
    states = [line.facts["state"] for line in simulation.diary.lines if line.kind == "state"]
    assert "down" not in states
    assert "unknown" in states
    assert pages(simulation) == []


def test_without_canaries_blindness_reads_as_an_outage(scene):
    config = CONFIG.replace(', canaries: [{tcp: "127.0.0.1:1"}, {tcp: "127.0.0.1:2"}]', "")
    simulation = scene.simulated("faults: [{vantage: hub, goes: blind, from: 1h, for: 30m}]\n", config)
    assert any("DOWN" in title for *_, title in pages(simulation))


def test_a_fault_seen_from_one_of_three_places_is_degraded(scene):
    settings = scene.settings()
    places = {name: Vantage(name=name, site="irvine", local=False) for name in ("east", "west")}
    settings = replace(settings, vantages=settings.vantages | places)
    (scene.folder / "east.yaml").write_text(
        START + "faults: [{component: web, goes: down, seen_from: east, from: 1h, for: 30m}]\n", "utf-8"
    )
    simulation = Simulation(settings, script_at(scene.folder / "east.yaml", settings))
    asyncio.run(simulation.run())
    states = [line.facts["state"] for line in simulation.diary.lines if line.kind == "state"]
    assert states == ["degraded", "up"]


def test_long_beats_pass_over_nothing(scene):
    """A turn each second, as in the running hub, writes the same diary."""
    assert scene.lines(ALL_KINDS) == scene.lines(ALL_KINDS, calm_ms=1000)


def test_a_week_of_calm_takes_few_turns(scene):
    simulation = scene.simulated("start: 2025-11-22 01:00\nlength: 7d\n")
    assert simulation._estate.turns < 7 * 24 * 60


def test_the_same_input_gives_the_same_bytes_whatever_the_hashes(scene):
    scene.configure()
    (scene.folder / "faults.yaml").write_text(START + ALL_KINDS, "utf-8")
    said = {
        subprocess.run(
            [sys.executable, "-m", "watch", "simulate", "checks.yaml", "--script", "faults.yaml", "--json"],
            cwd=scene.folder, env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True, check=True,
        ).stdout for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1


def test_no_secret_is_needed_and_none_is_shown(scene, threenines):
    scene.configure()
    (scene.folder / "faults.yaml").write_text(START + ALL_KINDS, "utf-8")
    for words in ((), ("--json",)):
        said = threenines("simulate", "checks.yaml", "--script", "faults.yaml", *words)
        assert said.code == 0
        assert "bobs-secret-topic" not in said.out + said.err


def test_no_file_is_touched(scene, threenines):
    scene.configure()
    (scene.folder / "faults.yaml").write_text(START + OUTAGE, "utf-8")
    threenines("simulate", "checks.yaml", "--script", "faults.yaml")
    assert sorted(path.name for path in scene.folder.iterdir()) == ["checks.yaml", "faults.yaml"]


@pytest.mark.parametrize("fails", ["for_now", "hangs"])
def test_a_channel_that_works_again_delivers_what_is_true_then(scene, fails):
    simulation = scene.simulated(
        "faults: [{component: web, goes: down, from: 10m, for: 5m}]\n"
        f"channels: [{{person: alice, fails: {fails}, from: 0s, for: 30m}}]\n"
    )
    mine = [(who, title) for _, who, _, title in pages(simulation) if who == "alice"]
    assert mine == [("alice", "[Acme] DELIVERED LATE: Web site was down 01:10–01:15")]
