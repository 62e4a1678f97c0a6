"""A visitor may have so many connections and no more; the others do not notice."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statuspage.render import rendered
from tests.statuspage.samples import STATES
from tests.yardstick import PATIENCE
from watch.web.public import public_server
from watch.web.rendered_pages import RenderedPages
from watch.web.visitors import MOST, Visitors

PLAIN = b"GET /robots.txt HTTP/1.1\r\nHost: x\r\n"
PROXIES = tuple(map(ipaddress.ip_network, ("127.0.0.0/8", "10.0.0.0/8")))


@pytest.fixture
def page():
    pages = RenderedPages()
    pages.put(rendered(STATES["fine"]()))
    return pages


@asynccontextmanager
async def connected(address, local="127.0.0.1"):
    reader, writer = await asyncio.open_connection(*address, local_addr=(local, 0))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def asked(connection, more=b"", ask=PLAIN):
    """The status of the answer to one more request on *connection*."""
    reader, writer = connection
    writer.write(ask + more + b"\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
    await reader.readexactly(int(re.search(rb"Content-Length: (\d+)", head)[1]))
    return int(head.split()[1])


async def test_the_201st_connection_of_an_address_is_refused_and_others_are_not(served, page):
    address = await served(public_server(page))
    async with AsyncExitStack() as stack:
        many = [await stack.enter_async_context(connected(address)) for _ in range(MOST)]
        assert {await asked(it) for it in many} == {200}
        refused = await stack.enter_async_context(connected(address))
        assert await asked(refused) == 429
        assert await asyncio.wait_for(refused[0].read(), PATIENCE) == b""
        assert await asked(await stack.enter_async_context(connected(address, "127.0.0.2"))) == 200
        assert {await asked(it) for it in many} == {200}
        many[0][1].close()
        await asyncio.wait_for(many[0][0].read(), PATIENCE)
        assert await asked(await stack.enter_async_context(connected(address))) == 200


async def test_the_ones_that_ended_badly_are_not_counted(served, page):
    address = await served(public_server(page))
    for say in (
        b"",
        b"noise\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST / HTTP/1.0\r\n\r\n",
    ):
        for _ in range(MOST):
            async with connected(address) as (reader, writer):
                writer.write(say)
                writer.write_eof()
                await asyncio.wait_for(reader.read(), PATIENCE)
    async with connected(address) as one:
        assert await asked(one) == 200


async def test_a_connection_too_many_that_says_nothing_is_closed(served, page):
    address = await served(public_server(page, keep_alive_s=0.2))
    async with AsyncExitStack() as stack:
        for _ in range(MOST + 1):
            reader, _ = await stack.enter_async_context(connected(address))
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""


@pytest.mark.parametrize("ask", [PLAIN, PLAIN.replace(b"GET", b"HEAD")], ids=["fast", "aiohttp"])
async def test_behind_a_trusted_proxy_the_limit_goes_by_the_visitor(served, page, ask):
    address = await served(public_server(page, PROXIES))
    of_eve = b"X-Forwarded-For: 192.0.2.66, 198.51.100.7, 10.1.2.3\r\n"
    reading = asked if ask is PLAIN else headed
    async with AsyncExitStack() as stack:
        for _ in range(MOST):
            assert await reading(await stack.enter_async_context(connected(address)), of_eve, ask) == 200
        refused = await stack.enter_async_context(connected(address))
        assert await asked(refused, of_eve) == 429
        assert await asyncio.wait_for(refused[0].read(), PATIENCE) == b""
        other = await stack.enter_async_context(connected(address))
        assert await reading(other, b"X-Forwarded-For: 198.51.100.7, 198.51.100.8\r\n", ask) == 200
        assert await asked(other, of_eve) == 429  # the connection of a proxy is that of its latest request


async def headed(connection, more, ask):
    reader, writer = connection
    writer.write(ask + more + b"\r\n")
    return int((await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)).split()[1])


async def test_what_others_than_trusted_proxies_say_is_not_believed(served, page):
    address = await served(public_server(page, PROXIES[1:]))
    async with AsyncExitStack() as stack:
        for n in range(MOST):
            made_up = f"X-Forwarded-For: 198.51.100.{n}\r\n".encode()
            assert await asked(await stack.enter_async_context(connected(address)), made_up) == 200
        assert (
            await asked(
                await stack.enter_async_context(connected(address)), b"X-Forwarded-For: 192.0.2.1\r\n"
            )
            == 429
        )


@pytest.mark.parametrize(
    ("header", "visitor"),
    [
        ("", "10.0.0.1"),
        ("198.51.100.7", "198.51.100.7"),
        ("198.51.100.7, 10.9.9.9, 127.0.0.1", "198.51.100.7"),
        ("192.0.2.1, 198.51.100.7", "198.51.100.7"),
        ("198.51.100.7:4711", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("10.0.0.2, 10.0.0.3", "10.0.0.2"),
        ("198.51.100.7, unknown", "10.0.0.1"),
        ("198.51.100.7, , 10.0.0.4", "10.0.0.4"),
        ("<script>", "10.0.0.1"),
    ],
)
def test_the_visitor_is_the_last_address_that_is_no_proxys(header, visitor):
    assert str(Visitors(PROXIES).visitor(header, ipaddress.ip_address("10.0.0.1"))) == visitor


@given(st.text(max_size=80))
def test_any_header_gives_some_visitor(header):
    visit = Visitors(PROXIES).arrived("10.0.0.1")
    assert visit.forwarded(header)


def test_a_machine_is_one_visitor_over_ipv4_in_ipv6_and_over_all_of_its_own_ipv6():
    visitors = Visitors(most=2)
    first, second = visitors.arrived("2001:db8::1"), visitors.arrived("2001:db8::ffff%eth0")
    assert visitors.arrived("2001:db8::2").refused
    assert not visitors.arrived("2001:db8:0:1::1").refused
    assert [visitors.arrived(host).refused for host in ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1")] == [
        False, False, True,
    ]  # fmt: skip
    for visit in (first, second, second):
        visit.left()
    assert not visitors.arrived("2001:db8::1").refused
