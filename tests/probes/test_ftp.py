"""The ftp probe against vsftpd, with and without TLS, and against peers that misbehave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.probes.scripted import Overhearing, lines
from tests.probes.servers.vsftpd import vsftpd
from tests.probes.wires import ask, assumed, closed_port, enough, said, saying, serving, silence
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.ftp import FtpProbe

pytestmark = pytest.mark.xdist_group("vsftpd")

CANARY = "canary-b7f3"
LOGIN = {"username": "mon", "password": Secret(CANARY)}


@pytest.fixture(scope="session")
def server(pem):
    with vsftpd(pem, implicit=False) as it:
        yield it


@pytest.fixture(scope="session")
def implicit(pem):
    with vsftpd(pem, implicit=True) as it:
        yield it


async def test_a_server_that_greets_and_encrypts_is_up_with_its_facts(server, ca_file):
    reading = await ask("ftp", address=server.address, ca_file=ca_file)
    assert said(reading) == ("up", "ok"), reading
    facts = reading.facts
    assert facts["banner"].startswith("(vsFTPd ")
    assert facts["certificate.subject"] == "localhost"
    assert facts["latency"] == pytest.approx(sum(reading.phases.values()))
    assert facts["address"] == server.address.replace("localhost", "127.0.0.1")


@pytest.mark.parametrize("tls", ["none", "starttls"])
async def test_a_file_has_size_and_age_and_a_folder_is_counted(server, ca_file, tls):
    reading = await ask(
        "ftp",
        address=server.address,
        tls=tls,
        ca_file=ca_file,
        file=f"{server.pub}/one",
        folder=server.pub,
        seconds=5,
    )
    assert said(reading) == ("up", "ok"), reading
    assert (reading.facts["size"], reading.facts["count"]) == (5, 3)
    assert reading.facts["age"] == pytest.approx(25 * 3600, abs=60)
    assert reading.facts["modified"] == pytest.approx(datetime.now(UTC).timestamp() - 25 * 3600, abs=60)
    assert ("protocol" in reading.facts) is (tls != "none")
    assert set(reading.facts) <= set(reference(FtpProbe).facts)


async def test_tls_from_the_first_byte(implicit, ca_file):
    there = {"address": implicit.address, "tls": "implicit", "ca_file": ca_file, "folder": implicit.pub}
    reading = await ask("ftp", **there)
    assert said(reading) == ("up", "ok"), reading
    assert reading.facts["count"] == 3


async def test_an_empty_folder_has_no_entries(server):
    reading = await ask("ftp", address=server.address, tls="none", folder=server.bare)
    assert (said(reading), reading.facts["count"]) == (("up", "ok"), 0)
    judge = assumed("ftp", "count > 0")
    reading = await ask("ftp", address=server.address, tls="none", folder=server.bare, judge=judge)
    assert said(reading) == ("down", "missing")


async def test_an_old_file_is_degraded_or_down(server):
    there = {"address": server.address, "tls": "none", "file": f"{server.pub}/one"}
    warned = compile_judge([], ["age < 24h"], reference(FtpProbe).facts, {})
    assert said(await ask("ftp", **there, judge=warned)) == ("degraded", "stale")
    assert said(await ask("ftp", **there, judge=assumed("ftp", "age < 24h"))) == ("down", "stale")


@pytest.mark.parametrize("option", ["file", "folder"])
async def test_what_is_not_there_is_missing(server, option):
    reading = await ask("ftp", address=server.address, tls="none", **{option: f"{server.pub}/none"})
    assert said(reading) == ("down", "missing"), reading


async def test_a_login_that_is_refused_is_down(server, ca_file):
    reading = await ask("ftp", address=server.address, ca_file=ca_file, **LOGIN)
    assert said(reading) == ("down", "auth"), reading
    assert CANARY not in repr(reading)


async def test_a_certificate_that_clients_refuse_is_down(server):
    assert said(await ask("ftp", address=server.address)) == ("down", "certificate")
    assert said(await ask("ftp", address=server.address, verify=False)) == ("up", "ok")


async def test_a_certificate_about_to_end_is_degraded(server, ca_file):
    judge = compile_judge([], ["certificate.left > 21d"], reference(FtpProbe).facts, {})
    there = {"address": server.address, "ca_file": ca_file, "judge": judge}
    end = (await ask("ftp", **there)).facts["certificate.expires"]
    late = datetime.fromtimestamp(end, UTC) - timedelta(days=20)
    assert said(await ask("ftp", **there, now=late)) == ("degraded", "certificate")


HELLO = (b"220 hi\r\n", b"331 who\r\n", b"230-in\r\n any text\r\n230 at last\r\n")


async def test_the_right_password_lets_us_in():
    async with serving(lines(*HELLO)) as port:
        reading = await ask("ftp", address=f"127.0.0.1:{port}", tls="none", **LOGIN)
    assert said(reading) == ("up", "ok"), reading
    assert CANARY not in repr(reading)


@pytest.mark.parametrize(
    ("peer", "told", "detail"),
    [
        (lines(b"421 too many\r\n"), "status", "greets with 421 too many"),
        (lines(b"+OK hi\r\n"), "protocol", "the greeting is not FTP"),
        (
            lines(HELLO[0], b"331 who\r\n", b"530 not canary-b7f3\r\n"),
            "auth",
            "text that is not shown because it could contain the password",
        ),
        (lines(HELLO[0], b"421 not now\r\n"), "status", "answers a login with 421: not now"),
        (lines(HELLO[0], b"331-\r\n", stays=False), "reset", "instead of sending the rest"),
        (saying(b"220-x\r\n" + b"x\r\n" * 100_000, first=False), "limit", "too much"),
        (silence, "timeout", "did not send a greeting"),
    ],
)
async def test_a_peer_that_is_no_willing_server_is_down(peer, told, detail):
    async with serving(peer) as port:
        reading = await ask("ftp", address=f"127.0.0.1:{port}", tls="none", seconds=enough(told), **LOGIN)
    assert said(reading) == ("down", told), reading
    assert detail in reading.detail
    assert CANARY not in repr(reading)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ((b"200 ok\r\n", b"213 many\r\n"), "protocol"),
        ((b"200 ok\r\n", b"500 what\r\n", b"213 20261301000000\r\n"), "protocol"),
        ((b"200 ok\r\n", b"500 what\r\n", b"502 what\r\n"), "status"),
        ((b"200 ok\r\n", b"550 no\r\n"), "missing"),
        ((b"504 no\r\n",), "status"),
    ],
)
async def test_a_file_of_which_nothing_sensible_is_told_is_down(answers, told):
    async with serving(lines(*HELLO, *answers)) as port:
        reading = await ask("ftp", address=f"127.0.0.1:{port}", tls="none", file="x")
    assert said(reading) == ("down", told), reading


async def test_a_list_comes_from_the_server_s_own_address_whatever_it_says():
    async def listing(reader, writer):
        writer.write(b"a\r\nb\r\n.\r\n")
        await writer.drain()

    async with serving(listing) as data:
        passive = b"227 Entering (192,0,2,9,%d,%d)\r\n" % divmod(data, 256)
        answers = (b"250 ok\r\n", b"500 what\r\n", passive, b"150 here\r\n226 done\r\n")
        async with serving(lines(*HELLO, *answers)) as port:
            reading = await ask("ftp", address=f"127.0.0.1:{port}", tls="none", folder="/")
    assert said(reading) == ("up", "ok"), reading
    assert reading.facts["count"] == 2


@pytest.mark.parametrize(
    ("passive", "told"),
    [
        (b"229 (|||CLOSED|)\r\n", "refused"),
        (b"229 (|||0|)\r\n", "protocol"),
        (b"229 (|||99999|)\r\n", "protocol"),
        (b"425 no\r\n", "status"),
    ],
)
async def test_a_second_connection_that_fails_is_down(passive, told):
    passive = passive.replace(b"CLOSED", b"%d" % closed_port())
    async with serving(lines(*HELLO, b"250 ok\r\n", passive, b"425 no\r\n")) as port:
        reading = await ask("ftp", address=f"127.0.0.1:{port}", tls="none", folder="/")
    assert said(reading) == ("down", told), reading


async def test_a_list_without_end_is_cut_off():
    async def listing(reader, writer):
        while True:
            writer.write(b"x" * 1000 + b"\r\n")
            await writer.drain()

    async with serving(listing) as data:
        answers = (b"250 ok\r\n", b"229 (|||%d|)\r\n" % data, b"150 here\r\n")
        async with serving(lines(*HELLO, *answers)) as port:
            reading = await ask("ftp", address=f"127.0.0.1:{port}", tls="none", folder="/")
    assert said(reading) == ("down", "limit"), reading


async def test_a_server_without_tls_is_down_and_hears_no_password():
    peer = Overhearing(b"502 what\r\n", greeting=b"220 hi\r\n")
    async with serving(peer) as port:
        reading = await ask("ftp", address=f"127.0.0.1:{port}", **LOGIN)
        assert await peer.heard() == b"AUTH TLS\r\n"
    assert said(reading) == ("down", "tls"), reading


async def test_nobody_listening_is_refused():
    assert said(await ask("ftp", address=f"127.0.0.1:{closed_port()}")) == ("down", "refused")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"address": "a b"}, "address: "),
        ({"password": Secret("x")}, "username: a login needs both"),
        ({"file": "a\r\nDELE b"}, "file: write one line"),
        ({"folder": "a\nb"}, "folder: write one line"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        FtpProbe(**{"address": "ftp.example.org"} | options)
