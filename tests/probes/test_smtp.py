"""The smtp probe against aiosmtpd with STARTTLS and AUTH, and against peers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime, timedelta

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from tests.probes.scripted import lines
from tests.probes.wires import ask, assumed, closed_port, enough, said, saying, serving, silence
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.smtp import SmtpProbe

CANARY = "canary-b7f3 geheim"
RIGHT = {"username": "mon", "password": Secret(CANARY)}
WRONG = {"username": "mon", "password": Secret("canary-wrong")}


class Mailbox:
    """What the server does with mail: it knows one recipient, and notes whatever is delivered."""

    def __init__(self):
        self.delivered = []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd calls it so
        if address != "noc@example.org":
            return "550 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd calls it so
        self.delivered.append(envelope)
        return "250 OK"


def knows(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (b"mon", CANARY.encode())
    return AuthResult(success=right, handled=False)


@contextlib.asynccontextmanager
async def mail_server(tls=None, *, implicit=None, mailbox=None, **options):
    """A mail server on this loop; yields its port."""
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    options = {"require_starttls": tls is not None, "authenticator": knows, **options}
    sessions = []

    def session():
        sessions.append(
            SMTP(mailbox or Mailbox(), hostname="mx.test", tls_context=tls, ident="ready", **options)
        )
        return sessions[-1]

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0, ssl=implicit)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for one in sessions:
            if one.transport is not None:
                one.transport.abort()
        for _ in range(10):  # until each session's task has heard of it
            await asyncio.sleep(0)


async def test_a_server_that_greets_and_encrypts_is_up_with_its_facts(tls, ca_file):
    async with mail_server(tls) as port:
        reading = await ask("smtp", address=f"localhost:{port}", ca_file=ca_file)
    assert said(reading) == ("up", "ok"), reading
    facts = dict(reading.facts)
    assert facts.pop("latency") == pytest.approx(sum(reading.phases.values()))
    assert facts.pop("certificate.left") > 86400
    assert facts.pop("certificate.expires") > 1.7e9
    assert "trustme" in facts.pop("certificate.issuer")
    assert facts == {
        "banner": "mx.test ready",
        "starttls": True,
        "auth": "LOGIN PLAIN",
        "size": 33554432,
        "protocol": "TLSv1.3",
        "certificate.subject": "localhost",
        "address": f"127.0.0.1:{port}",
    }
    assert set(reading.phases) == {"resolve", "connect", "first_byte", "tls", "transfer"}
    assert set(facts) <= set(reference(SmtpProbe).facts)


async def test_a_certificate_about_to_end_is_degraded(tls, ca_file):
    judge = compile_judge([], ["certificate.left > 21d"], reference(SmtpProbe).facts, {})
    async with mail_server(tls) as port:
        there = {"address": f"localhost:{port}", "ca_file": ca_file, "judge": judge}
        end = (await ask("smtp", **there)).facts["certificate.expires"]
        late = datetime.fromtimestamp(end, UTC) - timedelta(days=20)
        assert said(await ask("smtp", **there, now=late)) == ("degraded", "certificate")


async def test_a_certificate_that_senders_refuse_is_down(tls):
    async with mail_server(tls) as port:
        reading = await ask("smtp", address=f"localhost:{port}")
        assert said(reading) == ("down", "certificate")
        assert reading.facts["banner"] == "mx.test ready"  # what was learned before is told all the same
        assert said(await ask("smtp", address=f"localhost:{port}", verify=False)) == ("up", "ok")


async def test_a_server_without_starttls_is_down_unless_none_is_wanted(ca_file):
    async with mail_server() as port:
        there = {"address": f"localhost:{port}", "ca_file": ca_file}
        assert said(await ask("smtp", **there, **RIGHT)) == ("down", "tls")
        assert said(await ask("smtp", **there, tls="none")) == ("up", "ok")


async def test_tls_from_the_first_byte(tls, ca_file):
    async with mail_server(implicit=tls, auth_require_tls=False) as port:
        reading = await ask("smtp", address=f"localhost:{port}", ca_file=ca_file, tls="implicit", **RIGHT)
    assert said(reading) == ("up", "ok"), reading
    assert reading.facts["certificate.subject"] == "localhost"
    assert "starttls" not in reading.facts


@pytest.mark.parametrize("exclude", [(), ("PLAIN",)], ids=["plain", "login"])
async def test_the_right_password_lets_us_in_and_a_wrong_one_is_down(tls, ca_file, exclude):
    async with mail_server(tls, auth_exclude_mechanism=exclude) as port:
        there = {"address": f"localhost:{port}", "ca_file": ca_file}
        right, wrong = await ask("smtp", **there, **RIGHT), await ask("smtp", **there, **WRONG)
    assert said(right) == ("up", "ok"), right
    assert said(wrong) == ("down", "auth")
    assert "535" in wrong.detail
    assert "canary" not in repr((right, wrong))


async def test_no_way_to_log_in_is_down(tls, ca_file):
    async with mail_server(tls, auth_exclude_mechanism=("PLAIN", "LOGIN")) as port:
        reading = await ask("smtp", address=f"localhost:{port}", ca_file=ca_file, **RIGHT)
    assert said(reading) == ("down", "auth")


async def test_a_recipient_must_be_accepted_and_gets_no_mail(tls, ca_file):
    mailbox = Mailbox()
    async with mail_server(tls, mailbox=mailbox) as port:
        there = {"address": f"localhost:{port}", "ca_file": ca_file}
        assert said(await ask("smtp", **there, recipient="noc@example.org")) == ("up", "ok")
        refused = await ask("smtp", **there, recipient="nobody@example.org")
    assert said(refused) == ("down", "status")
    assert refused.detail == "answers RCPT with 550: no such user here"
    assert mailbox.delivered == []


async def test_an_expectation_on_what_it_offers(tls, ca_file):
    judge = assumed("smtp", 'auth contains "CRAM-MD5"')
    async with mail_server(tls) as port:
        reading = await ask("smtp", address=f"localhost:{port}", ca_file=ca_file, judge=judge)
    assert said(reading) == ("down", "auth")


@pytest.mark.parametrize(
    ("peer", "told", "detail"),
    [
        (saying(b"554-no\r\n554 go away\r\n", first=False), "status", "greets with 554 no\\x0ago away"),
        (saying(b"421 busy\r\n", first=False), "status", "greets with 421 busy"),
        (saying(b"SSH-2.0-x\r\n", first=False), "protocol", "the greeting is not SMTP"),
        (lines(b"220 ready\r\n", b"500 what\r\n"), "status", "answers EHLO with 500: what"),
        (lines(b"220 ready\r\n", b"250-a\r\nb\r\n"), "protocol", "has a line without a code"),
        (lines(b"220 ready\r\n", b"250-a\r\n", stays=False), "reset", "instead of sending the rest"),
        (saying(first=False), "reset", "closed the connection instead of sending a greeting"),
        (saying(b"220-" + b"x" * 9000, first=False), "limit", "too much"),
        (saying(b"220-x\r\n" * 60_000, first=False), "limit", "too much"),
        (silence, "timeout", "did not send a greeting"),
    ],
)
async def test_a_peer_that_is_no_willing_mail_server_is_down(peer, told, detail):
    async with serving(peer) as port:
        reading = await ask("smtp", address=f"127.0.0.1:{port}", tls="none", seconds=enough(told))
    assert said(reading) == ("down", told), reading
    assert detail in reading.detail


async def test_nobody_listening_is_refused():
    assert said(await ask("smtp", address=f"127.0.0.1:{closed_port()}")) == ("down", "refused")


async def test_what_was_said_before_the_handshake_is_not_taken_for_said_after_it():
    injected = lines(b"220 ready\r\n", b"250-x\r\n250 STARTTLS\r\n", b"220 go\r\n250 AUTH PLAIN\r\n")
    async with serving(injected) as port:
        reading = await ask("smtp", address=f"127.0.0.1:{port}")
    assert said(reading) == ("down", "protocol"), reading
    assert "before the TLS handshake" in reading.detail


async def test_a_server_that_repeats_our_password_is_not_quoted():
    async def parrot(reader, writer):
        writer.write(b"220 ready\r\n")
        await reader.readline()
        writer.write(b"250-x\r\n250 AUTH LOGIN\r\n")
        for _ in range(3):
            heard = await reader.readline()
            writer.write(b"334 x\r\n" if b"Y2FuY" not in heard else b"535 not with canary! " + heard)
        await reader.read()

    async with serving(parrot) as port:
        reading = await ask("smtp", address=f"127.0.0.1:{port}", tls="none", **RIGHT)
    assert said(reading) == ("down", "auth")
    assert (
        reading.detail
        == "answers a login with 535: text that is not shown because it could contain the password"
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"address": "a b"}, "address: "),
        ({"username": "mon"}, "username: a login needs both"),
        ({"username": "a\r\nQUIT", "password": Secret("x")}, "username: write one line"),
        ({"username": "a", "password": Secret("x\n")}, "password: write one line"),
        ({"hello": "a b"}, "hello: "),
        ({"recipient": "a@b>\r\nDATA"}, "recipient: "),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        SmtpProbe(**{"address": "mail.example.org"} | options)


def test_the_password_is_not_in_the_probe_s_text():
    assert CANARY not in repr(SmtpProbe(address="x", **RIGHT))
