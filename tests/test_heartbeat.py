"""The outside heartbeat: beats come while the pager is shown to work, and stop with the cause when it is not.

Virtual time; a real store, a real desk and dispatcher, a real sending process, real receivers on the loopback.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.acceptance.estate import until
from tests.alerts.receiver import Serving
from tests.alerts.stage import person, rule
from tests.alerts.stage import settings as staged
from tests.alerts.test_sender import children
from tests.beats import Waiting
from tests.fakes import FakeClock
from tests.ports import free_port
from tests.stores.test_sqlite import alert
from watch.alerts.dispatcher import Dispatcher
from watch.alerts.message import SendOutcome, Sent
from watch.alerts.pager_audit import LATE_MS, PagerAudit
from watch.alerts.proven_desk import ProvenDesk
from watch.alerts.sender import Sender
from watch.beat import beat
from watch.core.delivery import Load
from watch.core.escalation import Plan, Step
from watch.core.settings import Person, Secret, Settings, When
from watch.core.silence import Silence
from watch.core.synthetic import SELF
from watch.heartbeat import AGAIN, CALL_EVERY, EVERY, FRESH, PATIENCE, Heartbeat
from watch.hub.store_watch import StoreWatch
from watch.hub.troubles import Troubles
from watch.ports import Batch
from watch.stores.sqlite import SqliteStore

SECRET = "s3cr3t-uuid"
CONFIG = staged(rule("down", "web"), people=(person("alice"),), group_wait=3600)


@pytest.fixture
async def service():
    async with Waiting() as service:
        yield service


class World:
    """A pager with an outside heartbeat. Each `second` a turn of the hub, a round of the sender and a look."""

    def __init__(
        self, folder, to: str | None, clock: FakeClock | None = None, config: Settings = CONFIG
    ) -> None:
        self.clock = clock or FakeClock()
        self.store = SqliteStore(folder / "t.db")
        self.settings = replace(config, heartbeat_to=None if to is None else Secret(to))
        self.troubles = Troubles(self.clock.now_ms())
        self.desk = ProvenDesk(self.settings, *self.store.reads.alerts())
        self.sender = Sender()
        self.dispatcher = Dispatcher(self.desk, self.store.commit, self.sender, self.clock)
        self.audit = PagerAudit(
            self.store.reading, lambda: self.settings, self.troubles, self.clock, lambda: self.store.trouble
        )
        self.watch = StoreWatch(self.store, self.troubles, self.clock)
        self.heartbeat = Heartbeat(
            lambda: self.settings,
            self.desk.circuit,
            self.troubles.current,
            self.audit,
            self.troubles,
            self.clock,
        )
        self.turns = self.sends = self.audits = True
        self.looking: asyncio.Task | None = None

    async def second(self, seconds: float = 1) -> None:
        """Let *seconds* pass, then let all parts work."""
        self.clock.move(seconds)
        if self.audits and self.clock.monotonic() - self.audit.looked >= 60:
            await self.audit.look()
        self.watch.look()
        if self.turns:
            batch = Batch()
            self.desk.step(batch, self.clock.now_ms(), {}, self.troubles.current(), frozenset())
            if batch:
                await self.store.commit(batch)
                self.desk.committed()
        if self.sends:
            await self.dispatcher.round()
        await self.heartbeat.look()

    async def passes(self, seconds: float, step: float = 10) -> None:
        for _ in range(round(seconds / step)):
            await self.second(step)
            await self.settles()

    async def settles(self) -> None:
        """Wait until what is being sent is sent, and that is on disk."""
        if under_way := set(self.dispatcher._under_way):
            await asyncio.wait(under_way)
            await self.heartbeat.look()

    async def begins(self) -> None:
        """The first call, and the first beat."""
        for _ in range(3):
            await self.second()
            await self.settles()

    def held(self) -> str | None:
        return next((it.text for it in self.troubles.current() if it.key == "heartbeat_held"), None)

    def undelivered(self) -> str | None:
        return next((it.text for it in self.troubles.current() if it.key == "heartbeat_undelivered"), None)

    async def ends(self) -> None:
        """As a kill: nothing is told, nothing is finished."""
        await self.heartbeat.end()
        self.dispatcher.stop()
        await self.dispatcher.run()
        await self.store.close()


@pytest.fixture
async def world(tmp_path, service):
    world = World(tmp_path, f"{service.url}/{SECRET}")
    yield world
    await world.ends()


def rows(store) -> dict[str, int]:
    """How many rows are on disk."""
    with store.reading() as reads:
        alerts, notices, heard = reads.alerts()
        other = len(list(reads.happenings(0))) + len(list(reads.entries()))
        return {"alerts": len(alerts), "notices": len(notices), "heard": len(heard), "other": other}


OURS = {"alerts": 1, "notices": 1, "heard": 1, "other": 0}


async def test_a_beat_comes_as_soon_as_the_synthetic_alert_has_arrived_and_each_minute_from_then_on(
    world, service
):
    await world.second()
    assert service.beats == 0, "nothing is shown to work yet"
    await world.begins()
    assert service.came == [("GET", f"/{SECRET}")]
    await world.passes(10 * EVERY)
    assert service.beats == 11
    assert world.troubles.current() == ()


async def test_years_of_beats_add_two_rows_and_nothing_that_people_see(world):
    await world.begins()
    before = rows(world.store)
    await world.passes(5 * CALL_EVERY + 20)
    assert world.desk.circuit.delivered == 6
    assert rows(world.store) == before == OURS
    assert world.desk.alerts == ()
    assert (len(world.desk.outbox), world.desk.outbox.oldest_ms()) == (0, None)
    assert world.store.reads.left_out == {}, "what was written over can be read"


async def test_nothing_that_people_say_stops_the_proof(world, service):
    now = world.clock.now_ms()
    everything = Silence(id=1, whens=tuple(When), from_ms=now, until_ms=now + 10**9, reason="r", by="bob")
    world.desk.silence(everything, now)
    await world.begins()
    await world.passes(3 * EVERY)
    assert service.beats == 4, "and `group_wait` is an hour here"


def _no_loop(world) -> None:
    world.troubles.silent("alerts", 12_000, world.clock.now_ms())


def _loop(world) -> None:
    world.troubles.silent("alerts", None, world.clock.now_ms())


def _lags(world) -> None:
    world.troubles.loaded("irvine-1", Load(checks=10, late=5), world.clock.now_ms() - 60_000)


def _keeps_up(world) -> None:
    world.troubles.loaded("irvine-1", Load(checks=10), world.clock.now_ms())


def _no_checks(world) -> None:
    world.troubles.note("checks_stopped", "checks are not asked: web/check", world.clock.now_ms())


def _checks(world) -> None:
    world.troubles.note("checks_stopped", None, world.clock.now_ms())


@pytest.mark.parametrize(
    ("breaks", "mends", "cause"),
    [
        (_no_loop, _loop, "the loop alerts of the hub has not run for 12 s"),
        (_lags, _keeps_up, "vantage point irvine-1 is overloaded: 5 of 10 checks are asked on time"),
        (_no_checks, _checks, "checks are not asked: web/check"),
    ],
)
async def test_a_loop_that_stands_still_or_a_schedule_that_lags_stops_the_beats(
    world, service, breaks, mends, cause
):
    await world.begins()
    breaks(world)
    await world.passes(EVERY + PATIENCE + 10)
    assert service.beats == 1
    assert world.held() == f"the outside heartbeat is held back: {cause}"
    mends(world)
    await world.second()
    assert service.beats == 2, "at once"
    assert world.held() is None


async def test_an_overload_that_is_over_before_it_pages_stops_nothing(world, service):
    await world.begins()
    await world.passes(EVERY - 10)
    world.troubles.loaded("irvine-1", Load(checks=10, late=5), world.clock.now_ms())
    await world.passes(20)
    assert service.beats == 2


LOCKS = """
import sqlite3, sys
c = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
c.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


async def test_a_store_that_takes_no_writes_stops_the_beats_although_the_pager_goes_on(
    world, service, tmp_path
):
    await world.begins()
    locker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOCKS, str(tmp_path / "t.db"), stdin=-1, stdout=-1
    )
    assert await locker.stdout.readline() == b"locked\n"
    try:
        world.desk.circuit.call(world.heartbeat._receiver.channel())
        await world.second()
        await until(lambda: world.store.trouble is not None, what="it is known that nothing is written")
        await world.passes(2 * EVERY + PATIENCE + 10)
        assert world.desk.circuit.delivered == 3, "from memory"
        assert service.beats == 1
        assert "the store takes no writes" in world.held()
    finally:
        locker.kill()
        await locker.wait()
        locker._transport.close()
    await until(lambda: _writes_again(world), what="what was kept in memory is on disk")
    await world.second()
    assert service.beats == 2
    assert world.held() is None


async def _writes_again(world) -> bool:
    await world.store.commit(Batch())
    world.watch.look()
    return world.store.trouble is None


async def test_a_desk_that_takes_no_turns_stops_the_beats_after_five_minutes(world, service):
    await world.begins()
    world.turns = False
    await world.passes(FRESH)
    before = service.beats
    await world.passes(EVERY + PATIENCE)
    assert service.beats == before
    assert world.held() == (
        "the outside heartbeat is held back: no synthetic alert has come through the pager for over five minutes"
    )
    world.turns = True
    await world.passes(20)
    assert service.beats == before + 1
    assert world.held() is None


async def test_a_sending_process_that_hangs_stops_the_beats_after_five_minutes(world, service):
    await world.begins()
    (process,) = [pid for pid in children(os.getpid()) if _runs_the_sender(pid)]
    os.kill(process, signal.SIGSTOP)
    try:
        for _ in range(round((FRESH + EVERY + PATIENCE) / 10)):
            await world.second(10)
        before = service.beats
        assert before <= 1 + FRESH / EVERY
        assert {it.text for it in world.troubles.current()} == {
            "the outside heartbeat is held back: no synthetic alert has come through the pager for over five minutes"
        }
    finally:
        os.kill(process, signal.SIGCONT)
    await world.settles()
    await world.second()
    assert service.beats == before + 1
    assert world.held() is None


def _runs_the_sender(pid: int) -> bool:
    return b"watch.alerts.child" in Path(f"/proc/{pid}/cmdline").read_bytes()


async def test_a_sending_process_that_is_killed_is_started_again_and_the_beats_go_on(world, service):
    await world.begins()
    for pid in children(os.getpid()):
        if _runs_the_sender(pid):
            os.kill(pid, signal.SIGKILL)
    await world.passes(5 * EVERY)
    assert service.beats == 6


async def test_a_finding_of_the_pagers_audit_stops_the_beats(world, service):
    await world.begins()
    now = world.clock.now_ms()
    plan = Plan(policy="p", steps=(Step(page=("alice",)),), repeat_ms=None, began_ms=now, due_ms=(now,))
    late = alert(77, plans=(plan,), opened_ms=now, recipients=(), name="Web")
    await world.store.commit(Batch(alerts={77: late}))
    await world.passes(EVERY + LATE_MS / 1000 + 60)
    before = service.beats
    await world.passes(3 * EVERY)
    assert service.beats == before
    assert world.held() == (
        "the outside heartbeat is held back: the pager does not go on: the next step is late of alert 77 (Web)"
    )
    await world.store.commit(Batch(alerts={77: replace(late, resolved_ms=now)}))
    await world.passes(70)
    assert service.beats > before
    assert world.held() is None


async def test_an_audit_that_does_not_look_stops_the_beats(world, service):
    await world.begins()
    world.audits = False
    await world.passes(6 * EVERY)
    assert service.beats <= 5
    assert "the pager's audit has not looked for over three minutes" in world.held()


async def test_why_the_beats_have_stopped_is_told_to_people_once_it_has_lasted_for_a_minute(
    tmp_path, service
):
    async with Serving() as phone:
        alice = Person(name="alice", channels=(phone.channel("alice"),))
        config = staged(rule("monitor"), people=(alice,), group_wait=0)
        world = World(tmp_path, f"{service.url}/{SECRET}", config=config)
        await world.begins()
        world.troubles.note("step_late", "the pager does not go on", world.clock.now_ms(), hold_ms=0)
        await world.passes(EVERY + PATIENCE + 50)
        assert [body["title"] for _, body in phone.received] == [
            "[Acme] MONITORING TROUBLE: the pager does not go on"
        ]
        await world.passes(20)
        assert phone.received[1][1]["title"] == (
            "[Acme] MONITORING TROUBLE: the outside heartbeat is held back: the pager does not go on"
        )
        assert SECRET not in str(phone.received)
        await world.ends()


class Suspended(FakeClock):
    """A clock of a machine that can be suspended: the monotonic one stands still then."""

    asleep = 0.0

    def monotonic(self) -> float:
        return super().monotonic() - self.asleep


async def test_a_machine_that_was_suspended_needs_a_new_proof_and_says_nothing(tmp_path, service):
    clock = Suspended()
    world = World(tmp_path, f"{service.url}/{SECRET}", clock)
    await world.begins()
    clock.asleep = 3599
    await world.second(3600)
    assert service.beats == 1, "what came through an hour ago is no proof"
    assert world.held() is None
    for _ in range(3):
        await world.second()
        await world.settles()
    assert service.beats == 2
    assert world.troubles.current() == ()
    await world.ends()


async def test_the_audit_does_not_take_the_synthetic_alert_for_one_that_people_wait_for(world):
    await world.begins()
    world.sends = False
    await world.passes(FRESH + EVERY + PATIENCE)
    assert {it.kind for it in world.troubles.current()} == {"heartbeat_held"}


async def test_after_a_kill_a_new_proof_is_needed_and_comes_at_once(tmp_path, service):
    first = World(tmp_path, f"{service.url}/{SECRET}")
    await first.begins()
    first.sends = False
    await first.passes(CALL_EVERY + 20)
    batch = Batch()
    assert first.desk.lease(batch, first.clock.now_ms(), 64), "killed in the middle of a send"
    await first.store.commit(batch)
    before = service.beats
    await first.ends()
    second = World(tmp_path, f"{service.url}/{SECRET}", first.clock)
    await second.second()
    assert service.beats == before
    await second.begins()
    assert service.beats == before + 1
    assert rows(second.store) == OURS
    await second.ends()


async def test_another_url_is_taken_over_at_once_and_without_one_all_of_it_ends(world, service):
    await world.begins()
    world.settings = replace(world.settings, heartbeat_to=Secret(f"{service.url}/other"))
    await world.second()
    assert service.came[-1] == ("GET", "/other")
    world.settings = replace(world.settings, heartbeat_to=None)
    before = service.beats
    await world.passes(5 * EVERY)
    assert service.beats == before
    (alert_row,) = world.store.reads.alerts()[0]
    assert (alert_row.subject, alert_row.open) == (SELF, False)
    world.settings = replace(world.settings, heartbeat_to=Secret(f"{service.url}/again"))
    await world.begins()
    assert service.came[-1] == ("GET", "/again")
    assert rows(world.store) == OURS


async def test_what_a_hub_with_a_heartbeat_left_open_is_closed_by_one_without(tmp_path, service):
    first = World(tmp_path, f"{service.url}/{SECRET}")
    await first.begins()
    await first.ends()
    second = World(tmp_path, None, first.clock)
    await second.passes(EVERY)
    assert [row.open for row in second.store.reads.alerts()[0]] == [False]
    assert second.desk.alerts == ()
    await second.ends()


async def test_without_a_url_nothing_is_started_written_or_said(tmp_path):
    config = staged(rule("down", "web"), people=())
    world = World(tmp_path, None, config=replace(config, catch_all=()))
    before = len(children(os.getpid()))
    await world.passes(10 * EVERY, step=30)
    assert set(rows(world.store).values()) == {0}
    assert len(children(os.getpid())) == before
    assert not world.desk.reaches_anyone
    assert world.troubles.current() == ()
    await world.ends()


async def test_a_beat_that_cannot_be_delivered_is_a_trouble_with_host_and_cause_and_is_tried_again(
    world, service
):
    service.answers[f"/{SECRET}"] = (500, "no")
    await world.begins()
    place = service.url.partition("//")[2]
    assert world.undelivered() == f"the outside heartbeat cannot be delivered to {place}: it answered 500"
    (found,) = world.troubles.current()
    assert found.pages_ms > world.clock.now_ms(), "a short fault pages nobody"
    before = service.beats
    await world.passes(AGAIN)
    assert service.beats == before + 1
    service.answers.clear()
    await world.passes(AGAIN)
    assert world.undelivered() is None
    assert world.held() is None


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ((200, "OK (not found)"), "it answered 200, but did not take the beat: not found"),
        ((200, "OK (rate limited)"), "it answered 200, but did not take the beat: rate limited"),
        ((404, '{"ok":false,"msg":"Monitor not found or not active."}'), "it answered 404"),
        ((200, '{"ok": false}'), "it answered 200, but did not take the beat: not ok"),
        ((200, '{"ok":true}'), ""),
        ((202, ""), ""),
    ],
)
async def test_what_the_services_answer_is_understood(service, answer, cause):
    service.answers[f"/{SECRET}"] = answer
    why = await beat(Secret(f"{service.url}/{SECRET}"), FakeClock())
    assert why.partition(": ")[2] == cause


async def test_no_redirect_leads_to_a_metadata_address_and_no_cause_shows_the_secret(service):
    service.leads = {
        f"/{SECRET}": f"http://169.254.169.254/latest/{SECRET}",
        f"/moved/{SECRET}": f"{service.url}/here/{SECRET}",
    }
    port = free_port()
    whys = {
        to: await beat(Secret(to), FakeClock())
        for to in (
            f"{service.url}/{SECRET}",
            f"http://127.0.0.1:{port}/{SECRET}",
            f"http://me:{SECRET}@127.0.0.1:{port}/",
            f"https://nosuch.invalid/{SECRET}",
            f"{service.url.replace('http', 'https')}/{SECRET}",
            f"http://[::ffff:169.254.169.254]/{SECRET}",
        )
    }
    assert all(whys.values())
    assert SECRET not in str(list(whys.values()))
    assert "169.254.169.254, a cloud metadata address" in whys[f"{service.url}/{SECRET}"]
    assert "does not exist" in whys[f"https://nosuch.invalid/{SECRET}"]
    assert await beat(Secret(f"{service.url}/moved/{SECRET}"), FakeClock()) == ""
    assert service.came[-1] == ("GET", f"/here/{SECRET}")


async def test_a_receiver_that_was_not_answered_in_time_holds_back_no_later_proof(world, service):
    """A loop that stands still for long answers nobody; a desk tells a person twice then, and again after an hour."""
    await world.begins()
    ours = world.desk.circuit.desk
    now = world.clock.now_ms()
    world.desk.circuit.call(world.heartbeat._receiver.channel())
    world.turns, world.sends = True, False
    await world.second()
    for _ in range(2):
        batch = Batch()
        (row,) = ours.lease(batch, now + 10**6, 1)
        ours.sent(batch, row.id, SendOutcome(Sent.UNKNOWN, "no answer"), now)
    world.sends = True
    await world.passes(CALL_EVERY + 20)
    assert world.desk.circuit.delivered == 2
    await world.passes(FRESH)
    assert world.held() is None


async def test_only_a_letter_to_the_secret_path_counts_as_arrived(world):
    await world.second()
    channel = world.desk.circuit.desk._settings.people[SELF].channels[0].reveal()
    host, _, path = channel.removeprefix("json://").partition("/")
    port = int(host.partition(":")[2])
    for text in (
        f"GET /{path} HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "POST /other HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        f"POST /{path} HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n",
        f"POST /{path} HTTP/1.1\r\n\r\n",
        f"POST /{path.partition('/')[0]} HTTP/1.1\r\nContent-Length: 2\r\n\r\n{{}}",
        "x" * 40_000,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(text.encode())
        writer.write_eof()
        with suppress(ConnectionError):
            assert b" 20" not in (await reader.read())[:15]
        writer.close()
    assert world.heartbeat._arrived is None
