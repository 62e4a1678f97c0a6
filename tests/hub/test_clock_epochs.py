"""A clock that is behind the record begins a new epoch: what lies ahead counts for nothing, and nothing is lost."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.core.ledgers import DAY, HOUR, MINUTE, SECOND
from tests.fakes import START_MS, Counter, FakeClock, MemoryStore, SilentDesk, observation, settings
from tests.hub.test_hub import Stage
from watch.core.clock_epoch import AHEAD, BACK, CORRECTED, Boot
from watch.core.ledger import Kind, verified
from watch.core.marks import Edge
from watch.core.reading import Verdict
from watch.core.settings import Canary, Vantage
from watch.core.standing import Sight
from watch.core.timeline import State, filled
from watch.hub.hub import Hub
from watch.hub.plan import planned
from watch.hub.replay import book_now, ledger_end
from watch.hub.returned import board_of, returned
from watch.hub.taken_over import epoch_from

UP, DOWN = Verdict.UP, Verdict.DOWN
YEAR = 365 * DAY
STORE, PLAN = Path("x"), settings({"web": ["web/home"]})
AHEAD_BY = {
    "20 s": 20 * SECOND,
    "90 s": 90 * SECOND,
    "50 min": 50 * MINUTE,
    "1 day": DAY,
    "10 years": 10 * YEAR,
}


class Again(Stage):
    """A hub that starts on *store* at a time; the rest is as on the stage."""

    def __init__(
        self, store: MemoryStore, now_ms: int, *, plan=PLAN, followed: bool = False, boot: Boot | None = None
    ) -> None:
        self.store, self.clock = store, FakeClock(now_ms)
        self.desk, self.counter, self.moves = SilentDesk(), Counter(), 0
        self.began_ms, self.sent = now_ms, 0
        last_ms = store.last_sign_ms()
        self.pending = epoch_from(store, last_ms, now_ms, followed=followed, boot=boot)
        book = book_now(store, STORE, 0, pending=self.pending)
        self.hub = Hub(
            plan, store, book, ledger_end(store, self.pending), self.desk, self.counter, self.clock, self._moved,
            self.pending,
        )  # fmt: skip
        self.epoch = now_ms

    async def brings(self, *findings, vantage: str = "local"):
        receipt = await super().brings(*findings, vantage=vantage)
        assert receipt.refused == ()
        # As the real store does it: the newest row of a check is the one that was written last.
        self.store.kept_latest |= {(o.check, o.vantage): o for o in findings if not isinstance(o, Sight)}
        return receipt

    async def goes(self, *verdicts: Verdict) -> None:
        for verdict in verdicts:
            await self.reads("web/home", verdict)

    def timeline(self, edge: Edge = Edge.FOUND, hi: int | None = None):
        """What is on disk says of the check; the hub's own book must say the same."""
        hi = hi or self.clock.ms
        told = filled(book_now(self.store, STORE, 0).check_timeline("web/home", edge, 0, hi), 0, hi)
        lo = self.began_ms
        assert filled(told, lo, hi) == filled(
            self.hub.book.check_timeline("web/home", edge, 0, hi), lo, hi
        ), "disk and memory differ"
        return told

    def holds(self) -> None:
        """The chain holds, and recorded time goes back only with a clock epoch."""
        entries = self.entries
        assert verified(entries)[2] is None
        for before, after in itertools.pairwise(entries):
            assert after.recorded_ms >= before.recorded_ms or after.kind == Kind.CLOCK


async def begun(now_ms: int, *verdicts: Verdict) -> Again:
    stage = Again(MemoryStore(), now_ms)
    await stage.goes(*verdicts)
    return stage


BEFORE = {
    "up": (UP, UP, UP),
    "down": (UP, DOWN, DOWN, DOWN),
    "a streak": (UP, DOWN, DOWN),
    "recovering": (UP, DOWN, DOWN, DOWN, UP),
}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE.keys())
@pytest.mark.parametrize("ahead_ms", AHEAD_BY.values(), ids=AHEAD_BY.keys())
async def test_an_outage_after_it_is_found_and_booked_as_ever(ahead_ms, before):
    ran = await begun(START_MS + ahead_ms, *before)
    stage = Again(ran.store, START_MS)
    assert stage.pending.why == BACK
    await stage.pause(0)
    assert stage.state("web") is State.UNKNOWN
    assert [t.key for t in stage.desk.troubles] == ["clock_epoch"]
    assert stage.store.kept_beliefs["web/home", "local"].state is State.UNKNOWN, "on disk with the entry"
    await stage.goes(DOWN, DOWN)
    assert stage.state("web") is State.UNKNOWN, "no streak was carried over"
    await stage.goes(DOWN)
    assert stage.state("web") is State.DOWN
    first_ms = START_MS + 9_900
    assert stage.timeline() == [(0, first_ms, State.UNKNOWN), (first_ms, stage.clock.ms, State.DOWN)]
    assert stage.hub.board.components["web"].since_ms == first_ms
    stage.holds()


@pytest.mark.parametrize("ahead_ms", AHEAD_BY.values(), ids=AHEAD_BY.keys())
async def test_a_silence_after_it_is_unknown_and_trouble_of_ours(ahead_ms):
    ran = await begun(START_MS + ahead_ms, UP, UP)
    stage = Again(ran.store, START_MS)
    await stage.pause(31)
    assert stage.state("web") is State.UNKNOWN
    assert {t.key for t in stage.desk.troubles} == {"clock_epoch", "checks_stopped"}


@pytest.mark.parametrize("ahead_ms", AHEAD_BY.values(), ids=AHEAD_BY.keys())
async def test_history_before_it_is_kept_and_what_was_told_of_later_does_not_count(ahead_ms):
    right = await begun(START_MS, UP, DOWN, DOWN, DOWN, UP, UP)
    before = right.timeline()
    wrong = Again(right.store, right.clock.ms + ahead_ms)
    await wrong.goes(UP, DOWN, DOWN, DOWN)
    now = right.clock.ms + 60 * SECOND
    stage = Again(right.store, now)
    if ahead_ms < 60 * SECOND:
        assert stage.pending is None, "by then the clock has passed the record"
        return
    await stage.goes(UP)
    timeline = stage.timeline()
    assert timeline[: len(before) - 1] == before[:-1]
    assert (timeline[-1][2], timeline[-1][0]) == (State.UP, now + 9_900)
    assert timeline[-2][2] is State.UNKNOWN
    assert sum(hi - lo for lo, hi, state in timeline if state is State.DOWN) == 30 * SECOND
    stage.holds()


async def test_the_trouble_ends_and_a_further_start_begins_no_further_epoch():
    ran = await begun(START_MS + HOUR, UP)
    stage = Again(ran.store, START_MS)
    for _ in range(31):
        await stage.goes(UP)
        await stage.pause(0)
    assert stage.desk.troubles == ()
    later = Again(ran.store, stage.clock.ms + SECOND)
    assert later.pending is None
    await later.pause(0)
    assert later.state("web") is State.UP, "it was read a second ago"


async def test_a_vantage_point_that_once_started_later_than_now_is_not_refused():
    ran = await begun(START_MS + 20 * SECOND, UP)
    stage = Again(ran.store, START_MS)
    await stage.goes(UP)  # `brings` holds that nothing is refused
    assert stage.store.kept_lanes["local", "live"] == (START_MS, 1)


async def test_no_canary_round_of_the_future_confirms_an_outage():
    canary = Canary(name="c", probe=object)
    plan = settings(
        {"web": ["web/home"]}, vantages={"local": Vantage(name="local", site="here", canaries=(canary,))}
    )
    ran = Again(MemoryStore(), START_MS + HOUR, plan=plan)
    await ran.brings(Sight("local", blind=False, good_ms=START_MS + HOUR, good=("c",)))
    stage = Again(ran.store, START_MS, plan=plan)
    await stage.goes(DOWN, DOWN, DOWN)
    assert stage.state("web") is State.UNKNOWN, "it waits for a round of this epoch"
    await stage.brings(Sight("local", blind=False, good_ms=stage.clock.ms, good=("c",)))
    assert stage.state("web") is State.DOWN


async def test_a_dark_stretch_that_was_open_ends_with_its_epoch():
    right = await begun(START_MS, UP)
    await right.brings(Sight("local", blind=True, good_ms=right.clock.ms))
    right.clock.move(3600)
    await right.brings(Sight("local", blind=True, good_ms=START_MS + 10_000))
    assert right.store.kept_darks
    await right.brings(observation("web/home", right.clock.ms - 100, DOWN))
    last = max(e.recorded_ms for e in right.entries)
    right.hub.recorder.entry(Kind.COMMAND, "x", {}, now_ms=last + 2 * HOUR)
    await right.hub.turn()
    stage = Again(right.store, right.clock.ms)
    await stage.hub.turn()
    assert stage.store.kept_darks == {}
    assert stage.hub.intake.sights.blind == set()
    await stage.goes(UP)
    assert stage.state("web") is State.UP
    assert stage.timeline()[-1] == (stage.began_ms + 9_900, stage.clock.ms, State.UP)


async def test_terms_recorded_ahead_are_recorded_again_and_removed_components_end_again():
    right = await begun(START_MS, UP)
    two = settings({"web": ["web/home"], "db": ["db/q"]})
    wrong = Again(right.store, START_MS + 10 * YEAR, plan=two)
    await wrong.hub.turn()
    stage = Again(right.store, START_MS + HOUR, plan=two)
    await stage.hub.turn()
    book = book_now(right.store, STORE, 0)
    assert book.lifetime("db")[0][0] == START_MS + HOUR
    assert book.naming.born_ms["db"] == START_MS + HOUR
    assert book.lifetime("web")[0][0] == START_MS
    without = Again(right.store, START_MS + HOUR - MINUTE, plan=settings({"db": ["db/q"]}))
    await without.pause(60)
    book = book_now(right.store, STORE, 0)
    assert not book.lives("web")
    assert book.lifetime("web") == [(START_MS, START_MS + HOUR - MINUTE)]
    without.holds()


# ---- a clock that was behind for a while ----


async def test_an_epoch_of_a_clock_that_was_behind_is_annulled_when_it_is_right_again():
    right = await begun(START_MS, UP, DOWN, DOWN, DOWN, UP, UP)
    last_ms, before = right.clock.ms, right.timeline()
    behind = Again(right.store, START_MS + 15 * SECOND)  # in the middle of the outage
    await behind.goes(UP, UP)
    stage = Again(right.store, last_ms + 5 * MINUTE, followed=True)
    assert stage.pending.why == CORRECTED
    await stage.goes(UP)
    timeline = stage.timeline()
    assert timeline[: len(before) - 1] == before[:-1], "the outage is on record again"
    ended_ms = stage.pending.before_ms + 1
    assert timeline[len(before) - 1 :] == [
        (before[-1][0], ended_ms, State.UP),
        (ended_ms, stage.began_ms + 9_900, State.UNKNOWN),
        (stage.began_ms + 9_900, stage.clock.ms, State.UP),
    ]
    stage.holds()


UPTIME = HOUR  # on the boot-time clock, when the hub begins whose clock is behind


@pytest.mark.parametrize("off_ms", [MINUTE, 5 * HOUR], ids=["soon", "hours later"])
async def test_an_epoch_is_annulled_when_the_clock_was_set_right_while_no_hub_ran(off_ms):
    right = await begun(START_MS, UP, DOWN, DOWN, DOWN, UP, UP)
    last_ms, before = right.clock.ms, right.timeline()
    behind = Again(right.store, last_ms - 40 * SECOND, boot=Boot("this", UPTIME))
    await behind.goes(UP)
    at_ms = behind.clock.ms + 40 * SECOND + off_ms
    went_ms = behind.clock.ms - behind.began_ms + off_ms
    stage = Again(right.store, at_ms, boot=Boot("this", UPTIME + went_ms))
    assert (stage.pending.why, stage.pending.boot) == (CORRECTED, Boot("this", UPTIME + went_ms))
    await stage.goes(UP)
    timeline = stage.timeline()
    assert timeline[: len(before) - 1] == before[:-1], "the outage is on record again"
    assert [state for _, _, state in timeline[len(before) - 1 :]] == [State.UP, State.UNKNOWN, State.UP]
    stage.holds()
    assert Again(right.store, stage.clock.ms + SECOND, boot=Boot("this", UPTIME + HOUR)).pending is None


@pytest.mark.parametrize(
    "boot",
    [Boot("this", UPTIME + 6 * HOUR), Boot("another", 5 * MINUTE), None],
    ids=["the time went by", "the machine was started anew", "not known"],
)
async def test_an_epoch_is_kept_while_nothing_shows_that_the_clock_was_set(boot):
    right = await begun(START_MS, UP, UP)
    behind = Again(right.store, right.clock.ms - 40 * SECOND, boot=Boot("this", UPTIME))
    await behind.goes(UP, UP)
    stage = Again(right.store, behind.began_ms + 6 * HOUR, boot=boot)
    assert stage.pending is None
    await stage.goes(UP)
    stage.holds()


async def test_an_epoch_that_lasted_is_kept_when_the_clock_is_set_ahead():
    right = await begun(START_MS + DAY, UP)
    long = Again(right.store, START_MS)
    for _ in range(400):
        await long.goes(UP)
    stage = Again(right.store, START_MS + 2 * DAY, followed=True)
    assert stage.pending.why == AHEAD
    await stage.goes(UP)
    ups = [(lo, hi) for lo, hi, state in stage.timeline() if state is State.UP]
    assert ups[0][0] == START_MS + 9_900
    assert START_MS + 4000 * SECOND <= ups[0][1] <= START_MS + 4100 * SECOND, "then nothing was read"
    stage.holds()


@pytest.mark.parametrize("ahead_ms", [HOUR, 10 * YEAR])
async def test_a_clock_set_ahead_while_it_ran_is_an_absence_and_not_an_outage(ahead_ms):
    ran = await begun(START_MS, UP, UP)
    stage = Again(ran.store, ran.clock.ms + ahead_ms, followed=True)
    await stage.pause(0)
    assert stage.state("web") is State.UNKNOWN
    await stage.goes(UP)
    assert [state for _, _, state in stage.timeline()] == [State.UNKNOWN, State.UP, State.UNKNOWN, State.UP]
    stage.holds()


# ---- verbs that read ----


@pytest.mark.parametrize("ahead_ms", AHEAD_BY.values(), ids=AHEAD_BY.keys())
async def test_a_verb_without_a_hub_believes_what_a_hub_would(ahead_ms):
    ran = await begun(START_MS + ahead_ms, UP, DOWN, DOWN, DOWN)
    written = len(ran.store.batches)
    epoch = epoch_from(ran.store, ran.store.last_sign_ms(), START_MS, followed=False)
    book = book_now(ran.store, STORE, 0, pending=epoch)
    plan = planned(PLAN)
    board = board_of(plan, returned(plan, ran.store, book, START_MS, epoch), book, START_MS)
    web = board.components["web"]
    assert (web.state, web.since_ms) == (State.UNKNOWN, START_MS)
    assert book.lifetime("web")[0][0] == START_MS
    assert len(ran.store.batches) == written


# ---- a suspend ----


class Suspended(FakeClock):
    """A clock whose monotonic side can stand still."""

    def __init__(self) -> None:
        super().__init__()
        self.slept_ms = 0

    def monotonic(self) -> float:
        return (self.ms - self.slept_ms) / 1000

    def suspend(self, seconds: int) -> None:
        self.move(seconds)
        self.slept_ms += seconds * 1000


@pytest.mark.parametrize("first", ["a reading", "a look"])
@pytest.mark.parametrize("after", [UP, DOWN])
async def test_a_suspend_is_an_absence_of_ours(first, after):
    clock = Suspended()
    stage = Stage(PLAN, clock=clock)
    await stage.reads("web/home", UP)
    slept_ms = clock.ms
    clock.suspend(3600)
    if first == "a look":
        await stage.pause(0)
        assert stage.state("web") is State.UNKNOWN
        assert stage.desk.unasked("web"), "nobody is paged for what is asked again"
    for _ in range(3):
        await stage.reads("web/home", after)
    assert [t.key for t in stage.desk.troubles] == ["hub_paused"]
    told = [state for _, _, state in stage.spans("web/home")]
    assert told == [State.UP, State.UP if after is UP else State.DOWN]
    assert [e.kind for e in stage.entries if e.kind == Kind.ABSENCE][:1] == ["absence"]
    since_ms = stage.hub.board.components["web"].since_ms
    assert since_ms == slept_ms + 3_600_000 + 9_900
    await stage.reads("web/home", after, seconds=301)
    await stage.pause(0)
    assert "hub_paused" not in [t.key for t in stage.desk.troubles], "it is over"
