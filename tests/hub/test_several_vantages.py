"""Several vantage points in one hub: who is believed, since when and why, and whose fault it is when nobody can say."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from tests.fakes import START_MS, observation, settings
from tests.hub.test_hub import Stage
from watch.core.delivery import Delivery, Receipt
from watch.core.marks import Edge
from watch.core.quorum import Confidence
from watch.core.reading import Reason, Verdict
from watch.core.settings import Audience, Canary, Vantage
from watch.core.standing import Sight
from watch.core.timeline import State, filled, spans_of
from watch.hub.answers import status_answer
from watch.hub.replay import book_now

UP, DOWN, DEGRADED = Verdict.UP, Verdict.DOWN, Verdict.DEGRADED
HOME = "web/home"
NORTH, EAST, SOUTH = THREE = ("north", "east", "south")
ANYWHERE = {"audience": Audience.ANY}
PUBLIC = {"audience": Audience.PUBLIC}


def at_sites(*canaries_of: str, **sites: str) -> dict[str, Vantage]:
    """Vantage points by name, each at its site; those in *canaries_of* have two canaries."""
    pair = tuple(Canary(name=n, probe=object) for n in ("gateway", "dns"))
    return {
        name: Vantage(name=name, site=site, canaries=pair if name in canaries_of else ())
        for name, site in sites.items()
    }


SITES = {NORTH: "oslo", EAST: "seoul", SOUTH: "quito"}
AROUND = {"local": "here", "dallas": "dallas", "berlin": "berlin"}


class Several(Stage):
    """A hub to which several vantage points bring, each by numbers of its own."""

    def __init__(self, plan, *earlier) -> None:
        super().__init__(plan, *earlier)
        self.numbers = dict.fromkeys(plan.vantages, 0)
        self.epochs = {v: self.epoch + n for n, v in enumerate(plan.vantages)}

    async def brings(self, *findings, vantage: str = NORTH) -> Receipt:
        first = self.numbers[vantage] + 1
        self.numbers[vantage] += len(findings)
        delivery = Delivery(vantage=vantage, epoch=self.epochs[vantage], first=first, findings=findings)
        taken = asyncio.ensure_future(self.hub.take(delivery))
        await asyncio.sleep(0)
        await self.hub.turn()
        return await taken

    async def says(
        self, vantage: str, verdict: Verdict, name: str = HOME, seconds: float = 3, **more
    ) -> Receipt:
        """One reading of *name* from *vantage*, begun *seconds* after the last thing that happened."""
        self.clock.move(seconds)
        return await self.brings(
            observation(name, self.clock.ms, verdict, vantage=vantage, **more), vantage=vantage
        )

    async def all_say(self, verdict: Verdict, name: str = HOME, *, seconds: float = 3) -> None:
        for vantage in self.numbers:
            await self.says(vantage, verdict, name, seconds)

    async def looks(self, vantage: str, *, good_ms: int | None = None, blind: bool = False) -> Receipt:
        """A round of canaries of *vantage*, begun now unless it is blind: then *good_ms* was the last good one."""
        names = ("gateway", "dns")
        sight = Sight(
            vantage, blind=blind, good_ms=self.clock.ms if good_ms is None else good_ms,
            good=() if blind else names, bad=names if blind else (),
        )  # fmt: skip
        return await self.brings(sight, vantage=vantage)

    def check(self, name: str = HOME):
        return self.hub.board.checks[name]

    def again(self) -> Several:
        """Another hub on the same store, as after a kill."""
        self.store.kept_latest = dict(self.hub.intake.latest)
        return Several(self.hub.settings, self.store, self.clock)

    def trouble(self, key: str) -> str | None:
        return next((t.text for t in self.desk.troubles if t.key == key), None)

    def agrees(self) -> None:
        """Board and book say the same of every check and component: the state now, and since when."""
        now = self.clock.ms
        book, board = self.hub.book, self.hub.board
        for name, c in board.checks.items():
            *_, (since, _, state) = filled(
                book.check_timeline(name, Edge.FOUND, START_MS, now + 1), START_MS, now + 1
            )
            assert (name, c.state, c.since_ms - START_MS) == (name, state, since - START_MS)
        for key, s in board.components.items():
            *_, (since, _, state) = filled(
                book.component_timeline(key, Edge.FOUND, START_MS, now + 1), START_MS, now + 1
            )
            assert (key, s.state, s.since_ms - START_MS) == (key, state, since - START_MS)

    def same_on_disk(self) -> None:
        """The book of what is on disk says the same as the hub's own."""
        books = [self.hub.book, book_now(self.store, Path("x"), 0)]
        hi = self.clock.ms + 1
        for name in self.hub.settings.checks:
            for edge in Edge:
                first, second = (
                    filled(b.check_timeline(name, edge, START_MS, hi), START_MS, hi) for b in books
                )
                assert (name, edge, first) == (name, edge, second)


def anywhere(*canaries_of: str, **options) -> Several:
    """`web/home` asked from three sites."""
    checks = {HOME: ANYWHERE | options}
    return Several(settings({"web": [HOME]}, checks=checks, vantages=at_sites(*canaries_of, **SITES)))


@pytest.fixture
async def three() -> Several:
    """It was seen up from three places."""
    stage = anywhere()
    await stage.all_say(UP)
    return stage


# ---- who explains a state


async def test_two_that_are_down_explain_it_and_not_a_newer_one_that_is_up(three):
    firsts = {}
    for n in range(3):
        for vantage, reason in ((NORTH, Reason.REFUSED), (EAST, Reason.RESET)):
            await three.says(vantage, DOWN, seconds=1, reason=reason, detail=f"{reason} {n}")
            firsts.setdefault(vantage, three.clock.ms)
        await three.says(SOUTH, UP, seconds=1)
    home, web = three.check(), three.hub.board.components["web"]
    assert (home.state, home.reason, home.detail) == (State.DOWN, Reason.RESET, "reset 2")
    assert home.seen_from == (NORTH, EAST)
    assert home.since_ms == firsts[EAST], "a majority was down from then on"
    assert (web.state, web.reason, web.detail, web.since_ms, web.cause) == (
        State.DOWN, Reason.RESET, "reset 2", firsts[EAST], HOME,
    )  # fmt: skip
    three.agrees()


async def test_one_good_reading_of_one_that_is_down_takes_no_reason_away(three):
    for _ in range(3):
        for vantage in (NORTH, EAST):
            await three.says(vantage, DOWN, seconds=1, reason=Reason.REFUSED, detail="nobody listens")
    for vantage in (NORTH, EAST):
        await three.says(vantage, UP, seconds=1)
    home = three.check()
    assert (home.state, home.reason, home.detail) == (State.DOWN, Reason.REFUSED, "nobody listens")


async def test_one_of_three_that_is_down_is_degraded_and_says_from_where(three):
    await three.says(EAST, DOWN, detail="no way through")
    first = three.clock.ms
    for _ in range(2):
        await three.says(EAST, DOWN, detail="no way through")
    await three.says(SOUTH, UP)
    home = three.check()
    assert (home.state, home.seen_from, home.since_ms) == (State.DEGRADED, (EAST,), first)
    assert (home.reason, home.detail) == (Reason.TIMEOUT, "no way through")
    (told,) = status_answer(three.hub.settings, three.hub.board, three.clock.ms, None)["components"]
    assert told["checks"][0]["seen_from"] == [EAST]
    three.agrees()


async def test_from_two_that_were_down_the_one_that_still_is_degrades_it_since_the_other_recovered(three):
    for _ in range(3):
        for vantage in (NORTH, EAST):
            await three.says(vantage, DOWN, seconds=1)
    await three.says(EAST, UP)
    recovered = three.clock.ms
    await three.says(EAST, UP)
    home = three.check()
    assert (home.state, home.seen_from) == (State.DEGRADED, (NORTH,))
    assert home.since_ms == recovered
    three.agrees()


@pytest.mark.parametrize(
    ("down_when", "downs", "state"),
    [
        ("any", 1, State.DOWN), ("majority", 1, State.DEGRADED), ("majority", 2, State.DOWN),
        ("all", 2, State.DEGRADED), ("all", 3, State.DOWN), (1, 1, State.DOWN), (2, 1, State.DEGRADED), (3, 3, State.DOWN),
    ],
)  # fmt: skip
async def test_down_when_says_how_many(down_when, downs, state):
    stage = anywhere(down_when=down_when)
    await stage.all_say(UP, seconds=1)
    for _ in range(3):
        for n, vantage in enumerate(THREE):
            await stage.says(vantage, DOWN if n < downs else UP, seconds=1)
    assert stage.check().state is state
    stage.agrees()


async def test_fewer_who_speak_than_must_be_down_is_unknown():
    stage = anywhere(down_when=2)
    await stage.says(NORTH, UP)
    assert stage.check().state is State.UNKNOWN
    await stage.says(EAST, UP)
    assert stage.check().state is State.UP
    stage.agrees()


async def test_from_names_those_who_are_asked_whatever_the_audience():
    checks = {HOME: {"sources": (NORTH, SOUTH)}}
    stage = Several(settings({"web": [HOME]}, checks=checks, vantages=at_sites(**SITES)))
    receipt = await stage.says(EAST, DOWN)
    assert [r.why for r in receipt.refused] == ["'web/home' is not asked from there"]
    for vantage in (NORTH, SOUTH):
        await stage.says(vantage, UP)
    assert (stage.check().state, stage.check().seen_from) == (State.UP, (NORTH, SOUTH))
    stage.agrees()


# ---- since when, in any story


PARTS = {"web": [HOME, "web/api"], "all": ["web", "all/x"]}
NAMES = (HOME, "web/api", "all/x")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.sampled_from(THREE), st.sampled_from(NAMES), st.sampled_from([UP, DOWN, DOWN, DEGRADED])),
        st.tuples(st.just("streak"), st.sampled_from(THREE), st.sampled_from(NAMES), st.sampled_from([UP, DOWN, DEGRADED])),
        st.tuples(st.just("blind"), st.sampled_from(THREE)),
        st.tuples(st.just("see"), st.sampled_from(THREE)),
        st.tuples(st.just("pause"), st.integers(1, 60)),
        st.tuples(st.just("restart"), st.integers(0, 90)),
    ),
    max_size=30,
)  # fmt: skip
plans = st.fixed_dictionaries({
    "down_when": st.sampled_from(["majority", "any", "all", 2]),
    "needs": st.sampled_from([{}, {"web": 1}, {"web": 1, "all": 1}]),
    "canaries": st.sampled_from([(), (NORTH,), THREE]),
    "audience": st.sampled_from([Audience.ANY, Audience.PUBLIC]),
})  # fmt: skip


async def tell(story, plan, *, seen_first: bool) -> None:
    """Live through *story*; board and book must agree at every step."""
    options = {"audience": plan["audience"], "down_when": plan["down_when"]}
    made = settings(
        PARTS, needs=plan["needs"], checks=dict.fromkeys(NAMES, options),
        vantages=at_sites(*plan["canaries"], **SITES | {NORTH: "here"}),
    )  # fmt: skip
    stage = Several(made)
    await stage.pause(0)
    good = dict.fromkeys(THREE, START_MS)
    blind: set[str] = set()
    if seen_first:
        for name in NAMES:
            await stage.all_say(UP, name, seconds=0.5)
    for step, *more in story:
        stage.clock.move(1)
        match step, more:
            case "read", (vantage, name, verdict):
                await stage.says(vantage, verdict, name, 1)
            case "streak", (vantage, name, verdict):
                for _ in range(3):
                    await stage.says(vantage, verdict, name, 1)
                if vantage in plan["canaries"] and vantage not in blind:
                    good[vantage] = stage.clock.ms
                    await stage.looks(vantage)
            case "blind", (vantage,) if vantage in plan["canaries"] and vantage not in blind:
                blind.add(vantage)
                await stage.looks(vantage, blind=True, good_ms=good[vantage])
            case "see", (vantage,) if vantage in plan["canaries"]:
                blind.discard(vantage)
                good[vantage] = stage.clock.ms
                await stage.looks(vantage)
            case "pause", (seconds,):
                stage.clock.move(seconds)
            case "restart", (seconds,):
                stage.clock.move(seconds)
                stage = stage.again()
        await stage.pause(0)
        stage.agrees()
    stage.hub.intake.rest()
    await stage.hub.turn()
    stage.store.kept_latest = dict(stage.hub.intake.latest)
    stage.same_on_disk()


@tuned(max_examples=150, deadline=None)
@given(steps, plans, st.booleans())
def test_since_and_state_agree_with_the_book_at_every_step_of_any_story(story, plan, seen_first):
    asyncio.run(tell(story, plan, seen_first=seen_first))


async def test_a_component_that_is_down_longer_than_was_known_says_so():
    stage = Several(settings({"web": [HOME, "web/api"]}))
    for name in (HOME, "web/api"):
        await stage.says("local", UP, name)
    await stage.says("local", DOWN, HOME, 1)
    first = stage.clock.ms  # the first of the streak that is confirmed last
    for _ in range(3):
        await stage.says("local", DOWN, "web/api", 1)
    assert stage.state("web") is State.DOWN
    for _ in range(2):
        await stage.says("local", DOWN, HOME, 1)
    assert stage.hub.board.components["web"].since_ms == first
    stage.agrees()


# ---- how much to trust it


async def test_confidence_is_none_low_or_normal_by_how_many_speak():
    stage = anywhere()
    assert stage.check().confidence is Confidence.NONE
    await stage.says(NORTH, UP)
    assert stage.check().confidence is Confidence.LOW
    await stage.says(EAST, UP)
    assert stage.check().confidence is Confidence.NORMAL
    await stage.pause(31)
    assert (stage.check().state, stage.check().confidence) == (State.UNKNOWN, Confidence.NONE)


# ---- the fallback


async def public(*, offsite_first: bool) -> Several:
    """A public check, with two vantage points offsite, which went silent or never spoke, and one onsite that goes on."""
    stage = Several(settings({"web": [HOME]}, checks={HOME: PUBLIC}, vantages=at_sites(**AROUND)))
    if offsite_first:
        for vantage in ("dallas", "berlin"):
            await stage.says(vantage, UP)
    for _ in range(5):
        await stage.says("local", UP, seconds=8)
    await stage.pause(0)
    return stage


@pytest.mark.parametrize("offsite_first", [True, False], ids=["went silent", "never spoke"])
async def test_the_fallback_is_said_and_trusted_little(offsite_first):
    stage = await public(offsite_first=offsite_first)
    home = stage.check()
    assert (home.state, home.fallback, home.confidence, home.seen_from) == (
        State.UP, True, Confidence.LOW, ("local",),
    )  # fmt: skip
    stage.agrees()


@pytest.mark.parametrize("offsite_first", [True, False], ids=["went silent", "never spoke"])
async def test_the_fallback_confirms_by_twice_the_readings(offsite_first):
    stage = await public(offsite_first=offsite_first)
    await stage.says("local", DOWN)
    first = stage.clock.ms
    for _ in range(4):
        await stage.says("local", DOWN)
    assert stage.check().state is State.UP
    await stage.says("local", DOWN)
    assert (stage.check().state, stage.check().since_ms) == (State.DOWN, first)
    stage.agrees()


async def test_a_fallback_that_never_saw_it_well_confirms_by_twice_the_readings_too():
    stage = Several(settings({"web": [HOME]}, checks={HOME: PUBLIC}, vantages=at_sites(**AROUND)))
    for _ in range(5):
        await stage.says("local", DOWN)
    assert stage.check().state is State.UNKNOWN
    await stage.says("local", DOWN)
    assert stage.check().state is State.DOWN


async def test_an_offsite_vantage_point_that_is_back_confirms_as_ever_though_the_fallback_doubles():
    stage = await public(offsite_first=True)
    for _ in range(3):
        await stage.says("dallas", DOWN, seconds=2)
    assert (stage.check().state, stage.check().seen_from) == (State.DOWN, ("dallas",))
    assert not stage.check().fallback


async def test_doubling_ends_when_an_offsite_vantage_point_is_back():
    stage = await public(offsite_first=True)
    for _ in range(2):
        await stage.says("local", DOWN)
    await stage.says("dallas", UP)
    assert (stage.check().state, stage.check().fallback) == (State.UP, False)
    await stage.says("local", DOWN)
    home = stage.check()
    assert (home.state, home.seen_from) == (State.DEGRADED, ("local",)), "half the truth is with each"
    stage.agrees()


async def test_a_streak_that_was_too_short_for_the_fallback_counts_once_the_doubling_has_ended():
    stage = await public(offsite_first=True)
    for _ in range(4):
        await stage.says("local", DOWN)
    assert stage.check().state is State.UP
    await stage.says("dallas", UP)
    await stage.says("local", DOWN)
    assert (stage.check().state, stage.check().seen_from) == (State.DEGRADED, ("local",))
    stage.agrees()


async def test_where_no_offsite_was_ever_configured_onsite_simply_is_the_pool():
    stage = Several(settings({"web": [HOME]}, checks={HOME: PUBLIC}))
    await stage.says("local", UP)
    for _ in range(3):
        await stage.says("local", DOWN)
    home = stage.check()
    assert (home.state, home.fallback) == (State.DOWN, False)


async def test_a_blind_offsite_makes_a_fallback_as_a_silent_one_does():
    vantages = at_sites("dallas", "berlin", **AROUND)
    stage = Several(settings({"web": [HOME]}, checks={HOME: PUBLIC}, vantages=vantages))
    await stage.all_say(UP, seconds=1)
    seen = stage.clock.ms
    for vantage in ("dallas", "berlin"):
        await stage.looks(vantage, blind=True, good_ms=seen)
    home = stage.check()
    assert (home.state, home.fallback, home.confidence) == (State.UP, True, Confidence.LOW)
    assert {(a.kind, a.vantage) for a in home.about_us} == {
        ("vantage_impaired", "dallas"), ("vantage_impaired", "berlin"),
    }  # fmt: skip
    for _ in range(5):
        await stage.says("local", DOWN)
    assert stage.check().state is State.UP
    await stage.says("local", DOWN)
    assert stage.check().state is State.DOWN


# ---- trouble of our own


async def test_a_blind_vantage_point_is_named_and_leaves_the_pool():
    stage = anywhere(*THREE)
    await stage.all_say(UP, seconds=1)
    await stage.looks(EAST, blind=True, good_ms=stage.clock.ms)
    assert [t.key for t in stage.desk.troubles] == ["vantage_blind:east"]
    assert "east is blind: gateway, dns" in stage.trouble("vantage_blind:east")
    assert (stage.check().state, stage.check().seen_from) == (State.UP, (NORTH, SOUTH))
    await stage.looks(EAST)
    assert stage.desk.troubles == ()


async def test_when_all_of_several_are_blind_the_checks_are_named_of_which_nobody_can_say_anything():
    parts = {"web": [HOME, "web/api"], "db": ["db/q"]}
    options = {
        HOME: ANYWHERE,
        "web/api": ANYWHERE | {"sources": (NORTH, EAST)},
        "db/q": {"sources": (SOUTH,)},
    }
    stage = Several(settings(parts, checks=options, vantages=at_sites(*THREE, **SITES)))
    for name in (HOME, "web/api"):
        for vantage in (NORTH, EAST):
            await stage.says(vantage, UP, name, 1)
    for name in (HOME, "db/q"):
        await stage.says(SOUTH, UP, name, 1)
    good = stage.clock.ms
    await stage.looks(NORTH, blind=True, good_ms=good)
    assert stage.trouble("no_healthy_vantage") is None
    await stage.looks(EAST, blind=True, good_ms=good)
    assert "web/api" in stage.trouble("no_healthy_vantage")
    assert HOME not in stage.trouble("no_healthy_vantage"), "south sees it"
    await stage.looks(SOUTH, blind=True, good_ms=good)
    assert {t.key for t in stage.desk.troubles} == {
        "no_healthy_vantage", *(f"vantage_blind:{v}" for v in THREE),
    }  # fmt: skip
    assert all(name in stage.trouble("no_healthy_vantage") for name in (HOME, "web/api"))
    for key in ("web", "db"):
        assert stage.state(key) is State.UNKNOWN
    assert stage.check().reason is Reason.BLIND
    await stage.looks(NORTH)
    await stage.says(NORTH, UP, HOME, 1)
    await stage.says(NORTH, UP, "web/api", 1)
    assert stage.trouble("no_healthy_vantage") is None


async def test_with_one_blind_and_the_others_silent_nobody_can_say_either():
    stage = anywhere(*THREE)
    await stage.all_say(UP, seconds=1)
    good = stage.clock.ms
    await stage.pause(31)
    await stage.looks(EAST, blind=True, good_ms=good)
    assert stage.check().confidence is Confidence.NONE
    assert HOME in (stage.trouble("no_healthy_vantage") or "")


async def test_blindness_outlives_a_restart_and_so_does_its_trouble():
    stage = anywhere(*THREE)
    await stage.all_say(UP, seconds=1)
    for vantage in THREE:
        await stage.looks(vantage, blind=True, good_ms=stage.clock.ms)
    before = {t.key for t in stage.desk.troubles}
    stage.clock.move(1)
    again = stage.again()
    await again.pause(0)
    assert (again.check().state, again.check().reason) == (State.UNKNOWN, Reason.BLIND)
    assert {t.key for t in again.desk.troubles} == before


async def test_a_check_that_one_vantage_point_no_longer_runs_names_that_vantage_point():
    stage = anywhere()
    for n in range(10):
        for vantage in THREE:
            if n == 0 or vantage != EAST:
                await stage.says(vantage, UP, seconds=2)
    await stage.pause(0)
    assert stage.trouble("checks_stopped") == "checks that have stopped running: web/home from east"
    assert stage.check().state is State.UP
    await stage.says(EAST, UP)
    await stage.pause(0)
    assert stage.desk.troubles == ()


async def test_nobody_is_blamed_for_a_check_that_is_not_theirs_to_ask():
    parts = {"web": [HOME, "web/in"], "db": ["db/q"]}
    options = {HOME: PUBLIC, "db/q": {"sources": ("berlin",)}}  # web/in is for those onsite
    stage = Several(settings(parts, checks=options, vantages=at_sites(**AROUND)))
    for _ in range(6):
        for vantage in AROUND:
            await stage.says(vantage, UP, HOME, 2)
        await stage.says("local", UP, "web/in", 1)
        await stage.says("berlin", UP, "db/q", 1)
    await stage.pause(0)
    assert stage.desk.troubles == ()
    await stage.pause(31)
    assert stage.trouble("checks_stopped") == (
        "checks that have stopped running: db/q from berlin, web/home from berlin, web/home from dallas, "
        "web/home from local, web/in from local"
    )


async def test_a_blind_vantage_point_is_not_blamed_for_checks_that_stopped_as_well():
    stage = anywhere(*THREE)
    await stage.all_say(UP, seconds=1)
    await stage.looks(EAST, blind=True, good_ms=stage.clock.ms)
    for _ in range(8):
        for vantage in (NORTH, SOUTH):
            await stage.says(vantage, UP, seconds=3)
    await stage.pause(0)
    assert [t.key for t in stage.desk.troubles] == ["vantage_blind:east"]


# ---- what is not theirs to say


async def test_what_a_vantage_point_says_of_a_check_that_is_not_its_own_is_refused_and_the_rest_is_taken():
    parts, options = {"web": [HOME], "db": ["db/q"]}, {HOME: ANYWHERE, "db/q": {"sources": (SOUTH,)}}
    stage = Several(settings(parts, checks=options, vantages=at_sites(**SITES)))
    stage.clock.move(5)
    now = stage.clock.ms
    receipt = await stage.brings(
        observation("db/q", now - 3, DOWN, vantage=NORTH),
        observation(HOME, now - 2, UP, vantage=NORTH),
        observation(HOME, now - 2, DOWN, vantage=EAST),
        observation("web/none", now - 1, DOWN, vantage=NORTH),
        Sight(EAST, blind=True, good_ms=now),
        vantage=NORTH,
    )  # fmt: skip
    assert [(r.number, r.why) for r in receipt.refused] == [
        (1, "'db/q' is not asked from there"),
        (3, "it speaks for 'east', which is not who brings it"),
        (4, "'web/none' is not asked from there"),
        (5, "it speaks for 'east', which is not who brings it"),
    ]
    assert receipt.accepted == 5
    assert (stage.check().state, stage.check("db/q").state) == (State.UP, State.UNKNOWN)
    assert set(stage.hub.intake.beliefs) == {(HOME, NORTH)}
    assert stage.hub.intake.sights.blind == set()
    assert (await stage.says(NORTH, UP)).refused == (), "its numbers go on behind what was refused"


async def test_each_vantage_point_has_numbers_and_epochs_of_its_own(three):
    await three.says(EAST, UP)
    lanes = {v: three.hub.door.known(v) for v in THREE}
    assert lanes == {NORTH: (START_MS, 1), EAST: (START_MS + 1, 2), SOUTH: (START_MS + 2, 1)}


async def test_a_streak_of_one_is_told_to_that_one_and_to_nobody_else(three):
    assert set((await three.says(NORTH, DOWN)).beliefs) == {HOME}
    assert (await three.says(EAST, UP)).beliefs == {}


# ---- blindness and canaries, each its own


async def test_blindness_darkens_only_what_the_blind_one_saw():
    parts, options = {"web": [HOME], "db": ["db/q"]}, {HOME: ANYWHERE, "db/q": {"sources": (EAST,)}}
    stage = Several(settings(parts, checks=options, vantages=at_sites(*THREE, **SITES)))
    await stage.all_say(UP, seconds=1)
    await stage.says(EAST, UP, "db/q", 1)
    good = stage.clock.ms
    await stage.looks(EAST, blind=True, good_ms=good)
    for _ in range(3):
        for vantage in (NORTH, SOUTH):
            await stage.says(vantage, UP, seconds=2)
    await stage.says(EAST, DOWN, seconds=1)
    stage.agrees()
    book, now = stage.hub.book, stage.clock.ms
    assert (stage.state("web"), stage.state("db")) == (State.UP, State.UNKNOWN)
    assert stage.check("db/q").reason is Reason.BLIND
    up = {v: spans_of(book.seen_timeline(HOME, v, Edge.FOUND, START_MS, now), State.UP) for v in THREE}
    assert up == {
        NORTH: [(START_MS + 1000, now)],
        EAST: [(START_MS + 2000, good)],
        SOUTH: [(START_MS + 3000, now)],
    }
    assert spans_of(book.check_timeline(HOME, Edge.FOUND, START_MS, now), State.UP) == [
        (START_MS + 1000, now)
    ]
    await stage.looks(EAST)
    await stage.says(EAST, UP, seconds=1)
    await stage.says(EAST, UP, "db/q", 1)
    await stage.pause(1)
    stage.agrees()
    rows = [row[0] for e in stage.entries for row in e.facts.get("rows", ()) if e.vantage == EAST]
    assert (sorted(rows), {e.vantage for e in stage.entries if e.kind == "sight"}) == (["db/q", HOME], {EAST})


async def test_no_canary_of_one_confirms_what_another_sees():
    stage = anywhere(*THREE, down_when="any")
    await stage.all_say(UP, seconds=1)
    for _ in range(2):
        assert not (await stage.says(NORTH, DOWN, seconds=2)).wants_sight
    assert (await stage.says(NORTH, DOWN, seconds=2)).wants_sight
    assert not (await stage.looks(EAST)).wants_sight
    assert not (await stage.looks(SOUTH)).wants_sight
    assert stage.check().state is State.UP
    assert (await stage.says(NORTH, DOWN, seconds=2)).wants_sight
    assert stage.check().state is State.UP
    assert not (await stage.looks(NORTH)).wants_sight
    assert (stage.check().state, stage.check().seen_from) == (State.DOWN, (NORTH,))
    stage.agrees()


async def test_who_has_no_canaries_waits_for_nobodys():
    stage = anywhere(NORTH, down_when="any")
    await stage.all_say(UP, seconds=1)
    for _ in range(3):
        await stage.says(EAST, DOWN, seconds=2)
    assert stage.check().state is State.DOWN


async def test_a_blind_round_of_one_lets_go_of_its_own_streaks_only():
    stage = anywhere(*THREE, down_when="any")
    await stage.all_say(UP, seconds=1)
    good = stage.clock.ms
    for vantage in (NORTH, EAST):
        for _ in range(3):
            await stage.says(vantage, DOWN, seconds=1)
    await stage.looks(NORTH, blind=True, good_ms=good)
    assert stage.check().state is State.UP
    await stage.looks(EAST)
    assert (stage.check().state, stage.check().seen_from) == (State.DOWN, (EAST,))
    stage.agrees()


# ---- terms that move


async def test_a_vantage_point_that_is_removed_takes_its_vote_with_it(three):
    for _ in range(3):
        for vantage in (NORTH, EAST):
            await three.says(vantage, DOWN, seconds=1)
    assert three.check().state is State.DOWN
    vantages = {v: x for v, x in three.hub.settings.vantages.items() if v != NORTH}
    three.clock.move(1)
    await three.hub.plan(replace(three.hub.settings, vantages=vantages))
    await three.pause(0)
    assert (three.check().state, three.check().seen_from) == (State.DEGRADED, (EAST,)), "a tie"
    three.agrees()
