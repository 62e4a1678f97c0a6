"""An address that cannot be bound is explained, with its cure."""

from __future__ import annotations

import os
import socket

import pytest
from aiohttp import web

from watch.ports import ListenError
from watch.web.listen import serve


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
