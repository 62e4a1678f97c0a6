"""Semantics §7: who hears what when. Every test is an outage script on virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.alerts.stage import DELIVERED, FAILED, HANGS, REFUSED, Stage, component, person, rule, settings
from watch.alerts.outbox import Outbox
from watch.core.alert import Event
from watch.core.standing import OwnTrouble

DOWN = "[Acme] DOWN: Web application"
BOTH = {"team": ("alice", "bob")}


def stage(*rules, **kwargs) -> Stage:
    return Stage(settings(*(rules or (rule("down", "web", "db", "san"),)), **kwargs))


# ---- opening ----


def test_a_component_that_is_down_pages_after_the_group_wait():
    s = stage()
    s.goes("web", "down")
    s.passes(9)
    assert s.told() == []
    s.passes(1)
    assert s.told() == [("alice", DOWN)]


def test_what_no_rule_speaks_of_pages_nobody():
    s = stage(rule("down", "db"))
    s.goes("web", "down")
    s.goes("db", "degraded")
    s.goes("san", "unknown")
    s.passes(3600)
    assert s.pages == []


def test_a_rule_waits_as_long_as_it_says_counted_from_the_backdated_beginning():
    s = stage(rule("degraded", "web", lasting=600))
    s.goes("web", "degraded")
    s.passes(609)
    assert s.pages == []
    s.passes(1)
    assert s.told() == [("alice", "[Acme] DEGRADED: Web application")]


def test_trouble_that_ends_before_its_time_pages_nobody():
    s = stage(rule("degraded", "web", lasting=600))
    for _ in range(5):
        s.goes("web", "degraded")
        s.passes(590)
        s.goes("web", "up")
        s.passes(10)
    assert s.pages == []


def test_the_escalation_is_paged_and_without_one_the_catch_all():
    s = stage(
        rule("down", "web", escalate="team"),
        rule("down", "db"),
        escalations=BOTH,
        catch_all=("carol",),
        people=(person("alice"), person("bob"), person("carol")),
    )
    s.goes("web", "down")
    s.passes(10)
    assert s.told() == [("alice", DOWN), ("bob", DOWN)]
    s.goes("db", "down")
    s.passes(10)
    assert s.told()[2:] == [("carol", "[Acme] DOWN: Db")]


def test_a_rule_that_waits_longer_adds_its_people_when_its_time_comes():
    s = stage(rule("down", "web"), rule("down", "web", lasting=300, escalate="team"), escalations=BOTH)
    s.goes("web", "down")
    s.passes(299)
    assert s.told() == [("alice", DOWN)]
    s.passes(1)
    assert s.told() == [("alice", DOWN), ("bob", DOWN)]


def test_people_are_copied_when_an_alert_opens():
    s = stage(rule("down", "web", "db", escalate="team"), escalations={"team": ("alice",)})
    s.goes("web", "down")
    s.passes(5)
    s.reloads(settings(rule("down", "web", "db", escalate="team"), escalations={"team": ("bob",)}))
    s.passes(5)
    assert s.told() == [("alice", DOWN)]
    s.goes("db", "down")
    s.passes(10)
    assert s.told()[1:] == [("bob", "[Acme] DOWN: Db")]


def test_unknown_opens_nothing_but_a_rule_for_unknown():
    s = stage(rule("down", "web"), rule("degraded", "web"), rule("unknown", "db", lasting=60))
    s.goes("web", "unknown")
    s.goes("db", "unknown")
    s.passes(3600)
    assert s.told() == [("alice", "[Acme] NO DATA: Db")]


def test_lost_redundancy_pages_once_where_it_has_a_rule_of_its_own():
    s = stage(rule("redundancy_lost", "web"), rule("degraded", "web", "db"))
    s.goes("web", "degraded", redundancy_lost=True)
    s.goes("db", "degraded", redundancy_lost=True)
    s.passes(10)
    assert sorted(s.open()) == ["degraded:db", "redundancy_lost:web"]


def test_redundancy_lost_in_the_middle_of_a_state_counts_from_then():
    s = stage(rule("redundancy_lost", "web", lasting=600))
    s.goes("web", "degraded")
    s.passes(500)
    s.goes("web", "degraded", redundancy_lost=True)
    s.passes(599)
    assert s.open() == set()
    s.passes(1)
    assert s.open() == {"redundancy_lost:web"}
    s.restarts()
    s.goes("web", "degraded")
    s.passes(59)
    assert s.open() == {"redundancy_lost:web"}
    s.passes(1)
    assert s.open() == set()


# ---- windows ----


def test_a_window_suppresses_pages_and_what_outlasts_it_pages_then():
    s = stage()
    s.quiet = {"web": 2**62}
    s.goes("web", "down")
    s.passes(3600)
    assert s.pages == []
    s.quiet = {}
    s.passes(10)
    assert s.told() == [("alice", DOWN)]
    assert "since 2025-11-24 19:12:00 PST" in s.pages[0].body


def test_trouble_that_a_window_hid_entirely_pages_nobody():
    s = stage()
    s.quiet = {"web": 2**62}
    s.goes("web", "down")
    s.passes(600)
    s.goes("web", "up")
    s.passes(600)
    s.quiet = {}
    s.passes(600)
    assert s.pages == []


def test_a_window_over_one_component_cannot_hide_an_outage_of_another():
    s = stage()
    s.quiet = {"web": 2**62}
    s.goes("db", "down")
    s.passes(10)
    assert s.told() == [("alice", "[Acme] DOWN: Db")]


def test_a_recovery_during_a_window_is_told_to_those_who_were_told():
    s = stage()
    s.goes("web", "down")
    s.passes(10)
    s.quiet = {"web": 2**62}
    s.goes("web", "up")
    s.passes(70)
    assert s.told()[1:] == [("alice", "[Acme] RESOLVED: Web application was down for 10s")]


# ---- resolving ----


def test_a_recovery_is_told_when_it_has_held():
    s = stage()
    s.goes("web", "down")
    s.passes(480)
    s.goes("web", "up")
    s.passes(69)
    assert len(s.pages) == 1
    s.passes(1)
    assert s.told()[1:] == [("alice", "[Acme] RESOLVED: Web application was down for 8m")]


def test_a_recovery_that_does_not_hold_is_not_told():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    for _ in range(2):
        s.goes("web", "up")
        s.passes(50)
        s.goes("web", "down")
        s.passes(20)
    assert s.told() == [("alice", DOWN)]


@pytest.mark.parametrize(
    ("when", "resolves"), [("down", True), ("degraded", False), ("redundancy_lost", True)]
)
def test_down_resolves_on_degraded_but_degraded_only_on_up(when, resolves):
    s = stage(rule(when, "web"))
    s.goes("web", "down" if when == "down" else "degraded", redundancy_lost=when == "redundancy_lost")
    s.passes(10)
    s.goes("web", "degraded")
    s.passes(61)
    assert (s.open() == set()) is resolves


def test_going_from_degraded_to_up_does_not_begin_the_hold_anew():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.goes("web", "degraded")
    s.passes(40)
    s.goes("web", "up")
    s.passes(20)
    assert s.open() == set()


def test_unknown_never_resolves_and_begins_the_hold_anew():
    s = stage()
    s.goes("web", "down")
    s.passes(10)
    s.goes("web", "unknown")
    s.passes(7200)
    assert s.open() == {"down:web"}
    s.goes("web", "up")
    s.passes(50)
    s.goes("web", "unknown")
    s.passes(50)
    s.goes("web", "up")
    s.passes(59)
    assert s.open() == {"down:web"}
    s.passes(1)
    assert s.open() == set()


def test_a_recovery_is_said_only_to_those_who_were_told():
    s = stage(rule("down", "web", escalate="team"), escalations=BOTH, group_wait=0)
    s.answers["bob", 0] = FAILED
    s.goes("web", "down")
    s.passes(30)
    s.goes("web", "up")
    s.answers["bob", 0] = DELIVERED
    s.passes(120)
    assert [p.event for p in s.pages if p.who == "alice"] == [Event.TRIGGERED, Event.RESOLVED]
    bobs = [p for p in s.pages if p.who == "bob"]
    assert [p.event for p in bobs] in ([Event.MERGED], [Event.TRIGGERED, Event.RESOLVED])


def test_an_outage_that_ended_before_it_could_be_told_is_told_late_and_whole():
    s = stage()
    s.answers["alice", 0] = FAILED
    s.goes("web", "down")
    s.passes(480)
    s.goes("web", "up")
    s.passes(300)
    s.answers["alice", 0] = DELIVERED
    s.passes(72)
    assert s.told() == [("alice", "[Acme] DELIVERED LATE: Web application was down 19:12–19:20")]
    assert "from 2025-11-24 19:12:00 to 19:20:00 PST (UTC-08:00), for 8m" in s.pages[0].body


def test_an_outage_shorter_than_the_group_wait_is_still_told():
    s = stage(group_wait=300)
    s.goes("web", "down")
    s.passes(100)
    s.goes("web", "up")
    s.passes(460)
    assert [p.event for p in s.pages] == [Event.MERGED]


def test_while_a_page_is_being_sent_its_recovery_waits_for_how_it_went():
    s = stage(group_wait=60)
    s.answers["alice", 0] = HANGS
    s.goes("web", "down")
    s.passes(5)
    s.goes("web", "up")
    s.passes(65)
    assert s.open() == set()
    assert s.pages == []
    s.answers["alice", 0] = DELIVERED
    s.settle(DELIVERED)
    s.passes(60)
    assert [p.event for p in s.pages] == [Event.TRIGGERED, Event.RESOLVED]


def test_removing_a_component_closes_its_alert_and_says_so():
    s = stage()
    s.goes("web", "down")
    s.passes(10)
    s.reloads(settings(rule("down", "db"), components=(component("db"),)))
    s.passes(59)
    assert len(s.told()) == 1, "it may come back"
    s.passes(1)
    assert s.open() == set()
    s.passes(10)
    assert s.told()[1:] == [("alice", "[Acme] CLOSED: Web application (the component was removed)")]


def test_removing_a_rule_closes_its_alert_and_says_so():
    s = stage()
    s.goes("web", "down")
    s.passes(10)
    s.reloads(settings(rule("down", "db")))
    s.passes(70)
    assert s.told()[1:] == [("alice", "[Acme] CLOSED: Web application (no alert rule covers it any more)")]


@pytest.mark.parametrize("how", ["reloads", "restarts"])
def test_a_component_that_is_back_within_the_hold_was_never_gone(how):
    s = stage()
    s.goes("web", "down")
    s.passes(10)
    down, whole = s.standings["web"], s.settings
    s.reloads(settings(rule("down", "db"), components=(component("db"),)))
    s.passes(40)
    getattr(s, how)(whole)
    s.standings["web"] = down
    s.passes(3600)
    assert s.told() == [("alice", DOWN)]
    assert s.open() == {"down:web"}
    s.goes("web", "up")
    s.passes(60)
    assert "Alert: Acme/down:web/1" in s.pages[-1].body


# ---- other names ----


def named(**was: str) -> tuple:
    """Settings with the components web and db under other keys: new key → former key."""
    parts = {"web": "Web application", "db": "Db"}
    parts = {new: parts[old] for new, old in was.items()} | {
        k: n for k, n in parts.items() if k not in was.values()
    }
    components = tuple(component(key, name=name) for key, name in parts.items())
    return settings(rule("down", *parts), components=components)


def carried(s: Stage, **was: str) -> None:
    """Rename components as the hub does: new key → former key."""
    parts = {old: new for new, old in was.items()}
    s.standings = {
        parts.get(key, key): replace(
            st, key=parts.get(key, key), cause=st.cause and f"{parts.get(key, key)}/check"
        )
        for key, st in s.standings.items()
    }
    s.settings = named(**was)
    s.standings = {key: st for key, st in s.standings.items() if key in s.settings.components}
    s.desk.rename(parts)
    s.desk.plan(s.settings)


@pytest.mark.parametrize("restart", [False, True])
def test_a_component_that_is_renamed_while_it_is_down_keeps_its_alert_and_tells_nobody(restart):
    s = stage()
    s.goes("db", "down", detail="it burns")
    s.passes(10)
    before = next(a for a in s.desk.alerts if a.open)
    if restart:
        s.restarts(named(database="db"))
    carried(s, database="db")
    s.passes(3600)
    (after,) = (a for a in s.desk.alerts if a.open)
    assert after == replace(before, subject="database", cause="database/check")
    assert s.told() == [("alice", "[Acme] DOWN: Db")]
    s.restarts()
    s.passes(60)
    s.goes("database", "up")
    s.passes(70)
    assert s.told()[1:] == [("alice", "[Acme] RESOLVED: Db was down for 1h1m10s")]
    assert "Alert: Acme/down:db/1" in s.pages[-1].body


def test_keys_that_change_places_take_their_alerts_along_and_no_dedup_key_is_used_twice():
    s = stage()
    for key in ("web", "db"):
        s.goes(key, "down")
    s.passes(20)
    carried(s, web="db", db="web")
    s.passes(60)
    s.restarts()
    s.passes(60)
    assert {a.subject: a.dedup_key for a in s.desk.alerts} == {
        "web": "Acme/down:db/1",
        "db": "Acme/down:web/1",
    }
    assert len(s.told()) == 1
    for key in ("web", "db"):
        s.goes(key, "up")
    s.passes(700)
    s.restarts()
    for key in ("web", "db"):
        s.goes(key, "down")
    s.passes(20)
    assert {a.subject: a.dedup_key for a in s.desk.alerts if a.open} == {
        "web": "Acme/down:web/2",
        "db": "Acme/down:db/2",
    }


def test_a_new_component_under_a_former_key_does_not_get_the_dedup_keys_of_the_renamed_one():
    s = stage()
    s.goes("db", "down")
    s.passes(10)
    carried(s, database="db")
    s.passes(10)
    s.reloads(settings(rule("down", "db", "database"), components=(component("db"), component("database"))))
    s.goes("db", "down")
    s.restarts()
    s.passes(20)
    assert {a.subject: a.dedup_key for a in s.desk.alerts} == {
        "database": "Acme/down:db/1",
        "db": "Acme/down:db/2",
    }


def people(*names: str, was: str | None = None, **kwargs):
    """Settings with people of these names; *was* is the former name of the first of them."""
    them = (replace(person(names[0]), was=was), *(person(name) for name in names[1:]))
    return settings(rule("down", "web", "db", "san"), people=them, catch_all=names, **kwargs)


@pytest.mark.parametrize("how", ["reloads", "restarts"])
def test_a_person_who_is_renamed_has_heard_what_they_heard_and_hears_the_rest_once(how):
    s = Stage(people("alice"))
    s.goes("web", "down")
    s.passes(10)
    getattr(s, how)(people("alicia", was="alice"))
    s.passes(60)
    assert s.told() == [("alice", DOWN)]
    getattr(s, how)(people("ally", was="alicia"))
    s.passes(60)
    getattr(s, how)(people("ally", was="alicia"))
    s.goes("web", "up")
    s.passes(3600)
    assert s.told()[1:] == [("ally", "[Acme] RESOLVED: Web application was down for 2m10s")]
    assert not [row for row in s.disk.heard if row[1] != "ally"]


def test_a_notice_on_its_way_to_a_person_who_is_renamed_is_not_sent_to_them_again():
    s = Stage(people("alice"))
    s.answers["alice", 0] = HANGS
    s.goes("web", "down")
    s.passes(10)
    s.reloads(people("alicia", was="alice"))
    s.passes(3)
    assert s.desk.channel(s.under_way[0]) is not None
    s.settle(DELIVERED)
    s.passes(60)
    assert [page.title for page in s.pages] == [DOWN]


@pytest.mark.parametrize("how", ["reloads", "restarts"])
def test_a_person_who_is_back_within_the_hold_was_never_gone(how):
    s = Stage(people("alice"))
    s.goes("web", "down")
    s.passes(10)
    getattr(s, how)(people("bob"))
    s.passes(59)
    getattr(s, how)(people("alice", "bob"))
    s.passes(600)
    assert s.told() == [("alice", DOWN)]
    getattr(s, how)(people("bob"))
    s.passes(61)
    assert s.told()[1:] == [("bob", DOWN)], "somebody must know"


def test_who_is_gone_before_they_heard_of_it_is_replaced_at_once():
    s = Stage(people("alice"))
    s.answers["alice", 0] = FAILED
    s.goes("web", "down")
    s.passes(10)
    s.reloads(people("bob"))
    s.passes(1)
    assert s.told() == [("bob", DOWN)]


# ---- opening again ----


def test_the_same_trouble_within_ten_minutes_reopens_the_same_alert_and_tells_again():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.goes("web", "up")
    s.passes(600)
    s.goes("web", "down")
    s.passes(1)
    assert [title for _, title in s.told()] == [
        DOWN,
        "[Acme] RESOLVED: Web application was down for 1m",
        "[Acme] DOWN AGAIN: Web application",
    ]
    first, _, again = s.pages
    assert first.alerts == again.alerts
    assert "Alert: Acme/down:web/1" in again.body


def test_trouble_of_our_own_that_reopens_says_what_it_is_now():
    s = stage(rule("monitor", escalate="team"), escalations={"team": ("bob",)})
    s.troubles.append(OwnTrouble("clock_skew", "the clock is 1 h ahead", s.at_ms))
    s.passes(60)
    s.troubles.clear()
    s.passes(300)
    s.troubles.append(OwnTrouble("clock_skew", "the clock is 1 h behind", s.at_ms))
    s.passes(60)
    first, _, again = s.pages
    assert "1 h ahead" in first.title
    assert "1 h behind" in again.title
    assert "1 h ahead" not in f"{again.title}{again.body}"


def test_later_than_that_it_is_a_new_opening_with_a_key_of_its_own():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.goes("web", "up")
    s.passes(700)
    s.goes("web", "down")
    s.passes(10)
    assert s.pages[2].title == DOWN
    assert "Alert: Acme/down:web/2" in s.pages[2].body


def test_the_number_of_an_opening_survives_a_restart():
    s = stage()
    for n in (1, 2, 3):
        s.goes("web", "down")
        s.passes(60)
        s.goes("web", "up")
        s.passes(700)
        s.restarts()
        assert f"Alert: Acme/down:web/{n}" in s.pages[-1].body


def test_a_recovery_not_yet_delivered_is_dropped_when_the_trouble_is_back():
    s = stage()
    s.goes("web", "down")
    s.passes(60)
    s.answers["alice", 0] = FAILED
    s.goes("web", "up")
    s.passes(120)
    s.goes("web", "down")
    s.passes(1)
    s.answers["alice", 0] = DELIVERED
    s.passes(300)
    assert s.told() == [("alice", DOWN)]


# ---- groups ----


def test_what_opens_together_is_one_page_that_names_the_root_and_counts_the_rest():
    parts = (
        component("shop", "web", "db"),
        component("web", "web/x", "san"),
        component("db"),
        component("san"),
    )
    s = stage(rule("down", "shop", "web", "db", "san"), components=parts)
    s.goes("shop", "down")
    s.passes(3)
    s.goes("web", "down")
    s.passes(3)
    s.goes("san", "down")
    s.goes("db", "down")
    s.passes(4)
    assert s.told() == [("alice", "[Acme] DOWN: San, Web, Db, Shop")]
    assert s.pages[0].body.startswith("San has been down since 2025-11-24 19:12:06 PST")
    for name in ("Shop", "Web", "Db"):
        assert f"- {name}: down since 19:12:0" in s.pages[0].body
    s.passes(60)
    assert len(s.pages) == 1


def test_what_opens_later_is_a_page_of_its_own():
    s = stage()
    s.goes("web", "down")
    s.passes(11)
    s.goes("db", "down")
    s.passes(9)
    assert len(s.pages) == 1
    s.passes(1)
    assert s.told()[1:] == [("alice", "[Acme] DOWN: Db")]


def test_of_a_group_each_alert_is_heard_and_resolved_by_itself():
    s = stage()
    s.goes("web", "down")
    s.goes("db", "down")
    s.passes(10)
    assert len(s.pages) == 1
    s.goes("db", "up")
    s.passes(70)
    assert s.pages[1].title == "[Acme] RESOLVED: Db was down for 10s"
    s.goes("web", "up")
    s.passes(70)
    assert s.pages[2].title == "[Acme] RESOLVED: Web application was down for 1m20s"


def test_a_group_of_which_part_recovered_before_it_could_be_told_is_told_anew():
    s = stage()
    s.answers["alice", 0] = FAILED
    s.goes("web", "down")
    s.goes("db", "down")
    s.passes(60)
    s.goes("db", "up")
    s.passes(90)
    s.answers["alice", 0] = DELIVERED
    s.passes(120)
    assert s.told() == [("alice", f"{DOWN}; 1 delivered late")]
    assert "Also:\n- Db: was down 19:12–" in s.pages[0].body
    assert ", told late\n" in s.pages[0].body


def test_a_storm_is_one_page():
    keys = [f"c{n}" for n in range(300)]
    s = stage(rule("down", *keys), components=tuple(component(key) for key in keys))
    for key in keys:
        s.goes(key, "down")
    s.passes(60)
    assert s.told() == [
        ("alice", "[Acme] DOWN: C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13 (+286)")
    ]
    assert "\nAnd 279 more: C21, C22, " in s.pages[0].body
    assert "C298, C299.\n\n" in s.pages[0].body, "all are named"


# ---- trouble of our own ----


def test_trouble_of_our_own_pages_by_its_rule():
    s = stage(rule("monitor", escalate="team"), escalations={"team": ("bob",)})
    s.troubles.append(OwnTrouble("vantage_blind:irvine-1", "vantage point irvine-1 is blind", s.at_ms))
    s.passes(10)
    assert s.told() == [("bob", "[Acme] MONITORING TROUBLE: vantage point irvine-1 is blind")]
    s.troubles.clear()
    s.passes(70)
    assert len(s.pages) == 2


def test_trouble_of_our_own_without_a_rule_pages_nobody_but_for_that_of_the_pager():
    s = stage(rule("down", "web"))
    s.troubles += [
        OwnTrouble("vantage_blind:x", "blind", s.at_ms),
        OwnTrouble("checks_stopped", "stopped", s.at_ms),
    ]
    s.passes(60)
    assert s.pages == []
    s.troubles += [
        OwnTrouble("sender_stuck", "the sender is stuck", s.at_ms),
        OwnTrouble("hub_silent:dallas-1", "the hub is silent", s.at_ms),
    ]
    s.passes(60)
    assert s.told() == [("alice", "[Acme] MONITORING TROUBLE: the sender is stuck (+1)")]


# ---- delivery ----


def test_a_failed_page_is_tried_again_ever_more_slowly():
    s = stage(group_wait=0)
    s.answers["alice", 0] = FAILED
    s.goes("web", "down")
    s.passes(400)
    times = [at for at, _, _ in s.attempts]
    assert times[:9] == [0, 2, 7, 17, 37, 77, 137, 197, 257]


def test_retries_are_spread_by_a_fifth_either_way():
    for chance, delay in ((0.0, 1600), (0.5, 2000), (1.0, 2400)):
        assert Outbox((), int, lambda c=chance: c, len)._delay_ms(1) == delay


def test_a_refused_channel_gives_way_to_the_next_at_once():
    s = stage(people=(person("alice", channels=3),), group_wait=0)
    s.answers |= {("alice", 0): REFUSED, ("alice", 1): REFUSED}
    s.goes("web", "down")
    s.passes(1)
    assert [(p.channel, p.at) for p in s.pages] == [(2, 0)]
    s.passes(300)
    assert len(s.attempts) == 3


def test_a_channel_that_failed_twice_is_joined_by_the_next():
    s = stage(people=(person("alice", channels=2),), group_wait=0)
    s.answers["alice", 0] = FAILED
    s.goes("web", "down")
    s.passes(300)
    assert [(p.channel, p.at) for p in s.pages] == [(1, 2)]
    assert s.attempts == [(0, "alice", 0), (2, "alice", 0), (2, "alice", 1)]


def test_a_channel_that_hangs_is_joined_by_the_next_after_20_seconds():
    s = stage(people=(person("alice", channels=2),), group_wait=0)
    s.answers["alice", 0] = HANGS
    s.goes("web", "down")
    s.passes(19)
    assert s.pages == []
    s.passes(1)
    assert [(p.channel, p.at) for p in s.pages] == [(1, 20)]
    s.settle(FAILED)
    s.passes(300)
    # Killed at 15, tried again at 17, joined at 20; heard over the second, so the first is not tried again.
    assert s.attempts == [(0, "alice", 0), (17, "alice", 0), (20, "alice", 1)]


def test_a_channel_that_refused_is_not_started_again_by_the_one_before():
    s = stage(people=(person("alice", channels=2),), group_wait=0)
    s.answers |= {("alice", 0): FAILED, ("alice", 1): REFUSED}
    s.goes("web", "down")
    s.passes(100)
    assert [channel for _, _, channel in s.attempts].count(1) == 1


def test_a_channel_that_hangs_delays_no_other():
    s = stage(rule("down", "web", escalate="team"), escalations=BOTH, group_wait=0)
    s.answers["alice", 0] = HANGS
    s.goes("web", "down")
    s.passes(1)
    assert [(p.who, p.at) for p in s.pages] == [("bob", 0)]


def test_a_channel_sends_one_notice_at_a_time():
    s = stage(group_wait=0)
    s.answers["alice", 0] = HANGS
    s.goes("web", "down")
    s.passes(1)
    s.goes("db", "down")
    s.passes(5)
    assert len(s.under_way) == 1


def test_when_nobody_can_be_reached_the_catch_all_is():
    people = (person("alice"), person("bob"), person("carol"))
    s = stage(
        rule("down", "web", escalate="team"),
        escalations=BOTH,
        people=people,
        catch_all=("carol",),
        group_wait=0,
    )
    s.answers |= {("alice", 0): REFUSED, ("bob", 0): REFUSED}
    s.goes("web", "down")
    s.passes(2)
    assert s.told() == [("carol", DOWN)]
    assert "Alice and bob cannot be reached, so you are paged." in s.pages[0].body


def test_people_without_a_channel_are_passed_over_for_the_catch_all():
    people = (person("alice", channels=0), person("carol"))
    s = stage(
        rule("down", "web", escalate="team"),
        escalations={"team": ("alice", "gone")},
        people=people,
        catch_all=("carol",),
    )
    s.goes("web", "down")
    s.passes(10)
    assert s.told() == [("carol", DOWN)]


def test_who_could_not_be_reached_is_tried_again_later():
    s = stage(group_wait=0)
    s.answers["alice", 0] = REFUSED
    s.goes("web", "down")
    s.passes(599)
    assert len(s.attempts) == 1
    s.answers["alice", 0] = DELIVERED
    s.passes(5)
    assert s.told() == [("alice", DOWN)]


def test_a_mended_channel_is_tried_at_once():
    s = stage(group_wait=0)
    s.answers["alice", 0] = REFUSED
    s.goes("web", "down")
    s.passes(10)
    s.answers["alice", 0] = DELIVERED
    s.reloads(s.settings)
    s.passes(1)
    assert s.told() == [("alice", DOWN)]


def test_a_channel_taken_out_of_the_configuration_gives_way():
    s = stage(people=(person("alice", channels=2),), group_wait=0)
    s.answers |= {("alice", 0): FAILED, ("alice", 1): FAILED}
    s.goes("web", "down")
    s.passes(30)
    s.reloads(settings(rule("down", "web", "db", "san"), people=(person("alice"),), group_wait=0))
    s.answers["alice", 0] = DELIVERED
    s.passes(60)
    assert [(p.who, p.channel) for p in s.pages] == [("alice", 0)]
    assert len(s.desk.outbox) == 0


def test_a_row_whose_commit_is_not_confirmed_is_not_sent():
    from watch.ports import Batch

    s = stage(group_wait=0)
    s.goes("web", "down")
    batch = Batch()
    s.desk.step(batch, s.at_ms, s.standings, [], {})
    assert batch.notices
    assert s.desk.lease(Batch(), s.at_ms, 64) == ()
    s.desk.committed()
    assert len(s.desk.lease(Batch(), s.at_ms, 64)) == 1


def test_a_lease_that_ran_out_is_taken_up_again():
    s = stage(group_wait=0)
    s.answers["alice", 0] = HANGS
    s.goes("web", "down")
    s.turn()
    s.under_way.clear()  # the sender has lost it
    s.answers["alice", 0] = DELIVERED
    s.passes(29)
    assert s.pages == []
    s.passes(1)
    assert s.told() == [("alice", DOWN)]


# ---- restarts ----


def script(s: Stage):
    """An outage with everything in it; yields where a restart may fall."""
    s.answers["bob", 0] = FAILED
    yield
    s.goes("web", "down")
    for _ in range(14):
        s.passes(1)
        yield
    s.goes("db", "down")
    s.passes(10)
    yield
    s.answers["bob", 0] = DELIVERED
    s.passes(70)
    yield
    s.goes("web", "up")
    for _ in range(7):
        s.passes(10)
        yield
    s.goes("db", "up")
    s.passes(61)
    yield
    s.passes(1000)


@pytest.mark.parametrize("moment", range(26))
def test_a_restart_at_any_moment_loses_nothing_and_says_nothing_twice(moment):
    s = stage(
        rule("down", "web", "db", escalate="team"), escalations=BOTH, people=(person("alice"), person("bob"))
    )
    for n, _ in enumerate(script(s)):
        if n == moment:
            s.restarts()
    for who in ("alice", "bob"):
        for alert in s.disk.alerts:
            heard = [p.said[alert] for p in s.pages if p.who == who and alert in p.alerts]
            assert heard == [Event.TRIGGERED, Event.RESOLVED], (who, alert)
    assert len(s.desk.outbox) == 0


def test_what_a_killed_hub_was_sending_is_sent_again_at_once_under_the_same_key():
    s = stage(group_wait=0)
    s.answers["alice", 0] = HANGS
    s.goes("web", "down")
    s.passes(3)
    s.arrives(s.under_way[0])  # it arrived, and then we were killed
    s.answers["alice", 0] = DELIVERED
    s.restarts()
    s.passes(1)
    first, second = s.pages
    assert (second.at, second.body) == (first.at, first.body)


def test_a_restart_after_weeks_tells_no_old_news():
    s = stage(group_wait=0)
    s.answers["alice", 0] = REFUSED
    s.goes("web", "down")
    s.passes(60)
    s.goes("web", "up")
    s.passes(120)
    s.answers["alice", 0] = DELIVERED
    s.at_ms += 14 * 86_400_000
    s.restarts()
    s.passes(60)
    assert s.pages == []


def test_closed_alerts_that_all_know_of_are_forgotten():
    s = stage()
    for _ in range(5):
        s.goes("web", "down")
        s.passes(60)
        s.goes("web", "up")
        s.passes(1900)
    assert s.desk.alerts == ()


def test_a_recovery_through_the_dark_says_that_it_was_dark():
    s = stage(rule("down", "web"))
    s.goes("web", "down")
    s.passes(60)
    s.goes("web", "unknown")
    s.passes(60)
    s.goes("web", "up")
    s.passes(90)
    assert "for at most" in s.told()[-1][1]
