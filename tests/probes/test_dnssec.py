"""The dns probe's own look at signatures: against BIND, signing and validating, and against liars."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.probes.servers.bind import bind
from tests.probes.wires import Meter, ask, assumed, datagrams, said
from tests.yardstick import HOLD, PATIENCE, cancelled
from watch.core.expect import compile_judge
from watch.probes.base import reference
from watch.probes.dns import DnsProbe

JUDGE = assumed("dns")
DAY = 86400


@pytest.fixture(scope="module")
def server(pem):
    with bind(pem) as found:
        yield found


def asked(server, name, *, judge=JUDGE, **more):
    wanted = {"resolver": server.plain, "recurse": False, "dnssec": True, "anchor": server.root, **more}
    return ask("dns", name=name, judge=judge, **wanted)


@pytest.mark.parametrize("tree", ["test", "hash"])
@pytest.mark.parametrize("name", ["www.good", "alias.good", "anything.wild.good"])
async def test_an_answer_signed_up_to_the_anchor_is_secure(server, name, tree):
    reading = await asked(server, f"{name}.{tree}")
    assert said(reading) == ("up", "ok")
    assert reading.facts["dnssec"] == "secure"
    assert 29 * DAY < reading.facts["signature.left"] < 31 * DAY
    assert reading.facts["signature.expires"] > datetime.now(UTC).timestamp()


async def test_a_zone_that_named_signs_itself_is_secure_from_its_own_key(server):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:  # named makes its key after it has begun to answer
        key = await ask("dns", name="live", type="DNSKEY", resolver=server.plain, recurse=False)
        if key.facts["answers"]:
            reading = await asked(server, "www.live", anchor=f"live. IN DNSKEY {key.facts['answer']}")
            if reading.facts.get("dnssec") == "secure":
                break
    assert said(reading) == ("up", "ok")
    assert 0 < reading.facts["signature.left"] < 30 * DAY


@pytest.mark.parametrize("over", ["tcp", "tls", "https"])
async def test_signatures_are_followed_over_every_way(server, over, ca_file):
    more = (
        {"resolver": server.plain}
        if over == "tcp"
        else {"resolver": getattr(server, over), "ca_file": ca_file}
    )
    reading = await asked(server, "www.good.test", over=over, **more)
    assert said(reading) == ("up", "ok")
    assert reading.facts["dnssec"] == "secure"


@pytest.mark.parametrize("tree", ["test", "hash"])
@pytest.mark.parametrize(
    ("child", "fault"),
    [
        ("stale", "a signature expired on 20"),
        ("early", "a signature is not valid before 20"),
        ("forged", "a signature does not match: www.forged.{}. A"),
        ("stripped", "stripped.{}. has no keys, but its parent's DS record says that it is signed"),
        ("swapped", "no key of swapped.{}. matches its parent's DS record"),
    ],
)
async def test_what_should_be_signed_and_is_not_is_bogus_and_down(server, child, fault, tree):
    reading = await asked(server, f"www.{child}.{tree}")
    assert said(reading) == ("down", "dns")
    assert reading.facts["dnssec"] == "bogus"
    assert reading.facts["dnssec.fault"].startswith(fault.format(tree))
    assert fault.format(tree) in reading.detail
    assert reading.facts["rcode"] == "NOERROR"


async def test_how_long_ago_a_signature_ran_out_is_told(server):
    reading = await asked(server, "www.stale.test")
    assert -3.1 * DAY < reading.facts["signature.left"] < -2.9 * DAY
    assert reading.facts["signature.of"] == "stale.test. DNSKEY"


async def test_a_zone_that_nobody_signs_again_is_bogus_a_year_later(server):
    reading = await asked(server, "www.good.test", now=datetime.now(UTC) + timedelta(days=365))
    assert said(reading) == ("down", "dns")
    assert "expired" in reading.detail


@pytest.mark.parametrize(("minutes", "state"), [(2, "secure"), (10, "bogus")])
async def test_a_signers_clock_may_be_a_little_ahead(server, minutes, state):
    early = datetime.now(UTC) - timedelta(hours=1, minutes=minutes)  # dnssec-signzone begins an hour ago
    assert (await asked(server, "www.good.test", now=early)).facts["dnssec"] == state


async def test_a_signature_about_to_run_out_is_degraded(server):
    judge = compile_judge(
        [], ["signature.left > 60d"], reference(DnsProbe).facts, DnsProbe.ASSUMED, DnsProbe.WARNED
    )
    assert said(await asked(server, "www.good.test", judge=judge)) == ("degraded", "dns")


@pytest.mark.parametrize("tree", ["test", "hash"])
async def test_a_zone_that_its_parent_does_not_vouch_for_is_insecure(server, tree):
    reading = await asked(server, f"www.plain.{tree}")
    assert said(reading) == ("down", "dns")
    assert reading.facts["dnssec"] == "insecure"
    assert "no DS record" in reading.detail
    wanted = assumed("dns", 'dnssec == "insecure"')
    assert said(await asked(server, f"www.plain.{tree}", judge=wanted)) == ("up", "ok")


async def test_bogus_may_be_what_is_expected(server):
    wanted = assumed("dns", 'dnssec == "bogus"')
    assert said(await asked(server, "www.forged.test", judge=wanted)) == ("up", "ok")
    assert said(await asked(server, "www.good.test", judge=wanted)) == ("down", "dns")


@pytest.mark.parametrize(
    ("name", "kind", "state"),
    [
        ("no.good.test", "A", "secure"),
        ("no.such.good.test", "A", "secure"),
        ("www.good.test", "MX", "secure"),
        ("empty.good.test", "A", "secure"),
        ("any.wild.good.test", "MX", "secure"),
        ("plain.test", "DS", "secure"),
        ("good.test", "DS", "secure"),
        ("www.good.hash", "MX", "secure"),
        ("empty.good.hash", "A", "secure"),
        ("any.wild.good.hash", "MX", "insecure"),  # by opt-out, an unsigned zone could be there
        ("no.good.hash", "A", "insecure"),
        ("plain.hash", "DS", "insecure"),
        ("no.forged.test", "A", "secure"),  # what was altered there is another record
        ("no.stripped.test", "A", "bogus"),
        ("no.stale.test", "A", "bogus"),
    ],
)
async def test_that_there_is_nothing_is_proven_too(server, name, kind, state):
    wanted = assumed("dns", "answers == 0 or answers > 0", 'rcode == "NXDOMAIN" or rcode == "NOERROR"')
    reading = await asked(server, name, type=kind)
    assert reading.facts["dnssec"] == state, reading
    assert said(await asked(server, name, type=kind, judge=wanted))[0] == (
        "up" if state == "secure" else "down"
    )


@pytest.mark.parametrize("anchor", ["good", "root"])
async def test_another_anchor_than_the_zones_is_bogus(server, anchor):
    wrong = "good.test. DS 4711 13 2 " + "AB" * 32
    more = {"anchor": wrong} if anchor == "good" else {"anchor": None}  # our root is not the real one
    reading = await asked(server, "www.good.test", **more)
    assert said(reading) == ("down", "dns")
    assert reading.facts["dnssec"] == "bogus"
    assert "matches the anchor" in reading.detail
    assert "signature.left" not in reading.facts


async def test_a_validating_resolver_says_servfail_and_we_say_why(server):
    reading = await asked(server, "www.stale.test", resolver=server.resolver, recurse=True)
    assert said(reading) == ("down", "dns")
    assert reading.facts["rcode"] == "SERVFAIL"
    assert "expired" in reading.detail


async def test_a_resolver_that_vouches_and_we_agree(server):
    reading = await asked(server, "www.good.hash", resolver=server.resolver, recurse=True)
    assert said(reading) == ("up", "ok")
    assert reading.facts["authenticated"] is True
    assert (await asked(server, "www.plain.hash", resolver=server.resolver)).facts["authenticated"] is False


async def test_a_nameserver_that_does_not_know_the_anchors_zone_leaves_it_open():
    def refusing(data):
        query = dns.message.from_wire(data)
        reply = dns.message.make_response(query)
        if query.question[0].rdtype == dns.rdatatype.A:
            reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "127.0.0.8"))
        else:
            reply.set_rcode(dns.rcode.REFUSED)
        return [reply.to_wire()]

    async with datagrams(refusing) as port:
        reading = await ask("dns", name="x.test", resolver=f"127.0.0.1:{port}", dnssec=True, judge=JUDGE)
    assert said(reading) == ("down", "dns")
    assert reading.facts["dnssec"] == "indeterminate"
    assert "REFUSED" in reading.detail


class Liar:
    """A nameserver of one zone that holds its true key: what such a one can do to us."""

    def __init__(self, key, keys=()):
        self.zone, self.key = dns.name.from_text("liar.test"), key
        record = dns.dnssec.make_dnskey(key.public_key(), algorithm(key), flags=257)
        self.dnskey = dns.rrset.from_rdata("liar.test.", 60, record)
        for each in keys or [record]:
            self.dnskey.add(each)
        self.anchor = f"liar.test. DNSKEY {record.to_text()}"
        self.record = record

    def signature(self, rrset):
        lifetime = {"lifetime": 3600, "verify": False}
        signed = dns.dnssec.sign(rrset, self.key, self.zone, self.record, **lifetime)
        return dns.rrset.from_rdata(rrset.name, 60, signed)

    def answer(self, data):
        query = dns.message.from_wire(data)
        reply = dns.message.make_response(query)
        name, kind = query.question[0].name, query.question[0].rdtype
        if kind == dns.rdatatype.DNSKEY:
            reply.answer += [self.dnskey, self.signature(self.dnskey)]
        else:
            self.lie(reply, name, kind)
        return [reply.to_wire(max_size=65535)]

    async def asked(self, name, **more):
        async with datagrams(self.answer) as port:
            there = {"resolver": f"127.0.0.1:{port}", "dnssec": True, "anchor": self.anchor}
            return await ask("dns", name=name, **there, judge=JUDGE, **more)


def algorithm(key):
    return dns.dnssec.RSASHA256 if isinstance(key, rsa.RSAPrivateKey) else dns.dnssec.ECDSAP256SHA256


def address(name, text="127.0.0.8"):
    return dns.rrset.from_text(name, 60, "IN", "A", text)


@pytest.fixture(scope="module")
def small_key():
    return ec.generate_private_key(ec.SECP256R1())


class Endless(Liar):
    """Every name is said to be there and not to be a zone, and the answer is not signed."""

    def lie(self, reply, name, kind):
        if kind == dns.rdatatype.A:
            reply.answer.append(address(name))
            return
        gap = dns.rrset.from_text(name, 60, "IN", "NSEC", f"\\000.{name} TXT RRSIG NSEC")
        reply.authority += [gap, self.signature(gap)]


async def test_questions_are_counted(small_key):
    short = await Endless(small_key).asked("a.b.liar.test")
    assert (short.facts["dnssec"], short.facts["dnssec.fault"]) == (
        "bogus",
        "a.b.liar.test. A has no signature",
    )
    reading = await Endless(small_key).asked("a." * 60 + "liar.test", seconds=10)
    assert said(reading) == ("down", "limit")
    assert "48 questions" in reading.detail


class Busy(Liar):
    """KeyTrap: many keys of one number, and many signatures that any of them could have made."""

    def lie(self, reply, name, kind):
        truth = address(name)
        reply.answer.append(truth)
        many = dns.rrset.from_rdata(name, 60, *self.signature(truth))
        for number in range(20):
            wrong = bytes((number,)) * 256
            many.add(many[0].replace(signature=wrong))
        many.discard(many[0])
        reply.answer.append(many)


async def test_signatures_are_counted_and_do_not_hold_the_loop():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    mine = dns.dnssec.make_dnskey(key.public_key(), dns.dnssec.RSASHA256, flags=257)
    data = bytearray(mine.key)
    keys = [mine]
    for place in range(4, 54, 2):  # two words change places: another key, the same number
        other = bytearray(data)
        other[place + 4 : place + 6], other[place + 6 : place + 8] = (
            data[place + 6 : place + 8],
            data[place + 4 : place + 6],
        )
        keys.append(mine.replace(key=bytes(other)))
    assert len({dns.dnssec.key_id(each) for each in keys}) == 1
    assert len(set(keys)) > 20
    busy = Busy(key, keys)
    await busy.asked("x.liar.test")
    async with Meter() as meter:
        reading = await busy.asked("x.liar.test")
    assert said(reading) == ("down", "limit")
    assert "signatures to verify" in reading.detail
    assert meter.held < HOLD


class Hoarder(Liar):
    """More sets of records than anybody needs."""

    def lie(self, reply, name, kind):
        reply.answer += [address(name)] + [address(f"{number}.liar.test.") for number in range(60)]


async def test_sets_of_records_are_counted(small_key):
    assert said(await Hoarder(small_key).asked("x.liar.test")) == ("down", "limit")


class Circle(Liar):
    """Two aliases of each other, well signed."""

    def lie(self, reply, name, kind):
        for here, there in (("a", "b"), ("b", "a")):
            alias = dns.rrset.from_text(f"{here}.liar.test.", 60, "IN", "CNAME", f"{there}.liar.test.")
            reply.answer += [alias, self.signature(alias)]


async def test_aliases_in_a_circle_are_bogus(small_key):
    reading = await Circle(small_key).asked("a.liar.test")
    assert reading.facts["dnssec"] == "bogus"
    assert "loop" in reading.detail


class Meddler(Liar):
    """Signs what is not its own: a name of its parent's."""

    def lie(self, reply, name, kind):
        truth = address(name)
        signed = self.signature(truth)
        reply.answer += [
            truth,
            dns.rrset.from_rdata(name, 60, signed[0].replace(signer=dns.name.from_text("other.test"))),
        ]


async def test_a_signature_by_a_zone_that_the_name_is_not_in_is_bogus(small_key):
    reading = await Meddler(small_key).asked("x.liar.test")
    assert reading.facts["dnssec"] == "bogus"
    assert "a zone that it is not in" in reading.detail


class Denier(Liar):
    """Says that what is there is not, with the signed gap of another name."""

    def lie(self, reply, name, kind):
        reply.set_rcode(dns.rcode.NXDOMAIN)
        gap = dns.rrset.from_text("a.liar.test.", 60, "IN", "NSEC", "c.liar.test. A RRSIG NSEC")
        reply.authority += [gap, self.signature(gap)]


async def test_a_gap_that_the_name_is_not_in_denies_nothing(small_key):
    reading = await Denier(small_key).asked("www.liar.test")
    assert reading.facts["dnssec"] == "bogus"
    # The name is in the gap, but that there is no wildcard either is not said.
    assert (await Denier(small_key).asked("b.liar.test")).facts["dnssec"] == "bogus"


class Wild(Liar):
    """Passes a wildcard's record off as a name's that may have one of its own."""

    def lie(self, reply, name, kind):
        signed = self.signature(address(dns.name.from_text("*.liar.test.")))
        reply.answer += [address(name), dns.rrset.from_rdata(name, 60, signed[0])]


async def test_a_wildcards_answer_must_prove_that_there_is_nothing_closer(small_key):
    reading = await Wild(small_key).asked("x.liar.test")
    assert reading.facts["dnssec"] == "bogus"
    assert "comes from a wildcard" in reading.detail


class Slow(Liar):
    """Gives its keys, and nothing more."""

    def answer(self, data):
        kind = dns.message.from_wire(data).question[0].rdtype
        return [] if kind == dns.rdatatype.DNSKEY else super().answer(data)

    def lie(self, reply, name, kind):
        truth = address(name)
        reply.answer += [truth, self.signature(truth)]


async def test_silence_on_the_way_is_a_timeout_and_is_cancelled_at_once(small_key):
    slow = Slow(small_key)
    assert said(await slow.asked("x.liar.test", seconds=0.3)) == ("down", "timeout")
    run = asyncio.ensure_future(slow.asked("x.liar.test", seconds=60))
    await asyncio.wait([run], timeout=0.2)
    await cancelled(run)
    assert run.cancelled()


@pytest.mark.parametrize(
    "anchor",
    [
        "",
        "nonsense",
        "example.org. DS 1 13 2 ABCD",
        "example.org. DS 1 13 2 " + "XY" * 32,
        "example.org. DS 99999 13 2 " + "AB" * 32,
        "example.org. DNSKEY 257 3 13 !!!",
        "example.net. DS 1 13 2 " + "AB" * 32,
        "example.org. DS 1 13 2 " + "AB" * 32 + "\norg. DS 1 13 2 " + "AB" * 32,
        "www.example.org. DS 1 13 2 " + "AB" * 32,
        "\n".join(["example.org. DS 1 13 2 " + "AB" * 32] * 9),
    ],
)
def test_an_anchor_that_cannot_be_one_is_refused(anchor):
    with pytest.raises(ValueError, match=r"^anchor: "):
        DnsProbe(name="example.org", dnssec=True, anchor=anchor)


def test_an_anchor_without_dnssec_is_refused():
    with pytest.raises(ValueError, match="dnssec: true"):
        DnsProbe(name="example.org", anchor="example.org. DS 1 13 2 " + "AB" * 32)


def test_an_anchor_may_be_written_as_zone_files_do():
    for text in (". ds 1 8 2 {}", "org 3600 IN DS 1 8 2 {}", "Example.ORG. IN DS 1 8 2 {}"):
        DnsProbe(name="www.example.org", dnssec=True, anchor=text.format("AB" * 16 + " " + "ab" * 16))
