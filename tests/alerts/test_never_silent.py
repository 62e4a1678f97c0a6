"""Whatever people acknowledge, resolve and silence, in whatever order: no trouble that lasts stays untold."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.alerts.stage import (
    DELIVERED,
    FAILED,
    REFUSED,
    Stage,
    component,
    person,
    policy,
    settings,
    shifts,
    step,
)
from tests.alerts.stage import rule as alert_rule
from watch.core.alert import Event

KEYS = ("web", "db")
PEOPLE = ("alice", "bob", "carol")
POLICIES = (
    policy(step("primary"), step("bob", after=120), step("carol", after=300), repeat=300),
    policy(step("nobody"), step("primary", after=60, during="Mon 00:00-24:00 UTC"), repeat=60),
    policy(step("alice", "bob")),
)


def configured(first: int) -> object:
    return settings(
        alert_rule("down", *KEYS, escalate="team"),
        alert_rule("degraded", "web", lasting=30, escalate="team", severity="urgent"),
        people=tuple(person(name) for name in PEOPLE),
        components=(component("web"), component("db")),
        escalations={"team": POLICIES[first]},
        rotations={"primary": shifts("alice", s600="", s1200="bob"), "nobody": shifts()},
        catch_all=("carol",),
    )


class NeverSilent(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.stage = Stage(configured(0))

    @rule(key=st.sampled_from(KEYS), state=st.sampled_from(("up", "down", "degraded", "unknown")))
    def a_component_changes(self, key, state):
        self.stage.goes(key, state)

    @rule(seconds=st.sampled_from((1, 5, 61, 125, 700, 2000)))
    def time_passes(self, seconds):
        self.stage.passes(seconds)

    @rule(who=st.sampled_from(PEOPLE), outcome=st.sampled_from((DELIVERED, FAILED, REFUSED)))
    def a_channel_changes(self, who, outcome):
        self.stage.answers[who, 0] = outcome

    @precondition(lambda self: self.stage.open())
    @rule(verb=st.sampled_from(("ack", "ack", "resolve")), data=st.data())
    def somebody_tells(self, verb, data):
        number = data.draw(st.sampled_from([a.id for a in self.stage.desk.alerts if a.open]))
        self.tells(verb, {number}, alert=str(number), reason="x")

    @rule(key=st.sampled_from(KEYS), lasting=st.sampled_from(("5s", "2m", "20m")))
    def somebody_silences(self, key, lasting):
        about = {alert.id for alert in self.stage.desk.alerts if alert.subject == key}
        self.tells("silence add", about, components=[key], reason="x", **{"for": lasting})

    def tells(self, verb, about, **said):
        """Give the hub a command about alerts. The sender looks for rows before the hub commits it, and after."""
        before = len(self.stage.pages)
        self.stage.tells(verb, **said)
        self.stage.send()
        for page in self.stage.pages[before:]:
            assert about.isdisjoint(n for n, event in page.said.items() if event is Event.TRIGGERED)
        self.stage.turn()

    @rule(first=st.sampled_from(range(len(POLICIES))))
    def the_policy_is_edited(self, first):
        self.stage.reloads(configured(first))

    @rule(set_by=st.sampled_from((0, 0, 0, -3600, 3600)))
    def the_hub_is_killed(self, set_by):
        self.stage.restarts(clock_set_by=set_by)

    @invariant()
    def what_is_on_disk_is_what_is_in_memory_after_a_turn(self):
        self.stage.turn()
        kept = {alert.id: alert for alert in self.stage.disk.rows()[0]}
        assert [alert for alert in self.stage.desk.alerts if kept[alert.id] != alert] == []

    @invariant()
    def nobody_is_called_for_what_is_acknowledged_or_silenced(self):
        quiet = {a.id for a in self.stage.desk.alerts if a.open and (a.ack is not None or a.held)}
        for notice in self.stage.disk.rows()[1]:
            if notice.live and notice.event is Event.TRIGGERED:
                assert quiet.isdisjoint(notice.alert_ids)

    def teardown(self):
        """Let everything heal and every acknowledgement and silence end; then everybody knows what they must."""
        stage = self.stage
        stage.answers.clear()
        stage.reloads(replace(stage.settings, rotations={"primary": shifts("alice"), "nobody": shifts()}))
        for _ in range(45):  # acknowledgements of half an hour, silences of twenty minutes, refusals of ten
            stage.passes(61)
        last = {(page.who, alert): event for page in stage.pages for alert, event in page.said.items()}
        for alert in stage.desk.alerts:
            known = {who: last.get((who, alert.id)) for who in PEOPLE if (who, alert.id) in last}
            if alert.open:
                assert alert.ack is None
                assert known, "it lasts, and somebody was told"
                assert set(known.values()) == {Event.TRIGGERED}, (alert, known)
            else:
                assert Event.TRIGGERED not in known.values(), (alert, known)
        assert len(stage.desk.outbox) == 0


NeverSilent.TestCase.settings = effort(max_examples=25, stateful_step_count=20, deadline=None)
TestNeverSilent = NeverSilent.TestCase
