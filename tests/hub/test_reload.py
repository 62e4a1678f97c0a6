"""A reload: what it keeps, what it changes, and that nothing gets in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.fakes import START_MS, observation, settings
from tests.hub.test_hub import DOWN, UP, Stage
from watch.alerts.reconciler import Reconciler
from watch.core.delivery import Delivery
from watch.core.ledger import Kind, verified
from watch.core.marks import Edge
from watch.core.reading import Reason, Verdict
from watch.core.settings import AlertRule, When
from watch.core.timeline import State


def under(was: dict[str, str], parts: dict[str, list[str]]):
    """Settings with components of these keys; *was*: key → former key."""
    plain = settings(parts)
    components = {key: replace(c, was=was.get(key)) for key, c in plain.components.items()}
    return replace(plain, components=components)


async def applied(stage: Stage, plan, *, restart: bool) -> Stage:
    """*stage* after a reload, or another hub on what it wrote."""
    if not restart:
        await stage.hub.plan(plan)
        await stage.hub.turn()
        return stage
    stage.hub.intake.rest()
    await stage.hub.turn()
    stage.store.kept_latest = dict(stage.hub.intake.latest)
    stage.clock.move(1)
    again = Stage(plan, stage.store, stage.clock)
    await again.pause(0)
    return again


async def troubled() -> Stage:
    """web is down since 20 s, db is up, and all contains both."""
    stage = Stage(settings({"all": ["web", "db"], "web": ["web/home"], "db": ["db/q"]}))
    for verdict in (UP, DOWN, DOWN, DOWN):
        await stage.reads("db/q", UP, 1)
        await stage.reads("web/home", verdict, 9)
    assert stage.state("web") is State.DOWN
    return stage


@pytest.mark.parametrize("restart", [False, True], ids=["reload", "restart"])
async def test_a_renamed_component_is_as_it_was_with_reason_detail_and_since(restart):
    stage = await troubled()
    before = stage.hub.board.components["web"]
    stage = await applied(
        stage,
        under({"site": "web"}, {"all": ["site", "db"], "site": ["site/home"], "db": ["db/q"]}),
        restart=restart,
    )
    after = stage.hub.board.components["site"]
    assert after == replace(before, key="site", cause="site/home")
    assert (after.reason, after.detail) == (Reason.TIMEOUT, "no answer")
    stage = await applied(
        stage,
        under({"front": "site"}, {"all": ["front", "db"], "front": ["front/home"], "db": ["db/q"]}),
        restart=restart,
    )
    assert stage.hub.board.components["front"] == replace(before, key="front", cause="front/home")
    assert stage.hub.board.components["all"].cause == "front/home"
    assert stage.spans("front/home")[-1][2] is State.DOWN
    assert not [e for e in stage.entries if e.facts.get("ended")]
    assert verified(stage.entries)[2] is None


@pytest.mark.parametrize("restart", [False, True], ids=["reload", "restart"])
async def test_keys_that_change_places_do_so_once_however_often_the_file_is_read(restart):
    stage = await troubled()
    since = {key: stage.hub.board.components[key].since_ms for key in ("web", "db")}
    swapped = under({"web": "db", "db": "web"}, {"all": ["web", "db"], "web": ["web/q"], "db": ["db/home"]})
    for _ in range(3):
        stage = await applied(stage, swapped, restart=restart)
        assert (stage.state("web"), stage.state("db")) == (State.UP, State.DOWN)
        assert stage.hub.board.components["db"].since_ms == since["web"]
        assert stage.hub.book.naming.origins == {"all": "all", "web": "db", "db": "web"}
    assert [e.kind for e in stage.entries].count(Kind.RENAME) == 2
    assert stage.spans("db/home")[-1][2] is State.DOWN
    back = under({"web": "db", "db": "web"}, {"all": ["web", "db"], "web": ["web/home"], "db": ["db/q"]})
    stage = await applied(
        stage, settings({"all": ["web", "db"], "web": ["web/q"], "db": ["db/home"]}), restart=restart
    )
    stage = await applied(stage, back, restart=restart)
    assert (stage.state("web"), stage.state("db")) == (State.DOWN, State.UP)
    assert verified(stage.entries)[2] is None


async def test_a_streak_under_way_goes_on_under_the_new_key_with_its_evidence():
    stage = Stage(settings({"web": ["web/home"]}))
    for verdict in (UP, DOWN, DOWN):
        await stage.reads("web/home", verdict)
    await applied(stage, under({"site": "web"}, {"site": ["site/home"]}), restart=False)
    await stage.reads("site/home", DOWN)
    assert stage.state("site") is State.DOWN
    (proven,) = (
        b.evidence for b in stage.store.batches if any(e.facts.get("to") == "down" for e in b.entries)
    )
    assert [(o.check, o.verdict) for _, o in proven] == [("site/home", v) for v in (UP, DOWN, DOWN, DOWN)]


async def test_a_component_that_takes_the_key_of_one_that_goes_keeps_its_own_history():
    stage = await troubled()
    await applied(stage, under({"db": "web"}, {"all": ["db"], "db": ["db/home"]}), restart=False)
    assert stage.state("db") is State.DOWN
    assert stage.spans("db/home")[-1][2] is State.DOWN
    ended = [e.subject.split("@")[0] for e in stage.entries if e.facts.get("ended")]
    assert sorted(ended) == ["db", "db"], "the former db and its check"


@pytest.mark.parametrize("restart", [False, True], ids=["reload", "restart"])
async def test_what_is_back_within_the_hold_was_never_gone(restart):
    stage = await troubled()
    whole, before = stage.hub.settings, stage.hub.board.components["web"]
    stage = await applied(stage, settings({"db": ["db/q"]}), restart=restart)
    await stage.pause(20)
    stage = await applied(stage, whole, restart=restart)
    assert not [e for e in stage.entries if e.facts.get("ended")]
    assert stage.hub.book.lifetime("web")[0][0] == START_MS
    assert len(stage.hub.book.lifetime("web")) == 1
    assert stage.hub.board.components["web"].since_ms == before.since_ms
    assert stage.state("web") is State.DOWN


async def test_what_stays_away_ended_when_it_was_removed():
    stage = await troubled()
    whole, removed_ms = stage.hub.settings, stage.clock.ms
    await stage.hub.plan(settings({"db": ["db/q"]}))
    await stage.pause(60)
    await stage.pause(0)
    for key in ("web", "all"):
        assert stage.hub.book.lifetime(key) == [(START_MS, removed_ms)]
    stage.clock.move(3600)
    await stage.hub.plan(whole)
    assert len(stage.hub.book.lifetime("web")) == 2
    assert stage.state("web") is State.UNKNOWN
    timeline = stage.hub.book.component_timeline("web", Edge.FOUND, START_MS, stage.clock.ms)
    assert timeline[-1][:2] == (START_MS + 19_900 - 9_900 + 9_900, removed_ms), "down until it was removed"


async def test_deliveries_wait_for_a_reload_and_are_judged_in_their_order():
    many = {f"c{n}": [f"c{n}/k{k}" for k in range(10)] for n in range(300)}
    stage = Stage(settings(many))
    await stage.hub.turn()
    changed = settings(
        many, checks={f"c{n}/k{k}": {"confirm_down": 2} for n in range(300) for k in range(10)}
    )
    reload = asyncio.create_task(stage.hub.plan(changed))
    taken, steps = [], 0
    while not reload.done():
        steps += 1
        stage.clock.move(0.01)
        delivery = Delivery(
            vantage="local", epoch=stage.epoch, first=steps, findings=(observation("c0/k0", stage.clock.ms),)
        )
        taken.append(asyncio.create_task(stage.hub.take(delivery)))
        await asyncio.sleep(0)
    await reload
    assert steps > 10, "the loop was free meanwhile"
    while not all(task.done() for task in taken):
        await stage.hub.turn()
        await asyncio.sleep(0)
    receipts = await asyncio.gather(*taken)
    assert [r.refused for r in receipts] == [()] * steps
    entries = [e for b in stage.store.batches for e in b.entries]
    made = [e.seq for e in entries if e.kind == Kind.CHECK and e.facts["confirm"]["down"] == 2]
    assert made == list(range(made[0], made[0] + 3000)), "one set of entries, nothing in between"
    (_,) = (b for b in stage.store.batches if any(e.seq in (made[0], made[-1]) for e in b.entries))


async def test_a_reading_of_the_former_question_says_nothing_about_the_new_one():
    stage = Stage(settings({"web": ["web/home"]}))
    await stage.reads("web/home", UP)
    asked_ms = stage.clock.ms
    stage.clock.move(1)
    await stage.hub.plan(
        settings({"web": ["web/home"]}, checks={"web/home": {"probe": int, "confirm_down": 1}})
    )
    await stage.brings(observation("web/home", asked_ms + 500, DOWN))
    assert stage.state("web") is State.UP
    await stage.reads("web/home", DOWN, 1)
    assert stage.state("web") is State.DOWN


async def alerts_of(stage: Stage) -> list[str]:
    return [alert.key for batch in stage.store.batches for alert in batch.alerts.values() if alert.open]


def watched(parts: dict[str, list[str]]):
    """Settings with an alert rule for *unknown* over the component web."""
    return replace(settings(parts), alerts=(AlertRule(when=When.UNKNOWN, components=("web",)),))


class Paged(Stage):
    """A hub with a real alert desk."""

    def __init__(self, plan, store=None, clock=None) -> None:
        self.made = Reconciler(plan)
        super().__init__(plan, store, clock)

    def desk_of(self):
        return self.made


@pytest.mark.parametrize("away", ["restart", "stall"])
async def test_after_our_own_absence_unknown_waits_until_it_was_asked_again(away):
    plan = watched({"web": ["web/home", "web/api"]})
    stage = Paged(plan)
    for name in ("web/home", "web/api"):
        await stage.reads(name, UP, 1)
    if away == "restart":
        stage.store.kept_latest = dict(stage.hub.intake.latest)
        stage.clock.move(3600)
        stage = Paged(plan, stage.store, stage.clock)
        await stage.pause(0)
    else:
        await stage.pause(3600)
    for _ in range(30):
        await stage.pause(1)
    assert stage.state("web") is State.UNKNOWN
    assert await alerts_of(stage) == [], "it may answer when it is asked"
    await stage.reads("web/home", UP, 1)
    await stage.pause(1)
    assert await alerts_of(stage) == [], "the other one, too"
    await stage.reads("web/api", Verdict.UNKNOWN, 1, reason=Reason.INTERNAL)
    await stage.pause(1)
    assert await alerts_of(stage) == ["unknown:web"], "it was asked, and nothing is known"


async def test_what_was_just_added_is_not_missing_and_what_lapses_is():
    stage = Paged(watched({"web": ["web/home"]}))
    await stage.reads("web/home", UP, 1)
    for _ in range(20):
        await stage.pause(1)
    await stage.hub.plan(watched({"web": ["web/home", "web/api"]}))
    await stage.reads("web/home", UP, 1)
    assert stage.state("web") is State.UNKNOWN
    assert await alerts_of(stage) == []
    for _ in range(31):
        await stage.pause(1)
    assert await alerts_of(stage) == ["unknown:web"], "home was asked, and is not any more"


async def test_after_we_were_away_what_is_down_has_the_reason_on_record_though_no_reading_is_kept():
    stage = await troubled()
    stage.hub.intake.rest()
    await stage.hub.turn()
    again = Stage(stage.hub.settings, stage.store, stage.clock)
    standing = again.hub.board.components["web"]
    assert (standing.state, standing.reason, standing.detail) == (State.DOWN, Reason.TIMEOUT, "no answer")
