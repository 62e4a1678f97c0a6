"""A channel that takes a notice and does not answer may have delivered it: it is told once more, and then others are."""

from __future__ import annotations

from tests.alerts.stage import DELIVERED, FAILED, REFUSED, UNANSWERED, Stage, person, rule, settings
from watch.alerts.message import SendOutcome, Sent
from watch.core.alert import Event, Status
from watch.core.standing import OwnTrouble

DOWN = "[Acme] DOWN: Web application"


def stage(*rules, **more) -> Stage:
    return Stage(settings(*(rules or (rule("down", "web", "db", "san"),)), **({"group_wait": 0} | more)))


def test_one_that_never_answers_has_the_same_notice_twice_in_the_hour():
    s = stage()
    s.answers["alice", 0] = UNANSWERED
    s.goes("web", "down")
    s.passes(3_500)
    assert s.attempts == [(0, "alice", 0), (2, "alice", 0)]


def test_an_outage_that_lasts_is_told_once_more_after_an_hour():
    s = stage()
    s.answers["alice", 0] = UNANSWERED
    s.goes("web", "down")
    s.passes(3_700)
    assert s.attempts == [(0, "alice", 0), (2, "alice", 0), (3_602, "alice", 0)]
    s.answers["alice", 0] = DELIVERED
    s.passes(3_700)
    assert s.told() == [("alice", DOWN)], "no alert is lost"


def test_the_next_channel_is_told_then():
    s = stage(people=(person("alice", channels=2),))
    s.answers["alice", 0] = UNANSWERED
    s.goes("web", "down")
    s.passes(300)
    assert s.attempts == [(0, "alice", 0), (2, "alice", 0), (2, "alice", 1)]
    assert [(p.channel, p.title) for p in s.pages] == [(1, DOWN)]


def test_other_failures_between_do_not_add_to_it():
    s = stage()
    s.answers["alice", 0] = UNANSWERED
    s.goes("web", "down")
    s.passes(1)
    s.answers["alice", 0] = FAILED
    s.passes(30)
    before = len(s.attempts)
    s.answers["alice", 0] = UNANSWERED
    s.passes(3_000)
    assert len(s.attempts) == before + 1


def test_the_catch_all_is_told_when_the_only_channel_does_not_answer():
    people = (person("alice"), person("carol"))
    s = stage(
        rule("down", "web", escalate="team"),
        escalations={"team": ("alice",)},
        people=people,
        catch_all=("carol",),
    )
    s.answers["alice", 0] = UNANSWERED
    s.goes("web", "down")
    s.passes(60)
    assert s.told() == [("carol", DOWN)]


def test_a_channel_that_refuses_before_it_or_after_it_changes_nothing():
    for refuses, silent in ((0, 1), (1, 0)):
        s = stage(people=(person("alice", channels=2),))
        s.answers |= {("alice", silent): UNANSWERED, ("alice", refuses): REFUSED}
        s.goes("web", "down")
        s.passes(3_000)
        channels = [channel for _, _, channel in s.attempts]
        assert channels.count(silent) == 2
        assert channels.count(refuses) == 5, "it is tried again every ten minutes"


def test_once_the_channel_answers_something_else_it_is_told_what_it_may_have_missed():
    s = stage()
    s.answers["alice", 0] = UNANSWERED
    s.goes("web", "down")
    s.passes(60)
    s.answers["alice", 0] = DELIVERED
    s.goes("db", "down")
    s.passes(5)
    assert s.told() == [("alice", "[Acme] DOWN: Db"), ("alice", DOWN)]


def test_a_recovery_is_told_to_who_may_not_have_heard_of_the_outage():
    s = stage()
    s.answers["alice", 0] = UNANSWERED
    s.goes("web", "down")
    s.passes(60)
    s.answers["alice", 0] = DELIVERED
    s.goes("web", "up")
    s.passes(120)
    assert [page.event for page in s.pages] == [Event.MERGED]
    assert s.pages[0].title.startswith("[Acme] DELIVERED LATE: Web application was down 19:12–19:13")


def test_a_restart_between_both_sends_forgets_neither():
    s = stage()
    s.answers["alice", 0] = UNANSWERED
    s.goes("web", "down")
    s.passes(1)
    s.restarts()
    s.passes(600)
    assert len(s.attempts) == 2
    (row,) = s.disk.rows()[1]
    assert (row.status, row.unanswered) == (Status.DEAD, 2)


def test_another_url_for_the_channel_is_told_at_once_and_a_reload_of_something_else_is_not():
    s = stage()
    s.answers["alice", 0] = UNANSWERED
    s.goes("web", "down")
    s.passes(60)
    s.reloads(s.settings)
    s.passes(60)
    assert len(s.attempts) == 2
    s.answers["alice", 0] = DELIVERED
    s.reloads(settings(rule("down", "web", "db", "san"), people=(person("alice", channels=2),), group_wait=0))
    s.passes(5)
    assert s.told() == [("alice", DOWN)]


def test_a_renamed_person_does_not_hear_it_more_often():
    from dataclasses import replace

    s = stage()
    s.answers["alice", 0] = s.answers["alicia", 0] = UNANSWERED
    s.goes("web", "down")
    s.passes(60)
    alicia = replace(person("alice"), name="alicia", was="alice")
    s.reloads(
        settings(rule("down", "web", "db", "san"), people=(alicia,), catch_all=("alicia",), group_wait=0)
    )
    s.passes(600)
    assert len([who for _, who, _ in s.attempts]) <= 4


# ---- that a channel fails ----


def fails(s: Stage, channel: int) -> None:
    text = f"channel {channel} of alice refuses notices for good; push.example answered 404"
    s.troubles = [OwnTrouble(f"channel_refused:alice:{channel}", text, s.at_ms)]


def test_that_a_channel_fails_is_told_over_another_one():
    s = stage(rule("monitor"), people=(person("alice", channels=2),))
    fails(s, 1)
    s.passes(60)
    assert [(page.who, page.channel) for page in s.pages] == [("alice", 1)]
    assert s.attempts == [(0, "alice", 1)]
    s.troubles = []
    s.passes(120)
    assert [page.title.partition(":")[0] for page in s.pages] == ["[Acme] MONITORING TROUBLE", "[Acme] OVER"]


def test_that_somebodys_only_channel_fails_is_told_to_others():
    people = (person("alice"), person("carol"))
    s = stage(
        rule("monitor", escalate="team"),
        escalations={"team": ("alice",)},
        people=people,
        catch_all=("carol",),
    )
    fails(s, 1)
    s.passes(60)
    assert [page.who for page in s.pages] == ["carol"]
    assert s.attempts == [(0, "carol", 0)]


def test_with_nobody_else_it_is_told_to_nobody_and_other_alerts_still_are():
    s = stage(rule("monitor"), rule("down", "web"))
    fails(s, 1)
    s.passes(60)
    assert s.attempts == []
    s.goes("web", "down")
    s.passes(5)
    assert s.told() == [("alice", DOWN)]


# ---- a receiver that asks for a pause ----


def asks_for(seconds: float) -> SendOutcome:
    return SendOutcome(Sent.TEMPORARY, "push.example answered 429", retry_after_s=seconds)


def test_a_pause_that_the_receiver_asks_for_is_kept():
    s = stage()
    s.answers["alice", 0] = asks_for(77)
    s.goes("web", "down")
    s.passes(76)
    assert s.attempts == [(0, "alice", 0)]
    s.answers["alice", 0] = DELIVERED
    s.passes(1)
    assert [(page.at, page.title) for page in s.pages] == [(77, DOWN)]


def test_a_shorter_pause_than_ours_changes_nothing_and_one_over_an_hour_is_an_hour():
    for pause, due in ((0.5, 2), (90_000, 3_600)):
        s = stage()
        s.answers["alice", 0] = asks_for(pause)
        s.goes("web", "down")
        s.passes(due)
        assert s.attempts == [(0, "alice", 0), (due, "alice", 0)]


def test_while_one_channel_pauses_the_next_is_told():
    s = stage(people=(person("alice", channels=2),))
    s.answers["alice", 0] = asks_for(600)
    s.goes("web", "down")
    s.passes(700)
    assert [(page.channel, page.at) for page in s.pages] == [(1, 20)]
    assert len(s.attempts) == 2


def test_what_became_of_the_last_attempt_is_on_disk():
    s = stage()
    s.answers["alice", 0] = asks_for(600)
    s.goes("web", "down")
    s.passes(1)
    (row,) = s.disk.rows()[1]
    assert row.detail == "push.example answered 429"
