"""The nfs probe against nfs-ganesha."""

from __future__ import annotations

import shutil
import struct

import pytest

from tests.probes.servers.ganesha import ganesha
from tests.probes.wires import ask, said, saying, serving
from watch.core.expect import compile_judge
from watch.probes.base import reference
from watch.probes.nfs import NfsProbe

pytestmark = pytest.mark.xdist_group("ganesha")


@pytest.fixture(scope="session")
def nas(tmp_path_factory):
    """A server of two folders, one of them for those with a Kerberos ticket; and where the first one lies."""
    with ganesha(tmp_path_factory.mktemp("nfs")) as it:
        yield it.address, it.exported


def judged(expect=(), warn=()):
    return compile_judge(
        list(expect), list(warn), reference(NfsProbe).facts, NfsProbe.ASSUMED, NfsProbe.WARNED
    )


async def test_a_folder_that_is_served_is_up_with_its_room(nas):
    server, folder = nas
    reading = await ask("nfs", server=server, path="/exp")
    assert said(reading) == ("up", "ok"), reading
    room = shutil.disk_usage(folder)
    assert reading.facts["total"] == room.total
    assert reading.facts["available"] == pytest.approx(room.free, rel=0.05)
    assert reading.facts["free"] == reading.facts["available"] / room.total
    assert 0 < reading.facts["inodes.free"] <= 1
    assert 0 < reading.facts["rpc"] < reading.facts["latency"] == sum(reading.phases.values())
    assert reading.facts["address"] == server


async def test_a_folder_below_an_export_is_found(nas):
    assert said(await ask("nfs", server=nas[0], path="/exp/inner/")) == ("up", "ok")


async def test_little_room_is_degraded_or_down_as_the_check_says(nas):
    there = {"server": nas[0], "path": "/exp"}
    warned = await ask("nfs", **there, judge=judged(["free > 0%"], ["free == 100%"]))
    assert said(warned) == ("degraded", "expectation")
    assert said(await ask("nfs", **there, judge=judged(["available > 1000TB"]))) == ("down", "expectation")
    assert said(await ask("nfs", **there, judge=judged(["rpc < 0.001ms"]))) == ("down", "slow")


@pytest.mark.parametrize("path", ["/gone", "/exp/gone/inner"])
async def test_a_folder_that_is_not_there_is_missing_and_named(nas, path):
    reading = await ask("nfs", server=nas[0], path=path)
    assert said(reading) == ("down", "missing")
    assert reading.detail == f"{path.removesuffix('/inner')} does not exist"


async def test_a_server_that_wants_a_ticket_refuses_us(nas):
    reading = await ask("nfs", server=nas[0], path="/strict")
    assert said(reading) == ("down", "auth"), reading
    assert "Kerberos" in reading.detail


def words(*values):
    return struct.pack(f"!{len(values)}I", *values)


def server(*replies):
    """A server of a few lines, which answers each call by the next of *replies*."""

    async def talk(reader, writer):
        for reply in replies:
            mark = int.from_bytes(await reader.readexactly(4), "big")
            call = await reader.readexactly(mark & 0x7FFFFFFF)
            body = call[:4] + reply
            writer.write(words(0x80000000 | len(body)) + body)
            await writer.drain()
        await reader.read()

    return talk


NULL = words(1, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ([words(1, 0, 0, 0, 1)], "protocol"),  # no such program
        ([words(1, 0, 0, 0, 2, 3, 3)], "protocol"),  # only version 3
        ([words(1, 1, 1, 5)], "auth"),
        ([words(1, 0, 0)], "protocol"),  # cut off
        ([words(0, 0, 0, 0, 0)], "protocol"),  # a call, not a reply
        ([NULL, NULL + words(1, 0, 1, 24, 1)], "auth"),
        ([NULL, NULL + words(10021, 0, 0)], "protocol"),
        ([NULL, NULL + words(10008, 0, 1, 24, 10008)], "status"),
        ([NULL, NULL + words(0, 0, 2, 24, 0, 9, 0, 2, 0, 1 << 11, 8, 0)], "protocol"),  # cut off
        ([NULL, NULL + words(0, 0, 2, 24, 0, 9, 0, 1, 1, 8, 0, 0)], "protocol"),  # not asked for
        ([NULL, NULL + words(0, 0, 1, 24, 0)], "protocol"),
    ],
)
async def test_what_a_server_says_instead_has_its_reason(replies, reason):
    async with serving(server(*replies)) as port:
        assert said(await ask("nfs", server=f"127.0.0.1:{port}")) == ("down", reason)


async def test_a_port_that_secure_exports_want_is_named():
    async with serving(server(NULL, NULL + words(1, 0, 1, 24, 1))) as port:
        assert "`insecure`" in (await ask("nfs", server=f"127.0.0.1:{port}")).detail


async def test_a_server_that_tells_of_no_room_gives_none():
    async with serving(server(NULL, NULL + words(0, 0, 2, 24, 0, 9, 0, 0, 0))) as port:
        reading = await ask("nfs", server=f"127.0.0.1:{port}", judge=judged(["free > 5%"]))
    assert said(reading) == ("down", "expectation")
    assert set(reading.facts) == {"latency", "rpc", "address"}


async def test_a_server_without_a_limit_has_a_number_that_can_be_kept():
    endless = struct.pack("!3Q", *[(1 << 64) - 1] * 3)
    room = words(0, 0, 2, 24, 0, 9, 0, 2, 0, 7 << 10, 24) + endless
    async with serving(server(NULL, NULL + room)) as port:
        reading = await ask("nfs", server=f"127.0.0.1:{port}")
    assert said(reading) == ("up", "ok"), reading
    assert reading.facts["available"] == reading.facts["total"] == 1 << 62


async def test_a_reply_without_end_is_not_read():
    async with serving(saying(words(0x00000000) * 40, first=True)) as port:
        assert said(await ask("nfs", server=f"127.0.0.1:{port}")) == ("down", "limit")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"server": ""}, "server: "),
        ({"server": "nas", "path": "exp"}, "path: "),
        ({"server": "nas", "path": "/a/../b"}, "path: "),
        ({"server": "nas", "uid": -1}, "uid: "),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, word):
    with pytest.raises(ValueError, match=word):
        NfsProbe(**options)
