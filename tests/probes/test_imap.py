"""The imap probe against dovecot, and against peers that misbehave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.probes.scripted import Overhearing, lines
from tests.probes.servers.dovecot import CANARY, RIGHT, WRONG, dovecot
from tests.probes.wires import ask, assumed, closed_port, enough, said, saying, serving, silence
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.imap import ImapProbe

pytestmark = pytest.mark.xdist_group("dovecot")


@pytest.fixture(scope="session")
def store(pem):
    with dovecot(pem) as ports:
        yield ports


async def test_a_store_that_greets_and_encrypts_is_up_with_its_facts(store, ca_file):
    reading = await ask("imap", address=f"localhost:{store.imaps}", ca_file=ca_file)
    assert said(reading) == ("up", "ok"), reading
    facts = reading.facts
    assert facts["latency"] == pytest.approx(sum(reading.phases.values()))
    assert facts["banner"].endswith("Dovecot (Debian) ready.")
    assert "IMAP4REV1" in facts["capabilities"].split()
    assert facts["protocol"] == "TLSv1.3"
    assert facts["certificate.subject"] == "localhost"
    assert facts["certificate.left"] > 86400
    assert facts["address"] == f"127.0.0.1:{store.imaps}"
    assert set(facts) <= set(reference(ImapProbe).facts)


async def test_a_login_counts_the_messages_of_a_folder(store, ca_file):
    there = {"address": f"localhost:{store.imaps}", "ca_file": ca_file, **RIGHT}
    for _ in range(2):  # the first look changed nothing
        reading = await ask("imap", **there, folder="INBOX")
        assert said(reading) == ("up", "ok"), reading
        assert (reading.facts["messages"], reading.facts["unseen"]) == (2, 2)
    assert CANARY not in repr(reading)


async def test_messages_that_nobody_reads_are_degraded(store, ca_file):
    judge = compile_judge([], ["unseen < 2"], reference(ImapProbe).facts, {})
    there = {"address": f"localhost:{store.imaps}", "ca_file": ca_file, **RIGHT}
    reading = await ask("imap", **there, folder="INBOX", judge=judge)
    assert said(reading) == ("degraded", "expectation")


async def test_a_folder_that_is_not_there_is_missing(store, ca_file):
    there = {"address": f"localhost:{store.imaps}", "ca_file": ca_file, **RIGHT}
    assert said(await ask("imap", **there, folder='no "such\\')) == ("down", "missing")


async def test_a_folder_whose_name_stands_in_lines_of_its_own_is_counted():
    status = b"* STATUS {4}\r\na\r\nb (MESSAGES 7 UNSEEN 3)\r\na OK\r\n"
    script = (b"* CAPABILITY X\r\na OK\r\n", b"a OK in\r\n", status)
    async with serving(lines(b"* OK\r\n", *script)) as port:
        reading = await ask("imap", address=f"127.0.0.1:{port}", tls="none", folder='a"b', **RIGHT)
    assert said(reading) == ("up", "ok"), reading
    assert (reading.facts["messages"], reading.facts["unseen"]) == (7, 3)


async def test_starttls_is_spoken_before_the_password(store, ca_file):
    there = {"address": f"localhost:{store.imap}", "tls": "starttls", "ca_file": ca_file}
    reading = await ask("imap", **there, **RIGHT)
    assert said(reading) == ("up", "ok"), reading
    assert (reading.facts["starttls"], reading.facts["certificate.subject"]) == (True, "localhost")
    assert list(reading.phases) == ["resolve", "connect", "first_byte", "tls", "transfer"]


async def test_a_wrong_password_is_down(store, ca_file):
    reading = await ask("imap", address=f"localhost:{store.imaps}", ca_file=ca_file, **WRONG)
    assert said(reading) == ("down", "auth"), reading
    assert "canary" not in repr(reading)
    assert reading.facts["protocol"] == "TLSv1.3"


async def test_a_certificate_that_clients_refuse_is_down(store):
    assert said(await ask("imap", address=f"localhost:{store.imaps}")) == ("down", "certificate")
    assert said(await ask("imap", address=f"localhost:{store.imaps}", verify=False)) == ("up", "ok")


async def test_a_certificate_about_to_end_is_degraded(store, ca_file):
    judge = compile_judge([], ["certificate.left > 21d"], reference(ImapProbe).facts, {})
    there = {"address": f"localhost:{store.imaps}", "ca_file": ca_file, "judge": judge}
    end = (await ask("imap", **there)).facts["certificate.expires"]
    late = datetime.fromtimestamp(end, UTC) - timedelta(days=20)
    assert said(await ask("imap", **there, now=late)) == ("degraded", "certificate")


async def test_an_expectation_on_what_it_can_do(store, ca_file):
    judge = assumed("imap", 'capabilities contains "QRESYNC-OF-TOMORROW"')
    reading = await ask("imap", address=f"localhost:{store.imaps}", ca_file=ca_file, judge=judge)
    assert said(reading) == ("down", "expectation")


async def test_plain_text_on_the_port_of_tls_is_a_tls_fault(store):
    assert said(await ask("imap", address=f"localhost:{store.imap}")) == ("down", "tls")


@pytest.mark.parametrize(
    ("peer", "told", "detail"),
    [
        (saying(b"* BYE overloaded\r\n", first=False), "status", "greets with BYE: overloaded"),
        (saying(b"220 ready\r\n", first=False), "protocol", "the greeting is not IMAP"),
        (lines(b"* OK\r\n", b"a BAD what\r\n"), "protocol", "answers CAPABILITY with BAD"),
        (lines(b"* OK\r\n", b"* x\r\nb OK\r\n"), "protocol", "is not IMAP"),
        (lines(b"* OK\r\n", b"* x\r\n" * 60_000), "limit", "too much"),
        (lines(b"* OK\r\n", b"* CAPABILITY\r\n", stays=False), "reset", "closed the connection"),
        (silence, "timeout", "did not send a greeting"),
    ],
)
async def test_a_peer_that_is_no_willing_store_is_down(peer, told, detail):
    async with serving(peer) as port:
        reading = await ask("imap", address=f"127.0.0.1:{port}", tls="none", seconds=enough(told))
    assert said(reading) == ("down", told), reading
    assert detail in reading.detail


@pytest.mark.parametrize(
    ("can", "answer", "told"),
    [
        (b"X", b"a NO wrong canary-b7f3\r\n", "auth"),
        (b"AUTH=PLAIN", b"+ \r\na NO [AUTHENTICATIONFAILED] canary-b7f3\r\n", "auth"),
        (b"X", b"a NO [UNAVAILABLE] canary-b7f3\r\n", "status"),
        (b"LOGINDISABLED", b"", "auth"),
    ],
)
async def test_a_refused_login_quotes_nothing(can, answer, told):
    async with serving(lines(b"* OK\r\n", b"* CAPABILITY " + can + b"\r\na OK\r\n", answer)) as port:
        reading = await ask("imap", address=f"127.0.0.1:{port}", tls="none", **RIGHT)
    assert said(reading) == ("down", told), reading
    assert "canary" not in repr(reading)


async def test_a_store_that_offers_no_encryption_is_down_and_hears_no_password():
    peer = Overhearing(b"* CAPABILITY IMAP4rev1\r\na OK\r\n", greeting=b"* OK\r\n")
    async with serving(peer) as port:
        reading = await ask("imap", address=f"127.0.0.1:{port}", tls="starttls", **RIGHT)
        assert await peer.heard() == b"a CAPABILITY\r\n"
    assert said(reading) == ("down", "tls")


async def test_nobody_listening_is_refused():
    assert said(await ask("imap", address=f"127.0.0.1:{closed_port()}")) == ("down", "refused")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"address": ":1"}, "address: "),
        ({"username": "mon"}, "username: a login needs both"),
        ({"username": "a", "password": Secret("x\ny")}, "password: write one line"),
        ({"folder": "INBOX"}, "folder: needs a login"),
        ({"folder": "a\r\nb", **RIGHT}, "folder: write one line"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        ImapProbe(**{"address": "mail.example.org"} | options)
