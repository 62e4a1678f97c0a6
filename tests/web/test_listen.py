"""An address that cannot be bound is explained, with its cure."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest
from aiohttp import web

from watch.errors import ListenError
from watch.web.listen import serve, serve_all


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


async def refusal(host, port, **more):
    with pytest.raises(ListenError) as refused:
        await serve(web.Application(), host, port, **more)
    return str(refused.value)


async def test_port_zero_gives_the_address_that_was_bound(served, http):
    host, port = await served(web.Application())
    assert host == "127.0.0.1"
    async with http.get(f"http://{host}:{port}/") as answer:
        assert answer.status == 404


async def test_a_taken_port_names_its_taker_and_the_setting(taken):
    said = await refusal("127.0.0.1", taken)
    assert said.startswith(f"127.0.0.1:{taken} is taken by another program (pid {os.getpid()}, ")
    assert said.endswith("stop it or set listen.page to a free address.")


async def test_the_operators_address_is_called_by_its_own_name(taken):
    assert "set listen.operators to" in await refusal("127.0.0.1", taken, setting="listen.operators")


async def test_an_address_of_another_machine_is_refused():
    assert "192.0.2.1:8080 is not an address of this machine" in await refusal("192.0.2.1", 8080)


async def test_a_port_that_is_none_is_refused():
    assert await refusal("127.0.0.1", 70_000) == (
        "127.0.0.1:70000 cannot be bound (bind(): port must be 0-65535.); set listen.page to another address."
    )


async def test_an_ipv6_address_is_written_in_brackets():
    assert (await refusal("::2", 8080)).startswith("[::2]:8080 ")


async def test_the_port_is_free_again_at_once(served, http):
    runner, (host, port) = await serve(web.Application(), "127.0.0.1", 0)
    async with http.get(f"http://{host}:{port}/") as answer:
        assert answer.status == 404
    await runner.cleanup()
    assert await served(web.Application(), port) == (host, port)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_all_addresses_of_ipv6_are_those_of_ipv4_too(host):
    runner, (bound,) = await serve_all(web.Application(), [("::", 0)])
    reader, writer = await asyncio.open_connection(host, bound[1])
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.0 404")
    writer.close()
    await writer.wait_closed()
    await runner.cleanup()


async def test_a_page_is_served_at_each_of_its_addresses(http):
    runner, bound = await serve_all(web.Application(), [("127.0.0.1", 0), ("127.0.0.2", 0)])
    assert [host for host, _ in bound] == ["127.0.0.1", "127.0.0.2"]
    for host, port in bound:
        async with http.get(f"http://{host}:{port}/") as answer:
            assert answer.status == 404
    await runner.cleanup()


async def test_when_one_address_of_several_is_taken_none_is_kept(taken):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ListenError, match=f"127.0.0.1:{taken} is taken"):
        await serve_all(web.Application(), [("127.0.0.1", port), ("127.0.0.1", taken)])
    socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.parametrize("host", ["::", "0.0.0.0"])
async def test_a_taken_port_is_named_for_all_addresses_too(taken, host):
    assert f":{taken} is taken by another program (pid {os.getpid()}, " in await refusal(host, taken)
