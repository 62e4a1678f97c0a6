"""The pop3 probe against dovecot, and against peers that misbehave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.probes.scripted import lines
from tests.probes.servers.dovecot import CANARY, MESSAGE, RIGHT, WRONG, dovecot
from tests.probes.wires import ask, closed_port, enough, said, saying, serving, silence
from watch.core.expect import compile_judge
from watch.probes.base import reference
from watch.probes.pop3 import Pop3Probe

pytestmark = pytest.mark.xdist_group("dovecot")


@pytest.fixture(scope="session")
def store(pem):
    with dovecot(pem) as ports:
        yield ports


async def test_a_server_that_greets_and_encrypts_is_up_with_its_facts(store, ca_file):
    reading = await ask("pop3", address=f"localhost:{store.pop3s}", ca_file=ca_file)
    assert said(reading) == ("up", "ok"), reading
    assert reading.facts["latency"] == pytest.approx(sum(reading.phases.values()))
    assert reading.facts["banner"] == "Dovecot (Debian) ready."
    assert reading.facts["certificate.subject"] == "localhost"
    assert set(reading.facts) <= set(reference(Pop3Probe).facts)


@pytest.mark.parametrize(("port", "tls"), [("pop3s", "implicit"), ("pop3", "starttls")])
async def test_a_login_counts_messages_and_leaves_them_there(store, ca_file, port, tls):
    there = {"address": f"localhost:{getattr(store, port)}", "ca_file": ca_file, "tls": tls}
    for _ in range(2):
        reading = await ask("pop3", **there, **RIGHT)
        assert said(reading) == ("up", "ok"), reading
        assert (reading.facts["messages"], reading.facts["size"]) == (2, 2 * len(MESSAGE))
    assert CANARY not in repr(reading)


async def test_a_mailbox_that_fills_up_is_degraded(store, ca_file):
    judge = compile_judge([], ["messages < 2"], reference(Pop3Probe).facts, {})
    there = {"address": f"localhost:{store.pop3s}", "ca_file": ca_file, **RIGHT}
    assert said(await ask("pop3", **there, judge=judge)) == ("degraded", "expectation")


async def test_a_certificate_about_to_end_is_degraded(store, ca_file):
    judge = compile_judge([], ["certificate.left > 21d"], reference(Pop3Probe).facts, {})
    there = {"address": f"localhost:{store.pop3s}", "ca_file": ca_file, "judge": judge}
    end = (await ask("pop3", **there)).facts["certificate.expires"]
    late = datetime.fromtimestamp(end, UTC) - timedelta(days=20)
    assert said(await ask("pop3", **there, now=late)) == ("degraded", "certificate")


async def test_a_wrong_password_is_down(store, ca_file):
    reading = await ask("pop3", address=f"localhost:{store.pop3s}", ca_file=ca_file, **WRONG)
    assert said(reading) == ("down", "auth"), reading
    assert "canary" not in repr(reading)


async def test_a_certificate_that_clients_refuse_is_down(store):
    assert said(await ask("pop3", address=f"localhost:{store.pop3s}")) == ("down", "certificate")


@pytest.mark.parametrize(
    ("peer", "told", "detail"),
    [
        (saying(b"-ERR overloaded\r\n", first=False), "status", "overloaded"),
        (saying(b"220 ready\r\n", first=False), "protocol", "is not POP3"),
        (saying(first=False), "reset", "closed the connection instead of sending a greeting"),
        (saying(b"+OK " + b"x" * 9000, first=False), "limit", "too much"),
        (silence, "timeout", "did not send a greeting"),
    ],
)
async def test_a_peer_that_is_no_willing_server_is_down(peer, told, detail):
    async with serving(peer) as port:
        reading = await ask("pop3", address=f"127.0.0.1:{port}", tls="none", seconds=enough(told))
    assert said(reading) == ("down", told), reading
    assert detail in reading.detail


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([b"-ERR who\r\n"], "auth"),
        ([b"+OK\r\n", b"-ERR not canary-b7f3\r\n"], "auth"),
        ([b"+OK\r\n", b"-ERR [IN-USE] canary-b7f3 is here\r\n"], "status"),
        ([b"+OK\r\n", b"-ERR [SYS/TEMP] try canary-b7f3 later\r\n"], "status"),
        ([b"+OK\r\n", b"+OK\r\n", b"+OK many canary-b7f3\r\n"], "protocol"),
    ],
)
async def test_a_login_that_fails_gets_its_reason_and_quotes_nothing(answers, told):
    async with serving(lines(b"+OK ready\r\n", *answers)) as port:
        reading = await ask("pop3", address=f"127.0.0.1:{port}", tls="none", **RIGHT)
    assert said(reading) == ("down", told), reading
    assert "canary" not in repr(reading)


async def test_a_server_without_stls_is_down():
    async with serving(lines(b"+OK ready\r\n", b"-ERR what\r\n")) as port:
        reading = await ask("pop3", address=f"127.0.0.1:{port}", tls="starttls", **RIGHT)
    assert said(reading) == ("down", "tls")


async def test_nobody_listening_is_refused():
    assert said(await ask("pop3", address=f"127.0.0.1:{closed_port()}")) == ("down", "refused")


def test_a_username_without_a_password_is_refused():
    with pytest.raises(ValueError, match="username: a login needs both"):
        Pop3Probe(address="mail.example.org", username="mon")
