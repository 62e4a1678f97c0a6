"""The dns probe against dnsmasq and against nameservers that lie."""

from __future__ import annotations

import socket

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from tests.probes.names import answering, name_server
from tests.probes.servers import dnsmasq as real
from tests.probes.wires import (
    Meter,
    ask,
    assumed,
    closed_port,
    datagrams,
    enough,
    garbage,
    hang_up,
    said,
    serving,
    silence,
    timed,
)
from tests.yardstick import HOLD
from watch.probes.dns import DnsProbe
from watch.probes.wire.net.engines import adopt
from watch.probes.wire.net.resolver import Resolver


@pytest.fixture(scope="session")
def dnsmasq():
    with real.dnsmasq() as (_, address):
        yield address


async def test_records_are_facts(dnsmasq):
    reading, took = await timed(ask("dns", name="web.test", resolver=dnsmasq, judge=assumed("dns")))
    assert said(reading) == ("up", "ok")
    facts = dict(reading.facts)
    assert 0 < facts.pop("latency") < took
    facts.pop("ttl")
    assert facts == {
        "rcode": "NOERROR",
        "answers": 1,
        "answer": "127.0.0.8",
        "authoritative": True,
        "authenticated": False,
        "address": dnsmasq,
        "dnssec.fault": "",
    }


@pytest.mark.parametrize(
    ("kind", "answer"),
    [("AAAA", "::8"), ("MX", "10 mail.web.test."), ("TXT", '"v=spf1 -all"')],
)
async def test_any_kind_of_record_can_be_asked_for(dnsmasq, kind, answer):
    assert (await ask("dns", name="web.test", type=kind, resolver=dnsmasq)).facts["answer"] == answer


async def test_tcp_can_be_asked_for(dnsmasq):
    reading = await ask("dns", name="web.test", resolver=dnsmasq, over="tcp")
    assert reading.facts["answer"] == "127.0.0.8"


async def test_a_name_that_does_not_exist_is_down_unless_that_is_expected(dnsmasq):
    there = {"name": "no.test", "resolver": dnsmasq}
    reading = await ask("dns", **there, judge=assumed("dns"))
    assert said(reading) == ("down", "dns")
    assert "NXDOMAIN" in reading.detail
    assert said(await ask("dns", **there, judge=assumed("dns", 'rcode == "NXDOMAIN"'))) == ("up", "ok")


async def test_no_record_of_the_kind_is_down(dnsmasq):
    reading = await ask("dns", name="web.test", type="NAPTR", resolver=dnsmasq, judge=assumed("dns"))
    assert said(reading) == ("down", "dns")


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
async def test_a_code_of_failure_is_down_and_named(rcode):
    async with datagrams(answering({"web.test": dns.rcode.from_text(rcode)})) as port:
        reading = await ask("dns", name="web.test", resolver=f"127.0.0.1:{port}", judge=assumed("dns"))
    assert said(reading) == ("down", "dns")
    assert rcode in reading.detail


async def test_nobody_listening_is_refused():
    server = f"127.0.0.1:{closed_port(socket.SOCK_DGRAM)}"
    assert said(await ask("dns", name="web.test", resolver=server)) == ("down", "refused")
    assert said(await ask("dns", name="web.test", resolver=server, over="tcp")) == ("down", "refused")


async def test_silence_is_a_timeout():
    async with datagrams(lambda _: []) as port:
        reading = await ask("dns", name="web.test", resolver=f"127.0.0.1:{port}", seconds=0.2)
    assert said(reading) == ("down", "timeout")


async def test_a_lost_datagram_is_sent_again():
    asked = []

    def deaf_once(data):
        asked.append(data)
        return answering({"web.test": "127.0.0.8"})(data) if len(asked) > 1 else []

    async with datagrams(deaf_once) as port:
        reading = await ask("dns", name="web.test", resolver=f"127.0.0.1:{port}", seconds=5)
    assert reading.facts["answers"] == 1


async def test_an_answer_with_another_id_is_passed_over():
    def forged(data):
        truth = answering({"web.test": "127.0.0.8"})(data)[0]
        lie = answering({"web.test": "127.6.6.6"})(data)[0]
        return [bytes((lie[0] ^ 1,)) + lie[1:], truth]

    async with datagrams(forged) as port:
        reading = await ask("dns", name="web.test", resolver=f"127.0.0.1:{port}")
    assert reading.facts["answer"] == "127.0.0.8"


async def test_only_forged_answers_are_a_protocol_fault():
    def forged(data):
        return [bytes((data[0] ^ 1,)) + answering({"web.test": "127.6.6.6"})(data)[0][1:]]

    async with datagrams(forged) as port:
        reading = await ask("dns", name="web.test", resolver=f"127.0.0.1:{port}", seconds=0.3)
    assert said(reading) == ("down", "protocol")


@pytest.mark.parametrize(
    "broken",
    [
        lambda data: data[:2] + b"\x81\x80" + b"\xff" * 40,
        lambda data: data[:2] + b"\x81\x80\0\1\0\1\0\0\0\0\xc0\x0c\0\1\0\1" * 3,
        lambda data: data[:12],
    ],
)
async def test_a_broken_answer_is_a_protocol_fault(broken):
    async with datagrams(lambda data: [broken(data)]) as port:
        reading = await ask("dns", name="web.test", resolver=f"127.0.0.1:{port}", seconds=0.3)
    assert said(reading) == ("down", "protocol")


async def test_an_answer_too_big_for_a_datagram_is_fetched_over_tcp():
    async def talk(reader, writer):
        size = int.from_bytes(await reader.readexactly(2), "big")
        reply = dns.message.make_response(dns.message.from_wire(await reader.readexactly(size)))
        addresses = [f"127.0.{n // 250}.{n % 250 + 1}" for n in range(500)]
        reply.answer.append(dns.rrset.from_text_list("web.test.", 60, "IN", "A", addresses))
        wire = reply.to_wire(max_size=65535)
        writer.write(len(wire).to_bytes(2, "big") + wire)
        await writer.drain()

    def cut(data):
        reply = dns.message.make_response(dns.message.from_wire(data))
        reply.flags |= dns.flags.TC
        return [reply.to_wire()]

    async with serving(talk) as port, datagrams(cut, port=port):
        reading = await ask("dns", name="web.test", resolver=f"127.0.0.1:{port}")
    assert reading.facts["answers"] == 500
    assert len(reading.facts["answer"]) <= 1000


async def test_an_answer_of_64_kib_is_over_the_limit_and_does_not_hold_the_loop():
    async def talk(reader, writer):
        size = int.from_bytes(await reader.readexactly(2), "big")
        query = await reader.readexactly(size)
        body = (
            query[:2]
            + b"\x81\x80\0\1\x0f\xa0\0\0\0\0"
            + query[12:-11]
            + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" * 4000
        )
        writer.write(len(body).to_bytes(2, "big") + body)
        await writer.drain()

    async with serving(talk) as port:
        await ask("dns", name="web.test", resolver=f"127.0.0.1:{port}", over="tcp")
        async with Meter() as meter:
            reading = await ask("dns", name="web.test", resolver=f"127.0.0.1:{port}", over="tcp")
    assert said(reading) == ("down", "limit")
    assert meter.held < HOLD


@pytest.mark.parametrize(
    ("peer", "told"),
    [(silence, ("down", "timeout")), (hang_up, ("down", "reset")), (garbage, ("down", "protocol"))],
)
async def test_over_tcp_bad_peers_get_their_reason(peer, told):
    async with serving(peer) as port:
        reading = await ask(
            "dns", name="web.test", resolver=f"127.0.0.1:{port}", over="tcp", seconds=enough(told)
        )
    assert said(reading) == told


async def test_without_a_resolver_our_own_is_asked_and_its_silence_is_our_fault():
    async with name_server({"web.test": "127.0.0.8"}):
        assert (await ask("dns", name="web.test")).facts["answer"] == "127.0.0.8"
    adopt(Resolver([("127.0.0.1", closed_port(socket.SOCK_DGRAM))]))
    assert said(await ask("dns", name="web.test")) == ("unknown", "internal")
    async with datagrams(lambda _: []) as port:
        adopt(Resolver([("127.0.0.1", port)]))
        assert said(await ask("dns", name="web.test", seconds=0.2)) == ("unknown", "internal")


async def test_a_resolver_may_be_named_by_its_name(dnsmasq):
    port = dnsmasq.rpartition(":")[2]
    reading = await ask("dns", name="web.test", resolver=f"localhost:{port}")
    assert reading.facts["answers"] == 1


@pytest.mark.parametrize(
    "options", [{"name": ""}, {"name": "a b"}, {"name": "x", "resolver": "a:b"}, {"name": "x" * 300}]
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match=r"^(name|resolver): "):
        DnsProbe(**options)


def test_the_peer_is_the_resolver():
    assert DnsProbe(name="x.test", resolver="[::1]:5353").peer() == "::1"
    assert DnsProbe(name="x.test", resolver="::1").peer() == "::1"
    assert DnsProbe(name="x.test").peer() == ""
