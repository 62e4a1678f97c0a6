"""The http probe over QUIC: against Caddy, and against peers that are none."""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import pytest

from tests.probes.names import name_server
from tests.probes.servers.caddy import caddy
from tests.probes.wires import (
    Meter,
    ask,
    assumed,
    closed_port,
    datagrams,
    descriptors,
    said,
    saying,
    serving,
    silence,
    timed,
)
from tests.yardstick import HOLD, cancelled
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.http import HttpProbe

CANARY = "canary-6d0c"


@pytest.fixture(scope="module")
def server(pem):
    with caddy(pem) as found:
        yield found


@pytest.fixture
def three(server, ca_file):
    """Ask Caddy over HTTP/3."""

    def asked(path="/", **more):
        return ask("http", **{"url": server.url + path, "version": "3", "ca_file": ca_file, **more})

    return asked


async def test_http3_is_spoken_when_asked_for(three, server):
    reading, took = await timed(three(judge=assumed("http")))
    assert said(reading) == ("up", "ok")
    assert reading.material["body"] == b"hi HTTP/3.0"
    facts = reading.facts
    assert (facts["version"], facts["address"]) == ("3", f"127.0.0.1:{server.port}")
    assert facts["certificate.subject"] == "localhost"
    assert 0 < facts["latency"] < took


async def test_http3_has_its_phases(three):
    reading = await three()
    assert set(reading.phases) == {"resolve", "connect", "tls", "first_byte", "transfer"}
    assert sum(reading.phases.values()) == pytest.approx(reading.facts["latency"])
    assert reading.phases["tls"] > 0


@pytest.mark.parametrize(("version", "proto"), [("1.1", "HTTP/1.1"), ("2", "HTTP/2.0")])
async def test_the_same_server_speaks_the_older_versions_too(three, version, proto):
    reading = await three(version=version)
    assert reading.material["body"] == f"hi {proto}".encode()
    assert reading.facts["version"] == version


async def test_another_status_is_down(three):
    assert said(await three("/missing", judge=assumed("http"))) == ("down", "status")


async def test_a_certificate_that_is_warned_of_is_degraded(three):
    judge = compile_judge(
        [],
        ['certificate.subject != "localhost"'],
        reference(HttpProbe).facts,
        HttpProbe.ASSUMED,
        HttpProbe.WARNED,
    )
    assert said(await three(judge=judge)) == ("degraded", "certificate")


async def test_an_untrusted_certificate_is_down_unless_the_check_says_so(three):
    reading = await three(ca_file=None)
    assert said(reading) == ("down", "certificate")
    assert reading.detail == "the certificate comes from an authority that is not trusted"
    assert said(await three(ca_file=None, verify=False)) == ("up", "ok")


async def test_a_certificate_for_another_name_is_down(three, server):
    async with name_server({"anyone.test": "127.0.0.1"}):
        reading = await three(url=f"https://anyone.test:{server.port}/")
    assert said(reading) == ("down", "certificate")
    assert reading.detail == "the certificate is for another name"


async def test_a_server_that_ends_the_handshake_is_down(three, server):
    async with name_server({"unknown.test": "127.0.0.1"}):
        reading = await three(url=f"https://unknown.test:{server.port}/")
    assert said(reading) == ("down", "tls")
    assert "ended the QUIC handshake" in reading.detail


async def test_redirects_are_followed_as_long_as_they_stay_encrypted(three):
    reading = await three("/moved")
    assert (reading.facts["status"], reading.facts["redirects"]) == (200, 1)
    assert (await three("/moved", redirects="none")).facts["status"] == 302
    assert said(await three("/loop")) == ("down", "limit")
    plain = await three("/plain")
    assert said(plain) == ("down", "protocol")
    assert "http://" in plain.detail


async def test_credentials_methods_and_bodies_are_sent(three):
    reading = await three("/echo", method="PUT", token=Secret("t0ken"), body=Secret("payload"))
    assert reading.material["body"] == b"PUT Bearer t0ken payload"


async def test_no_metadata_address_is_dialled_by_name_or_redirect(three):
    assert said(await three("/metadata")) == ("down", "protocol")
    async with name_server({"evil.test": "169.254.169.254"}):
        assert said(await three(url="https://evil.test/")) == ("down", "dns")
    assert said(await three(url="https://169.254.169.254/")) == ("unknown", "internal")


async def test_only_the_address_that_was_looked_up_is_dialled(three, server):
    # Left to itself, curl asks ::1 first, for that is what localhost means as well.
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::1", server.port))
        sock.setblocking(False)
        reading = await three()
        with pytest.raises(BlockingIOError):
            sock.recv(2000)
    assert reading.facts["address"] == f"127.0.0.1:{server.port}"


async def test_a_body_is_read_up_to_its_limit_and_does_not_hold_the_loop(three):
    await three()
    async with Meter() as meter:
        reading = await three("/big", max_body="2MiB", seconds=10)
    assert said(reading) == ("up", "ok")
    assert reading.facts["truncated"]
    assert len(reading.material["body"]) == 2 << 20
    assert meter.held < HOLD


async def test_a_plain_check_after_it_is_plain(three, server, ca_file):
    await three()
    assert (await ask("http", url=server.url, ca_file=ca_file)).facts["version"] == "1.1"


def quic(port, **more):
    return ask("http", **{"url": f"https://127.0.0.1:{port}/", "version": "3", "verify": False, **more})


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_nobody_listening_is_refused(host):
    port = closed_port(socket.SOCK_DGRAM, host.strip("[]"))
    reading = await quic(port, url=f"https://{host}:{port}/?key={CANARY}", token=Secret(CANARY))
    assert said(reading) == ("down", "refused")
    assert reading.detail == f"connection refused: {host}:{port}"


async def test_a_server_that_goes_away_during_the_handshake_is_refused():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        run = asyncio.ensure_future(quic(sock.getsockname()[1], seconds=10))
        await asyncio.get_running_loop().sock_recv(sock, 2000)
    assert said(await run) == ("down", "refused")  # at curl's next try


def silent(_):
    return []


def noisy(data):
    return [b"garbage" * 20, data, b"\xff" * 1200, b"\xc0\0\0\0\1" + b"\0" * 1200, b""]


def flooding(_):
    return [b"\x40" + bytes((n % 256,)) * 1100 for n in range(300)]


def foreign(data):
    """Answer that only a version is spoken that nobody knows."""
    length = data[5]
    theirs, rest = data[6 : 6 + length], data[6 + length :]
    ours = rest[1 : 1 + rest[0]]
    ids = bytes((len(ours),)) + ours + bytes((len(theirs),)) + theirs
    return [b"\x80\0\0\0\0" + ids + b"\xba\xba\xba\xba"]


@pytest.mark.parametrize("peer", [silent, noisy, flooding])
async def test_a_peer_that_does_not_speak_quic_is_a_timeout(peer):
    async with datagrams(peer) as port:
        await quic(port, seconds=0.2)
        async with Meter() as meter:
            reading = await quic(port, seconds=0.4)
    assert said(reading) == ("down", "timeout")
    assert reading.detail.startswith(f"no QUIC from 127.0.0.1:{port}")
    assert meter.ticked < 2 * 0.4
    assert meter.held < HOLD


async def test_a_version_that_nobody_knows_is_a_protocol_fault():
    async with datagrams(foreign) as port:
        assert said(await quic(port)) == ("down", "protocol")


async def test_a_server_that_stalls_or_dies_is_told_from_one_that_is_not_there(pem, ca_file):
    with caddy(pem) as server:
        there = {"url": server.url, "version": "3", "ca_file": ca_file}
        assert said(await ask("http", **there)) == ("up", "ok")
        os.kill(server.process.pid, signal.SIGSTOP)
        stalled = await ask("http", **there, seconds=0.3)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        gone = await ask("http", **there)
    assert said(stalled) == ("down", "timeout")
    assert said(gone) == ("down", "refused")


async def test_an_answer_that_is_cut_short_is_a_reset(pem, ca_file):
    cut = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhello")
    async with serving(cut) as port:
        with caddy(pem, behind=port) as server:
            reading = await ask("http", url=f"{server.url}/behind", version="3", ca_file=ca_file)
    assert said(reading) == ("down", "reset")


async def test_an_application_that_thinks_for_ever_is_told_from_a_lost_handshake(pem, ca_file):
    async with serving(silence) as port:
        with caddy(pem, behind=port) as server:
            there = {"url": f"{server.url}/behind", "version": "3", "ca_file": ca_file}
            reading = await ask("http", **there, seconds=0.5)
    assert said(reading) == ("down", "timeout")
    assert reading.detail.startswith("connected to")


async def test_cancellation_returns_at_once_and_leaves_nothing():
    async with datagrams(silent) as port:
        await quic(port, seconds=0.2)
        before = descriptors()
        run = asyncio.ensure_future(quic(port, seconds=60))
        await asyncio.wait([run], timeout=0.2)
        await cancelled(run)
        assert run.cancelled()
        assert descriptors() == before


async def test_a_run_leaves_no_descriptor_and_does_not_hold_the_loop(three):
    await three()
    before = descriptors()
    async with Meter() as meter:
        readings = await asyncio.gather(*(three(seconds=10) for _ in range(20)))
    assert {said(reading) for reading in readings} == {("up", "ok")}
    assert descriptors() == before
    assert meter.held < HOLD


async def test_no_secret_is_in_any_fact_or_detail(three):
    secrets = {"token": Secret(CANARY), "headers": {"X-Key": CANARY}, "body": Secret(CANARY)}
    for path in ("/", "/loop", "/missing"):
        reading = await three(f"{path}?key={CANARY}", **secrets)
        assert CANARY not in f"{reading.detail} {dict(reading.facts)}"


@pytest.mark.parametrize(
    ("options", "cure"),
    [
        ({"url": "http://x/"}, "write an https:// url"),
        ({"url": "https://x/", "proxy": Secret("http://proxy:3128")}, "leave it out"),
        ({"url": "https://x/", "proxy": Secret("socks5://proxy")}, "leave it out"),
    ],
)
def test_what_cannot_be_over_quic_is_refused_with_a_cure(options, cure):
    with pytest.raises(ValueError, match=f"^(version|proxy): .*{cure}"):
        HttpProbe(**options, version="3")
