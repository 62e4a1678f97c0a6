"""One entry for a stretch in which nothing was seen says the same, to the millisecond, as one for each check."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests import fakes
from tests.fakes import START_MS, observation
from tests.hub.test_hub import Stage
from watch.core import confirm
from watch.core.confirm import Belief, Change
from watch.core.ledger import verified
from watch.core.marks import Edge, Mark, drawn_timeline
from watch.core.reading import Reason, Verdict
from watch.core.settings import Canary, Vantage
from watch.core.standing import Sight
from watch.core.timeline import filled
from watch.hub.replay import book_for, book_now

UP, DEGRADED, DOWN, UNKNOWN = Verdict.UP, Verdict.DEGRADED, Verdict.DOWN, Verdict.UNKNOWN
CHECKS = ("web/home", "web/api")


def plan():
    here = Vantage(name="local", site="here", canaries=(Canary(name="c0", probe=object()),))
    return fakes.settings({"web": list(CHECKS)}, vantages={"local": here})


class CheckByCheck:
    """The semantics read aloud, with a change of its own for every check and everything that befalls it."""

    def __init__(self) -> None:
        self.beliefs = {name: Belief() for name in CHECKS}
        self.changes: dict[str, list[Change]] = {name: [] for name in CHECKS}
        self.blind, self.seen_ms = False, 0
        self.held: set[str] = set()
        self.terms = plan().checks["web/home"].confirmation

    def _keep(self, name: str, after: tuple[Belief, tuple[Change, ...]]) -> None:
        self.beliefs[name] = after[0]
        self.changes[name] += after[1]

    def read(self, name: str, verdict: Verdict, at_ms: int) -> None:
        if self.blind or verdict is UNKNOWN:
            return
        after = confirm.observed(
            self.beliefs[name], self.terms, verdict=verdict, reason=Reason.OK, at_ms=at_ms, took_ms=20,
            sighted_ms=self.seen_ms,
        )  # fmt: skip
        self._keep(name, after)
        if confirm.awaits_sight(self.beliefs[name], self.terms, self.seen_ms):
            self.held.add(name)

    def look(self, good_ms: int, *, blind: bool) -> None:
        held, self.held = self.held, set()
        if not blind:
            self.blind, self.seen_ms = False, good_ms
            for name in held:
                self._keep(name, confirm.sighted(self.beliefs[name], self.terms, Reason.OK, good_ms))
        elif not self.blind:
            self.blind = True
            for name in CHECKS:
                self._keep(name, confirm.blinded(self.beliefs[name], at_ms=good_ms, reason=Reason.BLIND))

    def pass_time(self, now_ms: int) -> None:
        for name in CHECKS:
            self._keep(name, confirm.lapsed(self.beliefs[name], self.terms, now_ms=now_ms))

    def timeline(self, name: str, edge: Edge, hi: int):
        marks = [
            Mark(n, c.effective_ms, c.earliest_ms, c.latest_ms, c.was, c.state, "", "")
            for n, c in enumerate(self.changes[name])
        ]
        return filled(drawn_timeline(marks, edge, START_MS, hi), START_MS, hi)


steps = st.one_of(
    st.tuples(st.just("read"), st.sampled_from(CHECKS), st.sampled_from([UP, UP, DEGRADED, DOWN, DOWN, DOWN, UNKNOWN])),
    st.tuples(st.just("look"), st.booleans()),
    st.tuples(st.just("wait"), st.integers(1, 60)),
    st.tuples(st.just("restart"), st.integers(0, 90)),
)  # fmt: skip


async def played(story):
    """The store of a hub that lived through *story*, what the semantics say of it, and the instant of its end."""
    stage, said = Stage(plan()), CheckByCheck()
    good_ms, fresh = START_MS, False
    for what, *how in story:
        stage.clock.move(3)
        now = stage.clock.ms
        if what == "read":
            name, verdict = how
            await stage.brings(observation(name, now - 100, verdict))
            said.read(name, verdict, now - 100)
        elif what == "look":
            # A point that starts blind goes by the last round on record, which an entry for each check cannot take back.
            blind, fresh = how[0] and fresh, True
            if not said.blind:  # rounds come often: the last good one is younger than the last reading
                good_ms = now - 2_950
            if not blind:
                good_ms = now - 50
            await stage.brings(
                Sight("local", blind, good_ms, () if blind else ("c0",), ("c0",) if blind else ())
            )
            said.look(good_ms, blind=blind)
        elif what == "wait":
            stage.clock.move(how[0])
        else:
            stage.hub.intake.rest()
            await stage.hub.turn()
            stage.store.kept_latest = dict(stage.hub.intake.latest)
            stage.clock.move(how[0])
            stage = Stage(stage.hub.settings, stage.store, stage.clock)
            fresh = False
        await stage.pause(0)
        said.pass_time(stage.clock.ms)
    await stage.hub.turn()
    return stage, said, stage.clock.ms


@settings(max_examples=400, deadline=None)
@pytest.mark.parametrize("edge", Edge)
@given(st.lists(steps, max_size=40))
@example(
    [*[("read", "web/api", DOWN)] * 3, ("restart", 0), ("look", False)]
)  # a held streak survives a restart
@example(
    [
        ("read", "web/home", UP),
        *[("look", False)] * 4,
        ("read", "web/api", DOWN),
        *[("look", False)] * 2,
        *[("read", "web/api", DOWN)] * 2,
        ("restart", 0),
    ]
)  # one state has lapsed in the absence, and the other holds
def test_what_is_drawn_is_what_an_entry_for_each_check_would_draw(edge, story):
    stage, said, end = asyncio.run(played(story))
    for book in (book_now(stage.store, Path("x"), 0), stage.hub.book):
        for name in CHECKS:
            found = filled(book.check_timeline(name, edge, START_MS, end), START_MS, end)
            assert found == said.timeline(name, edge, end), name
    assert verified(stage.entries)[2] is None


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=40))
def test_what_stands_on_the_board_is_the_end_of_the_timeline(story):
    stage, said, end = asyncio.run(played(story))
    for name in CHECKS:
        assert stage.hub.board.checks[name].state is said.timeline(name, Edge.FOUND, end + 1)[-1][2]


async def test_what_was_confirmed_since_the_last_good_round_is_unknown_too():
    stage = Stage(plan())

    async def reads(*verdicts: Verdict) -> None:
        for verdict in verdicts:
            stage.clock.move(5)
            await stage.brings(observation("web/home", stage.clock.ms - 100, verdict))

    async def looks(good_ms: int, *, blind: bool) -> None:
        await stage.brings(Sight("local", blind, good_ms, () if blind else ("c0",), ("c0",) if blind else ()))

    await reads(UP, DOWN, DOWN)
    await looks(stage.clock.ms, blind=False)
    await reads(DOWN)
    seen = stage.clock.ms
    await looks(seen, blind=False)
    await reads(UP, UP)
    assert stage.spans("web/home")[-1] == (24.9, 30.0, "up")
    await looks(seen, blind=True)
    assert stage.spans("web/home") == [(4.9, 9.9, "up"), (9.9, 20.0, "down")]


async def test_a_vantage_point_that_goes_blind_is_one_entry_however_many_checks_it_has():
    many = {"web": [f"web/c{n}" for n in range(50)]}
    stage = Stage(fakes.settings(many, vantages=plan().vantages))
    stage.clock.move(10)
    await stage.brings(*(observation(name, stage.clock.ms - 100) for name in many["web"]))
    seen, before = stage.clock.ms, len(stage.entries)
    stage.clock.move(5)
    await stage.brings(Sight("local", True, seen, (), ("c0",)))
    stage.clock.move(5)
    await stage.brings(Sight("local", False, stage.clock.ms, ("c0",)))
    stage.clock.move(5)
    await stage.brings(*(observation(name, stage.clock.ms - 100) for name in many["web"]))
    await stage.pause(1)
    opened, closed = stage.entries[before:]
    assert [(e.kind, e.vantage, e.effective_ms) for e in (opened, closed)] == [("sight", "local", seen)] * 2
    assert (closed.facts["left"], len(closed.facts["rows"])) == (0, 50)
    assert stage.store.darks() == ({}, {}), "no row is left once an entry says it"
    book = book_for(stage.store, Path("x"), 0)
    for name in many["web"]:
        (_, lost, _), (back, _, _) = book.check_timeline(name, Edge.FOUND, START_MS, stage.clock.ms)
        assert (lost, back) == (seen, START_MS + 24_900)
