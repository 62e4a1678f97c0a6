"""One entry for all checks of a vantage point that lost sight gives the millisecond that an entry for each would give."""

from __future__ import annotations

import asyncio
import gc
import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from tests.core.ledgers import Ledger
from tests.fakes import Counter, FakeClock, MemoryStore, SilentDesk, observation, settings
from watch.core import confirm
from watch.core.book import Book
from watch.core.confirm import Belief
from watch.core.darkness import FOREVER, Dark, Gap, Why
from watch.core.delivery import Delivery
from watch.core.ledger import Kind, verified
from watch.core.marks import Edge, transition_body
from watch.core.reading import Reason, Verdict
from watch.core.standing import Sight
from watch.core.timeline import State, filled
from watch.hub.hub import Hub
from watch.hub.recorder import LedgerEnd, Recorder
from watch.hub.replay import book_for, book_now, ledger_end
from watch.hub.sights import Sights

STORE = Path("x")
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "darkness.json").read_text("utf-8"))
NAME, KEY = "web/home", ("web/home", "local")
PLAN = settings(
    {"web": [NAME]}, checks={NAME: {"every": timedelta(seconds=30), "timeout": timedelta(seconds=10)}}
)
TERMS = PLAN.checks[NAME].confirmation
VALIDITY = TERMS.validity_ms


class Told:
    """A hub that is told a story, and beside it the same story with an entry for each check and change."""

    def __init__(self, now_ms: int = 0) -> None:
        self.store, self.clock = MemoryStore(), FakeClock(now_ms)
        self.plain, self.belief = Ledger(now_ms), Belief()
        self.plain.component("web", [NAME], now_ms)
        self.plain.check(NAME, now_ms, every=timedelta(seconds=30), timeout=timedelta(seconds=10))
        self.blind, self.lapsed_ms, self.changed_ms = False, -1, list[int]()
        self.begin()

    def begin(self) -> None:
        """A hub starts on what the store holds."""
        self.epoch, self.sent, self.good_ms = self.clock.ms, 0, self.clock.ms
        self.store.kept_latest = dict((getattr(self, "hub", None) and self.hub.intake.latest) or {})
        self.hub = Hub(
            PLAN, self.store, book_now(self.store, STORE, 0), ledger_end(self.store), SilentDesk(), Counter(),
            self.clock, lambda: None,
        )  # fmt: skip
        self.keep()

    def keep(self) -> None:
        asyncio.run(self.store.commit(self.hub.recorder.take()))

    def bring(self, *findings) -> None:
        self.hub._received(
            Delivery(vantage="local", epoch=self.epoch, first=self.sent + 1, findings=findings)
        )
        self.sent += len(findings)
        self.keep()

    def look(self) -> None:
        """What the hub does each second."""
        while not self.hub.intake.sweep(self.clock.ms):
            pass
        self.keep()

    # ---- the story, told to both ----

    def read(self, verdict: Verdict, took_ms: int = 20) -> None:
        at_ms = self.clock.ms
        reason = Reason.OK if verdict is Verdict.UP else Reason.TIMEOUT
        self.bring(observation(NAME, at_ms, verdict, took_ms=took_ms))
        if not self.blind:
            seen = {"verdict": verdict, "reason": reason, "at_ms": at_ms, "took_ms": took_ms}
            self.believe(*confirm.observed(self.belief, TERMS, **seen))

    def lose_sight(self) -> None:
        self.bring(Sight("local", blind=True, good_ms=self.good_ms))
        self.blind = True
        self.believe(*confirm.blinded(self.belief, at_ms=self.good_ms, reason=Reason.BLIND))

    def see(self) -> None:
        self.good_ms = self.clock.ms
        self.bring(Sight("local", blind=False, good_ms=self.good_ms))
        self.blind = False

    def restart(self, seconds: int) -> None:
        self.clock.move(seconds)
        self.begin()
        self.lapse()
        self.look()

    def lapse(self) -> None:
        belief, changes = confirm.lapsed(self.belief, TERMS, now_ms=self.clock.ms)
        self.lapsed_ms = max([self.lapsed_ms, *(change.effective_ms for change in changes)])
        self.believe(belief, changes)

    def changes_since_good(self) -> int:
        return sum(at_ms >= self.good_ms for at_ms in self.changed_ms)

    def believe(self, belief: Belief, changes) -> None:
        self.belief = belief
        self.changed_ms += [change.effective_ms for change in changes]
        for change in changes:
            self.plain.add(
                Kind.TRANSITION, NAME, transition_body(change, ""), max(self.clock.ms, change.effective_ms),
                effective_ms=change.effective_ms, vantage="local",
            )  # fmt: skip

    def timelines(self, book: Book) -> dict[Edge, list]:
        end = self.clock.ms
        return {edge: filled(book.check_timeline(NAME, edge, 0, end), 0, end) for edge in Edge}

    def same(self) -> None:
        """The plain ledger, the hub's book, and the book of what is on disk say the same."""
        wanted = self.timelines(self.plain.book)
        assert self.timelines(self.hub.book) == wanted
        assert self.timelines(book_now(self.store, STORE, 0)) == wanted
        assert verified(self.store.entries())[2] is None


def of_kind(told: Told, *kinds: str):
    return [e for e in told.store.entries() if e.kind in kinds]


@pytest.mark.parametrize("case", VECTORS, ids=[case["id"] for case in VECTORS])
def test_vectors(case):
    assert case["validity_ms"] == VALIDITY
    told, dark = Told(), case["dark"]
    for reading in case["before"]:
        told.clock.ms = reading["at_ms"]
        told.read(Verdict(reading["verdict"]), reading["took_ms"])
    own = len(of_kind(told, "transition"))
    if dark["why"] == "blind":
        told.clock.ms, told.good_ms = dark["from_ms"] + 20_000, dark["from_ms"]
        told.lose_sight()
        told.clock.ms = dark["until_ms"]
        told.see()
    else:
        told.restart((dark["until_ms"] - told.clock.ms) // 1000)
    for reading in case["after"]:
        told.clock.ms = reading["at_ms"]
        told.read(Verdict(reading["verdict"]), reading["took_ms"])
    told.clock.ms = 200_000
    told.look()
    said = [(a, b, s.value) for a, b, s in told.hub.book.check_timeline(NAME, Edge.FOUND, 0, 200_000)]
    assert [list(item) for item in said if item[2] != "unknown"] == case["timeline"]
    if "least" in case:
        least = told.hub.book.check_timeline(NAME, Edge.LEAST, 0, 200_000)
        assert [[a, b, s.value] for a, b, s in least if s is not State.UNKNOWN] == case["least"]
    told.same()
    rows = [row[1:] for e in of_kind(told, "sight", "absence") for row in e.facts.get("rows", ())]
    assert rows == ([] if case["row"] is None else [_padded(case["row"])])
    entries = [(e.facts["to"], e.effective_ms) for e in of_kind(told, "transition")[own:]]
    wanted = case["own_entry"]
    assert entries == ([] if wanted is None else [(wanted["to"], wanted["effective_ms"])])
    if case["row"] is None:
        assert not of_kind(told, "sight", "absence")


def _padded(row: list) -> list:
    return row if len(row) == 2 else [*row, *[None] * (4 - len(row))]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.sampled_from([Verdict.UP, Verdict.DOWN, Verdict.DEGRADED, Verdict.UP])),
        st.tuples(st.just("blind")),
        st.tuples(st.just("see")),
        st.tuples(st.just("restart"), st.integers(0, 300)),
        st.tuples(st.just("pause"), st.integers(1, 200)),
    ),
    max_size=40,
)


@example(
    story=[
        ("read", Verdict.UP),
        ("read", Verdict.DOWN),
        ("read", Verdict.DOWN),
        ("read", Verdict.DOWN),
        ("blind",),
    ]
)
@tuned(max_examples=400, deadline=None)
@given(steps)
def test_any_story_gives_the_timelines_that_an_entry_for_each_check_would(story):
    told = Told()
    for step, *more in story:
        told.clock.move(5)
        told.lapse() if not told.blind else None
        match step:
            case "read":
                told.read(*more)
            # An entry for each check cannot take back what was written; one for all begins where it begins.
            case "blind" if (
                not told.blind and told.lapsed_ms < told.good_ms and told.changes_since_good() < 2
            ):
                told.lose_sight()
            case "see":
                told.see()
            case "restart" if not told.blind:
                told.restart(*more)
            case "pause":
                told.clock.move(*more)
                told.lapse() if not told.blind else None
        told.look()
    told.clock.move(200)
    if told.blind:
        told.see()
    told.read(Verdict.UP)
    told.clock.move(1)
    told.look()
    told.same()


def test_ten_thousand_checks_that_lose_sight_and_regain_it_are_two_entries():
    names = [f"c{n % 100}/k{n}" for n in range(10_000)]
    parts: dict[str, list[str]] = {}
    for name in names:
        parts.setdefault(name.split("/")[0], []).append(name)
    plan, store, clock = settings(parts), MemoryStore(), FakeClock()
    hub = Hub(plan, store, Book(), ledger_end(store), SilentDesk(), Counter(), clock, lambda: None)
    readings = tuple(observation(name, clock.ms) for name in names)
    hub._received(Delivery(vantage="local", epoch=1, first=1, findings=readings))
    before = hub.recorder.take().entries[-1].seq
    clock.move(10)
    hub._received(
        Delivery(
            vantage="local", epoch=1, first=10_001, findings=(Sight("local", blind=True, good_ms=clock.ms),)
        )
    )
    clock.move(15)
    sees = Sight("local", blind=False, good_ms=clock.ms)
    again = tuple(observation(name, clock.ms + 5) for name in names)
    clock.move(1)
    hub._received(Delivery(vantage="local", epoch=1, first=10_002, findings=(sees, *again)))
    while not hub.intake.sweep(clock.ms):
        pass
    written = [e for e in hub.recorder.take().entries if e.seq > before]
    assert [e.kind for e in written] == ["sight", "sight"]
    assert len(written[1].facts["rows"]) == 10_000
    assert sum(len(e.body) for e in written) < 400_000
    everything = book_for(store, STORE, 0)
    assert everything.version == 0, "nothing was committed by this test"


class Crowd:
    """10,000 checks of one vantage point that are up; `lose` sight of them, then let it `read` them again."""

    def __init__(self) -> None:
        self.keys = [(f"c{n % 100}/k{n}", "local") for n in range(10_000)]
        self.recorder = Recorder(Book(), LedgerEnd())
        self.sights = Sights(self.recorder)
        self.beliefs = {key: Belief(State.UP, 0, n) for n, key in enumerate(self.keys)}

    def lose(self, from_ms: int) -> Dark:
        dark = self.sights.begin("local", Why.BLIND, from_ms, self.beliefs)
        self.sights.record(dark, from_ms)
        return dark

    def read(self, keys, at_ms: int) -> None:
        change = confirm.Change(State.UNKNOWN, State.UP, at_ms, at_ms, at_ms, Reason.OK)
        for key in keys:
            self.sights.regain(key, change)


def collections(work) -> int:
    """How many collections of garbage start while *work* runs, after one that left nothing to collect."""
    found = []
    gc.collect()
    gc.callbacks.append(lambda phase, _: found.append(phase))
    try:
        work()
    finally:
        gc.callbacks.pop()
    return found.count("start")


def test_losing_sight_of_ten_thousand_checks_makes_no_object_for_each():
    crowd = Crowd()
    gc.collect()
    before = len(gc.get_objects())
    dark = crowd.lose(20_000)
    assert len(gc.get_objects()) - before < 100
    assert [dark.gap(check) for check, _ in crowd.keys] == [Gap(n) for n in range(10_000)]
    assert all(crowd.sights.pending(key) == (dark,) for key in crowd.keys)


def test_closing_a_stretch_of_ten_thousand_checks_starts_no_collection_of_garbage():
    crowd = Crowd()
    dark = crowd.lose(20_000)
    crowd.sights.sees("local", 30_000)
    crowd.read(crowd.keys, 31_000)
    assert collections(lambda: crowd.sights.settle(32_000)) == 0
    body = crowd.recorder.batch.entries[-1].facts
    assert dark.closed
    assert body["rows"] == sorted([check, n - 20_000, 11_000] for n, (check, _) in enumerate(crowd.keys))


def test_a_second_blindness_in_the_middle_of_the_first_takes_each_check_from_its_own_last_reading():
    crowd = Crowd()
    first = crowd.lose(20_000)
    crowd.sights.sees("local", 30_000)
    back, still = crowd.keys[:5_000], crowd.keys[5_000:]
    crowd.read(back, 31_000)
    crowd.beliefs |= {key: Belief(State.UP, 0, 31_000) for key in back}
    second = crowd.lose(40_000)
    assert {crowd.sights.pending(key) for key in back} == {(second,)}
    assert {crowd.sights.pending(key) for key in still} == {(first, second)}
    crowd.sights.sees("local", 50_000)
    crowd.read(crowd.keys, 51_000)
    crowd.sights.settle(52_000)
    assert (first.closed, second.closed) == (True, True)
    assert {first.gaps[check] for check, _ in back} == {Gap(n, 31_000) for n in range(5_000)}, (
        "the second stretch changes nothing that the first has ended"
    )
    assert {second.gaps[check] for check, _ in back} == {Gap(31_000, 51_000)}
    assert first.gaps[still[0][0]] == second.gaps[still[0][0]] == Gap(5_000, 51_000)


def test_what_was_not_read_since_keeps_its_gap_by_any_name_and_when_a_clock_epoch_cuts_it():
    dark = Dark(
        "local", Why.BLIND, 20, unread={"a/x": Belief(State.UP, 0, 5), "b/x": Belief(State.DOWN, 0, 6)}
    )
    dark.rename({"a/x": "b/x", "b/x": "a/x"})
    assert (dark.gap("b/x"), dark.gap("a/x"), dark.gap("c/x")) == (Gap(5), Gap(6, bad_ms=6), None)
    assert dark.span("b/x", Edge.FOUND, 0) == (20, FOREVER)
    dark.gaps["c/x"] = Gap(7, 8)
    dark.rename({"b/x": "c/x"})
    assert (dark.gap("b/x"), dark.gap("c/x")) == (None, Gap(5)), "what had the name before is gone"
    dark.rename({"c/x": "b/x"})
    dark.unread["d/x"] = Belief(State.UP, 0, 9)
    dark.cut(30)
    assert dark.gap("d/x") == Gap(9, 30)
    assert (dark.unread, dark.span("b/x", Edge.FOUND, 0)) == ({}, (20, 30))


def test_a_removed_check_has_no_gap_in_a_stretch_in_which_it_was_not_read():
    crowd = Crowd()
    dark = crowd.lose(20_000)
    crowd.sights.spare(crowd.keys[0])
    assert dark.gap(crowd.keys[0][0]) is None
    crowd.sights.sees("local", 30_000)
    crowd.read(crowd.keys[1:], 31_000)
    crowd.sights.settle(32_000)
    assert len(crowd.recorder.batch.entries[-1].facts["rows"]) == 9_999
