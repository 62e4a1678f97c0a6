"""A streak goes through a restart, and canaries that hang tell in their own time that we are blind.

A real vantage point over a real hub, both of which end and begin anew on the same store. The loop's time is the fake
clock's, so a canary that does not answer takes its two seconds and the test takes none.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes import START_MS, Counter, FakeClock, MemoryStore, SilentDesk, settings
from watch.core.ledger import verified
from watch.core.marks import Edge
from watch.core.reading import ProbeFailure, Reading, Reason, Verdict
from watch.core.settings import Canary, Vantage
from watch.core.standing import Sight
from watch.core.timeline import State, filled, spans_of
from watch.hub.hub import Hub
from watch.hub.replay import book_for, book_now, ledger_end
from watch.vantage.point import VantagePoint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

UP, DOWN, UNKNOWN = Verdict.UP, Verdict.DOWN, Verdict.UNKNOWN
NAME, HERE, STORE = "web/home", "here", Path("x")


class Loop(asyncio.SelectorEventLoop):
    """A loop whose time is that of a fake clock."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._fake = clock

    def time(self) -> float:
        return (self._fake.ms - START_MS) / 1000  # small, so that the resolution of a float is no matter


@dataclass(
    eq=False, repr=False
)  # how a probe is written is what a check asks: it must not change with the weather
class Target:
    """It answers, refuses, or says nothing at all until it is given up."""

    well: bool = True
    hangs: bool = False

    async def run(self, *, now):
        if self.hangs:
            await asyncio.Event().wait()
        if not self.well:
            raise ProbeFailure(Reason.REFUSED, "nobody listens")
        return Reading(UP)

    def peer(self):
        return ""


class Pager(SilentDesk):
    """A desk that remembers every component that it was told is down."""

    def __init__(self) -> None:
        super().__init__()
        self.down: list[str] = []

    def step(self, batch, now_ms, standings, troubles, quiet, unasked=None) -> None:
        super().step(batch, now_ms, standings, troubles, quiet, unasked)
        self.down += [key for key, s in standings.items() if s.state is State.DOWN]


class Night:
    """One check on one target, asked every *every* seconds and again after 2, from a vantage point with two canaries."""

    def __init__(self, *, every: int = 10, canaries: int = 2) -> None:
        self.clock, self.store = FakeClock(), MemoryStore()
        self.target, self.canaries = Target(), [Target() for _ in range(canaries)]
        self.vantage = Vantage(
            name=HERE,
            site="here",
            canaries=tuple(Canary(name=f"c{n}", probe=c) for n, c in enumerate(self.canaries)),
        )
        asks = {
            "probe": self.target, "every": timedelta(seconds=every), "timeout": timedelta(seconds=4),
            "retry_every": timedelta(seconds=2),
        }  # fmt: skip
        self.plan = settings({"web": [NAME]}, checks={NAME: asks}, vantages={HERE: self.vantage})
        self.begin()

    def begin(self) -> None:
        """Hub and vantage point start on what the store holds."""
        self.store.kept_latest = {(o.check, o.vantage): o for b in self.store.batches for o in b.observations}
        self.desk = Pager()
        book, end = book_for(self.store, STORE, 0), ledger_end(self.store)
        self.hub = Hub(self.plan, self.store, book, end, self.desk, Counter(), self.clock, lambda: None)
        self.began_ms = self.clock.ms
        self.found: list = []
        self.point = VantagePoint(self.vantage, self, self.clock, self.store.canaries(HERE))
        self.point.replan(self.vantage, self.plan.asked_from(self.vantage))
        self._second = 0

    async def take(self, said):
        """The uplink: a turn of the hub for each delivery."""
        self.found += said.findings
        taken = asyncio.ensure_future(self.hub.take(said))
        await asyncio.sleep(0)
        await self.hub.turn()
        receipt = await taken
        assert receipt.refused == ()
        return receipt

    async def killed(self, seconds: float = 1) -> None:
        """Both are gone at once, and back after *seconds*."""
        me = asyncio.current_task()
        for task in asyncio.all_tasks() - {me}:
            task.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        self.clock.move(seconds)
        self.begin()

    async def go(self, seconds: float, *, step: float = 0.5) -> None:
        """Tick every *step* for *seconds*, let what that began come to rest, and sweep each second."""
        for _ in range(round(seconds / step)):
            self.clock.move(step)
            self.point.tick(self.clock.monotonic())
            for _ in range(60):
                await asyncio.sleep(0)
            if self.clock.ms // 1000 != self._second:
                self._second = self.clock.ms // 1000
                await self.hub._sweep()
                await self.hub.turn()

    async def until(self, condition: Callable[[], object], *, within: float) -> None:
        for _ in range(round(within / 0.5)):
            if condition():
                return
            await self.go(0.5)
        pytest.fail(f"not within {within} s")

    @property
    def state(self) -> State:
        return self.hub.board.components["web"].state

    def readings(self, verdict: Verdict) -> list[int]:
        """When each reading of *verdict* began, since the last start."""
        return [f.at_ms for f in self.found if not isinstance(f, Sight) and f.verdict is verdict]

    @property
    def sights(self) -> list[Sight]:
        return [f for f in self.found if isinstance(f, Sight)]

    @property
    def states(self) -> list[tuple[str, int]]:
        return [(e.facts["to"], e.effective_ms) for e in self.store.entries() if e.kind == "transition"]

    def spans(self, state: State) -> list[tuple[int, int]]:
        """When the check was in *state*, by the ledger on disk; the hub's own book says the same."""
        lo, hi = self.store.batches[0].entries[0].recorded_ms, self.clock.ms
        books = [book_now(self.store, STORE, 0), self.hub.book]
        told = [filled(book.check_timeline(NAME, Edge.FOUND, lo, hi), lo, hi) for book in books]
        assert told[0] == told[1]
        assert verified(self.store.entries())[2] is None
        return spans_of(told[0], state)


def night(scene: Callable[[Night], Awaitable[None]], **options) -> None:
    """Live through *scene* on a loop whose time is the fake clock's."""
    made = Night(**options)
    with asyncio.Runner(loop_factory=lambda: Loop(made.clock)) as runner:
        runner.run(scene(made))


def outage_of_ours(made: Night, *, target_too: bool = True) -> None:
    """Our network is gone: no canary answers, none refuses, and the target cannot be reached."""
    for canary in made.canaries:
        canary.hangs = True
    made.target.well = not target_too


def restored(made: Night) -> None:
    for canary in made.canaries:
        canary.hangs = False


async def two_bad(made: Night) -> list[int]:
    """Twenty good seconds, then our network goes; two bad readings are on record when this returns."""
    await made.go(20)
    outage_of_ours(made)
    await made.until(lambda: len(made.readings(DOWN)) == 2, within=20)
    assert [o.verdict for b in made.store.batches for o in b.observations][-2:] == [DOWN, DOWN]
    return made.readings(DOWN)


# ---- canaries that hang


def test_two_bad_readings_and_a_restart_in_our_own_outage_are_never_down():
    async def scene(made: Night) -> None:
        await two_bad(made)
        await made.killed()
        await made.go(120)
        assert made.desk.down == []
        assert made.state is State.UNKNOWN
        assert made.sights[-1].blind
        assert "down" not in [to for to, _ in made.states]
        assert made.spans(State.DOWN) == []

    night(scene)


def test_the_first_round_after_a_restart_takes_its_two_seconds_and_the_streak_waits_for_it():
    async def scene(made: Night) -> None:
        await two_bad(made)
        await made.killed()
        await made.until(lambda: made.sights, within=10)
        took = made.clock.ms - made.began_ms
        assert 2_000 <= took <= 3_000
        assert made.sights[0].blind
        assert made.readings(DOWN), "it was asked meanwhile, which would have been the third"
        assert made.desk.down == []

    night(scene)


def test_blind_since_before_a_restart_is_unknown_since_the_last_good_round_before_it():
    """Two bad readings were made without a good round after them: they are no better than those after the restart."""

    async def scene(made: Night) -> None:
        await two_bad(made)
        good_ms = max(s.good_ms for s in made.sights if not s.blind)
        await made.killed()
        await made.go(30)
        assert made.spans(State.UNKNOWN)[-1] == (good_ms, made.clock.ms)

    night(scene)


def test_when_sight_is_back_and_the_target_is_still_bad_it_is_down_since_its_first_bad_reading_in_sight():
    async def scene(made: Night) -> None:
        before = await two_bad(made)
        await made.killed()
        await made.go(40)
        blindly = set(made.readings(DOWN) + made.readings(UNKNOWN))
        restored(made)
        await made.until(lambda: made.state is State.DOWN, within=60)
        seen_ms = next(s.good_ms for s in made.sights if not s.blind)
        (down,) = [at for to, at in made.states if to == "down"]
        assert down == next(at for at in made.readings(DOWN) if at >= seen_ms)
        assert down not in blindly
        assert down not in before
        assert made.spans(State.DOWN) == [(down, made.clock.ms)]
        bad = [at for at in made.readings(DOWN) if at >= down]
        assert [b - a for a, b in itertools.pairwise(bad)][:2] == [2_000, 2_000]

    night(scene)


def test_when_sight_is_back_and_the_target_is_well_nothing_was_down():
    async def scene(made: Night) -> None:
        await two_bad(made)
        await made.killed()
        await made.go(40)
        restored(made)
        made.target.well = True
        await made.until(lambda: made.state is State.UP, within=60)
        assert made.desk.down == []
        assert made.spans(State.DOWN) == []
        assert len(made.spans(State.UNKNOWN)) == 2, "before its first reading, and while we were blind"

    night(scene)


def test_several_restarts_while_blind_change_nothing():
    async def scene(made: Night) -> None:
        await two_bad(made)
        for _ in range(5):
            await made.killed(3)
            await made.go(7)
            assert made.desk.down == []
        await made.killed()
        restored(made)
        await made.until(lambda: made.state is State.DOWN, within=60)
        seen_ms = next(s.good_ms for s in made.sights if not s.blind)
        (down,) = [at for to, at in made.states if to == "down"]
        assert down in [at for at in made.readings(DOWN) if at >= seen_ms][:1]

    night(scene)


def test_a_target_that_is_well_is_not_down_because_we_restarted_twice_while_blind():
    """The good round that ends our blindness must confirm nothing that was read before it."""

    async def scene(made: Night) -> None:
        await two_bad(made)
        for _ in range(2):
            await made.killed(3)
            await made.go(7)
        made.target.well = True
        await made.killed()
        restored(made)
        await made.go(30)
        assert made.desk.down == []
        assert made.states[-1][0] == "up"
        assert made.spans(State.DOWN) == []

    night(scene)


def test_a_reload_while_blind_brings_back_no_streak_that_was_read_blindly():
    async def scene(made: Night) -> None:
        await two_bad(made)
        await made.go(10)
        assert made.sights[-1].blind
        await made.hub.plan(made.plan)
        made.target.well = True
        restored(made)
        await made.go(30)
        assert made.desk.down == []
        assert made.spans(State.DOWN) == []

    night(scene)


def test_a_streak_that_waited_is_void_when_we_were_away_for_longer_than_a_state_holds():
    """It waited for canaries when we were killed. Ten minutes later the first good round must not confirm it."""

    async def scene(made: Night) -> None:
        await two_bad(made)
        await made.until(lambda: len(made.readings(DOWN)) == 3, within=10)
        made.target.well = True
        restored(made)
        await made.killed(600)
        await made.go(30)
        assert made.desk.down == []
        assert made.spans(State.DOWN) == []
        assert made.state is State.UP

    night(scene)


def test_a_restart_while_the_canaries_are_being_asked_confirms_nothing_by_the_round_before():
    """The third bad reading is on record and waits; the round for it is under way when we are killed."""

    async def scene(made: Night) -> None:
        await two_bad(made)
        await made.until(lambda: len(made.readings(DOWN)) == 3, within=10)
        assert made.state is State.UP
        await made.killed()
        await made.go(60)
        assert made.desk.down == []
        restored(made)
        await made.until(lambda: made.state is State.DOWN, within=60)
        seen_ms = next(s.good_ms for s in made.sights if not s.blind)
        assert made.states[-1][1] >= seen_ms

    night(scene)


def test_a_streak_that_waited_through_a_restart_is_confirmed_by_the_first_good_round():
    """Our network is well after all: only the target is down, since before the restart."""

    async def scene(made: Night) -> None:
        first, _ = await two_bad(made)
        await made.until(lambda: len(made.readings(DOWN)) == 3, within=10)
        await made.killed()
        restored(made)
        await made.until(lambda: made.state is State.DOWN, within=5)
        assert made.states[-1] == ("down", first)

    night(scene)


def test_a_streak_of_two_goes_on_after_a_restart_and_the_third_is_down_since_the_first():
    async def scene(made: Night) -> None:
        await made.go(20)
        made.target.well = False
        await made.until(lambda: len(made.readings(DOWN)) == 2, within=20)
        first, _ = made.readings(DOWN)
        await made.killed()
        await made.until(lambda: made.state is State.DOWN, within=8)
        assert made.states[-1] == ("down", first)

    night(scene)


def test_one_canary_that_hangs_beside_one_that_answers_makes_us_blind_too():
    async def scene(made: Night) -> None:
        await made.go(20)
        made.canaries[0].hangs, made.target.well = True, False
        await made.go(60)
        assert made.desk.down == []
        assert made.sights[-1].bad == ("c0",)
        assert made.state is State.UNKNOWN

    night(scene)


# ---- asked again soon, also right after a restart


@pytest.mark.parametrize("canaries", [0, 2])
def test_a_recovery_begun_before_a_restart_is_asked_again_at_once_after_it(canaries):
    async def scene(made: Night) -> None:
        await made.go(70)
        made.target.well = False
        await made.until(lambda: made.state is State.DOWN, within=80)
        made.target.well = True
        before = len(made.readings(UP))
        await made.until(lambda: len(made.readings(UP)) == before + 1, within=80)
        good = made.readings(UP)[-1]
        await made.killed()
        await made.until(lambda: made.state is State.UP, within=7)
        assert made.states[-1] == ("up", good)

    night(scene, every=60, canaries=canaries)


@pytest.mark.parametrize("canaries", [0, 2])
def test_a_recovery_that_begins_right_after_a_restart_is_asked_again_after_retry_every(canaries):
    async def scene(made: Night) -> None:
        await made.go(70)
        made.target.well = False
        await made.until(lambda: made.state is State.DOWN, within=80)
        await made.killed()
        made.target.well = True
        await made.until(lambda: made.state is State.UP, within=10)
        first, second = made.readings(UP)
        assert second - first == 2_000
        assert made.states[-1] == ("up", first)

    night(scene, every=60, canaries=canaries)


@pytest.mark.parametrize("canaries", [0, 2])
def test_a_fall_that_begins_right_after_a_restart_is_asked_again_after_retry_every(canaries):
    async def scene(made: Night) -> None:
        await made.go(70)
        await made.killed()
        made.target.well = False
        await made.until(lambda: made.state is State.DOWN, within=15)
        bad = made.readings(DOWN)
        assert [b - a for a, b in itertools.pairwise(bad)] == [2_000, 2_000]
        assert made.states[-1] == ("down", bad[0])

    night(scene, every=60, canaries=canaries)


def test_after_a_long_absence_a_target_that_is_bad_takes_its_full_confirmation_at_the_pace_of_retries():
    async def scene(made: Night) -> None:
        await made.go(20)
        made.target.well = False
        await made.until(lambda: len(made.readings(DOWN)) == 2, within=20)
        await made.killed(600)
        await made.until(lambda: made.state is State.DOWN, within=15)
        bad = made.readings(DOWN)
        assert len(bad) == 3
        assert made.states[-1] == ("down", bad[0])
        assert made.spans(State.DOWN) == [(bad[0], made.clock.ms)]

    night(scene)
