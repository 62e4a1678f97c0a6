"""The dns probe over TCP, TLS and HTTPS: against BIND, and against peers that are none."""

from __future__ import annotations

import asyncio

import pytest

from tests.probes.servers.bind import bind
from tests.probes.wires import (
    Meter,
    ask,
    assumed,
    closed_port,
    descriptors,
    enough,
    garbage,
    hang_up,
    said,
    saying,
    serving,
    silence,
    timed,
)
from tests.yardstick import HOLD, cancelled
from watch.core.expect import compile_judge
from watch.probes.base import reference
from watch.probes.dns import DnsProbe

SECURE = ["tls", "https"]


@pytest.fixture(scope="module")
def server(pem):
    with bind(pem) as found:
        yield found


def options(server, over, **more):
    where = {"udp": server.plain, "tcp": server.plain, "tls": server.tls, "https": server.https}[over]
    return {"name": "www.good.test", "resolver": where, "over": over, "recurse": False, **more}


@pytest.mark.parametrize("over", ["udp", "tcp"])
async def test_an_answer_is_the_same_over_udp_and_tcp(server, over):
    reading = await ask("dns", **options(server, over), judge=assumed("dns"))
    assert said(reading) == ("up", "ok")
    assert reading.facts["answer"] == "127.0.0.8"
    assert ("connect" in reading.phases) == (over == "tcp")


@pytest.mark.parametrize("over", SECURE)
async def test_over_tls_and_https_the_certificate_is_a_fact(server, over, ca_file):
    reading, took = await timed(ask("dns", **options(server, over, ca_file=ca_file), judge=assumed("dns")))
    assert said(reading) == ("up", "ok")
    assert reading.facts["answer"] == "127.0.0.8"
    assert reading.facts["certificate.subject"] == "localhost"
    assert reading.facts["certificate.left"] > 86400
    assert reading.facts["address"] == options(server, over)["resolver"]
    assert {"connect", "tls", "first_byte"} <= reading.phases.keys()
    assert 0 < reading.phases["tls"] < reading.facts["latency"] < took


@pytest.mark.parametrize("over", SECURE)
async def test_a_certificate_that_is_warned_of_is_degraded(server, over, ca_file):
    cls = DnsProbe
    judge = compile_judge(
        [], ['certificate.subject != "localhost"'], reference(cls).facts, cls.ASSUMED, cls.WARNED
    )
    reading = await ask("dns", **options(server, over, ca_file=ca_file), judge=judge)
    assert said(reading) == ("degraded", "certificate")


@pytest.mark.parametrize("over", SECURE)
async def test_a_certificate_that_proves_nothing_is_down_unless_any_will_do(server, over, ca_file):
    untrusted = await ask("dns", **options(server, over))
    assert said(untrusted) == ("down", "certificate")
    assert "authority that is not trusted" in untrusted.detail
    stranger = await ask("dns", **options(server, over, ca_file=ca_file, server_name="dns.example.org"))
    assert said(stranger) == ("down", "certificate")
    assert "another name" in stranger.detail
    assert said(await ask("dns", **options(server, over, verify=False))) == ("up", "ok")


@pytest.mark.parametrize("over", SECURE)
async def test_the_name_to_prove_may_be_another_than_the_resolvers(server, over, ca_file):
    reading = await ask("dns", **options(server, over, ca_file=ca_file, server_name="localhost"))
    assert said(reading) == ("up", "ok")


@pytest.mark.parametrize("over", SECURE)
async def test_authorities_that_cannot_be_read_are_our_fault(server, over, tmp_path):
    missing = tmp_path / "none.pem"
    assert said(await ask("dns", **options(server, over, ca_file=missing))) == ("unknown", "internal")


@pytest.mark.parametrize("over", ["tcp", *SECURE])
async def test_nobody_listening_is_refused(over):
    reading = await ask("dns", name="web.test", resolver=f"127.0.0.1:{closed_port()}", over=over)
    assert said(reading) == ("down", "refused")


@pytest.mark.parametrize("over", SECURE)
async def test_a_server_without_tls_is_down(server, over):
    reading = await ask("dns", **options(server, over) | {"resolver": server.plain}, seconds=0.3)
    assert reading.verdict.value == "down"
    assert reading.reason.value in {"tls", "reset", "timeout"}


@pytest.mark.parametrize("over", SECURE)
@pytest.mark.parametrize(
    ("peer", "reasons"),
    [(silence, {"timeout"}), (hang_up, {"reset"}), (garbage, {"tls"})],
)
async def test_bad_peers_get_their_reason_before_tls(over, peer, reasons):
    async with serving(peer) as port:
        reading = await ask(
            "dns", name="web.test", resolver=f"127.0.0.1:{port}", over=over, seconds=enough(reasons)
        )
    assert reading.verdict.value == "down"
    assert reading.reason.value in reasons


@pytest.mark.parametrize(
    ("peer", "told"),
    [
        (silence, ("down", "timeout")),
        (hang_up, ("down", "reset")),
        (garbage, ("down", "protocol")),
        (saying(b"\xff\xff" + b"\0" * 20_000), ("down", "limit")),
    ],
)
async def test_bad_peers_get_their_reason_within_tls(peer, told, tls, ca_file):
    async with serving(peer, tls=tls) as port:
        there = {"resolver": f"127.0.0.1:{port}", "over": "tls", "ca_file": ca_file}
        assert said(await ask("dns", name="web.test", **there, seconds=enough(told))) == told


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\nContent-Length: "


@pytest.mark.parametrize(
    ("peer", "told"),
    [
        (silence, ("down", "timeout")),
        (hang_up, ("down", "reset")),
        (garbage, ("down", "protocol")),
        (saying(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), ("down", "status")),
        (
            saying(b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
            ("down", "status"),
        ),
        (saying(HEAD + b"5\r\n\r\nhello"), ("down", "protocol")),
        (saying(HEAD + b"14\r\n\r\n\0\0\x81\x80" + b"\xff" * 10), ("down", "protocol")),
        (saying(HEAD + b"0\r\n\r\n"), ("down", "protocol")),
        (saying(HEAD + b"900000\r\n\r\n", b"\0" * 900_000), ("down", "limit")),
        (saying(HEAD + b"500\r\n\r\n\0\0"), ("down", "reset")),
    ],
)
async def test_bad_peers_get_their_reason_over_https(peer, told, tls, ca_file):
    async with serving(peer, tls=tls) as port:
        there = {"resolver": f"127.0.0.1:{port}", "over": "https", "ca_file": ca_file}
        assert said(await ask("dns", name="web.test", **there, seconds=enough(told))) == told


async def test_another_path_than_the_servers_is_said(server, ca_file):
    reading = await ask("dns", **options(server, "https", ca_file=ca_file, path="/elsewhere"))
    assert said(reading) == ("down", "status")
    assert "404 at /elsewhere" in reading.detail


@pytest.mark.parametrize("over", SECURE)
async def test_cancellation_returns_at_once_and_leaves_nothing(over, tls, ca_file):
    async with serving(silence, tls=tls) as port:
        there = {"resolver": f"127.0.0.1:{port}", "over": over, "ca_file": ca_file}
        await ask("dns", name="web.test", **there, seconds=0.2)  # the first run pays for imports and engines
        before = len(descriptors())
        run = asyncio.ensure_future(ask("dns", name="web.test", **there, seconds=60))
        await asyncio.wait([run], timeout=0.2)
        await cancelled(run)
        assert run.cancelled()
        # The server's side of both connections closes when it likes.
        assert len(descriptors()) <= before + 1


@pytest.mark.parametrize("over", SECURE)
async def test_a_question_does_not_hold_the_loop(server, over, ca_file):
    asked = options(server, over, ca_file=ca_file, dnssec=True, anchor=server.root)
    await ask("dns", **asked)
    async with Meter() as meter:
        assert said(await ask("dns", **asked)) == ("up", "ok")
    assert meter.held < HOLD


async def test_no_cloud_is_asked_for_its_metadata():
    reading = await ask("dns", name="web.test", resolver="169.254.169.254", over="https", seconds=0.2)
    assert said(reading) == ("unknown", "internal")
    assert "metadata: true" in reading.detail


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"over": "tls"}, "resolver"),
        ({"over": "https"}, "resolver"),
        ({"server_name": "dns.example.org"}, "server_name"),
        ({"ca_file": "/ca.pem", "over": "tcp"}, "ca_file"),
        ({"resolver": "::1", "over": "tls", "server_name": "a/b"}, "server_name"),
        ({"resolver": "::1", "over": "https", "path": "dns-query"}, "path"),
        ({"resolver": "::1", "over": "https", "path": "/a b"}, "path"),
        ({"resolver": "::1", "over": "https", "path": "/a\r\nX: y"}, "path"),
    ],
)
def test_options_that_make_no_sense_are_refused_with_a_cure(more, place):
    with pytest.raises(ValueError, match=f"^{place}: "):
        DnsProbe(name="web.test", **more)
