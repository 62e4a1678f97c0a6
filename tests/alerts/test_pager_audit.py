"""The pager looks at itself: nobody may wait for a page in vain without somebody else being told."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import pytest

from tests.alerts.stage import FAILED, HANGS, START_MS, Stage, person, rule, settings
from tests.fakes import FakeClock
from tests.stores.test_sqlite import alert, notice
from watch.alerts.pager_audit import LATE_MS, UNREACHED_MS, PagerAudit
from watch.alerts.row_changes import LEASE_MS
from watch.core.alert import Acknowledgement, Event, Heard, Status
from watch.core.escalation import Plan, Step
from watch.core.settings import When
from watch.core.standing import OwnTrouble
from watch.hub.troubles import Troubles
from watch.ports import Batch
from watch.stores.sqlite import SqliteStore

CONFIG = settings(rule("down", "web"), group_wait=0)


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path / "t.db")
    yield store
    await store.close()


class Looked:
    """An audit of *store* at an instant, and what it has found so far."""

    def __init__(self, store, *, unwritten=None, between=None) -> None:
        self.troubles, self.clock = Troubles(START_MS), FakeClock(START_MS)
        self._store, self._between, self.looks = store, between, 0
        self.audit = PagerAudit(self.reading, lambda: CONFIG, self.troubles, self.clock, lambda: unwritten)

    @contextmanager
    def reading(self):
        self.looks += 1
        with self._store.reading() as reads:
            yield reads

    async def at(self, ms: int) -> dict[str, str]:
        self.clock.ms = START_MS + ms
        await self.audit.look()
        return {it.key: it.text for it in self.troubles.current()}


def plan(due_ms: int | None) -> Plan:
    return Plan(
        policy="urgent", steps=(Step(page=("alice",), after_ms=0),), repeat_ms=None, began_ms=START_MS,
        due_ms=(None if due_ms is None else START_MS + due_ms,),
    )  # fmt: skip


def opened(due_ms: int | None = None, **more):
    plain = {
        "plans": (plan(due_ms),),
        "opened_ms": START_MS,
        "recipients": ("alice",),
        "called": {"alice": 1},
    }
    return alert(1, **(plain | {"calls": 1} | more))


def row(created_ms: int, **more):
    return notice(
        1, **({"recipient": "alice", "alert_ids": (1,), "created_ms": START_MS + created_ms} | more)
    )


def told(at_ms: int, call: int = 1):
    return Heard(alert_id=1, recipient="alice", event=Event.TRIGGERED, at_ms=START_MS + at_ms, call=call)


async def test_a_step_that_is_late_is_found_and_its_end_too(store):
    await store.commit(Batch(alerts={1: opened(0)}, heard={(1, "alice"): told(0)}))
    looked = Looked(store)
    assert await looked.at(LATE_MS - 1) == {}
    found = await looked.at(LATE_MS + 1)
    assert found == {"step_late": "the pager does not go on: the next step is late of alert 1 (Web)"}
    await store.commit(Batch(alerts={1: opened(None)}))
    assert await looked.at(2 * LATE_MS) == {}


@pytest.mark.parametrize(
    "more",
    [
        {"ack": Acknowledgement(by="bob", at_ms=START_MS, until_ms=START_MS + 10**9)},
        {"held": True},
        {"resolved_ms": START_MS + 1},
        {"ending_ms": START_MS + 1},
        {"plans": (plan(10**9),)},
    ],
)
async def test_an_alert_that_somebody_has_or_that_is_silenced_or_over_or_closing_or_waits_is_not_late(
    store, more
):
    await store.commit(Batch(alerts={1: opened(0, **more)}, heard={(1, "alice"): told(0)}))
    assert await Looked(store).at(10**6) == {}


async def test_what_is_over_at_the_second_look_is_not_said(store, tmp_path):
    """As after a suspension: the hub takes the step a moment after the audit looked."""
    await store.commit(Batch(alerts={1: opened(0)}, heard={(1, "alice"): told(0)}))

    class Goes(FakeClock):
        async def sleep(self, seconds: float) -> None:
            await store.commit(Batch(alerts={1: opened(None)}))
            await super().sleep(seconds)

    looked = Looked(store)
    looked.clock = looked.audit._clock = Goes(START_MS)
    assert await looked.at(10**6) == {}
    assert looked.looks == 2


async def test_a_person_whom_no_channel_reached_for_two_minutes_is_found(store):
    await store.commit(Batch(alerts={1: opened()}, notices={1: row(0)}))
    looked = Looked(store)
    assert await looked.at(UNREACHED_MS - 1) == {}
    (text,) = (await looked.at(UNREACHED_MS)).values()
    assert (
        text == "no channel of alice has taken a page for over two minutes: 1 open alert is not told to them"
    )
    await store.commit(Batch(heard={(1, "alice"): told(UNREACHED_MS)}))
    assert await looked.at(UNREACHED_MS + 1) == {}
    await store.commit(
        Batch(alerts={1: opened(calls=2, called={"alice": 2})}, notices={2: row(200_000, id=2)})
    )
    assert await looked.at(200_000 + UNREACHED_MS - 1) == {}, "the second call is counted from its own row"
    assert set(await looked.at(200_000 + UNREACHED_MS)) == {"person_unreached:alice"}


async def test_a_person_for_whom_no_row_was_ever_written_is_found_too(store):
    await store.commit(Batch(alerts={1: opened()}))
    looked = Looked(store)
    pace = CONFIG.alerting.pace
    turn_ms = pace.burst * pace.every // timedelta(milliseconds=1)
    assert await looked.at(0) == {}
    assert await looked.at(UNREACHED_MS + turn_ms - 1) == {}, "a recovery waits for its turn for so long"
    assert set(await looked.at(UNREACHED_MS + turn_ms)) == {"person_unreached:alice"}


@pytest.mark.parametrize("subject", ["channel_refused:alice:1", "person_unreached:alice"])
async def test_that_a_channel_fails_is_not_owed_to_whom_it_belongs(store, subject):
    await store.commit(Batch(alerts={1: opened(when=When.MONITOR, subject=subject)}, notices={1: row(0)}))
    assert await Looked(store).at(10**6) == {}


async def test_a_lease_that_ran_out_twice_is_found_while_the_row_lives(store):
    await store.commit(Batch(notices={1: row(0, status=Status.SENDING, expired=1)}))
    looked = Looked(store)
    assert await looked.at(0) == {}
    await store.commit(Batch(notices={1: row(0, status=Status.SENDING, expired=2)}))
    assert await looked.at(0) == {
        "channel_lease:alice:1": "a page by channel 1 of alice was begun 3 times and had no outcome"
    }
    await store.commit(Batch(notices={1: row(0, status=Status.DELIVERED, expired=2)}))
    assert await looked.at(0) == {}


async def test_while_the_disk_takes_no_writes_its_rows_are_not_judged(store):
    await store.commit(Batch(alerts={1: opened(0)}))
    looked = Looked(store, unwritten="the disk is full")
    assert await looked.at(10**6) == {}
    assert looked.looks == 0


def test_each_lease_that_runs_out_is_counted():
    s = Stage(CONFIG)
    s.answers["alice", 0] = HANGS
    s.kill = lambda: None  # a sender that never ends what it began
    s.goes("web", "down")
    s.passes(2 * LEASE_MS / 1000 + 2)
    assert [n.expired for n in s.disk.rows()[1] if n.channel == 0] == [2]
    s.answers["alice", 0] = FAILED
    s.settle(FAILED)
    s.passes(200)
    assert [n.expired for n in s.disk.rows()[1] if n.channel == 0] == [0], "a failure is an outcome"


def test_that_somebody_is_not_reached_is_told_to_others_without_a_rule_and_never_to_them():
    both = (person("alice", channels=2), person("bob"))
    s = Stage(settings(rule("down", "web"), people=both, catch_all=("alice", "bob"), group_wait=0))
    s.troubles = [OwnTrouble("person_unreached:alice", "no channel of alice has taken a page", s.at_ms)]
    s.passes(5)
    assert s.told() == [("bob", "[Acme] MONITORING TROUBLE: no channel of alice has taken a page")]


def test_it_goes_to_the_catch_all_when_its_own_recipient_is_the_one_who_is_not_reached():
    s = Stage(
        settings(
            rule("monitor", escalate="ops"), escalations={"ops": ("alice",)}, catch_all=("bob",), group_wait=0
        )
    )
    s.troubles = [OwnTrouble("person_unreached:alice", "no channel of alice has taken a page", s.at_ms)]
    s.passes(5)
    assert [who for who, _ in s.told()] == ["bob"]
    assert s.attempts == [(0, "bob", 0)]
