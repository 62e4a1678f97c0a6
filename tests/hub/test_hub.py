"""From observations to standings, ledger and evidence, on a clock that goes where it is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.fakes import START_MS, Counter, FakeClock, MemoryStore, SilentDesk, observation, settings
from watch.core.delivery import Delivery, Load, Receipt
from watch.core.ledger import Kind, verified
from watch.core.marks import Edge
from watch.core.reading import Course, Reason, Verdict
from watch.core.standing import Sight
from watch.core.timeline import State
from watch.core.trend import quarter_of
from watch.hub.hub import Hub
from watch.hub.replay import book_for, book_now, ledger_end

UP, DOWN, UNKNOWN = Verdict.UP, Verdict.DOWN, Verdict.UNKNOWN


class Stage:
    """A hub on a fake clock, and what it has said so far."""

    def __init__(self, plan, store: MemoryStore | None = None, clock: FakeClock | None = None) -> None:
        self.store, self.clock = store or MemoryStore(), clock or FakeClock()
        self.desk, self.counter, self.moves = self.desk_of(), Counter(), 0
        self.epoch, self.sent = self.clock.ms, 0
        book, end = book_for(self.store, Path("x"), 0), ledger_end(self.store)
        self.hub = Hub(plan, self.store, book, end, self.desk, self.counter, self.clock, self._moved)

    def desk_of(self):
        return SilentDesk()

    def _moved(self) -> None:
        self.moves += 1

    async def reads(self, name: str, verdict: Verdict, seconds: float = 10, **more) -> None:
        """One reading of *name*, *seconds* after the last thing that happened, and a turn of the hub."""
        self.clock.move(seconds)
        await self.brings(observation(name, self.clock.ms - 100, verdict, **more))

    async def brings(self, *findings, vantage: str = "local") -> Receipt:
        """One delivery, and the turn of the hub that puts it on disk."""
        delivery = Delivery(vantage=vantage, epoch=self.epoch, first=self.sent + 1, findings=findings)
        self.sent += len(findings)
        taken = asyncio.ensure_future(self.hub.take(delivery))
        await asyncio.sleep(0)
        await self.hub.turn()
        return await taken

    async def pause(self, seconds: float) -> None:
        self.clock.move(seconds)
        await self.hub._sweep()
        await self.hub.turn()

    def state(self, key: str) -> State:
        return self.hub.board.components[key].state

    @property
    def entries(self):
        return list(self.store.entries())

    def spans(self, name: str):
        """What the ledger on disk says of a check, in seconds from the start."""
        book = book_now(self.store, Path("x"), 0)
        return [
            ((a - START_MS) / 1000, (b - START_MS) / 1000, state)
            for a, b, state in book.check_timeline(name, Edge.FOUND, START_MS, self.clock.ms)
        ]

    def transitions(self):
        return [
            (e.subject, e.facts["to"], (e.effective_ms - START_MS) / 1000)
            for e in self.entries
            if e.kind == "transition"
        ]


@pytest.fixture
def one() -> Stage:
    return Stage(settings({"web": ["web/home"]}))


async def test_the_ledger_begins_with_what_figures_depend_on(one):
    await one.hub.turn()
    assert [(e.kind, e.subject) for e in one.entries] == [
        ("genesis", "threenines"), ("terms", "service"), ("vantage", "local"), ("component", "web"), ("check", "web/home"),
    ]  # fmt: skip
    assert verified(one.entries)[2] is None


async def test_a_component_goes_down_with_the_third_bad_reading_and_since_the_first(one):
    for verdict in (UP, DOWN, DOWN):
        await one.reads("web/home", verdict)
    assert one.state("web") is State.UP
    await one.reads("web/home", DOWN)
    assert one.state("web") is State.DOWN
    assert one.transitions() == [("web/home", "up", 9.9), ("web/home", "down", 19.9)]
    assert one.hub.board.components["web"].since_ms == START_MS + 19_900


async def test_a_transition_keeps_the_readings_that_prove_it(one):
    for verdict in (UP, UP, DOWN, DOWN, DOWN):
        await one.reads("web/home", verdict)
    (batch,) = [b for b in one.store.batches if any(e.facts.get("to") == "down" for e in b.entries)]
    assert [o.verdict for _, o in batch.evidence] == [UP, DOWN, DOWN, DOWN]
    assert {seq for seq, _ in batch.evidence} == {batch.entries[-1].seq}


async def test_entry_reading_and_belief_are_in_one_transaction(one):
    for verdict in (UP, DOWN, DOWN, DOWN):
        await one.reads("web/home", verdict)
    batch = one.store.batches[-1]
    assert batch.entries
    assert batch.observations
    assert batch.beliefs["web/home", "local"].state is State.DOWN


async def test_silence_is_unknown_and_not_down(one):
    await one.reads("web/home", UP)
    await one.pause(31)
    assert one.state("web") is State.UNKNOWN
    assert one.transitions()[-1] == ("web/home", "unknown", 9.9 + 30)


async def test_a_check_that_stopped_running_is_trouble_of_our_own(one):
    await one.reads("web/home", UP)
    await one.pause(10)
    assert one.desk.troubles == ()
    await one.pause(31)
    assert [t.key for t in one.desk.troubles] == ["checks_stopped"]


async def test_a_check_that_was_added_has_not_stopped_before_it_was_due(one):
    for _ in range(60):
        await one.reads("web/home", UP, 1)
    await one.hub.plan(settings({"web": ["web/home", "web/api"]}))
    for _ in range(30):
        await one.reads("web/home", UP, 1)
        await one.pause(0)
    assert one.desk.troubles == ()
    for _ in range(2):
        await one.reads("web/home", UP, 1)
        await one.pause(0)
    assert [t.text for t in one.desk.troubles] == ["checks that have stopped running: web/api"]


async def test_a_check_that_gives_only_unknown_says_why_and_is_trouble_of_our_own(one):
    for _ in range(4):
        await one.reads("web/home", UNKNOWN, reason=Reason.INTERNAL, detail="our probe did not stop")
    check = one.hub.board.checks["web/home"]
    assert (check.state, check.reason, check.detail) == (
        State.UNKNOWN,
        Reason.INTERNAL,
        "our probe did not stop",
    )
    await one.pause(0)
    (trouble,) = one.desk.troubles
    assert trouble.key == "checks_unknown"
    assert "web/home (internal: our probe did not stop)" in trouble.text
    assert trouble.pages_ms > one.clock.ms, "an overload that explains it would be known first"
    await one.reads("web/home", UP)
    await one.pause(0)
    assert one.desk.troubles == ()


@pytest.mark.parametrize("trouble", ["blind", "overloaded"])
async def test_what_could_not_be_seen_until_just_now_has_not_had_its_turn_yet(one, trouble):
    reason = Reason.BLIND if trouble == "blind" else Reason.OVERLOADED
    await one.reads("web/home", UP)
    await (sight(one, blind=True) if trouble == "blind" else brings_load(one, late=900))
    for _ in range(5):
        await one.reads("web/home", UNKNOWN, reason=reason)
        await one.pause(0)
    assert [t.kind for t in one.desk.troubles] == ["vantage_blind" if trouble == "blind" else trouble]
    await (sight(one, blind=False) if trouble == "blind" else brings_load(one))
    for _ in range(29):  # it may take as long as a state holds
        await one.pause(1)
        assert one.desk.troubles == ()
    await one.reads("web/home", UNKNOWN, 0, reason=Reason.INTERNAL)
    await one.pause(2)
    assert [t.kind for t in one.desk.troubles] == ["checks_unknown"], "but no longer"


async def sight(one, *, blind):
    names = ("gateway",)
    await one.brings(Sight("local", blind, one.clock.ms, () if blind else names, names if blind else ()))


async def brings_load(one, **load):
    delivery = Delivery(vantage="local", epoch=one.epoch, first=one.sent + 1, load=Load(checks=1000, **load))
    taken = asyncio.ensure_future(one.hub.take(delivery))
    await asyncio.sleep(0)
    await one.hub.turn()
    return await taken


@pytest.mark.parametrize(
    ("load", "said"),
    [
        ({}, None),
        ({"late": 10}, None),
        ({"late": 900}, "100 of 1,000 checks are asked on time"),
        ({"undecided": 1200}, "1,200 readings of the last 15 s waited for us and decide nothing"),
        ({"stood_still": 4.9}, None),
        ({"stood_still": 8.2}, "nothing ran for 8 s"),
    ],
)
async def test_an_overloaded_vantage_point_is_said_with_figures_and_pages_only_if_it_lasts(one, load, said):
    await brings_load(one, **load)
    texts = [t.text for t in one.desk.troubles]
    assert texts == ([] if said is None else [f"vantage point local is overloaded: {said}"])
    assert all(t.pages_ms == one.clock.ms + 60_000 for t in one.desk.troubles)
    await brings_load(one)
    assert one.desk.troubles == ()


async def test_what_an_overloaded_vantage_point_does_not_ask_in_time_is_one_stretch_and_no_silent_check(one):
    await one.reads("web/home", UP)
    await brings_load(one, late=900)
    await one.pause(31)
    assert one.state("web") is State.UNKNOWN
    assert [t.kind for t in one.desk.troubles] == ["overloaded"]
    await one.reads("web/home", UP)
    assert one.state("web") is State.UP
    assert [e.kind for e in one.entries][-1] == Kind.SIGHT
    assert [t[1] for t in one.transitions()] == ["up"]


async def test_what_is_settled_moves_nobody_and_adds_no_entry(one):
    await one.reads("web/home", UP)
    entries, moves = len(one.entries), one.moves
    for _ in range(20):
        await one.reads("web/home", UP)
    assert (len(one.entries), one.moves) == (entries, moves)


async def test_a_restart_shorter_than_validity_leaves_no_gap(one):
    await one.reads("web/home", UP)
    one.store.kept_latest = dict(one.hub.intake.latest)
    one.clock.move(20)
    again = Stage(one.hub.settings, one.store, one.clock)
    await again.pause(1)
    assert again.state("web") is State.UP
    assert again.transitions() == one.transitions()


async def test_after_a_long_absence_the_gap_reads_unknown_from_where_validity_ended(one):
    await one.reads("web/home", UP)
    one.clock.move(3600)
    again = Stage(one.hub.settings, one.store, one.clock)
    await again.pause(0)
    assert again.state("web") is State.UNKNOWN
    await again.reads("web/home", UP)
    assert [to for _, to, _ in again.transitions()] == ["up"], (
        "the state is the same afterwards: no entry of its own"
    )
    assert again.spans("web/home") == [(9.9, 39.9, State.UP), (3619.9, 3620.0, State.UP)]
    assert [e.kind for e in again.entries if e.vantage][1:] == ["absence"]
    await again.pause(1)
    assert [e.kind for e in again.entries if e.vantage][1:] == ["absence", "absence"]
    assert again.spans("web/home") == [(9.9, 39.9, State.UP), (3619.9, 3621.0, State.UP)]
    assert verified(again.entries)[2] is None


async def test_a_restart_in_the_middle_of_a_streak_goes_on_counting(one):
    for verdict in (UP, DOWN, DOWN):
        await one.reads("web/home", verdict)
    again = Stage(one.hub.settings, one.store, one.clock)
    await again.reads("web/home", DOWN)
    assert again.transitions()[-1] == ("web/home", "down", 19.9)


async def test_redundancy_lost_is_degraded_and_says_so():
    stage = Stage(settings({"app": ["app/a", "app/b", "app/c"]}, needs={"app": 2}))
    for name in ("app/a", "app/b", "app/c"):
        await stage.reads(name, UP, 1)
    for _ in range(3):
        await stage.reads("app/a", DOWN, 3)
        await stage.reads("app/b", UP, 1)
        await stage.reads("app/c", UP, 1)
    standing = stage.hub.board.components["app"]
    assert (standing.state, standing.redundancy_lost, standing.members_up, standing.members) == (
        State.DEGRADED,
        True,
        2,
        3,
    )
    assert standing.cause == "app/a"


async def test_a_component_stands_as_those_it_contains_do():
    stage = Stage(settings({"storage": ["db", "san"], "db": ["db/q"], "san": ["san/l"]}))
    await stage.reads("db/q", UP, 1)
    await stage.reads("san/l", UP, 1)
    assert stage.state("storage") is State.UP
    for _ in range(3):
        await stage.reads("san/l", DOWN, 5)
    assert (stage.state("storage"), stage.state("db")) == (State.DOWN, State.UP)
    assert stage.hub.board.components["storage"].cause == "san/l"


async def test_board_and_book_agree_at_every_turn():
    stage = Stage(settings({"app": ["app/a", "app/b"], "all": ["app", "all/x"]}, needs={"app": 1}))
    story = [
        ("app/a", UP),
        ("app/b", UP),
        ("all/x", UP),
        *[("app/a", DOWN)] * 3,
        *[("app/b", DOWN)] * 3,
        ("all/x", UP),
        *[("app/a", UP)] * 3,
    ]
    for name, verdict in story:
        await stage.reads(name, verdict, 4)
        now = stage.clock.ms
        for key in ("app", "all"):
            timeline = stage.hub.book.component_timeline(key, Edge.FOUND, START_MS, now + 1)
            assert timeline[-1][2] is stage.state(key), (name, verdict, key)


async def test_a_blind_vantage_point_makes_unknown_not_down(one):
    await one.reads("web/home", UP)
    seen = one.clock.ms
    one.clock.move(5)
    await one.brings(Sight("local", blind=True, good_ms=seen, bad=("gateway", "dns")))
    assert one.state("web") is State.UNKNOWN
    assert one.spans("web/home") == [(9.9, (seen - START_MS) / 1000, State.UP)]
    assert "gateway, dns" in one.desk.troubles[0].text
    await one.brings(Sight("local", blind=False, good_ms=one.clock.ms))
    await one.reads("web/home", UP)
    assert one.state("web") is State.UP
    assert one.desk.troubles == ()


async def test_a_removed_check_ends_and_its_component_forgets_it(one):
    both = settings({"web": ["web/home", "web/api"]})
    stage = Stage(both)
    await stage.reads("web/home", UP)
    for _ in range(3):
        await stage.reads("web/api", DOWN, 3)
    assert stage.state("web") is State.DOWN
    await stage.hub.plan(settings({"web": ["web/home"]}))
    await stage.hub.turn()
    assert stage.state("web") is State.UP
    removed_ms = stage.clock.ms
    await stage.pause(59)
    assert not [e for e in stage.entries if e.facts.get("ended")], (
        "it may come back for as long as `resolve_hold`"
    )
    await stage.pause(1)
    ended = [e for e in stage.entries if e.facts.get("ended")]
    assert [(e.kind, e.subject, e.effective_ms) for e in ended] == [(Kind.CHECK, "web/api", removed_ms)]
    assert not stage.hub.intake.accept(observation("web/api", stage.clock.ms, DOWN), stage.clock.ms)


async def test_a_renamed_component_carries_its_history_on():
    stage = Stage(settings({"web": ["web/home"]}))
    for verdict in (UP, DOWN, DOWN, DOWN):
        await stage.reads("web/home", verdict)
    from dataclasses import replace

    renamed = settings({"site": ["site/home"]})
    renamed = replace(renamed, components={"site": replace(renamed.components["site"], was="web")})
    await stage.hub.plan(renamed)
    await stage.hub.turn()
    assert stage.state("site") is State.DOWN
    timeline = stage.hub.book.component_timeline("site", Edge.FOUND, START_MS, stage.clock.ms)
    assert [s for _, _, s in timeline if s is not State.UNKNOWN] == [State.UP, State.DOWN]
    assert not [e for e in stage.entries if e.facts.get("ended")]


async def test_changed_terms_apply_from_now_and_not_before():
    stage = Stage(settings({"app": ["app/a", "app/b"]}))
    await stage.reads("app/a", UP, 1)
    await stage.reads("app/b", UP, 1)
    for _ in range(3):
        await stage.reads("app/a", DOWN, 4)
        await stage.reads("app/b", UP, 1)
    before = stage.clock.ms
    await stage.hub.plan(settings({"app": ["app/a", "app/b"]}, needs={"app": 1}))
    await stage.reads("app/b", UP, 5)
    assert stage.state("app") is State.DEGRADED
    timeline = stage.hub.book.component_timeline("app", Edge.FOUND, START_MS, stage.clock.ms)
    assert [(s, b <= before) for _, b, s in timeline][-2:] == [(State.DOWN, True), (State.DEGRADED, False)]


async def test_readings_of_ours_that_failed_are_counted_but_change_nothing(one):
    await one.reads("web/home", UP)
    for _ in range(5):
        await one.reads("web/home", Verdict.UNKNOWN, 1, reason=Reason.INTERNAL)
    assert one.state("web") is State.UP
    assert one.counter.verdicts.count((Verdict.UNKNOWN, Reason.INTERNAL)) == 5


async def test_a_member_that_is_only_unknown_takes_nothing_from_what_is_seen_to_work():
    stage = Stage(settings({"app": ["app/a", "app/b"]}, needs={"app": 1}))
    await stage.reads("app/a", UP)
    standing = stage.hub.board.components["app"]
    assert (standing.state, standing.redundancy_lost, standing.redundancy_unknown) == (State.UP, False, True)


async def test_lost_redundancy_of_a_contained_component_is_passed_on_as_that():
    stage = Stage(settings({"all": ["app"], "app": ["app/a", "app/b"]}, needs={"app": 1}))
    await stage.reads("app/b", UP, 1)
    for _ in range(3):
        await stage.reads("app/a", DOWN, 3)
        await stage.reads("app/b", UP, 1)
    standing = stage.hub.board.components["all"]
    assert (standing.state, standing.redundancy_lost) == (State.DEGRADED, True)


async def test_what_fills_up_or_empties_is_summed_up_by_the_quarter_of_an_hour_and_kept():
    stage = Stage(settings({"san": ["san/lun0"]}, checks={"san/lun0": {"courses": {"free": Course.EMPTIES}}}))
    for value in (0.5, 0.25):
        await stage.reads("san/lun0", UP, facts={"free": value, "other": 1.0})
    await stage.reads("san/lun0", UP, facts={})
    stage.hub.intake.rest()
    await stage.hub.turn()
    (kept,) = [batch.quarters for batch in stage.store.batches if batch.quarters]
    ((check, vantage, fact, quarter_ms), sums) = kept.popitem()
    assert (check, vantage, fact, kept) == ("san/lun0", "local", "free", {})
    assert quarter_ms == quarter_of(START_MS)
    assert (sums.n, sums.value) == (2, 0.75)
    assert sums.at_ms == 2 * (START_MS - quarter_ms) + 9_900 + 19_900
