"""What readings show without a change of state: what holds, what does not, what is not known; restarts and reloads."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes import START_MS, FakeClock, observation, settings
from watch.alerts.reconciler import Reconciler
from watch.core.alert import Alert
from watch.core.expect import compile_expectation
from watch.core.fact_condition import FactCondition
from watch.core.reading import FactSpec, FactType, Reason, Verdict
from watch.core.settings import AlertRule, Person, Secret, Vantage, When
from watch.core.sketch import Sketch
from watch.core.standing import Standing
from watch.core.timeline import State
from watch.hub.measures import HOUR_MS, Measures, known_before
from watch.hub.plan import planned
from watch.hub.usual_latency import UsualLatency
from watch.ports import Batch
from watch.stores.sqlite import SqliteStore

FREE = FactSpec("free", FactType.RATIO, Reason.LIMIT, "")
TEXT, KEY = "free < 10%", "fact:db/disk free < 10%"
UP = {key: Standing(key=key, state=State.UP, since_ms=START_MS) for key in ("db", "web")}


def rule(text: str = TEXT, **more) -> AlertRule:
    test = FactCondition(compile_expectation(text, {"free": FREE}), (FREE,))
    return AlertRule(when=When.FACT, components=("db",), condition=text, tests={"fake": test}, **more)


def config(*rules: AlertRule, vantages: tuple[str, ...] = ("local",), checks=("db/disk", "db/log"), **more):
    every = {name: {"every": timedelta(seconds=30)} for name in (*checks, "web/home")}
    return settings(
        {"db": list(checks), "web": ["web/home"]}, checks=every, alerts=rules or (rule(),),
        vantages={name: Vantage(name=name, site="here") for name in vantages},
        people={"alice": Person(name="alice", channels=(Secret("json://a/"),))}, catch_all=("alice",), **more,
    )  # fmt: skip


def measures_of(made, known=()) -> Measures:
    measures = Measures(known)
    measures.plan(planned(made), ())
    return measures


def reads(measures: Measures, free: float, after: int = 0, name: str = "db/disk", **more) -> None:
    measures.read(observation(name, START_MS + after, facts={"free": free}, **more))


class Desk:
    """An alert desk over measures, turn by turn."""

    def __init__(self, made, measures: Measures, alerts: tuple[Alert, ...] = ()) -> None:
        self.desk = Reconciler(made, alerts)
        self.desk.conditions.measures = measures

    def turn(self, seconds: float) -> list[tuple[str, bool]]:
        """The alerts that opened or closed: their dedup keys, and whether they are open."""
        before = {alert.id for alert in self.desk.alerts if alert.open}
        self.desk.step(Batch(), START_MS + round(seconds * 1000), UP, (), {})
        return [
            (alert.dedup_key, alert.open)
            for alert in self.desk.alerts
            if alert.open is (alert.id not in before)
        ]

    @property
    def rows(self) -> tuple[Alert, ...]:
        return tuple(Alert.of_json(alert.to_json()) for alert in self.desk.alerts)


# ---- conditions over facts ----


def test_each_check_and_condition_is_an_alert_of_its_own():
    made = config(rule(), rule("free < 5%"))
    measures = measures_of(made)
    reads(measures, 0.04)
    reads(measures, 0.07, name="db/log")
    assert sorted(key for key, _ in Desk(made, measures).turn(1)) == [
        "Acme/fact:db/disk free < 10%/1", "Acme/fact:db/disk free < 5%/1", "Acme/fact:db/log free < 10%/1",
    ]  # fmt: skip


def test_it_closes_after_a_reading_says_otherwise_and_that_has_held():
    made = config()
    measures = measures_of(made)
    desk = Desk(made, measures)
    reads(measures, 0.05)
    assert desk.turn(1) == [("Acme/fact:db/disk free < 10%/1", True)]
    reads(measures, 0.5, 30_000, verdict=Verdict.UNKNOWN)
    measures.read(observation("db/disk", START_MS + 31_000, Verdict.DOWN))
    assert desk.turn(200) == []
    reads(measures, 0.5, 200_000)
    desk.turn(201)
    assert desk.turn(262) == [("Acme/fact:db/disk free < 10%/1", False)]


def test_a_restart_neither_loses_nor_repeats_it_and_nothing_known_does_not_close_it():
    made = config()
    measures = measures_of(made)
    desk = Desk(made, measures)
    reads(measures, 0.05)
    desk.turn(1)
    after = measures_of(made, known_before(desk.rows, START_MS + 60_000))
    again = Desk(made, after, desk.rows)
    assert again.turn(60) == again.turn(300) == []
    assert after.holding[KEY].since_ms == START_MS
    reads(after, 0.05, 301_000)
    assert again.turn(302) == []
    assert after.holding[KEY].since_ms == START_MS
    reads(after, 0.5, 400_000)
    again.turn(401)
    assert again.turn(462) == [("Acme/fact:db/disk free < 10%/1", False)]


def test_of_several_vantage_points_one_that_shows_it_is_enough_and_after_a_restart_it_is_that_one():
    made = config(vantages=("local", "far"))
    measures = measures_of(made)
    reads(measures, 0.5)
    assert not measures.holding
    reads(measures, 0.05, vantage="far")
    assert measures.holding[KEY].seen_from == ("far",)
    after = measures_of(made, measures.holding.values())
    reads(after, 0.5, 1000)
    assert not after.well(KEY)
    reads(after, 0.5, 1000, vantage="far")
    assert after.well(KEY)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (config(rule("free < 5%")), "no alert rule covers it any more"),
        (config(checks=("db/log",)), "the check was removed"),
    ],
)
def test_a_reload_without_the_condition_or_the_check_closes_it_and_says_why(changed, said):
    made = config()
    measures = measures_of(made)
    desk = Desk(made, measures)
    reads(measures, 0.5, name="db/log")
    reads(measures, 0.07)
    desk.turn(1)
    measures.plan(planned(changed), ())
    desk.desk.plan(changed)
    desk.turn(2)
    assert desk.turn(63) == [("Acme/fact:db/disk free < 10%/1", False)]
    assert [alert.closing for alert in desk.rows] == [said]


def test_a_reload_that_keeps_the_rule_keeps_the_alert():
    made = config()
    measures = measures_of(made)
    desk = Desk(made, measures)
    reads(measures, 0.05)
    desk.turn(1)
    other = replace(made, alerts=(rule(), AlertRule(when=When.DOWN, components=("web",))))
    measures.plan(planned(other), ("db/disk",))
    desk.desk.plan(other)
    assert desk.turn(2) == desk.turn(200) == []


def test_a_renamed_component_keeps_it():
    made = config()
    measures = measures_of(made)
    desk = Desk(made, measures)
    reads(measures, 0.05)
    desk.turn(1)
    keys = {("db/disk", "local"): ("data/disk", "local")}
    new = settings({"data": ["data/disk"]}, alerts=(replace(rule(), components=("data",)),))
    measures.rename(keys)
    measures.plan(planned(new), ())
    desk.desk.rename({"db": "data"})
    desk.desk.plan(new)
    batch = Batch()
    standings = {"data": Standing(key="data", state=State.UP, since_ms=START_MS)}
    desk.desk.step(batch, START_MS + 90_000, standings, (), {})
    assert {(a.dedup_key, a.key, a.open) for a in batch.alerts.values()} == {
        ("Acme/fact:db/disk free < 10%/1", "fact:data/disk free < 10%", True)
    }


# ---- slowness ----

SLOW = AlertRule(when=When.SLOW, components=("db",))


def timed(measures: Measures, from_s: int, to_s: int, latency: float, name: str = "db/disk", **more) -> None:
    """A reading each half minute, and a look."""
    for at_s in range(from_s, to_s, 30):
        measures.read(observation(name, START_MS + at_s * 1000, latency=latency, **more))
        measures.look(START_MS + at_s * 1000)


def slow(made, vantage: str = "local") -> Measures:
    measures = measures_of(made)
    measures.usual["db/disk", vantage] = 0.2
    timed(measures, 0, 2400, 0.9, vantage=vantage)
    return measures


def test_a_component_is_slow_by_its_slowest_check_and_says_how_slow():
    measures = slow(config(SLOW))
    found = measures.holding["slow:db"]
    assert (found.check, found.seen_from) == ("db/disk", ("local",))
    assert found.detail.startswith("one answer in 20 of the last 10m took")
    assert found.detail.endswith("in the week before, 200 ms or longer")


@pytest.mark.parametrize(
    "how", [{"verdict": Verdict.DOWN}, {"verdict": Verdict.UNKNOWN}, {"tainted": True}], ids=str
)
def test_bad_readings_and_those_that_our_own_waiting_made_are_no_slowness(how):
    measures = measures_of(config(SLOW))
    measures.usual["db/disk", "local"] = 0.2
    timed(measures, 0, 7200, 0.9, **how)
    assert not measures.holding


def test_without_a_week_to_compare_with_nothing_is_said():
    measures = measures_of(config(SLOW))
    timed(measures, 0, 7200, 0.9)
    assert not measures.holding
    assert not measures.well("slow:db")


def test_a_place_that_is_further_away_is_compared_with_itself_and_most_must_say_so():
    made = config(SLOW, vantages=("local", "far", "third"))
    measures = slow(made)
    assert "slow:db" in measures.holding
    for vantage in ("far", "third"):
        measures.usual["db/disk", vantage] = 0.9
        timed(measures, 2400, 4800, 0.9, vantage=vantage)
    assert "slow:db" not in measures.holding


def test_a_restart_keeps_a_slowness_until_readings_say_otherwise():
    made = config(SLOW)
    before = slow(made)
    desk = Desk(made, before)
    assert desk.turn(2400) == [("Acme/slow:db/1", True)]
    after = measures_of(made, known_before(desk.rows, START_MS + 2_400_000))
    again = Desk(made, after, desk.rows)
    timed(after, 2400, 3600, 0.9)
    assert again.turn(3600) == []
    assert after.holding["slow:db"].since_ms == before.holding["slow:db"].since_ms
    after.usual["db/disk", "local"] = 0.2
    timed(after, 3600, 7200, 0.2)
    again.turn(7200)
    assert again.turn(7261) == [("Acme/slow:db/1", False)]


def test_it_is_compared_with_the_week_before_it_began():
    measures = slow(config(SLOW))
    began_ms = measures.holding["slow:db"].since_ms
    later_ms = began_ms + 3 * 24 * HOUR_MS
    _, to_ms = measures.week("db/disk", later_ms)
    assert began_ms - HOUR_MS < to_ms <= began_ms
    _, to_ms = measures.week("db/disk", later_ms + 5 * 24 * HOUR_MS)
    assert to_ms > later_ms


async def test_what_is_usual_is_read_from_the_hours_of_the_week_by_vantage_point(tmp_path):
    store, clock = SqliteStore(tmp_path / "s.db"), FakeClock()
    hour_ms = START_MS - START_MS % HOUR_MS
    batch = Batch()
    for n in range(1, 31):
        for vantage, latency in (("local", 0.2), ("far", 0.5), ("new", 0.1)):
            if vantage == "new" and n > 3:
                continue
            sketch = batch.sketches["db/disk", vantage, hour_ms - n * HOUR_MS] = Sketch()
            for _ in range(20):
                sketch.add(latency)
    await store.commit(batch)
    measures = measures_of(config(SLOW, vantages=("local", "far", "new")))
    usual = UsualLatency(store.reading, measures, clock)
    assert await usual.read_some() == 2  # the checks of db; nobody asks about web
    assert measures.usual == {
        ("db/disk", "local"): pytest.approx(0.2, rel=0.05), ("db/disk", "far"): pytest.approx(0.5, rel=0.05),
        ("db/disk", "new"): None,
    }  # fmt: skip
    assert await usual.read_some() == 0  # not again for hours
    clock.move(7 * 3600)
    assert await usual.read_some() == 2
    await store.close()


# ---- many ----


def test_of_a_thousand_checks_that_show_what_they_showed_nothing_is_made_anew():
    names = tuple(f"db/c{n}" for n in range(1000))
    made = config(rule(), SLOW, checks=names)
    measures = measures_of(made)
    for name in names:
        reads(measures, 0.05, name=name)
    before = measures.holding
    assert len(before) == 1000
    desk = Desk(made, measures)
    assert len(desk.turn(1)) == 1000
    found = desk.desk.conditions.holding(START_MS + 2000, UP, ())
    for name in names:
        reads(measures, 0.04, 30_000, name=name)
    assert measures.holding is before
    again = desk.desk.conditions.holding(START_MS + 3000, UP, ())
    assert all(again[key] is found[key] for key in before)
