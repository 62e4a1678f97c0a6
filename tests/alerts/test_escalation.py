"""Who next, after how long. Every test is an outage script on virtual time, and nobody is called but whom it names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.alerts.stage import (
    FAILED,
    HANGS,
    REFUSED,
    Stage,
    component,
    person,
    policy,
    rule,
    settings,
    shifts,
    step,
)
from watch.alerts.alert_answers import alert_answer
from watch.cli.alert_texts import listed
from watch.core.alert import Event
from watch.core.book import Book
from watch.core.settings import Person
from watch.core.window import Opens, Window, parse_weekly
from watch.hub.quiet import quiet_components

HOUR = 3600
URGENT = policy(step("primary"), step("bob", after=600), step("carol", after=1200))
TEAM = (person("alice"), person("bob"), person("carol"), person("dave"))
# The stage begins on a Monday at 19:12 in Los Angeles, 03:12 UTC.
WORK = "Mon-Fri 08:00-18:00 America/Los_Angeles"
UNTIL_WORK = 12 * HOUR + 48 * 60


def stage(urgent=URGENT, *, primary=None, catch_all=("dave",), rules=None, **kwargs) -> Stage:
    made = settings(
        *(rules or (rule("down", "web", "db", escalate="urgent"),)),
        people=kwargs.pop("people", TEAM), escalations={"urgent": urgent}, catch_all=catch_all,
        rotations={"primary": primary or shifts("alice")}, group_wait=0, **kwargs,
    )  # fmt: skip
    return Stage(made)


def body(s: Stage, who: str) -> str:
    """What *who* was told last."""
    return next(page.body for page in reversed(s.pages) if page.who == who)


# ---- steps ----


def test_steps_follow_one_another_at_their_times_while_nobody_acknowledges():
    s = stage()
    s.goes("web", "down")
    s.passes(2 * HOUR)
    assert s.calls() == [(0, "alice"), (600, "bob"), (1200, "carol")]


def test_after_counts_from_the_opening_also_where_the_rule_waits():
    s = stage(rules=(rule("degraded", "web", lasting=300, escalate="urgent"),))
    s.goes("web", "degraded")
    s.passes(2 * HOUR)
    assert s.calls() == [(300, "alice"), (900, "bob"), (1500, "carol")]


def test_the_end_of_the_trouble_ends_the_steps_and_only_those_who_were_called_hear_of_it():
    s = stage()
    s.goes("web", "down")
    s.passes(700)
    s.goes("web", "up")
    s.passes(2 * HOUR)
    assert s.calls() == [(0, "alice"), (600, "bob")]
    assert [(p.who, p.event) for p in s.pages[2:]] == [("alice", Event.RESOLVED), ("bob", Event.RESOLVED)]


@pytest.mark.parametrize("back", ["up", "degraded"])
def test_what_is_well_again_and_waits_to_be_closed_calls_nobody_else(back):
    s = stage()
    s.goes("web", "down")
    s.passes(570)
    s.goes("web", back)
    s.passes(2 * HOUR)
    assert s.calls() == [(0, "alice")]
    assert [(p.who, p.event) for p in s.pages[1:]] == [("alice", Event.RESOLVED)]


def test_what_fails_again_before_it_is_closed_goes_on_at_once_with_the_step_that_came_due():
    s = stage()
    s.goes("web", "down")
    s.passes(570)
    s.goes("web", "up")
    s.passes(55)
    assert s.calls() == [(0, "alice")]
    s.goes("web", "down")
    s.passes(2 * HOUR)
    assert s.calls() == [(0, "alice"), (625, "bob"), (1200, "carol")]


def test_what_fails_again_before_its_next_step_is_due_keeps_the_time_of_that_step():
    s = stage()
    s.goes("web", "down")
    s.passes(500)
    s.goes("web", "up")
    s.passes(30)
    s.goes("web", "down")
    s.passes(2 * HOUR)
    assert s.calls() == [(0, "alice"), (600, "bob"), (1200, "carol")]


def test_a_time_without_data_is_no_recovery_and_its_steps_go_on():
    s = stage()
    s.goes("web", "down")
    s.passes(570)
    s.goes("web", "up")
    s.passes(10)
    s.goes("web", "unknown")
    s.passes(40)
    assert s.calls() == [(0, "alice"), (600, "bob")]


@pytest.mark.parametrize("way", ["acknowledgement", "silence"])
def test_the_end_of_an_acknowledgement_or_a_silence_of_what_is_well_again_calls_nobody(way):
    s = stage()
    s.goes("web", "down")
    s.passes(5)
    if way == "silence":
        s.tells("silence add", components=["web"], reason="x", **{"for": "5m"})
    else:
        s.tells("ack", alert="web", **{"for": "5m"})
    s.passes(280)
    s.goes("web", "up")
    s.passes(40)
    assert s.calls() == [(0, "alice")]
    t = Stage(s.settings)
    t.disk, t.at_ms, t.standings = s.disk, s.at_ms, dict(s.standings)
    t.restarts()
    t.goes("web", "down")
    t.passes(1)
    assert t.calls() == [(325, "alice")], "it is down, and nobody has it any more"
    s.passes(2 * HOUR)
    assert s.calls() == [(0, "alice")]
    assert [p.event for p in s.pages[1:]] == [Event.RESOLVED]


def test_what_a_rule_no_longer_covers_and_waits_to_be_closed_calls_nobody_else():
    s = stage()
    s.goes("web", "down")
    s.passes(570)
    s.reloads(replace(s.settings, alerts=(rule("down", "db", escalate="urgent"),)))
    s.passes(2 * HOUR)
    assert s.calls() == [(0, "alice")]


def test_the_row_says_that_the_alert_waits_to_be_closed_so_no_step_of_it_is_late():
    s = stage(policy(step("primary"), step("bob", after=10)))
    s.goes("web", "down")
    s.passes(5)
    (row,) = s.disk.rows()[0]
    assert (row.ending_ms, row.next_step_at_ms) == (None, row.opened_ms + 10_000)
    s.goes("web", "up")
    s.passes(50)
    for _ in range(2):
        (row,) = s.disk.rows()[0]
        assert (row.ending_ms, row.next_step_at_ms) == (row.opened_ms + 5_000, None)
        s.restarts()
        s.passes(1)
    (_, line) = listed(alert_answer([row], s.settings, s.at_ms, lambda _: ()))
    assert line.endswith("over since 2025-11-24 19:12:05 PST, closes soon")
    s.goes("web", "down")
    s.passes(1)
    (row,) = s.disk.rows()[0]
    assert (row.ending_ms, row.calls, row.next_step_at_ms) == (None, 2, None)
    s.goes("web", "up")
    s.passes(61)
    (row,) = s.disk.rows()[0]
    assert (row.open, row.ending_ms) == (False, None)


def test_whoever_holds_the_pager_when_a_step_is_due_is_called():
    s = stage(policy(step("primary"), step("primary", after=600)), primary=shifts("alice", s300="bob"))
    s.goes("web", "down")
    s.passes(HOUR)
    assert s.calls() == [(0, "alice"), (600, "bob")]


def test_a_handover_alone_calls_nobody():
    s = stage(policy(step("primary")), primary=shifts("alice", s300="bob"))
    s.goes("web", "down")
    s.passes(HOUR)
    assert s.calls() == [(0, "alice")]


def test_whom_a_later_step_names_again_is_called_again():
    s = stage(policy(step("primary"), step("alice", "bob", after=600)))
    s.goes("web", "down")
    s.passes(HOUR)
    assert s.calls() == [(0, "alice"), (600, "alice"), (600, "bob")]
    assert "Nobody has acknowledged this yet, so you are paged again." in body(s, "alice")
    assert "again" not in body(s, "bob")


def test_two_steps_at_the_same_time_are_one_call_a_person():
    s = stage(policy(step("primary", "alice"), step("alice", "bob")))
    s.goes("web", "down")
    s.passes(HOUR)
    assert s.calls() == [(0, "alice"), (0, "bob")]


def test_every_alert_escalates_by_itself():
    s = stage(policy(step("alice"), step("bob", after=600)))
    s.goes("web", "down")
    s.passes(300)
    s.goes("db", "down")
    s.passes(HOUR)
    assert s.calls() == [(0, "alice"), (300, "alice"), (600, "bob"), (900, "bob")]


# ---- nobody ----


def test_a_step_with_nobody_on_call_is_skipped_at_once_and_the_letter_says_so():
    s = stage(primary=shifts())
    s.goes("web", "down")
    s.passes(2 * HOUR)
    assert s.calls() == [(0, "bob"), (1200, "carol")]
    assert "Nobody is on call in primary, so you are paged." in body(s, "bob")
    assert "primary" not in body(s, "carol")


def test_after_the_last_step_that_reaches_nobody_it_is_the_turn_of_the_catch_all():
    s = stage(policy(step("primary"), step("primary", after=600)), primary=shifts())
    s.goes("web", "down")
    s.passes(2 * HOUR)
    assert s.calls() == [(0, "dave")]
    assert "Nobody is on call in primary, so you are paged." in body(s, "dave")


def test_a_later_step_with_nobody_on_call_is_not_silent():
    s = stage(policy(step("alice"), step("primary", after=600)), primary=shifts())
    s.goes("web", "down")
    s.passes(HOUR)
    assert s.calls() == [(0, "alice"), (600, "dave")]


def test_a_skipped_step_whose_successor_waits_for_its_hours_leaves_no_hole():
    s = stage(policy(step("primary"), step("bob", after=600, during=WORK)), primary=shifts())
    s.goes("web", "down")
    s.passes(HOUR)
    assert s.calls() == [(0, "dave")]


def test_somebody_without_a_channel_cannot_be_called():
    people = (*TEAM, Person(name="erin", channels=()))
    s = stage(policy(step("erin"), step("bob", after=600)), people=people)
    s.goes("web", "down")
    s.passes(HOUR)
    assert s.calls() == [(0, "bob")]
    assert "Erin has no channel, so you are paged." in body(s, "bob")


def test_a_holder_of_the_pager_without_a_channel_is_named():
    people = (*TEAM, Person(name="erin", channels=()))
    s = stage(primary=shifts("erin"), people=people)
    s.goes("web", "down")
    s.passes(1)
    assert "Erin, on call in primary, has no channel, so you are paged." in body(s, "bob")


def test_without_anybody_at_all_nothing_goes_wrong():
    s = stage(primary=shifts(), people=(), catch_all=())
    s.goes("web", "down")
    s.passes(HOUR)
    assert (s.pages, s.open()) == ([], {"down:web"})


def test_when_every_channel_has_refused_for_good_the_next_step_follows_at_once():
    s = stage(people=(person("alice", channels=2), *TEAM[1:]))
    s.answers["alice", 0] = s.answers["alice", 1] = REFUSED
    s.goes("web", "down")
    s.passes(300)
    assert s.attempts[:2] == [(0, "alice", 0), (0, "alice", 1)]
    assert s.calls() == [(1, "bob")]
    assert "Alice cannot be reached, so you are paged." in body(s, "bob")


def test_every_round_calls_the_catch_all_while_nobody_else_can_be_reached():
    s = stage(policy(step("alice"), repeat=1800))
    s.answers["alice", 0] = REFUSED
    s.goes("web", "down")
    s.passes(HOUR - 1)
    assert s.calls() == [(1, "dave"), (1801, "dave")]


def test_one_of_two_who_can_be_reached_is_enough():
    s = stage(policy(step("alice", "bob"), step("carol", after=600)))
    s.answers["alice", 0] = REFUSED
    s.goes("web", "down")
    s.passes(599)
    assert s.calls() == [(0, "bob")]


def test_a_channel_that_fails_for_now_does_not_hurry_the_steps():
    s = stage()
    s.answers["alice", 0] = FAILED
    s.goes("web", "down")
    s.passes(599)
    assert s.calls() == []
    s.passes(1)
    assert s.calls() == [(600, "bob")]


def test_a_late_delivery_tells_of_all_calls_so_far_once():
    s = stage(policy(step("alice"), step("alice", after=60)))
    s.answers["alice", 0] = HANGS
    s.goes("web", "down")
    s.passes(10)
    s.answers.clear()
    s.passes(HOUR)
    assert [who for _, who in s.calls()] == ["alice", "alice"]
    t = stage(policy(step("alice"), step("alice", after=60)))
    t.answers["alice", 0] = FAILED
    t.goes("web", "down")
    t.passes(70)
    t.answers.clear()
    t.passes(HOUR)
    assert [who for _, who in t.calls()] == ["alice"], "she heard after both calls"


# ---- hours ----


def test_a_step_outside_its_hours_waits_for_them():
    s = stage(policy(step("primary", during=WORK)))
    s.goes("web", "down")
    s.passes(UNTIL_WORK - 1)
    assert s.pages == []
    s.passes(HOUR)
    assert s.calls() == [(UNTIL_WORK, "alice")]


def test_trouble_that_is_over_before_the_hours_begin_calls_nobody():
    s = stage(policy(step("primary", during=WORK)))
    s.goes("web", "down")
    s.passes(HOUR)
    s.goes("web", "up")
    s.passes(UNTIL_WORK + HOUR)
    assert s.pages == []


def test_later_steps_do_not_wait_for_one_that_waits_for_its_hours():
    s = stage(policy(step("alice", during=WORK), step("bob", after=600)))
    s.goes("web", "down")
    s.passes(UNTIL_WORK)
    assert s.calls() == [(600, "bob"), (UNTIL_WORK, "alice")]


def test_quiet_hours_for_one_and_nights_for_another():
    night = "daily 18:00-08:00 America/Los_Angeles"
    s = stage(policy(step("alice", during=WORK), step("bob", during=night)))
    s.goes("web", "down")
    s.passes(HOUR)
    assert s.calls() == [(0, "bob")]


# ---- rounds ----


def test_a_policy_with_repeat_begins_again_until_somebody_acknowledges():
    s = stage(replace(policy(step("alice"), step("bob", after=600)), repeat_ms=1_800_000))
    s.goes("web", "down")
    s.passes(2399)
    assert s.calls() == [(0, "alice"), (600, "bob")]
    s.passes(1)
    assert s.calls()[2:] == [(2400, "alice")]
    assert "Nobody has acknowledged this yet" in body(s, "alice")
    s.passes(600)
    assert s.calls()[3:] == [(3000, "bob")]
    s.tells("ack", alert="web", **{"for": "6h"})
    s.passes(3 * HOUR)
    assert len(s.calls()) == 4


def test_rounds_go_on_while_a_step_waits_for_its_hours():
    s = stage(policy(step("alice"), step("bob", during=WORK), repeat=1800))
    s.goes("web", "down")
    s.passes(HOUR + 1)
    assert s.calls() == [(0, "alice"), (1800, "alice"), (3600, "alice")]


def test_an_alert_that_opens_again_begins_with_the_first_step():
    s = stage(policy(step("alice"), step("bob", after=600)))
    s.goes("web", "down")
    s.passes(300)
    s.goes("web", "up")
    s.passes(120)
    s.goes("web", "down")
    s.passes(HOUR)
    assert s.calls() == [(0, "alice"), (420, "alice"), (1020, "bob")]
    assert s.pages[2].title.startswith("[Acme] DOWN AGAIN")


# ---- restarts, reloads, clocks ----


@pytest.mark.parametrize("killed_at", [0, 1, 599, 600, 601, 1199, 1200])
def test_steps_go_on_over_a_restart_as_if_there_had_been_none(killed_at):
    s = stage()
    s.goes("web", "down")
    s.passes(killed_at)
    s.restarts()
    s.passes(HOUR - killed_at)
    assert s.calls() == [(0, "alice"), (600, "bob"), (1200, "carol")]


def test_steps_that_were_due_while_the_hub_was_away_are_taken_when_it_is_back():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.at_ms += 2 * HOUR * 1000
    s.restarts()
    s.passes(60)
    assert s.calls() == [(0, "alice"), (60 + 2 * HOUR, "bob"), (60 + 2 * HOUR, "carol")]


def test_a_reload_in_mid_escalation_changes_no_open_alert():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.reloads(replace(s.settings, escalations={"urgent": policy(step("dave"), step("alice", after=60))}))
    s.passes(HOUR)
    assert s.calls() == [(0, "alice"), (600, "bob"), (1200, "carol")]
    s.goes("db", "down")
    s.passes(120)
    assert s.calls()[3:] == [(3660, "dave"), (3720, "alice")], "a new alert has the new policy"


def test_a_policy_that_was_deleted_goes_on_for_the_alerts_that_have_it():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.reloads(
        replace(s.settings, escalations={"other": URGENT}, alerts=(rule("down", "web", escalate="other"),))
    )
    s.restarts()
    s.passes(HOUR)
    assert [who for _, who in s.calls()][:2] == ["alice", "bob"]


def test_a_rotation_that_was_deleted_is_skipped_aloud():
    s = stage(policy(step("alice"), step("primary", after=600), step("bob", after=1200)))
    s.goes("web", "down")
    s.passes(60)
    s.reloads(replace(s.settings, rotations={}))
    s.passes(HOUR)
    assert s.calls() == [(0, "alice"), (600, "bob")]
    assert "Primary is no longer in the configuration, so you are paged." in body(s, "bob")


def test_a_person_who_was_removed_is_skipped_aloud():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.reloads(replace(s.settings, people={p.name: p for p in TEAM if p.name != "bob"}))
    s.passes(HOUR)
    assert s.calls() == [(0, "alice"), (600, "carol")]
    assert "Bob is no longer in the configuration, so you are paged." in body(s, "carol")


def test_a_person_who_was_renamed_is_called_by_the_new_name_and_not_twice():
    s = stage(policy(step("alice"), step("bob", after=600), step("alice", after=1200)))
    s.goes("web", "down")
    s.passes(60)
    renamed = (replace(person("alicia"), was="alice"), replace(person("robert"), was="bob"), *TEAM[2:])
    s.reloads(replace(s.settings, people={p.name: p for p in renamed}))
    s.restarts()
    s.passes(HOUR)
    assert s.calls() == [(0, "alice"), (600, "robert"), (1200, "alicia")]


@pytest.mark.parametrize("set_by", [-HOUR, HOUR, -86_400 * 3650, 86_400 * 3650])
def test_a_clock_that_is_set_neither_hurries_nor_delays_the_steps(set_by):
    s = stage()
    s.goes("web", "down")
    s.passes(300)
    s.restarts(clock_set_by=set_by)
    s.passes(HOUR)
    assert s.calls() == [(0, "alice"), (600 + set_by, "bob"), (1200 + set_by, "carol")]


def test_a_step_that_waits_for_its_hours_waits_for_them_by_the_clock_that_was_set():
    s = stage(policy(step("alice", during=WORK)))
    s.goes("web", "down")
    s.passes(60)
    s.restarts(clock_set_by=HOUR)
    s.passes(UNTIL_WORK)
    assert s.calls() == [(UNTIL_WORK, "alice")]


# ---- severity, rules ----


def test_a_rule_that_makes_an_alert_urgent_ends_an_acknowledgement():
    rules = (
        rule("degraded", "web", escalate="urgent"),
        rule("degraded", "web", lasting=HOUR, escalate="urgent", severity="urgent"),
    )
    s = stage(policy(step("alice")), rules=rules)
    s.goes("web", "degraded")
    s.passes(60)
    s.tells("ack", alert="web", **{"for": "5h"})
    s.passes(HOUR)
    assert s.calls() == [(0, "alice"), (HOUR, "alice")]


def test_an_alert_that_opened_before_has_the_people_it_had():
    """A row of an older program has no plan: those who were called are told of the end, and nobody else is called."""
    s = stage(policy(step("alice")))
    s.goes("web", "down")
    s.passes(10)
    (number,) = s.disk.alerts
    kept = s.desk.alerts[0]
    s.disk.alerts[number] = replace(kept, plans=(), calls=0, called={}).to_json()
    s.restarts()
    s.passes(HOUR)
    s.goes("web", "up")
    s.passes(HOUR)
    assert [(p.who, p.event) for p in s.pages] == [("alice", Event.TRIGGERED), ("alice", Event.RESOLVED)]


@pytest.mark.parametrize(("opens", "called"), [(Opens.WHEN_ANNOUNCED, True), (Opens.ALWAYS, False)])
def test_a_saturday_night_outage_in_a_standing_window_in_which_nobody_works_calls(opens, called):
    rule_ = parse_weekly("Sat,Sun 00:00-03:00 America/Los_Angeles")
    window = Window(name="hardware", components=("web",), rule=rule_, opens=opens, suppress_alerts=True)
    book = Book()
    book.windows["hardware"] = [(0, window)]
    s = stage(policy(step("primary"), step("bob", after=600)))
    s.at_ms += (4 * 24 * HOUR + 5 * HOUR + 48 * 60) * 1000  # Saturday 01:00 in Los Angeles
    s.standings = {key: replace(it, since_ms=s.at_ms) for key, it in s.standings.items()}
    began = s.at
    s.goes("web", "down")
    for _ in range(60):
        s.quiet = quiet_components(book, s.standings, s.at_ms)
        s.passes(60)
    assert s.calls() == ([(began, "alice"), (began + 600, "bob")] if called else [])


def test_a_component_that_is_removed_ends_its_steps():
    s = stage(components=(component("web"), component("db")))
    s.goes("web", "down")
    s.passes(500)
    s.reloads(
        replace(
            s.settings, components={"db": component("db")}, alerts=(rule("down", "db", escalate="urgent"),)
        )
    )
    s.passes(HOUR)
    assert s.calls() == [(0, "alice")]
    assert s.pages[-1].title == "[Acme] CLOSED: Web (the component was removed)"


def test_whom_two_steps_call_within_seconds_gets_one_letter():
    s = stage(policy(step("primary"), step("alice", after=2)))
    s.goes("web", "down")
    s.passes(60)
    assert s.calls() == [(0, "alice")]


def test_a_step_long_after_the_letter_is_a_call_of_its_own():
    s = stage(policy(step("primary"), step("alice", after=30)))
    s.goes("web", "down")
    s.passes(60)
    assert s.calls() == [(0, "alice"), (30, "alice")]
