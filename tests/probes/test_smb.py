"""The smb probe against smbd."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from tests.probes.servers.samba import CANARY, smbd
from tests.probes.wires import ask, said, saying, serving, silence
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.smb import SmbProbe

pytestmark = pytest.mark.xdist_group("smbd")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A server of one folder as two shares, one of them encrypted; its port, the folder and our name."""
    with smbd(tmp_path_factory.mktemp("smb")) as it:
        yield it.port, it.shared, it.username


def at(server, share="share", password=CANARY, **more):
    port, _, me = server
    return {"share": f"//127.0.0.1:{port}/{share}", "username": me, "password": Secret(password), **more}


def judged(expect=(), warn=()):
    return compile_judge(
        list(expect), list(warn), reference(SmbProbe).facts, SmbProbe.ASSUMED, SmbProbe.WARNED
    )


async def test_a_share_is_up_with_its_room(server):
    reading = await ask("smb", **at(server))
    assert said(reading) == ("up", "ok"), reading
    room = shutil.disk_usage(server[1])
    assert reading.facts["total"] == pytest.approx(room.total, rel=0.01)
    assert reading.facts["available"] == pytest.approx(room.free, rel=0.05)
    assert reading.facts["free"] == reading.facts["available"] / reading.facts["total"]
    assert reading.facts["dialect"] == "3.1.1"
    assert reading.facts["signed"] is False
    assert reading.facts["encrypted"] is False
    assert reading.facts["latency"] == sum(reading.phases.values())
    assert "canary" not in repr(reading)


async def test_a_folder_in_a_share_is_found_also_with_backslashes(server):
    assert said(await ask("smb", **at(server, "share/inner"))) == ("up", "ok")
    there = at(server) | {"share": rf"\\127.0.0.1:{server[0]}\share\inner"}
    assert said(await ask("smb", **there)) == ("up", "ok")


async def test_encryption_is_a_fact_whoever_asked_for_it(server):
    by_server = await ask("smb", **at(server, "sealed"))
    by_us = await ask("smb", **at(server, encrypt=True))
    assert said(by_server) == said(by_us) == ("up", "ok"), (by_server, by_us)
    assert by_server.facts["encrypted"] is by_us.facts["encrypted"] is True


async def test_without_a_name_only_the_protocol_is_asked(server):
    reading = await ask("smb", share=f"//127.0.0.1:{server[0]}/share")
    assert said(reading) == ("up", "ok"), reading
    assert set(reading.facts) == {"latency", "dialect", "signed", "address"}
    assert said(await ask("smb", **at(server), judge=judged(["signed == true"]))) == ("down", "tls")


async def test_little_room_or_an_open_share_is_degraded_or_down_as_the_check_says(server):
    warned = await ask("smb", **at(server), judge=judged(["free > 0%"], ["encrypted == true"]))
    assert said(warned) == ("degraded", "tls")
    assert said(await ask("smb", **at(server), judge=judged(["free == 100%"]))) == ("down", "expectation")


@pytest.mark.parametrize("more", [{"password": "canary-wrong"}, {"username": "nobody-we-know"}])
async def test_a_wrong_name_or_password_is_refused_as_such(server, more, caplog):
    reading = await ask("smb", **(at(server) | {**more, "password": Secret(more.get("password", CANARY))}))
    assert said(reading) == ("down", "auth"), reading
    assert "canary" not in repr(reading) + caplog.text


@pytest.mark.parametrize("share", ["gone", "share/gone", "share/file"])
async def test_a_share_or_a_folder_that_is_not_there_is_missing(server, share):
    assert said(await ask("smb", **at(server, share))) == ("down", "missing")


async def test_a_server_that_hangs_up_has_reset_us():
    async with serving(saying()) as port:
        reading = await ask("smb", **at((port, None, "mon")))
    assert said(reading) == ("down", "reset"), reading


async def test_a_message_of_gigabytes_is_not_awaited():
    async with serving(saying(b"\x7f\xff\xff\xff" + b"x" * 100)) as port:
        assert said(await ask("smb", **at((port, None, "mon")))) == ("down", "protocol")


async def test_a_server_of_smb_1_is_a_protocol_fault():
    async with serving(saying(b"\0\0\0\x50\xffSMB" + bytes(76))) as port:
        reading = await ask("smb", **at((port, None, "mon")))
    assert said(reading) == ("down", "protocol")
    assert "SMB 2 or 3" in reading.detail


async def test_a_header_with_nothing_behind_it_is_a_protocol_fault():
    async def talk(reader, writer):
        await reader.read(65536)
        writer.write(b"\0\0\0\x50\xfeSMB" + bytes(76))
        await reader.read()

    async with serving(talk) as port:
        assert said(await ask("smb", **at((port, None, "mon")))) == ("down", "protocol")


async def test_silent_servers_take_no_thread_beyond_the_eighth_and_give_them_back(server):
    async with serving(silence) as port:
        silent = [asyncio.ensure_future(ask("smb", **at((port, None, "mon")), seconds=2)) for _ in range(8)]
        await asyncio.wait(silent, timeout=0.1)
        assert said(await ask("smb", **at(server), seconds=0.3)) == ("unknown", "overloaded")
        readings = await asyncio.gather(*silent)
    assert {said(reading) for reading in readings} == {("down", "timeout")}
    assert "waiting for the first answer" in readings[0].detail
    assert said(await ask("smb", **at(server))) == ("up", "ok")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"share": "nas/backups"}, "share: "),
        ({"share": "//nas"}, "share: "),
        ({"share": "//nas:x/backups"}, "share: "),
        ({"share": "//nas/backups", "username": "u"}, "username: "),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, word):
    with pytest.raises(ValueError, match=word):
        SmbProbe(**options)
