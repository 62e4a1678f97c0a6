"""Whatever happens, in whatever order: no alert is lost, and without a crash nothing is delivered twice."""

from __future__ import annotations

from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.alerts.stage import (
    DELIVERED,
    FAILED,
    HANGS,
    REFUSED,
    UNANSWERED,
    Stage,
    component,
    person,
    settings,
)
from tests.alerts.stage import rule as alert_rule
from watch.core.alert import Alert, Event

KEYS = ("web", "db", "shop")
PEOPLE = ("alice", "bob", "carol")
LANES = [(who, channel) for who in PEOPLE for channel in (0, 1)]
CONFIG = settings(
    alert_rule("down", *KEYS, escalate="team"),
    alert_rule("degraded", "web", lasting=30),
    alert_rule("unknown", "db", lasting=60),
    people=tuple(person(name, channels=2) for name in PEOPLE),
    components=(component("web"), component("db"), component("shop", "web", "db")),
    escalations={"team": ("alice", "bob")},
    catch_all=("carol",),
)


class NeverLost(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.stage = Stage(CONFIG)
        self.crashed = False

    @rule(key=st.sampled_from(KEYS), state=st.sampled_from(("up", "down", "degraded", "unknown")))
    def a_component_changes(self, key, state):
        self.stage.goes(key, state)

    @rule(seconds=st.sampled_from((1, 5, 12, 65, 700)))
    def time_passes(self, seconds):
        self.stage.passes(seconds)

    @rule(
        lane=st.sampled_from(LANES), outcome=st.sampled_from((DELIVERED, FAILED, REFUSED, UNANSWERED, HANGS))
    )
    def a_channel_changes(self, lane, outcome):
        self.stage.answers[lane] = outcome

    @precondition(lambda self: self.stage.under_way)
    @rule(outcome=st.sampled_from((DELIVERED, FAILED, REFUSED, UNANSWERED)))
    def hanging_sends_end(self, outcome):
        self.stage.settle(outcome)

    @rule(keys=st.frozensets(st.sampled_from(KEYS)))
    def windows_change(self, keys):
        self.stage.quiet = dict.fromkeys(keys, 2**62)

    @rule()
    def the_configuration_is_read_again(self):
        self.stage.reloads(CONFIG)

    @rule(arrived=st.booleans())
    def the_hub_is_killed(self, arrived):
        if arrived:
            for notice in self.stage.under_way:
                self.stage.arrives(notice)
        self.crashed |= bool(self.stage.under_way)
        self.stage.restarts()

    @invariant()
    def one_alert_a_key_is_open(self):
        keys = [alert.key for alert in self.stage.desk.alerts if alert.open]
        assert len(keys) == len(set(keys))

    @invariant()
    def without_a_crash_no_channel_says_the_same_twice_running(self):
        if self.crashed:
            return
        last: dict[tuple[str, int, int], bool] = {}
        for page in self.stage.pages:
            for alert_id, event in page.said.items():
                said = event is Event.TRIGGERED
                place = (page.who, page.channel, alert_id)
                between = any(
                    p.who == page.who
                    and alert_id in p.said
                    and p.at <= page.at
                    and (p.said[alert_id] is Event.TRIGGERED) is not said
                    for p in self.stage.pages
                )
                assert last.get(place) is not said or between
                last[place] = said

    def teardown(self):
        """Let everything heal; then everybody must know how every alert stands."""
        stage = self.stage
        stage.settle(FAILED)
        stage.answers.clear()
        stage.passes(620)  # refused channels are tried again after ten minutes
        stage.at_ms += 3_600_000  # and those that left something unanswered after an hour
        stage.passes(5)
        standing = {alert.id: alert for alert in (Alert.of_json(text) for text in stage.disk.alerts.values())}
        last = {(page.who, alert): event for page in stage.pages for alert, event in page.said.items()}
        for alert in standing.values():
            events = [last.get((who, alert.id)) for who in alert.recipients]
            if alert.open:
                assert events == [Event.TRIGGERED] * len(events), (alert, last)
            else:
                assert all(event in (Event.RESOLVED, Event.MERGED) for event in events), (alert, last)
        assert len(stage.desk.outbox) == 0


NeverLost.TestCase.settings = effort(max_examples=60, stateful_step_count=30, deadline=None)
TestNeverLost = NeverLost.TestCase
