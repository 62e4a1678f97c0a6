"""Recorded history, replayed: the same pages with the same configuration, others with another."""

from __future__ import annotations

import json

from tests.rehearsal.scenes import CONFIG
from tests.rehearsal.test_simulation import ALL_KINDS

SPAN = ("--from", "2025-11-22 01:00", "--to", "2025-11-22 05:00")
OUTAGE = "faults: [{component: web, goes: down, from: 10m, for: 40m, reason: refused}]\n"


def test_the_present_configuration_gives_the_pages_that_were_sent(scene, threenines):
    scene.lived(ALL_KINDS.replace("  - {person: bob, fails: hangs, from: 20m, for: 10m}\n", ""))
    said = threenines("replay", *SPAN)
    assert said.code == 0
    assert said.out.endswith("The replay gives the same.\n"), said.out[-2000:]


def test_a_page_that_a_failed_channel_delayed_is_a_difference(scene, threenines):
    scene.lived(OUTAGE + "channels: [{person: alice, fails: for_now, from: 0s, for: 15m}]\n")
    said = threenines("replay", *SPAN)
    assert "  2025-11-22 01:10:29  in the replay then, really sent at 01:15:" in said.out


def test_what_another_configuration_does_differently_is_told(scene, threenines):
    scene.lived(OUTAGE)
    scene.configure(CONFIG.replace("after: 15m", "after: 1h"), "other.yaml")
    said = threenines("replay", *SPAN, "--config", "other.yaml")
    assert '2025-11-22 01:25:19  really sent only: to bob: "[Acme] DOWN: Web site"' in said.out
    assert "replay only" not in said.out


def test_a_page_that_would_have_come_at_another_time_is_told(scene, threenines):
    scene.lived(OUTAGE)
    scene.configure(CONFIG.replace("after: 15m", "after: 12m"), "other.yaml")
    said = threenines("replay", *SPAN, "--config", "other.yaml")
    told = '  2025-11-22 01:22:19  in the replay then, really sent at 01:25:19: to bob: "[Acme] DOWN: Web site"\n'
    assert said.out.endswith(f"Really sent: 4 pages. The replay differs:\n{told}")


def test_the_windows_on_record_count_with_the_present_configuration(scene, threenines):
    scene.lived("faults: [{component: db, goes: down, from: 2h10m, for: 1h}]\n")
    without = CONFIG[: CONFIG.index("maintenance:")] + CONFIG[CONFIG.index("people:") :]
    scene.configure(without)
    assert "maintenance window storage suppresses alerts" in threenines("replay", *SPAN).out
    scene.configure()
    scene.configure(without, "other.yaml")
    said = threenines("replay", *SPAN, "--config", "other.yaml")
    assert "maintenance window" not in said.out


def test_an_outage_that_began_before_the_span_is_not_paged_in_it(scene, threenines):
    scene.lived(OUTAGE)
    said = threenines("replay", "--from", "2025-11-22 01:30", "--to", "2025-11-22 02:00", "--json")
    found = json.loads(said.out)
    assert [(line["person"], line["event"]) for line in found["lines"] if line["kind"] == "page"] == [
        ("alice", "resolved"), ("bob", "resolved"),
    ]  # fmt: skip
    assert found["really"] == {
        "known": True, "sent": 2, "not_compared": 0, "really_sent_only": [], "replay_only": [], "moved": [],
    }  # fmt: skip


def test_checks_that_only_one_side_has_are_named(scene, threenines):
    scene.lived(OUTAGE)
    scene.configure(CONFIG.replace("home:", "front:"), "other.yaml")
    said = threenines("replay", *SPAN, "--config", "other.yaml")
    assert "on record, but not in this configuration: web/home" in said.out
    assert "in this configuration, but not on record, so taken as up: web/front" in said.out


def test_the_store_is_only_read(scene, threenines):
    scene.lived(OUTAGE)
    store = scene.settings().store
    before = store.read_bytes()
    threenines("replay", *SPAN)
    assert store.read_bytes() == before


def test_a_span_that_is_none_is_refused(scene, threenines):
    scene.lived(OUTAGE)
    for words in (("--from", "2025-11-22 05:00", "--to", "2025-11-22 01:00"), ("--from", "tomorrow")):
        said = threenines("replay", *words)
        assert (said.code, said.out) == (2, "")
        assert "--from" in said.err


def test_without_the_present_configuration_it_says_where_to_name_it(scene, threenines):
    scene.configure(name="other.yaml")
    said = threenines("replay", *SPAN, "--config", "other.yaml")
    assert said.code == 2
    assert "threenines --config PRESENT replay --config other.yaml" in said.err


def test_a_day_alone_is_its_midnight(scene, threenines):
    scene.lived(OUTAGE)
    said = threenines("replay", "--from", "2025-11-22", "--to", "2025-11-23")
    assert "2025-11-22 00:00:00 to 2025-11-23 00:00:00, America/New_York" in said.out
    assert said.out.endswith("Really sent: 4 pages. The replay gives the same.\n")


def test_a_time_without_record_is_empty_and_compares_nothing(scene, threenines):
    scene.lived(OUTAGE)
    said = threenines("replay", "--from", "2024-01-01", "--to", "2024-02-01")
    assert said.code == 0
    assert "page to" not in said.out
    assert said.out.endswith("so nothing can be compared with what was really sent.\n")
