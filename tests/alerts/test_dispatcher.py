"""From a step of the desk to a notice that arrives: commits first, lanes apart, nothing lost on the way."""

from __future__ import annotations

import asyncio

import pytest

from tests.alerts.house import TEAM, House, until
from tests.alerts.receiver import Serving
from tests.alerts.stage import person, rule, settings
from watch.alerts.message import SendOutcome, Sent
from watch.alerts.sender import Sender
from watch.core.alert import Event, Status
from watch.core.settings import Person
from watch.core.timeline import State
from watch.errors import StoreError


async def test_a_lease_is_on_disk_before_anything_is_sent_and_so_is_what_follows():
    house = House()
    house.goes("web", State.DOWN)
    await house.step()
    await house.dispatcher.round()
    await house.settles()
    assert house.log[:4] == ["commit pending", "commit pending", "commit sending", "commit sending"]
    assert sorted(house.log[4:6]) == ["send alice", "send bob"]
    assert house.log[6:] == ["commit delivered", "commit delivered"]
    heard = house.store.disk.rows()[2]
    assert {(h.recipient, h.event) for h in heard} == {("alice", Event.TRIGGERED), ("bob", Event.TRIGGERED)}


async def test_the_loop_sends_what_the_hub_commits_at_once():
    house = House()
    running = asyncio.create_task(house.dispatcher.run())
    await until(lambda: house.sends.warmed)
    house.goes("web", State.DOWN)
    await house.step()
    for _ in range(100):  # turns of the loop, in which no timer of its runs out
        await asyncio.sleep(0)
    assert house.log.count("commit delivered") == 2
    house.dispatcher.stop()
    await running
    assert house.sends.closed


async def test_a_slow_send_delays_no_other():
    house = House()
    gate = house.sends.answers["alice"] = asyncio.Event()
    house.goes("web", State.DOWN)
    await house.step()
    await house.dispatcher.round()
    await until(lambda: "commit delivered" in house.log)
    assert ("bob", 0, Status.DELIVERED) in house.notices()
    gate.set()
    await house.settles()


async def test_a_store_that_breaks_stops_the_loop_before_anything_is_sent():
    house = House()
    house.goes("web", State.DOWN)
    await house.step()
    house.store.broken = True
    with pytest.raises(StoreError):
        await house.dispatcher.run()
    assert not [entry for entry in house.log if entry.startswith("send")]
    assert house.sends.closed


async def test_a_store_that_breaks_while_something_is_sent_stops_the_loop_too():
    house = House()
    gate = house.sends.answers["alice"] = house.sends.answers["bob"] = asyncio.Event()
    house.goes("web", State.DOWN)
    await house.step()
    running = asyncio.create_task(house.dispatcher.run())
    await until(lambda: "send bob" in house.log)
    house.store.broken = True
    gate.set()
    with pytest.raises(StoreError):
        await running


async def test_the_time_of_the_last_round_can_be_read():
    house = House()
    before = house.dispatcher.active
    house.clock.move(60)
    await house.dispatcher.round()
    assert house.dispatcher.active == before + 60


async def test_nobody_to_reach_starts_no_process():
    house = House(settings(rule("down", "web"), people=(person("alice", channels=0),)))
    await house.dispatcher._warm()
    assert not house.sends.warmed


async def test_what_is_under_way_when_we_stop_is_given_a_moment_and_else_stays_leased():
    house = House()
    house.sends.answers["alice"] = asyncio.Event()
    house.goes("web", State.DOWN)
    await house.step()
    running = asyncio.create_task(house.dispatcher.run())
    await until(lambda: "send alice" in house.log)
    house.dispatcher.stop()
    await running
    assert ("alice", 0, Status.SENDING) in house.notices()


async def test_a_log_line_names_person_and_channel_and_holds_no_url(caplog):
    caplog.set_level("INFO")
    house = House()
    house.sends.answers["alice"] = SendOutcome(Sent.TEMPORARY, "the channel answered 500")
    house.goes("web", State.DOWN)
    await house.step()
    await house.dispatcher.round()
    await house.settles()
    assert "to alice, channel 1: temporary: the channel answered 500 (attempt 1)" in caplog.text
    assert "secret" not in caplog.text


async def test_more_than_64_sends_wait_their_turn():
    names = [f"p{n}" for n in range(70)]
    config = settings(
        rule("down", "web", escalate="all"),
        people=tuple(person(n) for n in names),
        escalations={"all": tuple(names)},
        group_wait=0,
    )
    house = House(config)
    gate = asyncio.Event()
    house.sends.answers = dict.fromkeys(names, gate)
    house.goes("web", State.DOWN)
    await house.step()
    await house.dispatcher.round()
    await asyncio.sleep(0)
    assert len(house.dispatcher._under_way) == 64
    gate.set()
    await house.settles()
    await house.dispatcher.round()
    await house.settles()
    assert {status for _, _, status in house.notices()} == {Status.DELIVERED}


# ---- with the real sender ----


async def test_an_outage_reaches_a_real_receiver_once_and_through_its_errors():
    async with Serving() as receiver:
        receiver.answers |= {"alice": 500, "bob-first": 404}
        people = (
            Person(name="alice", channels=(receiver.channel("alice"),)),
            Person(name="bob", channels=(receiver.channel("bob-first"), receiver.channel("bob-second"))),
        )
        config = settings(rule("down", "web", escalate="team"), escalations=TEAM, people=people, group_wait=0)
        house = House(config, sends=(sender := Sender()))
        house.goes("web", State.DOWN)
        await house.step()
        await house.dispatcher.round()
        await house.settles()
        assert house.notices() == [
            ("alice", 0, Status.PENDING),
            ("bob", 0, Status.DEAD),
            ("bob", 1, Status.PENDING),
        ]
        receiver.answers["alice"] = 200
        house.clock.move(2)
        await house.dispatcher.round()
        await house.settles()
        await house.dispatcher.round()
        await sender.close()
        assert [len(receiver.bodies(path)) for path in ("alice", "bob-first", "bob-second")] == [2, 1, 1]
        assert {status for _, _, status in house.notices()} == {Status.DELIVERED, Status.DEAD}
        assert "Alert: Acme/down:web/1" in receiver.bodies("alice")[1]
