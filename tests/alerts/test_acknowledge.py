"""Acknowledge and resolve: what stops, for how long, and that nothing is lost by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.alerts.stage import (
    DELIVERED,
    FAILED,
    HANGS,
    REFUSED,
    Stage,
    component,
    person,
    policy,
    rule,
    settings,
    step,
)
from watch.alerts.interventions import Interventions
from watch.core.alert import Event, Status
from watch.errors import Trouble

HOUR = 3600
TEAM = (person("alice"), person("bob"), person("carol"))
STEPS = policy(step("alice"), step("bob", after=600))


def stage(steps=STEPS, *rules, **kwargs) -> Stage:
    rules = rules or (
        rule("down", "web", "db", "san", escalate="team"),
        rule("degraded", "web", "db", escalate="team"),
    )
    made = settings(
        *rules, people=TEAM, escalations={"team": steps}, catch_all=("carol",), **{"group_wait": 0, **kwargs}
    )
    return Stage(made)


def events(s: Stage) -> list[tuple[str, Event]]:
    return [(page.who, page.event) for page in s.pages]


def rows(s: Stage, status: Status) -> int:
    return sum(notice.status is status for notice in s.disk.rows()[1])


# ---- acknowledge ----


def test_an_acknowledgement_stops_the_steps():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    (told,) = s.tells("ack", alert="web", reason="on it")["alerts"]
    assert (told["acknowledged"]["by"], told["acknowledged"]["until_ms"]) == ("alice", s.at_ms + 1_800_000)
    s.passes(1799)
    assert s.calls() == [(0, "alice")]


def test_an_urgent_alert_is_acknowledged_for_half_an_hour_and_then_begins_with_the_first_step():
    s = stage()
    s.goes("web", "down")
    s.passes(700)
    s.tells("ack", alert="web")
    s.passes(2 * HOUR)
    assert s.calls() == [(0, "alice"), (600, "bob"), (2500, "alice"), (3100, "bob")]
    assert "Nobody has acknowledged this yet" in s.pages[2].body


def test_another_one_is_acknowledged_for_two_hours():
    s = stage()
    s.goes("web", "degraded")
    s.passes(60)
    s.tells("ack", alert="web")
    s.passes(3 * HOUR)
    assert s.calls() == [(0, "alice"), (60 + 2 * HOUR, "alice"), (660 + 2 * HOUR, "bob")]


def test_it_holds_as_long_as_it_says_and_can_be_given_anew():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.tells("ack", alert="web", **{"for": "10m"})
    s.passes(300)
    s.tells("ack", "bob", alert="web", **{"for": "1h"})
    s.passes(3599)
    assert s.calls() == [(0, "alice")]
    s.passes(1)
    assert s.calls()[1:] == [(3960, "alice")]


def test_the_end_of_the_trouble_is_told_to_those_who_were_called_and_to_nobody_else():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.tells("ack", alert="web")
    s.goes("web", "up")
    s.passes(HOUR)
    assert events(s) == [("alice", Event.TRIGGERED), ("alice", Event.RESOLVED)]


def test_what_was_acknowledged_before_anybody_was_told_is_told_to_nobody():
    s = stage(group_wait=10)
    s.goes("web", "down")
    s.passes(5)
    s.tells("ack", alert="web")
    s.passes(60)
    s.goes("web", "up")
    s.passes(HOUR)
    assert s.pages == []


def test_it_stops_every_unsent_row_in_the_same_transaction():
    s = stage()
    s.answers["alice", 0] = FAILED
    s.goes("web", "down")
    s.passes(11)
    assert rows(s, Status.PENDING) == 1
    s.tells("ack", alert="web")
    before = dict(s.disk.notices)
    s.send()
    assert s.disk.notices == before, "nothing is sent between the command and its commit"
    s.turn()
    assert (rows(s, Status.PENDING), rows(s, Status.SUPERSEDED)) == (0, 1)
    assert s.disk.rows()[0][0].ack is not None
    s.answers.clear()
    s.passes(1700)
    assert s.pages == []


@pytest.mark.parametrize("committed", [False, True])
def test_a_kill_before_the_commit_undoes_all_of_it_and_after_it_nothing(committed):
    s = stage()
    s.answers["alice", 0] = FAILED
    s.goes("web", "down")
    s.passes(11)
    s.tells("ack", alert="web")
    if committed:
        s.turn()
    s.restarts()
    s.answers.clear()
    s.passes(60)
    assert [who for _, who in s.calls()] == ([] if committed else ["alice"])


def test_a_notice_that_is_being_sent_is_not_called_back():
    s = stage()
    s.answers["alice", 0] = HANGS
    s.goes("web", "down")
    s.passes(1)
    s.tells("ack", alert="web")
    s.turn()
    s.settle(DELIVERED)
    s.goes("web", "up")
    s.answers.clear()
    s.passes(200)
    assert events(s) == [("alice", Event.TRIGGERED), ("alice", Event.RESOLVED)]


def test_one_of_a_group_is_acknowledged_and_the_others_are_told():
    s = stage(group_wait=10)
    for key in ("web", "db", "san"):
        s.goes(key, "down")
    s.passes(5)
    s.tells("ack", alert="db")
    s.passes(60)
    assert s.told() == [("alice", "[Acme] DOWN: Web application, San")]


def test_worse_severity_is_an_alert_of_its_own():
    s = stage()
    s.goes("web", "degraded")
    s.passes(60)
    s.tells("ack", alert="web")
    s.goes("web", "down")
    s.passes(60)
    assert [page.title for page in s.pages] == [
        "[Acme] DEGRADED: Web application",
        "[Acme] DOWN: Web application",
    ]


def test_what_opens_again_after_an_acknowledged_alert_calls_again():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.tells("ack", alert="web", **{"for": "6h"})
    s.goes("web", "up")
    s.passes(120)
    s.goes("web", "down")
    s.passes(1)
    assert s.pages[-1].title == "[Acme] DOWN AGAIN: Web application"


def test_what_opens_again_before_its_recovery_was_delivered_calls_again_after_an_acknowledgement():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.tells("ack", alert="web", **{"for": "6h"})
    s.answers["alice", 0] = FAILED
    s.goes("web", "up")
    s.passes(120)
    s.goes("web", "down")
    s.answers.clear()
    s.passes(60)
    assert events(s) == [("alice", Event.TRIGGERED), ("alice", Event.TRIGGERED)]


@pytest.mark.parametrize("after", [1, 1799, 1800, 1801])
def test_it_outlives_a_restart(after):
    s = stage()
    s.goes("web", "down")
    s.passes(0)
    s.tells("ack", alert="web")
    s.passes(after)
    s.restarts()
    s.passes(HOUR - after)
    assert s.calls() == [(0, "alice"), (1800, "alice"), (2400, "bob")]


@pytest.mark.parametrize("set_by", [-HOUR, HOUR])
def test_a_clock_that_is_set_neither_shortens_nor_lengthens_it(set_by):
    s = stage()
    s.goes("web", "down")
    s.passes(0)
    s.tells("ack", alert="web")
    s.passes(600)
    s.restarts(clock_set_by=set_by)
    s.passes(1201)
    assert s.calls() == [(0, "alice"), (1800 + set_by, "alice")]


def test_an_unknown_stretch_ends_no_acknowledgement():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.tells("ack", alert="web")
    s.goes("web", "unknown")
    s.passes(600)
    s.goes("web", "down")
    s.passes(600)
    assert s.calls() == [(0, "alice")]


def test_a_reload_that_makes_no_change_to_the_alert_ends_no_acknowledgement():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.tells("ack", alert="web")
    s.reloads(replace(s.settings, escalations={"team": policy(step("carol"))}))
    s.passes(1700)
    assert s.calls() == [(0, "alice")]


@pytest.mark.parametrize("word", ["web", "Web application", "WEB APPLICATION", "Acme/down:web/1", "1"])
def test_an_alert_is_named_by_number_by_dedup_key_or_by_component(word):
    s = stage()
    s.goes("web", "down")
    s.goes("db", "down")
    s.passes(1)
    assert [alert["name"] for alert in s.tells("ack", alert=word)["alerts"]] == ["Web application"]


def test_a_number_goes_before_a_component_of_that_name():
    s = stage(
        STEPS,
        rule("down", "web", "1", escalate="team"),
        components=(component("web"), component("1", name="Rack 1")),
    )
    s.goes("web", "down")
    s.passes(1)
    s.goes("1", "down")
    s.passes(1)
    assert [alert["name"] for alert in s.tells("ack", alert="1")["alerts"]] == ["Web"]


def test_what_is_not_open_is_refused_with_a_list_of_what_is():
    s = stage()
    s.goes("web", "down")
    s.passes(1)
    with pytest.raises(
        Trouble, match=r"no open alert is called 'dbb'. Open alerts: 1 \(Web application\)\.$"
    ):
        s.tells("ack", alert="dbb")
    with pytest.raises(Trouble, match="name an alert or a component"):
        s.tells("ack")
    s.goes("web", "up")
    s.passes(120)
    with pytest.raises(Trouble, match=r"alert 1 \(Web application\) is over. Open alerts: none\.$"):
        s.tells("ack", alert="1")


@pytest.mark.parametrize("lasting", ["0s", "8d", "soon", "-5m", "1e9d"])
def test_a_time_that_is_none_is_refused(lasting):
    s = stage()
    s.goes("web", "down")
    s.passes(1)
    with pytest.raises(Trouble, match="--for: "):
        s.tells("ack", alert="web", **{"for": lasting})
    assert not s.desk.alerts[0].acknowledged


# ---- resolve ----


def test_an_alert_that_is_resolved_by_hand_is_closed_and_those_who_were_told_are_told_by_whom_and_why():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.tells("resolve", "bob", alert="web", reason="known, a new disk comes tomorrow")
    s.passes(5)
    assert s.open() == set()
    assert s.pages[-1].title == "[Acme] CLOSED BY HAND: Web application is still down"
    assert s.pages[-1].body.splitlines()[0] == (
        "Web application: bob closed it by hand (known, a new disk comes tomorrow). It has been down since "
        "2025-11-24 19:12:00 PST (UTC-08:00) and still is: you are told again at 19:23:00 unless it recovers."
    )
    assert events(s) == [("alice", Event.TRIGGERED), ("alice", Event.RESOLVED)]


def test_it_opens_anew_if_the_trouble_still_lasts_after_the_reopen_time():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.tells("resolve", alert="web", reason="x")
    s.passes(599)
    assert s.open() == set()
    s.passes(60)
    assert s.calls() == [(0, "alice"), (660, "alice")]
    assert [alert.n for alert in s.desk.alerts if alert.open] == [2]
    first = s.pages[-1].body.splitlines()[0]
    assert first.endswith(" At 19:13:00 alice closed it by hand (x); it has lasted since.")


def test_the_answer_to_a_resolve_says_that_the_trouble_lasts_and_when_it_is_told_again():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    (closed,) = s.tells("resolve", alert="web", reason="x")["alerts"]
    assert (closed["lasts"], closed["told_again_at_ms"]) == (True, s.at_ms + 600_000)


def test_what_has_recovered_is_closed_by_hand_without_such_a_threat():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.goes("web", "up")
    s.passes(5)
    (closed,) = s.tells("resolve", alert="web", reason="x")["alerts"]
    assert (closed["lasts"], closed["told_again_at_ms"]) == (False, None)
    s.passes(5)
    assert s.pages[-1].title == "[Acme] CLOSED BY HAND: Web application was down"


def test_new_trouble_opens_it_again_at_once():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.tells("resolve", alert="web", reason="fixed")
    s.passes(30)
    s.goes("web", "up")
    s.passes(30)
    s.goes("web", "down")
    s.passes(1)
    assert s.calls() == [(0, "alice"), (120, "alice")]


def test_a_restart_forgets_no_resolution():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.tells("resolve", alert="web", reason="x")
    s.turn()
    s.restarts()
    s.passes(500)
    assert s.calls() == [(0, "alice")]


def test_resolving_needs_a_reason():
    s = stage()
    s.goes("web", "down")
    s.passes(1)
    with pytest.raises(Trouble, match="resolve: say why, with --reason TEXT"):
        s.tells("resolve", alert="web", reason=" \n")


# ---- what is said of what was not told ----


def listing(s: Stage) -> dict:
    """The answer to `threenines ack`."""
    asked = Interventions(s.desk, lambda: s.settings, s).alerts({})
    try:
        asked.send(None)
    except StopIteration as done:
        return dict(done.value)
    raise AssertionError("the question waits for nothing")


def test_what_a_window_holds_back_is_listed_and_named_until_the_window_ends():
    s = stage()
    s.quiet = {"web": s.at_ms + 3_600_000}
    s.goes("web", "down")
    s.passes(60)
    (held,) = listing(s)["held_back"]
    assert (held["subject"], held["when"], held["until_ms"]) == ("web", "down", s.quiet["web"])
    with pytest.raises(
        Trouble,
        match=r"Web application is in trouble \(down\), but a maintenance window holds .*: nobody was called",
    ):
        s.tells("ack", alert="web")
    s.quiet = {}
    s.passes(60)
    assert listing(s)["held_back"] == []
    assert [alert["subject"] for alert in listing(s)["alerts"]] == ["web"]


@pytest.mark.parametrize(
    ("outcome", "missed"), [(DELIVERED, []), (HANGS, []), (FAILED, ["alice"]), (REFUSED, ["alice"])]
)
def test_who_did_not_get_the_letter_is_not_called_reached(outcome, missed):
    s = stage()
    s.answers["alice", 0] = outcome
    s.goes("web", "down")
    s.passes(12)
    (alert,) = listing(s)["alerts"]
    assert alert["unreached"] == missed
    assert ("alice" in alert["called"]) is not bool(missed)
