"""Our own name lookup: whose fault a failure is, how long an answer is kept, and what forgers get."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import pytest

from tests.probes.names import answering, name_server
from tests.probes.wires import Meter, ask, closed_port, datagrams, said, serving, silence
from tests.yardstick import HOLD
from watch.core.reading import OurFault, ProbeFailure
from watch.probes.wire.net.engines import adopt, shared
from watch.probes.wire.net.question import AAAA, A, answer, question
from watch.probes.wire.net.resolver import Resolver, address

ROOT = {"": dns.rcode.NOERROR}


async def looked_up(host, **options):
    """Return the reading of a check that must look *host* up."""
    async with serving(silence) as port:
        return await ask("tcp", address=f"{host}:{port}", **options)


async def test_a_name_is_looked_up_and_the_time_is_a_phase():
    async with name_server({"web.test": "127.0.0.1"}):
        reading = await looked_up("web.test")
    assert said(reading) == ("up", "ok")
    assert set(reading.phases) == {"resolve", "connect"}


async def test_addresses_and_localhost_need_no_nameserver():
    adopt(Resolver([]))
    assert await address("127.0.0.1") == "127.0.0.1"
    assert await address("[::1]") == "::1"
    assert await address("localhost") == "127.0.0.1"
    assert await address("localhost", "6") == "::1"
    assert await address("a.localhost") == "127.0.0.1"


async def test_a_name_that_does_not_exist_is_down():
    async with name_server({}):
        reading = await looked_up("nowhere.test")
    assert said(reading) == ("down", "dns")
    assert reading.detail == "the name nowhere.test does not exist"


async def test_a_name_without_an_address_of_the_family_is_down():
    async with name_server({"six.test": "::1", "four.test": "127.0.0.1"}):
        reading = await looked_up("six.test", family="4")
        assert (said(reading), reading.detail) == (("down", "dns"), "the name six.test has no IPv4 address")
        assert await address("six.test") == "::1"
        with pytest.raises(ProbeFailure, match="no IPv6 address"):
            await address("four.test", "6")


@pytest.mark.parametrize("failing", [None, dns.rcode.SERVFAIL])
async def test_a_resolver_that_answers_for_nothing_is_our_fault(failing):
    async with name_server({"web.test": failing, "": failing}):
        reading = await looked_up("web.test")
    assert said(reading) == ("unknown", "internal")
    assert "our own nameservers" in reading.detail


@pytest.mark.parametrize("failing", [None, dns.rcode.SERVFAIL])
async def test_a_name_that_nobody_can_answer_is_down_when_the_resolver_lives(failing):
    async with name_server({"web.test": failing} | ROOT):
        assert said(await looked_up("web.test")) == ("down", "dns")


async def test_a_resolver_that_refuses_us_is_our_fault():
    async with name_server({"web.test": dns.rcode.REFUSED} | ROOT):
        assert said(await looked_up("web.test")) == ("unknown", "internal")


async def test_a_resolver_that_is_not_there_is_our_fault():
    adopt(Resolver([("127.0.0.1", closed_port())], waits=(0.1,)))
    assert said(await looked_up("web.test")) == ("unknown", "internal")
    adopt(Resolver([]))
    assert said(await looked_up("web.test")) == ("unknown", "internal")


async def test_a_run_cut_short_in_name_lookup_is_our_fault_unless_the_resolver_answered_lately():
    async with name_server({"dead.test": None, "web.test": "127.0.0.1"}, waits=(30,)):
        assert said(await looked_up("dead.test", seconds=0.2)) == ("unknown", "internal")
        assert await address("web.test") == "127.0.0.1"
        assert said(await looked_up("dead.test", seconds=0.2)) == ("down", "dns")


@pytest.mark.parametrize(("ttl", "times"), [(0, 3), (60, 1)])
async def test_an_answer_is_kept_for_its_ttl(ttl, times):
    asked = []
    async with name_server({"web.test": "127.0.0.1"}, ttl=ttl, asked=asked):
        for _ in range(3):
            await address("web.test")
    assert len(asked) == times


async def test_the_next_nameserver_is_asked_when_the_first_is_silent():
    async with datagrams(lambda _: []) as mute, datagrams(answering({"web.test": "127.0.0.1"})) as good:
        adopt(Resolver([("127.0.0.1", mute), ("127.0.0.1", good)], waits=(0.1,)))
        assert await address("web.test") == "127.0.0.1"


async def test_forged_answers_are_passed_over():
    truth = answering({"web.test": "127.0.0.1"})

    def forged(data):
        lie = bytearray(answering({"web.test": "127.6.6.6"})(data)[0])
        wrong_id = bytes((lie[0] ^ 1,)) + bytes(lie[1:])
        other = dns.message.make_query("evil.test", "A")
        other.id = int.from_bytes(data[:2], "big")
        wrong_name = answering({"evil.test": "127.6.6.6"})(other.to_wire())[0]
        question_only = data
        return [wrong_id, wrong_name, question_only, b"", b"x" * 400, *truth(data)]

    async with datagrams(forged) as port:
        adopt(Resolver([("127.0.0.1", port)]))
        assert await address("web.test") == "127.0.0.1"


async def test_an_answer_too_big_for_a_datagram_is_fetched_over_tcp():
    whole = answering({"web.test": "127.0.0.1"})

    async def talk(reader, writer):
        size = int.from_bytes(await reader.readexactly(2), "big")
        reply = whole(await reader.readexactly(size))[0]
        writer.write(len(reply).to_bytes(2, "big") + reply)
        await writer.drain()

    def cut(data):
        reply = dns.message.make_response(dns.message.from_wire(data))
        reply.flags |= dns.flags.TC
        return [reply.to_wire()]

    async with serving(talk) as port, datagrams(cut, port=port):
        adopt(Resolver([("127.0.0.1", port)]))
        assert await address("web.test") == "127.0.0.1"


async def test_hosts_and_search_list_are_read_from_their_files(tmp_path):
    (tmp_path / "hosts").write_text("127.0.0.7 db01 Db01.lan # the old one\n::7 db01\nnonsense here\n")
    (tmp_path / "conf").write_text("search lan example\nnameserver 127.0.0.53\noptions timeout:1 ndots:2\n")
    resolver = Resolver(hosts=tmp_path / "hosts", conf=tmp_path / "conf")
    assert await resolver.address("DB01", "any") == "127.0.0.7"
    assert await resolver.address("db01", "6") == "::7"
    assert list(resolver._spellings("a.b")) == ["a.b.lan", "a.b.example", "a.b"]
    assert list(resolver._spellings("a.b.c")) == ["a.b.c", "a.b.c.lan", "a.b.c.example"]
    assert list(resolver._spellings("a.")) == ["a."]
    assert resolver.first() == ("127.0.0.53", 53)


async def test_a_machine_without_these_files_has_no_resolver(tmp_path):
    with pytest.raises(OurFault, match="no nameserver is configured"):
        Resolver(hosts=tmp_path / "no", conf=tmp_path / "no").first()


async def test_the_memory_for_names_is_bounded():
    async with name_server({}):
        resolver = shared(Resolver)
        for number in range(5000):
            resolver._keep((f"h{number}", "any"), "127.0.0.1", 1e12)
        assert len(resolver._kept) == 4096
        assert ("h4999", "any") in resolver._kept


@pytest.mark.parametrize("name", ["a" * 64 + ".test", ".".join(["abc"] * 80), "a..b"])
async def test_what_can_be_no_host_name_is_down(name):
    async with name_server({}):
        with pytest.raises(ProbeFailure):
            await address(name)


def test_a_loop_of_compression_pointers_is_stepped_over():
    asked = question(7, "web.test", A)
    looping = b"\xc0\x0c" + b"\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"
    reply = asked[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + asked[12:] + looping
    assert answer(reply, asked).ips == ("127.0.0.1",)


@pytest.mark.parametrize("cut", range(1, 45, 3))
def test_a_broken_answer_is_none(cut):
    asked = question(7, "web.test", AAAA)
    reply = (
        asked[:2]
        + b"\x81\x80\0\1\xff\xff\0\0\0\0"
        + asked[12:]
        + b"\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10"
        + b"\1" * 16
    )
    found = answer(reply[:cut], asked)
    assert found is None or not found.ips


async def test_a_hostile_answer_of_64_kib_does_not_hold_the_loop():
    asked = question(7, "web.test", A)
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"
    reply = asked[:2] + b"\x81\x80\0\1\xff\xff\0\0\0\0" + asked[12:] + record * 4000
    async with Meter() as meter:
        assert answer(reply, asked) is not None
    assert meter.held < HOLD
