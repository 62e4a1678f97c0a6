"""Few letters, and nothing lost: what waits for one person when their turn comes is one letter."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from tests.alerts.stage import (
    DELIVERED,
    FAILED,
    HANGS,
    Stage,
    component,
    person,
    policy,
    rule,
    settings,
    step,
)
from watch.alerts.message import SendOutcome, Sent
from watch.alerts.turns import Turns
from watch.core.alert import Event

MANY = [f"c{n:04}" for n in range(1000)]


def stage(keys=("web", "db", "san"), **more) -> Stage:
    parts = tuple(component(key) for key in keys)
    people = more.pop("people", (person("alice"),))
    return Stage(settings(rule("down", *keys), components=parts, people=people, **more))


def spread(s: Stage, keys: list[str], state: str, seconds: int) -> None:
    """*keys* change to *state* in turn, all within *seconds*."""
    each = -(-len(keys) // seconds)
    for n in range(0, len(keys), each):
        for key in keys[n : n + each]:
            s.goes(key, state)
        s.passes(1)


def told_of(s: Stage, event: Event) -> set[int]:
    return {alert for page in s.pages for alert, said in page.said.items() if said is event}


def counted(title: str) -> int:
    """How many alerts a title names and counts."""
    names, _, more = title.partition(": ")[2].partition(" (+")
    return len(names.split(", ")) + int(more.rstrip(")") or 0)


def test_a_thousand_that_fail_and_return_are_a_few_letters_that_name_or_count_them_all():
    s = stage(MANY, group_wait=0)
    spread(s, MANY, "down", 30)
    s.passes(120)
    outage = list(s.pages)
    assert [page.at for page in outage] == [0, 1, 2, 20, 40]
    spread(s, MANY, "up", 30)
    s.passes(300)
    recovery = s.pages[len(outage) :]
    assert len(recovery) == 3
    for pages, event in ((outage, Event.TRIGGERED), (recovery, Event.RESOLVED)):
        assert sum(counted(page.title) for page in pages) == 1000
        assert len(told_of(s, event)) == 1000


def test_a_groups_recoveries_wait_for_each_other_and_are_one_letter():
    s = stage(MANY[:30])
    spread(s, MANY[:30], "down", 3)
    s.passes(60)
    spread(s, MANY[:30], "up", 9)
    s.passes(120)
    assert [page.event for page in s.pages] == [Event.TRIGGERED, Event.RESOLVED]
    assert s.pages[1].title.endswith("RESOLVED: C0000, C0001, C0002, C0003, C0004, C0005, C0006, C0007 (+22)")


def test_failures_and_recoveries_that_wait_for_a_channel_are_one_letter():
    s = stage()
    s.goes("web", "down")
    s.passes(20)
    s.answers["alice", 0] = FAILED
    s.goes("web", "up")
    s.passes(75)
    s.goes("db", "down")
    s.passes(12)
    s.answers["alice", 0] = DELIVERED
    s.passes(120)
    assert [page.title for page in s.pages[1:]] == ["[Acme] DOWN: Db; 1 resolved"]
    first, second = s.pages[1].body.split("\n\n")[:2]
    assert first.startswith("Db has been down since ")
    assert second == "Also:\n- Web: was down 19:12–19:12, for 20s"
    assert f"To acknowledge: threenines ack {max(s.pages[1].said)}" in s.pages[1].body
    assert len(s.desk.outbox) == 0


def test_what_failed_and_returned_while_nobody_could_be_told_is_told_once_with_both_times():
    s = stage()
    s.answers["alice", 0] = FAILED
    s.goes("web", "down")
    s.passes(480)
    s.goes("web", "up")
    s.passes(120)
    s.goes("db", "down")
    s.passes(30)
    s.answers["alice", 0] = DELIVERED
    s.passes(120)
    assert [page.title for page in s.pages] == ["[Acme] DOWN: Db; 1 delivered late"]
    assert "Also:\n- Web: was down 19:12–19:20, for 8m, told late\n" in s.pages[0].body


def test_a_letter_that_a_hanging_channel_kept_waiting_tells_all_that_happened_meanwhile():
    s = stage(group_wait=0)
    s.answers["alice", 0] = HANGS
    s.goes("web", "down")
    s.passes(2)
    s.goes("db", "down")
    s.passes(3)
    s.goes("san", "down")
    s.passes(3)
    s.answers["alice", 0] = DELIVERED
    s.settle(DELIVERED)
    s.passes(1)
    assert [page.title for page in s.pages] == ["[Acme] DOWN: Web", "[Acme] DOWN: Db, San"]


def test_a_letter_that_is_refused_goes_to_the_next_channel_as_one_letter():
    s = stage(group_wait=0, people=(person("alice", channels=2),))
    s.answers["alice", 0] = HANGS
    s.goes("web", "down")
    s.passes(1)
    for key in ("db", "san"):
        s.goes(key, "down")
        s.passes(2)
    s.settle(DELIVERED)
    s.answers["alice", 0] = SendOutcome(Sent.PERMANENT)
    s.passes(30)
    assert [(page.channel, page.title) for page in s.pages] == [
        (0, "[Acme] DOWN: Web"),
        (1, "[Acme] DOWN: Db, San"),
    ]


def test_a_receiver_that_asks_for_a_pause_gets_it_from_new_letters_too():
    s = stage(group_wait=0)
    s.answers["alice", 0] = SendOutcome(Sent.TEMPORARY, retry_after_s=90)
    s.goes("web", "down")
    s.passes(5)
    s.answers["alice", 0] = DELIVERED
    s.goes("db", "down")
    s.passes(84)
    assert s.attempts == [(0, "alice", 0)]
    s.passes(1)
    assert [(page.at, page.title) for page in s.pages] == [(90, "[Acme] DOWN: Web, Db")]


def test_a_storm_delays_an_unrelated_page_by_less_than_half_a_minute():
    s = stage([*MANY[:300], "bank"], group_wait=0)
    spread(s, MANY[:200], "down", 60)
    s.goes("bank", "down")
    at = s.at
    spread(s, MANY[200:300], "down", 60)
    bank = next(a.id for a in s.desk.alerts if a.subject == "bank")
    assert next(page.at for page in s.pages if bank in page.said) - at < 30


def test_a_storm_for_one_person_delays_nobody_else():
    parts = tuple(component(key) for key in (*MANY[:100], "bank"))
    s = Stage(settings(
        rule("down", *MANY[:100], escalate="ops"), rule("down", "bank", escalate="bank"), components=parts,
        escalations={"ops": ("alice",), "bank": ("bob",)}, group_wait=0,
    ))  # fmt: skip
    spread(s, MANY[:100], "down", 50)
    s.goes("bank", "down")
    s.turn()
    assert [(page.who, page.at) for page in s.pages if page.who == "bob"] == [("bob", s.at)]


def test_a_step_that_comes_while_others_wait_is_in_their_letter():
    s = Stage(settings(
        rule("down", "web", "db", "san", escalate="urgent"), people=(person("alice"),), group_wait=0,
        escalations={"urgent": policy(step("alice"), step("alice", after=15))},
    ))  # fmt: skip
    for key in ("web", "db", "san"):
        s.goes(key, "down")
        s.passes(1)
    s.passes(60)
    assert [page.at for page in s.pages] == [0, 1, 2, 20]
    assert len(s.pages[-1].said) == 3


def test_a_letter_that_a_newer_one_replaces_before_it_was_tried_costs_no_turn():
    s = stage(group_wait=0)
    turns = Turns(s.settings)
    s.goes("web", "down")
    s.turn()
    (alert,) = s.desk.alerts
    (row,) = s.disk.rows()[1]
    for n, replaced in enumerate((True, True, True, True, False, False, False)):
        assert list(turns.due({("alice", Event.TRIGGERED): [alert]}, s.at_ms))
        turns.take("alice", n, s.at_ms)
        if replaced:
            turns.replaced(replace(row, id=n))
    assert not list(turns.due({("alice", Event.TRIGGERED): [alert]}, s.at_ms))
    turns.tried([replace(row, id=6)])
    turns.replaced(replace(row, id=6))
    assert not list(turns.due({("alice", Event.TRIGGERED): [alert]}, s.at_ms)), "it was tried"


@effort(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(MANY[:12]), st.sampled_from(("up", "down", "unknown")), st.integers(0, 30)),
        max_size=80,
    ),
    st.sampled_from((0, 10)),
)
def test_whatever_happens_the_pace_holds_and_everybody_knows_how_everything_stands(changes, wait):
    s = stage(MANY[:12], group_wait=wait)
    for key, state, seconds in changes:
        s.goes(key, state)
        s.passes(seconds)
    s.passes(200)
    times = [page.at for page in s.pages]
    for i, first in enumerate(times):
        for n, last in enumerate(times[i:], 1):
            assert n <= 3 + (last - first) // 20
    last = {alert: said for page in s.pages for alert, said in page.said.items()}
    for alert in s.desk.alerts:
        assert (last[alert.id] is Event.TRIGGERED) is alert.open


def test_what_goes_along_in_the_letters_of_others_uses_up_no_attempt_of_its_own():
    s = stage(group_wait=0)
    s.answers["alice", 0] = FAILED
    for key in ("web", "db", "san"):
        s.goes(key, "down")
        s.turn()
        s.at_ms += 300
    assert len(s.attempts) == 3
    assert [row.attempts for row in s.disk.rows()[1]] == [1, 1, 1]
    s.answers["alice", 0] = DELIVERED
    s.passes(2)
    assert [(page.title, page.at < 4) for page in s.pages] == [("[Acme] DOWN: Web, Db, San", True)]
    assert len(s.desk.outbox) == 0
