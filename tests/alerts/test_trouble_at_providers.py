"""Real receivers that hang, drip, ask for a pause or are gone for an hour: what others get meanwhile, and what is told then.

The sends are real ones; the time between them is told.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.alerts.house import House, until
from tests.alerts.receiver import Receiver, Serving
from tests.alerts.stage import component, rule, settings
from tests.ports import free_port
from watch.alerts.message import Letter, Message, Sent
from watch.alerts.sender import Sender
from watch.core.alert import Status
from watch.core.settings import Person, Secret
from watch.core.timeline import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SLOW = 5  # of each sort
HOUR = 3_600


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    sender = Sender(soft=80, hard=85)
    yield sender
    await sender.close()


@contextlib.asynccontextmanager
async def dripping() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A receiver that takes a letter and then answers byte by byte, and never ends; its place, and who came."""
    came: list[bytes] = []
    talks: set[asyncio.Task[None]] = set()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())
        try:
            came.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
            while True:
                await asyncio.sleep(0.05)
                writer.write(b".")
                await writer.drain()
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        try:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", came
        finally:
            for talk in talks:
                talk.cancel()
            await asyncio.gather(*talks, return_exceptions=True)
            await asyncio.sleep(0)


async def test_ten_receivers_that_hang_or_drip_delay_no_letter_to_another(sender):
    async with Serving() as receiver, dripping() as (place, came):
        receiver.answers |= dict.fromkeys((f"hangs{n}" for n in range(SLOW)), 0)
        people = [person(f"hangs{n}", f"{receiver.url}/hangs{n}?cto=60&rto=60") for n in range(SLOW)]
        people += [person(f"drips{n}", f"json://{place}/drips{n}?cto=60&rto=60") for n in range(SLOW)]
        team = tuple(it.name for it in people)
        house = House(
            settings(
                rule("down", "web", escalate="slow"), rule("down", "db", escalate="well"),
                people=(*people, person("bob", f"{receiver.url}/bob")),
                escalations={"slow": team, "well": ("bob",)}, group_wait=0,
            ),
            sends=sender,
        )  # fmt: skip
        house.goes("web", State.DOWN)
        await house.step()
        await house.dispatcher.round()
        await until(lambda: len(receiver.received) + len(came) == 2 * SLOW)
        house.goes("db", State.DOWN)
        await house.step()
        await house.dispatcher.round()
        await until(lambda: ("bob", 0, Status.DELIVERED) in house.notices())
        assert len(receiver.bodies("bob")) == 1
        sending = [who for who, _, status in house.notices() if status is Status.SENDING]
        assert sorted(sending) == sorted(team), "all the others were still being sent"
        await sender.close()
        await house.settles()


async def test_a_receiver_that_drips_is_interrupted_and_may_have_the_letter():
    sender = Sender(soft=4, hard=60)
    async with dripping() as (place, _):
        url = Secret(f"json://{place}/?cto=60&rto=60")
        outcome = await sender.send(url, Message((Letter("DOWN: x", "b"),)))
    await sender.close()
    assert outcome.sent is Sent.UNKNOWN, outcome
    assert "within 4 s" in outcome.detail, "interrupted, and not killed"


async def test_a_receiver_that_asks_for_a_pause_is_not_asked_before_and_then_told_all_in_one_letter(sender):
    async with Serving() as receiver:
        house = House(alone(f"{receiver.url}/alice"), sends=sender)
        receiver.answers["alice"], receiver.pauses["alice"] = 429, "77"
        house.goes("web", State.DOWN)
        await house.passes(1)
        assert len(receiver.received) == 1
        receiver.answers.clear()
        receiver.pauses.clear()
        house.goes("db", State.DOWN)
        await house.passes(76)
        assert len(receiver.received) == 1
        await house.passes(1)
        (_, first), (_, second) = receiver.received
        assert first["title"] == "[Acme] DOWN: Web application"
        assert second["title"] == "[Acme] DOWN: Web application, Db"


async def test_after_an_hour_without_its_provider_a_person_knows_how_all_stands_and_heard_nothing_twice(
    sender,
):
    """Alice's provider refuses connections for half an hour and answers 503 for the other half; bob's is well."""
    async with Serving() as well, elsewhere() as (begin, url):
        config = settings(
            rule("down", *PARTS, escalate="both"), people=(person("alice", url), person("bob", f"{well.url}/bob")),
            components=tuple(component(key) for key in PARTS), escalations={"both": ("alice", "bob")},
        )  # fmt: skip
        house = House(config, sends=sender)
        house.goes("before", State.DOWN)
        await begins_and_ends(house)
        back = await begin()
        back.answers[""] = 503
        await house.passes(HOUR // 2)
        assert len(back.received) > HOUR // 2 // 73, "it was tried every minute, give or take a fifth"
        back.answers.clear()
        back.received.clear()
        await house.passes(120)

        told = [body for _, body in back.received]
        assert [body["title"] for body in told] == ["[Acme] DOWN: Before, Lasts; 2 delivered late"]
        keys = {f"Acme/down:{key}/1" for key in PARTS}
        assert all(told[0]["message"].count(key) == 1 for key in keys)
        assert [m["title"].partition("] ")[2] for _, m in well.received] == [
            "DOWN: Before", "DOWN: Short", "RESOLVED: Short was down for 2m", "DOWN: Lasts, Over",
            "RESOLVED: Over was down for 5m",
        ]  # fmt: skip
        await house.passes(HOUR)
        assert len(back.received) == 1, "nothing comes twice"
        assert {status for _, _, status in house.notices()} <= {Status.DELIVERED, Status.SUPERSEDED}


PARTS = ("before", "short", "lasts", "over")


async def begins_and_ends(house: House) -> None:
    """Half an hour in which some fail and return, and some only fail."""
    await house.passes(60)
    house.goes("short", State.DOWN)
    await house.passes(120)
    house.goes("short", State.UP)
    await house.passes(600)
    house.goes("lasts", State.DOWN)
    house.goes("over", State.DOWN)
    await house.passes(300)
    house.goes("over", State.UP)
    await house.passes(HOUR // 2 - 60 - 120 - 600 - 300)


@contextlib.asynccontextmanager
async def elsewhere():
    """A channel whose port nobody listens at, and what makes a receiver listen there."""
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:

        async def begin() -> Receiver:
            return await stack.enter_async_context(Serving(port))

        yield begin, f"json://127.0.0.1:{port}/"


def person(name: str, url: str) -> Person:
    return Person(name=name, channels=(Secret(url),))


def alone(url: str):
    return settings(rule("down", "web", "db"), people=(person("alice", url),), group_wait=0)
