"""The ldap probe against OpenLDAP's slapd, and against peers that misbehave."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.probes.scripted import Overhearing
from tests.probes.servers.slapd import CANARY, PEOPLE, certified, slapd
from tests.probes.wires import ask, assumed, closed_port, said, saying, serving, silence
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.ldap import LdapProbe
from watch.probes.wire.databases import ber

pytestmark = pytest.mark.xdist_group("slapd")

RIGHT = {"username": "cn=mon,dc=example,dc=org", "password": Secret(CANARY)}
WRONG = RIGHT | {"password": Secret("canary-wrong")}


@pytest.fixture(scope="session")
def server(pem):
    with slapd("", **certified(pem)) as ports:
        yield ports


async def test_the_root_entry_is_up_with_its_facts(server, ca_file):
    reading = await ask("ldap", address=server.plain, ca_file=ca_file, attribute="namingContexts")
    assert said(reading) == ("up", "ok"), reading
    facts = reading.facts
    assert (facts["found"], facts["values"], facts["value"]) == (True, 1, "dc=example,dc=org")
    assert facts["certificate.subject"] == "localhost"
    assert facts["protocol"] == "TLSv1.3"
    assert facts["latency"] == pytest.approx(sum(reading.phases.values()))
    assert facts["address"] == server.plain.replace("localhost", "127.0.0.1")
    assert set(facts) <= set(reference(LdapProbe).facts)


@pytest.mark.parametrize("tls", ["starttls", "implicit", "none"])
async def test_a_bind_and_an_entry_over_each_kind_of_connection(server, ca_file, tls):
    there = {"address": server.tls if tls == "implicit" else server.plain, "ca_file": ca_file, "tls": tls}
    reading = await ask("ldap", **there, **RIGHT, base=PEOPLE, attribute="description", judge=assumed("ldap"))
    assert said(reading) == ("up", "ok"), reading
    assert reading.facts["value"] == "everybody"
    assert ("protocol" in reading.facts) is (tls != "none")
    assert CANARY not in repr(reading)


async def test_a_wrong_password_is_down(server, ca_file):
    reading = await ask("ldap", address=server.plain, ca_file=ca_file, **WRONG)
    assert said(reading) == ("down", "auth"), reading
    assert reading.detail == "refuses a login: invalid credentials"
    assert "canary" not in repr(reading)


async def test_an_entry_that_is_not_there_is_missing_unless_that_is_expected(server, ca_file):
    there = {"address": server.plain, "ca_file": ca_file, "base": "ou=nobody,dc=example,dc=org"}
    assert said(await ask("ldap", **there, judge=assumed("ldap"))) == ("down", "missing")
    assert said(await ask("ldap", **there, judge=assumed("ldap", "found == false"))) == ("up", "ok")


async def test_an_entry_that_only_some_may_see(server, ca_file):
    there = {"address": server.plain, "ca_file": ca_file, "base": "ou=hidden,dc=example,dc=org"}
    assert said(await ask("ldap", **there, judge=assumed("ldap"))) == ("down", "missing")
    assert said(await ask("ldap", **there, **RIGHT, judge=assumed("ldap"))) == ("up", "ok")


async def test_a_value_that_is_not_what_it_should_be_is_degraded(server, ca_file):
    judge = compile_judge([], ['value == "nobody"'], reference(LdapProbe).facts, {})
    there = {"address": server.plain, "ca_file": ca_file, "base": PEOPLE, "attribute": "description"}
    assert said(await ask("ldap", **there, judge=judge)) == ("degraded", "expectation")


async def test_an_attribute_that_the_entry_lacks_has_no_values(server, ca_file):
    there = {"address": server.plain, "ca_file": ca_file, "base": PEOPLE, "attribute": "telephoneNumber"}
    reading = await ask("ldap", **there)
    assert reading.facts["values"] == 0
    assert "value" not in reading.facts


async def test_a_base_that_is_no_dn_is_down(server, ca_file):
    reading = await ask("ldap", address=server.plain, ca_file=ca_file, base="people")
    assert said(reading) == ("down", "status"), reading
    assert reading.detail == "refuses a search: invalid DN, invalid DN"


async def test_a_certificate_that_clients_refuse_is_down(server):
    assert said(await ask("ldap", address=server.plain)) == ("down", "certificate")
    assert said(await ask("ldap", address=server.plain, verify=False)) == ("up", "ok")


async def test_a_certificate_about_to_end_is_degraded(server, ca_file):
    judge = compile_judge([], ["certificate.left > 21d"], reference(LdapProbe).facts, {})
    there = {"address": server.tls, "tls": "implicit", "ca_file": ca_file, "judge": judge}
    end = (await ask("ldap", **there)).facts["certificate.expires"]
    late = datetime.fromtimestamp(end, UTC) - timedelta(days=20)
    assert said(await ask("ldap", **there, now=late)) == ("degraded", "certificate")


def result(tag, code, words="", number=1):
    body = ber.element(tag, ber.number(code, ber.ENUMERATED), ber.text(""), ber.text(words))
    return ber.element(ber.SEQUENCE, ber.number(number), body)


@pytest.mark.parametrize(
    ("answer", "told", "detail"),
    [
        (result(0x65, 52, "going home"), "status", "refuses a search: unavailable, going home"),
        (result(0x65, 51), "status", "refuses a search: busy"),
        (result(0x65, 99), "status", "refuses a search: code 99"),
        (result(0x65, 50), "auth", "refuses a search: insufficient access rights"),
        (result(0x65, 13), "tls", "refuses a search: confidentiality required"),
        (result(0x78, 52, number=0), "status", "the server ends the connection: unavailable"),
        (result(0x65, 0, number=7), "protocol", "sends something other"),
        (b"HTTP/1.1 400 Bad Request\r\n", "protocol", "is not LDAP"),
        (b"\x30\x80xx", "protocol", "is not LDAP"),
        (b"\x30\x84\x7f\xff\xff\xff", "limit", "too much"),
        (b"\x30\x05\x02\x01\x01\x65\x09", "protocol", "is not LDAP"),
        (b"\x30\x05\x02\x01", "reset", "closed the connection"),
    ],
)
async def test_an_answer_that_is_no_entry_gets_its_reason(answer, told, detail):
    async with serving(saying(answer)) as port:
        reading = await ask("ldap", address=f"127.0.0.1:{port}", tls="none")
    assert said(reading) == ("down", told), reading
    assert detail in reading.detail


async def test_a_server_that_starts_no_tls_is_down_and_hears_no_password():
    peer = Overhearing(result(0x78, 53, "no TLS here"))
    async with serving(peer) as port:
        reading = await ask("ldap", address=f"127.0.0.1:{port}", **RIGHT)
        assert CANARY.encode() not in await peer.heard()
    assert said(reading) == ("down", "tls"), reading


async def test_a_server_that_repeats_our_password_is_not_quoted():
    async with serving(saying(result(0x61, 49, f"{CANARY} is wrong"))) as port:
        reading = await ask("ldap", address=f"127.0.0.1:{port}", tls="none", **RIGHT)
    assert said(reading) == ("down", "auth"), reading
    assert CANARY not in repr(reading)


async def test_silence_is_a_timeout_and_nobody_listening_is_refused():
    async with serving(silence) as port:
        reading = await ask("ldap", address=f"127.0.0.1:{port}", seconds=0.3)
    assert said(reading) == ("down", "timeout")
    assert said(await ask("ldap", address=f"127.0.0.1:{closed_port()}")) == ("down", "refused")


@given(st.binary(max_size=300))
def test_any_bytes_are_elements_or_a_value_error(data):
    with contextlib.suppress(ValueError):
        assert sum(len(contents) + 2 for _, contents in ber.parts(data)) <= len(data)


@given(st.integers(-(2**31), 2**31), st.text(max_size=400))
def test_what_is_written_is_read_back(value, words):
    ((_, whole),) = ber.parts(ber.element(ber.SEQUENCE, ber.number(value), ber.text(words)))
    (_, number), (_, text) = ber.parts(whole)
    assert (ber.integer(number), text.decode()) == (value, words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"address": "a b"}, "address: "),
        ({"username": "cn=mon"}, "username: a login needs both"),
        (RIGHT | {"password": Secret("")}, "password: must not be empty"),
        ({"attribute": "a, b"}, "attribute: "),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        LdapProbe(**{"address": "ldap.example.org"} | options)
