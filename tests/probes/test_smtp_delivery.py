"""A mail through aiosmtpd into dovecot's mailbox, and what keeps it from arriving."""

from __future__ import annotations

import asyncio
import contextlib
import email
import itertools
import time
from datetime import UTC, datetime
from email.policy import SMTP as RULES

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.probes.daemons import give
from tests.probes.scripted import lines
from tests.probes.servers.dovecot import CANARY, MESSAGE, dovecot
from tests.probes.test_smtp import RIGHT, Mailbox, mail_server
from tests.probes.wires import ask, closed_port, said, serving, silence
from watch.core.expect import compile_judge
from watch.core.settings import Secret
from watch.probes.base import reference
from watch.probes.smtp import PLAIN, SmtpProbe
from watch.probes.wire.mail.delivery import letter

pytestmark = pytest.mark.xdist_group("dovecot")
WAYS = ("imaps", "imap", "pop3s", "pop3")
LOGIN = {"mailbox_username": "mon", "mailbox_password": Secret(CANARY)}
numbers = itertools.count()


@pytest.fixture(scope="module")
def server(pem):
    with dovecot(pem) as ports:
        yield ports


@pytest.fixture
def maildir(server):
    """The mailbox with two mails of other people's, as in the beginning."""
    for part in ("new", "cur"):
        for path in (server.maildir / part).iterdir():
            path.unlink()
    for _ in range(2):
        put(server.maildir, MESSAGE)
    return server.maildir


def put(maildir, content):
    """Deliver as Maildir wants it: seen either whole or not at all."""
    name = f"{time.time_ns()}.{next(numbers)}.test"
    (maildir / "tmp" / name).write_bytes(content)
    give(maildir / "tmp")
    (maildir / "tmp" / name).rename(maildir / "new" / name)


def held(maildir):
    """The mails that are in the mailbox."""
    return sorted(path.read_bytes() for part in ("new", "cur") for path in (maildir / part).iterdir())


class Delivering(Mailbox):
    """Delivers into the mailbox at once, later, or never."""

    def __init__(self, maildir, *, later=0.0, never=False, answer="250 OK"):
        super().__init__()
        self.maildir, self.later, self.never, self.answer = maildir, later, never, answer

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd calls it so
        self.delivered.append(envelope)
        if not self.never:
            asyncio.get_running_loop().call_later(self.later, put, self.maildir, envelope.content)
        return self.answer


@contextlib.asynccontextmanager
async def asking(server, maildir, ca_file, tls, *, way="imaps", **how):
    """Yields the mail server's mailbox, and what asks the probe."""
    mailbox = Delivering(maildir, **how)
    async with mail_server(tls, mailbox=mailbox) as port:
        there = {"address": f"localhost:{port}", "ca_file": ca_file, "recipient": "noc@example.org"}
        there |= {"mailbox": f"{way}://localhost:{getattr(server, way)}"} | LOGIN | RIGHT

        async def asked(*, seconds=30.0, **options):
            return await ask("smtp", seconds=seconds, **there | options)

        yield mailbox, asked


@pytest.mark.parametrize("way", WAYS)
async def test_a_mail_that_arrives_is_up_and_is_taken_away(server, maildir, ca_file, tls, way):
    before = held(maildir)
    async with asking(server, maildir, ca_file, tls, way=way) as (mailbox, asked):
        reading = await asked()
    assert said(reading) == ("up", "ok"), reading
    facts = reading.facts
    assert 0 < facts["delivery"] == reading.phases["delivery"] < 5
    assert facts["latency"] == pytest.approx(sum(reading.phases.values()) - facts["delivery"])
    assert facts["banner"] == "mx.test ready"
    assert len(mailbox.delivered) == 1
    assert held(maildir) == before
    assert "canary" not in repr(reading)
    assert set(facts) <= set(reference(SmtpProbe).facts)


async def test_each_mail_is_another_and_says_that_a_machine_wrote_it(server, maildir, ca_file, tls):
    async with asking(server, maildir, ca_file, tls) as (mailbox, asked):
        await asked()
        assert said(await asked(sender="watch@example.org")) == ("up", "ok")
    one, two = (email.message_from_bytes(it.content, policy=RULES) for it in mailbox.delivered)
    assert [it.mail_from for it in mailbox.delivered] == ["noc@example.org", "watch@example.org"]
    assert (two["From"], two["To"]) == ("watch@example.org", "noc@example.org")
    assert two["Auto-Submitted"] == "auto-generated"
    assert one["X-Threenines-Delivery"] != two["X-Threenines-Delivery"]
    assert one["Message-ID"] != two["Message-ID"]
    assert "canary" not in repr([it.content for it in mailbox.delivered])


@pytest.mark.parametrize("way", ["imaps", "pop3s"])
async def test_a_mail_that_is_late_is_degraded_if_so_told(server, maildir, ca_file, tls, way):
    judge = compile_judge([], ["delivery < 400ms"], reference(SmtpProbe).facts, {})
    async with asking(server, maildir, ca_file, tls, way=way, later=1.0) as (_, asked):
        reading = await asked(judge=judge)
    assert said(reading) == ("degraded", "slow"), reading
    assert 0.4 <= reading.facts["delivery"] < 5


@pytest.mark.parametrize("way", ["imaps", "pop3s"])
async def test_a_mail_that_never_arrives_is_a_timeout_that_says_how_far_it_came(
    server, maildir, ca_file, tls, way
):
    async with asking(server, maildir, ca_file, tls, way=way, never=True) as (mailbox, asked):
        await asked(seconds=0.1)  # the first run pays for imports
        reading = await asked(seconds=3)
    assert said(reading) == ("down", "timeout")
    assert reading.detail == "the server accepted the mail, but it did not arrive in the mailbox (limit 3 s)"
    assert reading.facts["banner"] == "mx.test ready"
    assert mailbox.delivered


async def test_a_mailbox_that_does_not_let_us_in_is_down_and_nothing_is_sent(server, maildir, ca_file, tls):
    for way in ("imaps", "pop3s"):
        async with asking(server, maildir, ca_file, tls, way=way) as (mailbox, asked):
            reading = await asked(mailbox_password=Secret("canary-wrong"))
        assert said(reading) == ("down", "auth")
        assert reading.detail.startswith("the mailbox: answers ")
        assert "canary" not in repr(reading)
        assert not mailbox.delivered


@pytest.mark.parametrize("way", ["imaps", "pop3s"])
async def test_what_earlier_runs_left_is_swept_and_nothing_else(server, maildir, ca_file, tls, way):
    now = int(time.time())

    def marked(at, token="ab" * 16, name="X-Threenines-Delivery"):
        return f"From: a@example.org\r\n{name}: {token} {at}\r\n\r\nhello\r\n".encode()

    young, foreign = marked(now - 600), marked(now - 7200, name="X-Other")
    odd, empty = marked(now - 7200, token="no-token"), marked("")
    quoted = b"From: a@example.org\r\n\r\n" + marked(now - 7200)
    for content in (
        marked(now - 7200),
        marked(now - 3700, token="cd" * 16),
        young,
        foreign,
        odd,
        empty,
        quoted,
    ):
        put(maildir, content)
    async with asking(server, maildir, ca_file, tls, way=way) as (_, asked):
        reading = await asked()
    assert said(reading) == ("up", "ok")
    assert held(maildir) == sorted([MESSAGE, MESSAGE, young, foreign, odd, empty, quoted])


async def test_a_mailbox_without_tls_is_used_only_if_so_told(server, maildir, ca_file, tls):
    greeting = b"* OK [CAPABILITY IMAP4rev1] ready\r\n"
    imap = lines(greeting, b"* CAPABILITY IMAP4rev1\r\na OK\r\n")
    async with serving(imap) as port, asking(server, maildir, ca_file, tls) as (_, asked):
        reading = await asked(mailbox=f"imap://127.0.0.1:{port}")
    assert said(reading) == ("down", "tls")
    assert reading.detail.startswith("the mailbox: the server offers no STARTTLS")


async def test_a_mailbox_where_one_mail_cannot_be_deleted_alone_gets_none(server, maildir, ca_file, tls):
    can = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na OK\r\n"
    imap = lines(b"* OK\r\n", can, b"+ \r\n", b"a OK\r\n", can)
    async with serving(imap) as port, asking(server, maildir, ca_file, tls) as (mailbox, asked):
        reading = await asked(mailbox=f"imap://127.0.0.1:{port}", mailbox_tls="none")
    assert said(reading) == ("down", "protocol")
    assert "has no UIDPLUS" in reading.detail
    assert not mailbox.delivered


@pytest.mark.parametrize("way", WAYS)
async def test_a_mailbox_that_is_silent_or_gone_is_told_as_such(server, maildir, ca_file, tls, way):
    async with asking(server, maildir, ca_file, tls) as (mailbox, asked):
        gone = await asked(mailbox=f"{way}://127.0.0.1:{closed_port()}")
        async with serving(silence) as port:
            silent = await asked(mailbox=f"{way}://127.0.0.1:{port}", seconds=0.5)
    assert said(gone) == ("down", "refused")
    assert said(silent) == ("down", "timeout")
    assert gone.detail.startswith("the mailbox: ")
    assert silent.detail.startswith("the mailbox: ")
    assert not mailbox.delivered


async def test_a_server_that_refuses_the_mail_says_so(server, maildir, ca_file, tls):
    async with asking(server, maildir, ca_file, tls, never=True, answer="554 looks like spam") as (_, asked):
        reading = await asked(username=None, password=None)
    assert said(reading) == ("down", "status")
    assert reading.detail == "answers the mail with 554: looks like spam"
    async with asking(server, maildir, ca_file, tls) as (_, asked):
        reading = await asked(recipient="nobody@example.org", username=None, password=None)
    assert reading.detail == "answers RCPT with 550: no such user here"


async def test_a_server_that_wants_no_data_is_no_smtp(server, maildir, ca_file, tls):
    smtp = lines(b"220 hi\r\n", b"250 mx\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n")
    async with serving(smtp) as port, asking(server, maildir, ca_file, tls) as (_, asked):
        reading = await asked(address=f"127.0.0.1:{port}", tls="none", username=None, password=None)
    assert said(reading) == ("down", "protocol")
    assert "answers DATA with 250" in reading.detail


@pytest.mark.parametrize(
    "answer",
    [
        b"* SEARCH 1 2 3\r\n* 1 FETCH (UID 1 BODY[] {99999}\r\n",
        b"* 1 FETCH (UID 1 BODY[] {20}\r\n)\r\nNONSENSE\r\n",
        b"* SEARCH " + b"9" * 9000 + b"\r\n",
        b"* SEARCH x y \xff\r\n" * 20000,
    ],
)
async def test_a_mailbox_that_talks_nonsense_is_told_apart(server, maildir, ca_file, tls, answer):
    can = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN UIDPLUS\r\na OK\r\n"
    talk = lines(b"* OK\r\n", can, b"+ \r\n", b"a OK\r\n", can, b"a OK\r\n", answer)
    async with serving(talk) as port, asking(server, maildir, ca_file, tls) as (mailbox, asked):
        there = {"mailbox": f"imap://127.0.0.1:{port}", "mailbox_tls": "none"}
        reading = await asked(**there, seconds=2)
    assert said(reading) in {("down", "timeout"), ("down", "protocol"), ("down", "limit")}
    assert not mailbox.delivered


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"mailbox": "imaps://h"}, "mailbox: needs all of"),
        ({"mailbox_username": "u"}, "mailbox_username: needs all of"),
        ({"mailbox_password": Secret("hunter2")}, "mailbox_password: needs all of"),
        ({"sender": "a@example.org"}, "sender: needs all of"),
        ({"mailbox": "imaps://h", **LOGIN}, "mailbox: needs a recipient"),
        ({"mailbox": "imaps://u:hunter2@h", "recipient": "a@b", **LOGIN}, "mailbox: is not the URL of a server"),
        ({"mailbox": "http://h", "recipient": "a@b", **LOGIN}, "mailbox: is not the URL of a server"),
        ({"mailbox": "imaps://h:x", "recipient": "a@b", **LOGIN}, "mailbox: 'h:x' is not a host"),
        ({"mailbox": "imaps://h", "recipient": "a@b\r\nBcc: c@d", **LOGIN}, "recipient: "),
        ({"mailbox": "imaps://h", "recipient": "a@b", "sender": "a@b\nX: y", **LOGIN}, "sender: "),
        ({"mailbox": "imaps://h", "recipient": "a@b", "sender": "a\0@b", **LOGIN}, "sender: "),
        ({"mailbox": "imaps://h", "recipient": "a@b", "sender": "a@b>,<c", **LOGIN}, "sender: "),
        ({"mailbox": "imaps://h", "recipient": "ä@b", **LOGIN}, "recipient: write a plain address"),
        ({"mailbox": "imaps://h", "recipient": "=?utf-8?q?=0a?=@b", **LOGIN}, "recipient: write a plain"),
        ({"mailbox": "imaps://h", "recipient": '"a@b', **LOGIN}, "recipient: write a plain"),
        (
            {"mailbox": "imaps://h", "recipient": "a@b", **LOGIN, "mailbox_username": "u\r\nx"},
            "mailbox_username: write one line",
        ),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(options, wrong):
    with pytest.raises(ValueError, match=f"^{wrong}") as caught:
        SmtpProbe(address="mail.example.org", **options)
    assert "hunter2" not in str(caught.value)


@given(st.from_regex(PLAIN, fullmatch=True), st.from_regex(PLAIN, fullmatch=True))
def test_no_address_adds_a_header_or_a_line(sender, recipient):
    written = bytes(letter(sender, recipient, datetime.now(UTC)))
    head, _, body = written.partition(b"\r\n\r\n")
    names = [line.partition(b":")[0] for line in head.split(b"\r\n")]
    assert len(names) == len(set(names)) == 11
    assert f"To: {recipient}".encode() in head or f"To: <{recipient}>".encode() in head
    assert body.startswith(b"A check of this mail server")
    assert all(len(line) < 500 and b"\n" not in line for line in written.split(b"\r\n"))
