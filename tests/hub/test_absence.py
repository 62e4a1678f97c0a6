"""The hub was away: what nobody asked is unknown on every surface, from where validity ran out, and nowhere else.

A component that is one of two. Page, board, the account that `explain` prints and the Statuspage API must tell the same
story at every instant after the hub is back, and none of them may make an outage, an incident or a degradation of it.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from statuspage.api import TRUST_MS, documents
from statuspage.page import Status
from tests.fakes import START_MS, UTC, observation, settings
from tests.hub.test_hub import Stage
from tests.hub.test_publisher import NOW, Over, grown, published
from watch.core.delivery import Delivery
from watch.core.figures import figure
from watch.core.localtime import Month, local_day_bounds
from watch.core.marks import Edge
from watch.core.reading import Verdict
from watch.core.timeline import State, filled, merged, spans_of, state_at, within
from watch.hub.days import Days
from watch.hub.plan import planned
from watch.hub.publisher import Publisher
from watch.hub.replay import book_now
from watch.hub.returned import board_of, returned

UP, DOWN = Verdict.UP, Verdict.DOWN
A, B = "app/a", "app/b"
STORE = Path("x")
SECOND, DAY = 1_000, 86_400_000
QUICK = (timedelta(seconds=10), timedelta(seconds=5))  # validity 30 s
SLOW = (timedelta(seconds=30), timedelta(seconds=10))  # validity 85 s
AWAY = {"45 s": 45, "10 min": 600, "18 days": 18 * 86_400}


def plan(pace=QUICK, *, shows: bool = False):
    every, timeout = pace
    checks = {name: {"every": every, "timeout": timeout} for name in (A, B)}
    made = settings({"app": [A, B]}, needs={"app": 1}, checks=checks)
    return replace(made, components={"app": replace(made.components["app"], show_redundancy_loss=shows)})


class Story(Stage):
    """A hub that reads both members, goes away and is back, and what every surface must say of it by the readings."""

    def __init__(self, made, earlier: Story | None = None) -> None:
        super().__init__(made, *(() if earlier is None else (earlier.store, earlier.clock)))
        self.readings = {A: [], B: []} if earlier is None else earlier.readings
        self.validity_ms = made.checks[A].confirmation.validity_ms
        self._over = Over(made, self.hub.book)
        self._publisher = Publisher(made, self.hub.book, self._over.of)

    async def hears(self, *found: tuple[str, Verdict]) -> None:
        """Readings of this instant, taken together; then what the hub does each second."""
        now = self.clock.ms
        self.readings_at(now, found)
        findings = tuple(observation(name, now, verdict) for name, verdict in found)
        delivery = Delivery(vantage="local", epoch=self.epoch, first=self.sent + 1, findings=findings)
        self.sent += len(findings)
        taken = asyncio.ensure_future(self.hub.take(delivery))
        await asyncio.sleep(0)
        await self.pause(0)
        assert (await taken).refused == ()

    def readings_at(self, now: int, found) -> None:
        for name, verdict in found:
            self.readings[name].append((now, verdict))

    async def runs(self, seconds: int, b: Verdict = UP, *, first=(0, 0), looking: bool = False) -> None:
        """Both are asked at their pace, the first time *first* seconds from now; *looking* looks at every second."""
        every = round(self.hub.settings.checks[A].every.total_seconds())
        for second in range(seconds):
            due = [
                (name, v)
                for name, v, at in ((A, UP, first[0]), (B, b, first[1]))
                if second >= at and (second - at) % every == 0
            ]
            await self.hears(*due)
            if looking:
                await self.look()
            self.clock.move(1)

    async def back_after(self, seconds: int) -> Story:
        """The hub stops and starts anew after *seconds*."""
        self.hub.intake.rest()
        await self.hub.turn()
        self.store.kept_latest = dict(self.hub.intake.latest)
        self.clock.move(seconds)
        self.offline()
        again = Story(self.hub.settings, self)
        await again.pause(0)
        return again

    # ---- what it must be

    def member(self, name: str) -> list:
        """*name* by its readings alone: three bad ones make it down since the first, a good one up; then a gap."""
        items, state, streak, last = [], State.UNKNOWN, [], None
        for at, verdict in self.readings[name]:
            if last is not None and at >= last + self.validity_ms:
                items.append((last + self.validity_ms, State.UNKNOWN))
                state, streak = State.UNKNOWN, []
            last = at
            if verdict is UP:
                assert state is not State.DOWN, "no recovery without a gap is in these stories"
                streak = []
                if state is State.UNKNOWN:
                    items.append((at, State.UP))
                state = State.UP
            elif state is not State.DOWN:
                streak.append(at)
                if len(streak) == 3:
                    state = State.DOWN
                    items.append((streak[0], State.DOWN))
        end = self.clock.ms + 1
        edges = [*items, *([] if last is None else [(last + self.validity_ms, State.UNKNOWN)])]
        spans = [
            (lo, min(hi, end), s) for (lo, s), (hi, _) in zip(edges, [*edges[1:], (end, None)], strict=True)
        ]
        return filled(merged(i for i in spans if i[0] < i[1]), START_MS, end)

    def wanted(self) -> list:
        """The component: whoever is seen up carries it."""
        a, b = self.member(A), self.member(B)
        cuts = sorted({at for lo, hi, _ in (*a, *b) for at in (lo, hi)})
        return merged((lo, hi, _one_of_two({state_at(a, lo), state_at(b, lo)})) for lo, hi in pairwise(cuts))

    def days_unknown(self, lo: int, hi: int) -> int:
        """How much of `[lo, hi)` is unknown by the readings."""
        return sum(b - a for a, b, s in within(self.wanted(), [(lo, hi)]) if s is State.UNKNOWN)

    # ---- what they say

    def offline(self) -> None:
        """What those say who read the store while no hub runs."""
        now, made = self.clock.ms, self.hub.settings
        book = book_now(self.store, STORE, 0)
        plan = planned(made)
        board = board_of(plan, returned(plan, self.store, book, now), book, now)
        self._same_in(book, board)

    async def look(self) -> None:
        """Everything agrees with the readings, and so with each other."""
        self._same_in(self.hub.book, self.hub.board)
        on_disk = book_now(self.store, STORE, 0)
        now = self.clock.ms
        assert on_disk.component_timeline(
            "app", Edge.FOUND, START_MS, now
        ) == self.hub.book.component_timeline("app", Edge.FOUND, START_MS, now)
        assert self.desk.troubles == ()
        await self._page()

    def _same_in(self, book, board) -> None:
        now, wanted = self.clock.ms, self.wanted()
        for name in (A, B):
            assert filled(
                book.check_timeline(name, Edge.FOUND, START_MS, now + 1), START_MS, now + 1
            ) == self.member(name)
            since, _, state = self.member(name)[-1]
            c = board.checks[name]
            assert (name, c.state, c.since_ms - START_MS) == (name, state, since - START_MS)
        assert (
            filled(book.component_timeline("app", Edge.FOUND, START_MS, now + 1), START_MS, now + 1) == wanted
        )
        since, _, state = wanted[-1]
        app = board.components["app"]
        assert (app.state, app.since_ms - START_MS) == (state, since - START_MS)
        lost = state is State.DEGRADED
        seen = [state_at(self.member(name), now) for name in (A, B)]
        unseen = state is State.UP and State.UNKNOWN in seen
        assert (app.redundancy_lost, app.redundancy_unknown) == (lost, unseen)
        self._account(book, wanted)

    def _account(self, book, wanted) -> None:
        now = self.clock.ms
        for month in {Month.containing(START_MS, UTC), Month.containing(now, UTC)}:
            found = figure(book, "app", month, now)
            lo, hi = max(START_MS, found.span[0]), min(found.span[1], now)
            mine = within(wanted, [(lo, hi)])
            lasted = {s: sum(b - a for a, b, t in mine if t is s) for s in State}
            a = found.account
            assert (a.unknown_ms, a.degraded_ms, a.down_ms) == (
                lasted[State.UNKNOWN],
                lasted[State.DEGRADED],
                0,
            )
            assert a.up_ms == lasted[State.UP] + lasted[State.DEGRADED]
            assert (found.down_min_ms, found.down_max_ms) == (0, 0)
            assert filled(within(found.timeline, [(lo, hi)]), lo, hi) == filled(mine, lo, hi)

    async def page_now(self):
        self._over.now_ms = self.clock.ms
        return await self._publisher.page(self.clock.ms)

    async def _page(self) -> None:
        page = await self.page_now()
        now, wanted = self.clock.ms, self.wanted()
        (app,) = page.components
        assert page.incidents == ()
        since, state = public(wanted, now)[-1]
        assert (app.status, app.since_ms - START_MS) == (state, since - START_MS)
        if state is Status.UNKNOWN and any(s is not State.UNKNOWN for *_, s in wanted):
            assert app.before is Status.OPERATIONAL
        self._bars(app.days)
        self._api(page, since, state)

    def _bars(self, days) -> None:
        for day in days:
            lo, hi = local_day_bounds(UTC, day.date)
            lo, hi = max(lo, START_MS), min(hi, self.clock.ms)
            unknown = self.days_unknown(lo, hi) if lo < hi else 0
            told = (day.date, day.scope_ms, day.unknown_ms, day.degraded_ms, day.down_ms)
            assert told == (day.date, max(0, hi - lo), unknown, 0, 0)
            if day.scope_ms:
                assert day.worst in (Status.OPERATIONAL, *([Status.UNKNOWN] if unknown else []))

    def _api(self, page, since: int, state: Status) -> None:
        told = {path.split("/")[-1][:-5]: json.loads(d.body) for path, d in documents(page).items()}
        rows = told["components"]["components"]
        assert told["summary"]["incidents"] == []
        if state is Status.OPERATIONAL or self.clock.ms - since <= TRUST_MS:
            want, indicator = "operational", "none"
        else:
            want, indicator = "degraded_performance", "minor"
        assert [row["status"] for row in rows] == [want]
        assert told["status"]["status"]["indicator"] == indicator


def _one_of_two(states: set[State]) -> State:
    if State.UP in states:
        return State.DEGRADED if State.DOWN in states else State.UP
    return State.UNKNOWN if State.UNKNOWN in states else State.DOWN


def public(wanted, now: int) -> list[tuple[int, Status]]:
    """Since when it is shown as what: lost redundancy is operational in public."""
    told: list[tuple[int, Status]] = []
    for lo, _, state in wanted:
        if lo > now:
            break
        word = Status.UNKNOWN if state is State.UNKNOWN else Status.OPERATIONAL
        if not told or told[-1][1] is not word:
            told.append((lo, word))
    return told


async def lived(pace=QUICK, *, b: Verdict = UP, shows: bool = False) -> Story:
    """Both members were read for two minutes."""
    story = Story(plan(pace, shows=shows))
    story.clock.move(2)
    await story.runs(123, b, first=(0, 1))
    return story


# ---- both up, before and after


@pytest.mark.parametrize("shows", [False, True], ids=["", "shows lost redundancy"])
@pytest.mark.parametrize("away", AWAY.values(), ids=AWAY)
async def test_what_nobody_asked_is_unknown_everywhere_and_nothing_else_is_said(away, shows):
    story = await (await lived(shows=shows)).back_after(away)
    await story.runs(40, first=(3, 4), looking=True)
    gaps = spans_of(story.wanted(), State.UNKNOWN)[1:]
    last, first = _around(story)
    assert gaps == ([(last + story.validity_ms, first)] if last + story.validity_ms < first else [])
    assert len(gaps) == 1
    assert not spans_of(story.wanted(), State.DEGRADED, State.DOWN)


def _around(story: Story) -> tuple[int, int]:
    """The last reading of any member before the hub was away, and the first after."""
    times = sorted(at for readings in story.readings.values() for at, _ in readings)
    lo, hi = max(pairwise(times), key=lambda pair: pair[1] - pair[0])
    return lo, hi


async def test_an_absence_shorter_than_a_state_holds_leaves_no_trace():
    story = await (await lived(SLOW)).back_after(45)
    entries = len(story.entries)
    await story.runs(40, first=(3, 4), looking=True)
    assert spans_of(story.wanted(), State.UNKNOWN)[1:] == []
    assert len(story.entries) == entries
    assert [e.kind for e in story.entries if e.kind in ("absence", "sight")] == []


@pytest.mark.parametrize("away", AWAY.values(), ids=AWAY)
@pytest.mark.parametrize("first", [(0, 5), (5, 0), (2, 2)], ids=["a first", "b first", "together"])
async def test_the_members_may_come_back_seconds_apart(away, first):
    story = await (await lived()).back_after(away)
    await story.runs(25, first=first, looking=True)
    assert not spans_of(story.wanted(), State.DEGRADED, State.DOWN)
    told = [e for e in story.entries if e.kind in ("absence", "transition")]
    assert [e.kind for e in told if e.recorded_ms > _around(story)[0]] == ["absence", "absence"], (
        "two entries for both"
    )


async def test_while_only_one_has_been_read_again_it_is_up_and_redundancy_is_not_known():
    story = await (await lived()).back_after(600)
    await story.runs(3, first=(0, 5), looking=True)
    app = story.hub.board.components["app"]
    assert (app.state, app.redundancy_lost, app.redundancy_unknown, app.members_up) == (
        State.UP,
        False,
        True,
        1,
    )


@pytest.mark.parametrize("away", [600, 18 * 86_400], ids=["10 min", "18 days"])
async def test_nothing_is_trusted_for_longer_than_ten_minutes_until_somebody_reads_again(away):
    """The hub is back, and its first reading takes its time: the API goes over to degraded performance by itself."""
    story = await (await lived()).back_after(away)
    for _ in range(28):  # shorter than what we should be blamed for
        await story.hears()
        await story.look()
        story.clock.move(1)
    story.clock.move(
        TRUST_MS // SECOND - 60
    )  # that looks as if we had stood still, which is no silence of theirs
    for _ in range(60):
        await story.hears()
        story.clock.move(1)
    await story._page()
    story._same_in(story.hub.book, story.hub.board)
    assert [t.key for t in story.desk.troubles] == ["checks_stopped"]


async def test_two_absences_in_a_row_are_one_gap():
    """It was back for a moment, read nothing, and went again."""
    story = await (await lived()).back_after(600)
    story = await story.back_after(600)
    await story.runs(15, first=(1, 6), looking=True)
    assert len(spans_of(story.wanted(), State.UNKNOWN)[1:]) == 1


async def test_two_absences_with_readings_between_are_two_gaps():
    story = await (await lived()).back_after(600)
    await story.runs(12, first=(1, 6), looking=True)
    story = await story.back_after(45)
    await story.runs(12, first=(1, 6), looking=True)
    assert len(spans_of(story.wanted(), State.UNKNOWN)[1:]) == 2


async def test_an_absence_in_which_only_one_had_been_read_again_is_no_degradation_either():
    story = await (await lived()).back_after(600)
    await story.runs(3, first=(0, 5), looking=True)  # b was not read
    story = await story.back_after(600)
    await story.runs(15, first=(1, 6), looking=True)
    assert not spans_of(story.wanted(), State.DEGRADED, State.DOWN)


async def test_the_least_and_the_most_downtime_stay_nothing_through_an_absence():
    story = await (await lived()).back_after(3600)
    await story.runs(15, first=(1, 6))
    found = figure(story.hub.book, "app", Month.containing(story.clock.ms, UTC), story.clock.ms)
    assert (found.down_min_ms, found.account.down_ms, found.down_max_ms) == (0, 0, 0)


# ---- one down


@pytest.mark.parametrize("away", AWAY.values(), ids=AWAY)
async def test_a_member_that_is_down_before_and_after_lost_redundancy_again_from_its_first_bad_reading(away):
    story = await (await lived(b=DOWN)).back_after(away)
    assert story.hub.board.checks[B].state is State.UNKNOWN
    await story.runs(40, DOWN, first=(2, 4), looking=True)
    first = next(at for at, _ in story.readings[B] if at > story.epoch)
    *_, gap, degraded = [i for i in story.member(B) if i[2] in (State.UNKNOWN, State.DOWN)]
    assert (gap[2], gap[1], degraded[:1]) == (State.UNKNOWN, first, (first,))
    app = story.hub.board.components["app"]
    assert (app.state, app.redundancy_lost, app.since_ms) == (State.DEGRADED, True, first)


@pytest.mark.parametrize("away", AWAY.values(), ids=AWAY)
async def test_a_member_that_comes_back_down_lost_redundancy_from_its_first_bad_reading(away):
    story = await (await lived()).back_after(away)
    await story.runs(40, DOWN, first=(3, 1), looking=True)
    first = next(at for at, _ in story.readings[B] if at > story.epoch)
    app = story.hub.board.components["app"]
    assert (app.state, app.redundancy_lost, app.cause) == (State.DEGRADED, True, B)
    assert app.since_ms == first + 2 * SECOND, "from when a is seen again, for before that nothing was known"
    assert spans_of(story.member(B), State.DOWN) == [(first, story.clock.ms + 1)]


async def test_a_member_that_went_down_while_a_state_still_held_is_down_without_a_gap():
    story = await (await lived(SLOW)).back_after(45)
    await story.runs(70, DOWN, first=(3, 1), looking=True)
    first = next(at for at, v in story.readings[B] if v is DOWN)
    assert story.hub.board.components["app"].since_ms == first
    assert spans_of(story.wanted(), State.UNKNOWN)[1:] == []


# ---- days that were over meanwhile


async def test_days_that_were_drawn_before_the_first_reading_are_drawn_anew_after_it():
    """The hub is back after 18 days, and a page is made before anybody was read: its bars must not stay."""
    story = await (await lived()).back_after(18 * 86_400)
    hub, made = story.hub, story.hub.settings

    async def flushed() -> bool:
        await hub.turn()
        return True

    days = Days(made, hub.recorder, lambda: nullcontext(story.store), flushed)
    publisher = Publisher(made, hub.book, days.of)

    async def bars():
        await days.settle(story.clock.ms)
        (app,) = (await publisher.page(story.clock.ms)).components
        await hub.turn()
        story._bars(app.days)

    await bars()
    await story.runs(7, first=(0, 5))
    await bars()
    await story.runs(70, first=(3, 8))
    await bars()
    kept = Days(made, hub.recorder, lambda: nullcontext(story.store), flushed)
    await kept.settle(story.clock.ms)
    assert [kept.of("app")] == [days.of("app")]


# ---- longer than the page's words reach back


@pytest.mark.parametrize("lasting", [14, 20, 40], ids=["14 days", "20 days", "40 days"])
async def test_what_has_been_unknown_for_weeks_was_still_observed_once(lasting):
    """The hub runs on, but nobody reads the component any more: it is no component that was never observed."""
    made = grown({"app": [A, B]})
    for name in (A, B):
        made.goes(name, State.UNKNOWN, NOW - lasting * DAY, reason="stale")
    page = await published(plan(), made.book, (NOW, 0))
    (app,) = page.components
    assert (app.status, app.since_ms, app.before) == (Status.UNKNOWN, NOW - lasting * DAY, Status.OPERATIONAL)
    rows = json.loads(documents(page)["/api/v2/components.json"].body)["components"]
    assert [row["status"] for row in rows] == ["degraded_performance"]


async def test_where_nothing_at_all_was_ever_known_the_api_says_so():
    story = Story(plan())
    await story.pause(0)
    told = documents(await story.page_now())
    assert json.loads(told["/api/v2/components.json"].body)["components"] == []
    status = json.loads(told["/api/v2/status.json"].body)["status"]
    assert status == {"indicator": "minor", "description": "Status Unknown"}
