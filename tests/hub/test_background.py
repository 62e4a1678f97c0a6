"""What letters tell beside the trouble: the target, why it is believed, the last good answer, what changed before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes import START_MS, check, observation, settings
from tests.hub.test_hub import DOWN, UP, Stage
from watch.alerts.reconciler import Reconciler
from watch.core.alert import Alert
from watch.core.settings import AlertRule, Person, Secret, When
from watch.hub.target_words import target_words


class Asked:
    """A probe whose main option is its target."""

    MAIN = "url"

    def __init__(self, url: object, host: str = "") -> None:
        self.url, self.host = url, host

    def peer(self) -> str:
        return self.host


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://ops:hush@acme.example:8443/health?token=hush#x", "https://acme.example:8443/health?…"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("127.0.0.1:5432", "127.0.0.1:5432"),
        (Secret("postgres://ops:hush@db.example/"), "db.example"),
    ],
)
def test_a_target_is_named_without_what_may_be_secret(url, said):
    assert target_words(check("web/home", probe=Asked(url, "db.example"))) == said


def test_of_a_target_that_came_from_a_reference_only_the_host_is_named():
    hidden = check("web/home", probe=Asked("https://acme.example/hush", "acme.example"), hidden=True)
    assert target_words(hidden) == "acme.example"


def plan():
    made = settings(
        {"web": ["web/home", "web/login"], "db": ["db/q"]}, checks={"web/home": {"probe": Asked("http://a/")}}
    )
    web = replace(made.components["web"], depends_on=("db",))
    return replace(
        made, components={**made.components, "web": web},
        people={"alice": Person(name="alice", channels=(Secret("json://a/"),))}, catch_all=("alice",),
        alerts=(AlertRule(when=When.DOWN, components=("web", "db")),),
    )  # fmt: skip


class Paged(Stage):
    def desk_of(self):
        return Reconciler(plan())


async def troubled() -> Paged:
    """db goes down and recovers, and then web is down: two of its checks."""
    stage = Paged(plan())
    stage.desk.insight = stage.hub.backgrounds
    for name in ("web/home", "web/login", "db/q"):
        await stage.reads(name, UP, detail="")
    for _ in range(3):
        await stage.reads("db/q", DOWN, detail="no route")
    for _ in range(2):
        await stage.reads("db/q", UP, detail="")
    for _ in range(8):
        await stage.reads("web/home", UP, 1, detail="")
        await stage.reads("web/login", UP, 10, detail="")
        await stage.reads("db/q", UP, 1, detail="")
    for _ in range(3):
        await stage.reads("web/home", DOWN, 5)
        await stage.reads("web/login", DOWN, 5)
        await stage.reads("db/q", UP, 1, detail="")
    for _ in range(2):
        await stage.pause(11)
    return stage


def web(stage: Paged):
    return next(a for a in stage.desk.alerts if a.subject == "web")


async def test_a_letter_knows_the_target_the_readings_the_last_good_answer_and_what_went_before():
    stage = await troubled()
    found = stage.hub.backgrounds.of(web(stage))
    assert (found.asked, found.seen_from, found.vantages, found.readings, found.others) == (
        "http://a/", ("local",), 1, 3, 1
    )  # fmt: skip
    read = [o for batch in stage.store.batches for o in batch.observations]
    good = [o.at_ms for o in read if o.check == "web/home" and o.verdict is UP]
    assert found.good_ms == max(good)
    assert [text for _, text in found.before] == [
        "the hub started", "db/q of Db went down: no route", "db/q of Db was up again"
    ]  # fmt: skip
    began = next(a for a in stage.desk.alerts if a.subject == "db").since_ms
    assert found.before[1][0] == began < web(stage).since_ms


async def test_it_is_kept_with_the_alert_so_a_restart_says_the_same():
    stage = await troubled()
    kept = {alert.id: alert.to_json() for batch in stage.store.batches for alert in batch.alerts.values()}
    again = Reconciler(plan(), map(Alert.of_json, kept.values()))
    assert web(stage).background is not None
    assert {a.id: a.background for a in again.alerts} == {a.id: a.background for a in stage.desk.alerts}


async def test_how_long_it_was_down_is_what_the_ledger_says():
    stage = await troubled()
    for _ in range(2):
        await stage.reads("db/q", UP)
    spans = [(a, b) for a, b, state in stage.spans("db/q") if state.value == "down"]
    said = stage.hub.backgrounds.down_ms("db", START_MS, stage.clock.ms)
    assert said == round(sum(b - a for a, b in spans) * 1000)


async def test_only_the_root_of_a_letter_is_looked_at_in_a_mass_outage():
    names = [f"c{n}" for n in range(300)]
    made = settings({key: [f"{key}/x"] for key in names})
    made = replace(
        plan(),
        components=made.components,
        checks=made.checks,
        alerts=(AlertRule(when=When.DOWN, components=tuple(names)),),
    )

    class Many(Stage):
        def desk_of(self):
            return Reconciler(made)

    stage = Many(made)
    looked = []

    class Counting:
        def of(self, alert):
            looked.append(alert.subject)
            return stage.hub.backgrounds.of(alert)

        def down_ms(self, *_):
            return None

    stage.desk.insight = Counting()
    for verdict in (UP, DOWN, DOWN, DOWN):
        stage.clock.move(10)
        await stage.brings(*(observation(f"{key}/x", stage.clock.ms - 100, verdict) for key in names))
    await stage.pause(11)
    assert len(stage.desk.alerts) == 300
    assert len(looked) == 1
