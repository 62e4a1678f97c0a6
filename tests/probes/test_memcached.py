"""The memcached probe against memcached, and against what only looks like one."""

from __future__ import annotations

import socket

import pytest

from tests.ports import free_port
from tests.probes.servers.memcached import server
from tests.probes.wires import ask, closed_port, enough, said, saying, serving, silence
from watch.core.expect import compile_judge
from watch.probes.base import reference
from watch.probes.memcached import MemcachedProbe

pytestmark = pytest.mark.xdist_group("memcached")


@pytest.fixture(scope="module")
def memcached(tmp_path_factory):
    port = free_port()
    with server(tmp_path_factory.mktemp("memcached"), port):
        yield port


def talk_to(port, *commands):
    with socket.create_connection(("127.0.0.1", port)) as sock, sock.makefile("rwb") as stream:
        for command in commands:
            stream.write(command.encode() + b"\r\n")
        stream.write(b"quit\r\n")
        stream.flush()
        stream.read()  # until it is all done


def asked(port, *judge):
    judge = compile_judge(*(judge or ([], [])), reference(MemcachedProbe).facts, {})
    return ask("memcached", address=f"127.0.0.1:{port}", judge=judge)


async def test_a_server_is_up_with_its_facts(memcached):
    talk_to(memcached, "flush_all", "stats reset", "set a 0 0 5", "hello", "get a", "get a", "get a", "get b")
    reading = await asked(memcached)
    assert said(reading) == ("up", "ok")
    facts = reading.facts
    assert facts["version"].startswith("1.6")
    assert facts["uptime"] >= 0
    assert facts["items"] == 1
    assert facts["evictions"] == 0
    assert facts["hits"] == 0.75
    assert 0 < facts["memory.used"] < 0.01
    assert facts["memory"] == pytest.approx(facts["memory.used"] * (16 << 20))
    assert 0 < facts["connections.used"] < 0.1
    assert facts["latency"] == sum(reading.phases.values())


async def test_a_server_that_finds_little_is_degraded(memcached):
    talk_to(memcached, "get never-stored", "get never-stored")
    assert said(await asked(memcached, [], ["hits > 99%"])) == ("degraded", "expectation")


async def test_a_server_with_too_many_connections_is_down_by_what_was_expected(memcached):
    assert said(await asked(memcached, ["connections.used < 0.0001%"], [])) == ("down", "limit")


async def test_nobody_listening_is_refused():
    assert said(await asked(closed_port())) == ("down", "refused")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"ERROR Too many open connections\r\n", ("down", "limit")),
        (b"CLIENT_ERROR unauthenticated\r\n", ("down", "auth")),
        (b"SERVER_ERROR out of memory\r\n", ("down", "limit")),
        (b"ERROR\r\n", ("down", "status")),
        (b"SERVER_ERROR \x1b[2J\r\n", ("down", "status")),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ("down", "protocol")),
        (b"STAT uptime 1\r\n", ("down", "timeout")),
        (b"STAT uptime x\r\nSTAT\r\nSTAT limit_maxbytes 0\r\nSTAT bytes 1\r\nEND\r\n", ("up", "ok")),
        (b"STAT a b\r\n" * 10_000, ("down", "limit")),
    ],
)
async def test_a_server_that_talks_nonsense_is_told_apart(answer, told):
    async def talk(reader, writer):
        await saying(answer)(reader, writer)
        await silence(reader, writer)

    async with serving(talk) as port:
        reading = await ask("memcached", address=f"127.0.0.1:{port}", seconds=enough(told))
    assert said(reading) == told
    assert "\x1b" not in reading.detail


async def test_a_server_that_hangs_up_is_a_reset():
    async with serving(saying(b"STAT uptime 1\r\n")) as port:
        assert said(await asked(port)) == ("down", "reset")


def test_an_address_that_is_none_is_refused():
    with pytest.raises(ValueError, match="address: "):
        MemcachedProbe(address="x:y")


def test_the_peer_is_the_host():
    assert MemcachedProbe(address="[::1]").peer() == "::1"
