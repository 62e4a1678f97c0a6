"""Real processes, a real apprise, a real HTTP receiver on the loopback."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trustme

from tests.alerts.receiver import Serving
from tests.ports import free_port
from tests.processes import alive, children
from tests.yardstick import PATIENCE
from watch.alerts.message import Letter, Message, SendOutcome, Sent, Tone
from watch.alerts.sender import Sender
from watch.core.settings import Secret

ROOT = Path(__file__).parents[2]


def plain(title: str = "DOWN: x", body: str = "b") -> Message:
    return Message((Letter(title, body),), Tone.FAILURE)


PLAIN = plain()


@pytest.fixture
async def sender():
    sender = Sender()
    yield sender
    await sender.close()


@pytest.fixture
async def receiver():
    async with Serving() as receiver:
        yield receiver


async def eventually(condition) -> bool:
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.02)
    return True


async def test_a_notice_is_delivered_once_as_it_was_written(sender, receiver):
    message = plain("DOWN: Web – “é”", "line 1\nline <2> & *3*\n\nlast")
    outcome = await sender.send(receiver.channel("alice"), message)
    assert outcome == SendOutcome(Sent.DELIVERED)
    ((path, body),) = receiver.received
    assert (path, body["title"], body["message"]) == (
        "alice",
        "DOWN: Web – “é”",
        "line 1\nline <2> & *3*\n\nlast",
    )
    assert body["attachments"] == []


async def test_a_status_tells_whether_another_try_is_worth_it(sender, receiver):
    for status, sent in (
        (500, Sent.TEMPORARY),
        (503, Sent.TEMPORARY),
        (429, Sent.TEMPORARY),
        (404, Sent.PERMANENT),
        (401, Sent.PERMANENT),
    ):
        receiver.answers["alice"] = status
        assert await sender.send(receiver.channel("alice"), PLAIN) == SendOutcome(
            sent, f"{receiver.place} answered {status}"
        )
    receiver.answers["alice"] = 200
    assert (await sender.send(receiver.channel("alice"), PLAIN)).sent is Sent.DELIVERED


async def test_a_receiver_that_asks_for_a_pause_is_heard(sender, receiver):
    receiver.answers["alice"] = 429
    receiver.pauses["alice"] = "77"
    outcome = await sender.send(receiver.channel("alice"), PLAIN)
    assert outcome == SendOutcome(Sent.TEMPORARY, f"{receiver.place} answered 429", retry_after_s=77)


@pytest.mark.parametrize("pause", ["soon", "-5", "Thu, 01 Jan 1970 00:00:00 GMT", "nan", "inf", "1e999", "²"])
async def test_a_pause_that_means_nothing_is_none(pause, sender, receiver):
    receiver.answers["alice"] = 429
    receiver.pauses["alice"] = pause
    assert (await sender.send(receiver.channel("alice"), PLAIN)).retry_after_s == 0


@pytest.mark.parametrize("pause", ["9" * 300, "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_a_pause_is_a_day_at_most(pause, sender, receiver):
    receiver.answers["alice"] = 503
    receiver.pauses["alice"] = pause
    assert (await sender.send(receiver.channel("alice"), PLAIN)).retry_after_s == 86_400


async def test_of_several_lengths_the_longest_that_fits_is_sent(sender, receiver):
    letters = tuple(Letter("DOWN: x", "b" * size) for size in (40_000, 30_000, 100))
    assert (await sender.send(receiver.channel("alice"), Message(letters))).sent is Sent.DELIVERED
    assert [len(body) for body in receiver.bodies("alice")] == [30_000], "the plug-in takes 32,768 characters"


async def test_what_is_refused_for_its_size_is_sent_in_the_shortest_form_at_once(sender, receiver):
    receiver.limits["alice"] = 300
    letters = tuple(Letter("DOWN: x", "b" * size) for size in (9_000, 400, 50))
    assert await sender.send(receiver.channel("alice"), Message(letters)) == SendOutcome(
        Sent.DELIVERED, f"only the shortest letter: for the longer one, {receiver.place} answered 400"
    )
    assert [len(body) for body in receiver.bodies("alice")] == [9_000, 50]


async def test_what_is_refused_in_the_shortest_form_too_is_refused(sender, receiver):
    receiver.limits["alice"] = 10
    letters = tuple(Letter("DOWN: x", "b" * size) for size in (9_000, 50))
    assert (await sender.send(receiver.channel("alice"), Message(letters))).sent is Sent.PERMANENT
    assert len(receiver.bodies("alice")) == 2
    receiver.answers["bob"] = 403
    assert (await sender.send(receiver.channel("bob"), Message(letters))).sent is Sent.PERMANENT
    assert len(receiver.bodies("bob")) == 1, "that is not about the text"


async def test_a_line_that_closes_before_an_answer_may_have_delivered(sender):
    async def hang_up(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await sender.send(Secret(f"json://{place}/"), PLAIN) == SendOutcome(
            Sent.UNKNOWN, f"{place} took the request and gave no answer"
        )


@pytest.mark.parametrize(
    ("status", "sent"), [(302, Sent.PERMANENT), (301, Sent.PERMANENT), (307, Sent.DELIVERED)]
)
async def test_a_redirect_that_loses_the_notice_did_not_deliver(status, sent, sender):
    async def redirect(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        answer = b"200 OK" if b" /there " in head else f"{status} There\r\nLocation: /there".encode()
        writer.write(b"HTTP/1.1 " + answer + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(redirect, "127.0.0.1", 0) as server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        outcome = await sender.send(Secret(f"json://{place}/"), PLAIN)
    assert outcome.sent is sent
    if sent is Sent.PERMANENT:
        assert outcome.detail == f"{place} was reached by a redirect that loses the notice"


async def test_an_answer_that_is_none_did_not_deliver(sender):
    async def babble(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail ready\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await sender.send(Secret(f"json://{place}/"), PLAIN) == SendOutcome(
            Sent.TEMPORARY, f"{place} could not be reached: its answer is not HTTP"
        )


@pytest.mark.parametrize(
    ("at", "answer", "sent"),
    [
        ("rcpt", b"450 later", Sent.TEMPORARY),
        ("rcpt", b"550 nobody here", Sent.PERMANENT),
        ("data", b"451 try again", Sent.TEMPORARY),
        ("mail", b"552 too large", Sent.PERMANENT),
        ("text", None, Sent.UNKNOWN),  # the mail went out, and the line closes
        ("mail", None, Sent.TEMPORARY),  # the line closes before the mail
        ("text", b"250 taken", Sent.DELIVERED),
    ],
)
async def test_what_a_mail_server_says_is_understood(at, answer, sent, sender):
    async def talk(reader, writer):
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            word = line[:4].strip().lower().decode()
            if word == "data" and at != "data":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                word = "text"
            if word == at and answer is None:
                break
            writer.write((answer if word == at else b"250 fine") + b"\r\n")
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"mailto://127.0.0.1:{port}?from=watch@own.test&to=alice@own.test&mode=insecure"
        outcome = await sender.send(Secret(url), PLAIN)
        assert outcome.sent is sent, outcome
        if answer and sent is not Sent.DELIVERED:
            assert outcome.detail == f"127.0.0.1:{port} answered {answer[:3].decode()}"


async def test_a_certificate_that_is_not_accepted_is_the_cause(sender, tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context) as server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        outcome = await sender.send(Secret(f"jsons://{place}/"), PLAIN)
    assert outcome.sent is Sent.TEMPORARY
    assert outcome.detail.startswith(f"{place} could not be reached: its certificate is not accepted: ")


async def test_a_url_that_apprise_cannot_use_is_refused(sender):
    for url in ("nosuch://host/secret-token", "json://", "no url at all", "", "file:///etc/passwd"):
        assert await sender.send(Secret(url), PLAIN) == SendOutcome(
            Sent.PERMANENT, "apprise does not support this URL"
        )


async def test_a_channel_is_one_url_and_not_several(sender, receiver):
    url = receiver.channel("a").reveal()
    await sender.send(Secret(f"{url}, {url}2"), PLAIN)
    assert len(receiver.received) <= 1


async def test_nobody_listening_is_a_failure(sender, unused_tcp_port):
    url = f"json://user:hush@127.0.0.1:{unused_tcp_port}/hush?+X-Token=hush"
    assert await sender.send(Secret(url), PLAIN) == SendOutcome(
        Sent.TEMPORARY, f"127.0.0.1:{unused_tcp_port} could not be reached: connection refused"
    )


async def test_a_secret_in_a_url_comes_back_in_nothing(sender, receiver, caplog):
    caplog.set_level(logging.DEBUG)
    receiver.answers["hush-path"] = 500
    url = f"{receiver.url.replace('json://', 'json://user:hush-password@')}/hush-path?+X-Token=hush-header"
    outcome = await sender.send(Secret(url), PLAIN)
    assert receiver.headers[0]["X-Token"] == "hush-header"
    assert outcome.detail == f"{receiver.place} answered 500"
    assert "hush" not in caplog.text
    template = sender._process.pid
    for place in ("cmdline", "environ"):
        assert b"hush" not in Path(f"/proc/{template}/{place}").read_bytes()


async def test_the_child_holds_nothing_of_ours(sender, tmp_path):
    with (tmp_path / "ours.db").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)
        await sender.warm()
        await sender.send(Secret("nosuch://"), PLAIN)
        held = [str(fd.readlink()) for fd in Path(f"/proc/{sender._process.pid}/fd").iterdir()]
        assert not [name for name in held if "ours.db" in name]
        # Requests, answers, the line to the child that is ready, and its selector; the rest is /dev/null.
        assert len([name for name in held if not name.startswith(("/dev/null", "anon_inode"))]) == 3


async def test_a_channel_that_hangs_is_interrupted_and_delays_no_other(receiver):
    sender = Sender(soft=4, hard=60)
    await sender.send(receiver.channel("warm"), PLAIN)
    receiver.answers["slow"] = 0
    begun = time.monotonic()
    slow = asyncio.create_task(
        sender.send(Secret(f"{receiver.channel('slow').reveal()}?cto=60&rto=60"), PLAIN)
    )
    assert await eventually(lambda: len(receiver.received) == 2)
    assert (await sender.send(receiver.channel("bob"), PLAIN)).sent is Sent.DELIVERED
    assert not slow.done()
    assert await slow == SendOutcome(
        Sent.UNKNOWN, f"{receiver.place} took the request and gave no answer within 4 s"
    ), "interrupted, and not killed"
    assert time.monotonic() - begun >= 4
    await sender.close()


async def test_a_send_that_cannot_be_interrupted_is_killed(receiver):
    sender = Sender(soft=3, hard=4)
    await sender.warm()
    receiver.answers["slow"] = 0
    begun = time.monotonic()
    slow = asyncio.create_task(
        sender.send(Secret(f"{receiver.channel('slow').reveal()}?cto=60&rto=60"), PLAIN)
    )
    assert await eventually(lambda: receiver.received)
    process, _ = await both(sender._process.pid)
    os.kill(process, signal.SIGSTOP)  # no signal handler of its own can help it now
    assert await slow == SendOutcome(Sent.UNKNOWN, "the process that sends was killed after 4 s")
    assert time.monotonic() - begun >= 4
    assert not alive(process)
    assert (await sender.send(receiver.channel("bob"), PLAIN)).sent is Sent.DELIVERED
    await sender.close()


async def test_should_the_process_that_forks_hang_it_is_killed_and_replaced(receiver):
    sender = Sender(soft=1, hard=2)
    await sender.warm()
    first = sender._process.pid
    os.kill(first, signal.SIGSTOP)
    assert await sender.send(receiver.channel("x"), PLAIN) == SendOutcome(
        Sent.TEMPORARY, "the sending process did not answer and was killed"
    )
    assert not alive(first)
    await sender.warm()
    assert sender._process.pid != first
    await sender.close()


def test_the_limits_are_ten_seconds_and_fifteen():
    limits = inspect.signature(Sender).parameters
    assert (limits["soft"].default, limits["hard"].default) == (10, 15)


async def test_32_sends_run_at_once(receiver):
    sender = Sender(soft=80, hard=90)
    await sender.send(receiver.channel("warm"), PLAIN)
    for n in range(31):
        receiver.answers[f"slow-{n}"] = 0
    urls = [Secret(f"{receiver.channel(f'slow-{n}').reveal()}?cto=60&rto=60") for n in range(31)]
    slow = [asyncio.create_task(sender.send(url, PLAIN)) for url in urls]
    assert await eventually(lambda: len(receiver.received) == 32)
    assert (await sender.send(receiver.channel("quick"), PLAIN)).sent is Sent.DELIVERED
    assert not any(send.done() for send in slow)
    await sender.close()
    assert {outcome.sent for outcome in await asyncio.gather(*slow)} == {Sent.TEMPORARY}


async def test_should_the_child_that_is_ready_be_killed_the_next_notice_is_delivered_all_the_same(
    sender, receiver
):
    await sender.send(receiver.channel("bob"), PLAIN)
    assert await eventually(lambda: len(children(sender._process.pid)) == 1)
    (ready,) = children(sender._process.pid)
    os.kill(ready, signal.SIGKILL)
    assert await eventually(lambda: not alive(ready))
    assert (await sender.send(receiver.channel("bob"), PLAIN)).sent is Sent.DELIVERED
    assert len(receiver.received) == 2
    assert await eventually(lambda: len(children(sender._process.pid)) == 1), "another one is ready"


async def test_a_child_sends_one_notice_and_the_next_one_has_another(sender, receiver):
    receiver.answers["slow"] = 0
    found = set()
    for n in range(3):
        slow = asyncio.create_task(sender.send(receiver.channel("slow"), PLAIN))
        assert await eventually(lambda n=n: len(receiver.received) == n + 1)
        process, _ = await both(sender._process.pid)
        found.add(process)
        os.kill(process, signal.SIGKILL)
        assert await slow == SendOutcome(Sent.UNKNOWN, "the process that sends was killed by something else")
    assert len(found) == 3


async def test_should_the_process_die_what_was_on_its_way_has_failed_and_the_next_send_starts_another(
    sender, receiver
):
    receiver.answers["slow"] = 0
    slow = asyncio.create_task(sender.send(receiver.channel("slow"), PLAIN))
    assert await eventually(lambda: receiver.received)
    first = sender._process.pid
    os.kill(first, signal.SIGKILL)
    assert await slow == SendOutcome(Sent.TEMPORARY, "the sending process died")
    assert (await sender.send(receiver.channel("bob"), PLAIN)).sent is Sent.DELIVERED
    assert sender._process.pid != first


async def test_closing_leaves_no_process(sender, receiver):
    receiver.answers["slow"] = 0
    slow = asyncio.create_task(sender.send(receiver.channel("slow"), PLAIN))
    assert await eventually(lambda: receiver.received)
    template = sender._process.pid
    processes = await both(template)
    await sender.close()
    assert (await slow).sent is Sent.TEMPORARY
    assert await eventually(lambda: not any(map(alive, (template, *processes))))


async def both(template: int) -> list[int]:
    """The child that sends, and the one that is ready for the next notice."""
    assert await eventually(lambda: len(children(template)) == 2)
    return children(template)


HUB = """
import asyncio, sys
from watch.alerts.message import Letter, Message
from watch.alerts.sender import Sender
from watch.core.settings import Secret

async def main():
    sender = Sender()
    await sender.warm()
    print(sender._process.pid, flush=True)
    await sender.send(Secret(sys.argv[1]), Message((Letter("DOWN: x", "b"),)))

asyncio.run(main())
"""


async def test_when_the_hub_is_killed_its_children_die_with_it(receiver):
    receiver.answers["slow"] = 0
    url = f"{receiver.channel('slow').reveal()}?cto=60&rto=60"
    with subprocess.Popen(
        [sys.executable, "-c", HUB, url],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as hub:
        assert await eventually(lambda: receiver.received)
        template = int(hub.stdout.readline())
        processes = await both(template)
        assert alive(template)
        hub.kill()
    assert await eventually(lambda: not any(map(alive, (template, *processes))))


@pytest.mark.parametrize(
    ("variable", "value", "direct"),
    [
        (None, "", {"127.0.0.1"}),
        ("NO_PROXY", "localhost", {"127.0.0.1", "localhost"}),
        ("no_proxy", "localhost", {"127.0.0.1", "localhost"}),
        ("NO_PROXY", "*", {"127.0.0.1", "localhost"}),
    ],
)
async def test_what_is_on_this_machine_is_not_asked_through_a_proxy(
    receiver, monkeypatch, variable, value, direct
):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    if variable is not None:
        monkeypatch.setenv(variable, value)
    sender = Sender()
    port = receiver.url.rpartition(":")[2]
    sent = {
        host: (await sender.send(Secret(f"json://{host}:{port}/alice"), PLAIN)).sent
        for host in ("127.0.0.1", "localhost")
    }
    await sender.close()
    assert {host for host, how in sent.items() if how is Sent.DELIVERED} == direct
