"""Real processes, a real apprise, a real HTTP receiver on the loopback."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.alerts.receiver import Serving
from tests.yardstick import PATIENCE
from watch.alerts.outbox import SendOutcome, Sent
from watch.alerts.sender import Sender
from watch.core.settings import Secret

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def sender():
    sender = Sender()
    yield sender
    await sender.close()


@pytest.fixture
async def receiver():
    async with Serving() as receiver:
        yield receiver


def alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(pid: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError):
        return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


async def eventually(condition) -> bool:
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.02)
    return True


async def test_a_notice_is_delivered_once_as_it_was_written(sender, receiver):
    outcome = await sender.send(
        receiver.channel("alice"), "DOWN: Web – “é”", "line 1\nline <2> & *3*\n\nlast"
    )
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
        (500, Sent.FAILED),
        (503, Sent.FAILED),
        (429, Sent.FAILED),
        (404, Sent.REFUSED),
        (401, Sent.REFUSED),
    ):
        receiver.answers["alice"] = status
        assert await sender.send(receiver.channel("alice"), "t", "b") == SendOutcome(
            sent, f"the channel answered {status}"
        )
    receiver.answers["alice"] = 200
    assert (await sender.send(receiver.channel("alice"), "t", "b")).sent is Sent.DELIVERED


async def test_a_url_that_apprise_cannot_use_is_refused(sender):
    for url in ("nosuch://host/secret-token", "json://", "no url at all", "", "file:///etc/passwd"):
        assert await sender.send(Secret(url), "t", "b") == SendOutcome(
            Sent.REFUSED, "apprise does not support this URL"
        )


async def test_a_channel_is_one_url_and_not_several(sender, receiver):
    url = receiver.channel("a").reveal()
    await sender.send(Secret(f"{url}, {url}2"), "t", "b")
    assert len(receiver.received) <= 1


async def test_nobody_listening_is_a_failure(sender, unused_tcp_port):
    outcome = await sender.send(
        Secret(f"json://user:hush@127.0.0.1:{unused_tcp_port}/hush?+X-Token=hush"), "t", "b"
    )
    assert outcome == SendOutcome(Sent.FAILED, "the channel could not be reached")


async def test_a_secret_in_a_url_comes_back_in_nothing(sender, receiver, caplog):
    caplog.set_level(logging.DEBUG)
    receiver.answers["hush-path"] = 500
    url = f"{receiver.url.replace('json://', 'json://user:hush-password@')}/hush-path?+X-Token=hush-header"
    outcome = await sender.send(Secret(url), "t", "b")
    assert receiver.headers[0]["X-Token"] == "hush-header"
    assert outcome.detail == "the channel answered 500"
    assert "hush" not in caplog.text
    template = sender._process.pid
    for place in ("cmdline", "environ"):
        assert b"hush" not in Path(f"/proc/{template}/{place}").read_bytes()


async def test_the_child_holds_nothing_of_ours(sender, tmp_path):
    with (tmp_path / "ours.db").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)
        await sender.warm()
        await sender.send(Secret("nosuch://"), "t", "b")
        held = [str(fd.readlink()) for fd in Path(f"/proc/{sender._process.pid}/fd").iterdir()]
        assert not [name for name in held if "ours.db" in name]
        # Requests, answers and its selector; the rest is /dev/null.
        assert len([name for name in held if not name.startswith(("/dev/null", "anon_inode"))]) == 2


async def test_a_channel_that_hangs_is_interrupted_and_delays_no_other(receiver):
    sender = Sender(soft=4, hard=60)
    await sender.send(receiver.channel("warm"), "t", "b")
    receiver.answers["slow"] = 0
    begun = time.monotonic()
    slow = asyncio.create_task(
        sender.send(Secret(f"{receiver.channel('slow').reveal()}?cto=60&rto=60"), "t", "b")
    )
    assert await eventually(lambda: len(receiver.received) == 2)
    assert (await sender.send(receiver.channel("bob"), "t", "b")).sent is Sent.DELIVERED
    assert not slow.done()
    assert await slow == SendOutcome(Sent.FAILED, "no answer within 4 s"), "interrupted, and not killed"
    assert time.monotonic() - begun >= 4
    await sender.close()


async def test_a_send_that_cannot_be_interrupted_is_killed(receiver):
    sender = Sender(soft=3, hard=4)
    await sender.warm()
    receiver.answers["slow"] = 0
    begun = time.monotonic()
    slow = asyncio.create_task(
        sender.send(Secret(f"{receiver.channel('slow').reveal()}?cto=60&rto=60"), "t", "b")
    )
    assert await eventually(lambda: receiver.received)
    (process,) = children(sender._process.pid)
    os.kill(process, signal.SIGSTOP)  # no signal handler of its own can help it now
    assert await slow == SendOutcome(Sent.FAILED, "no answer within 4 s, so the sending process was killed")
    assert time.monotonic() - begun >= 4
    assert not alive(process)
    assert (await sender.send(receiver.channel("bob"), "t", "b")).sent is Sent.DELIVERED
    await sender.close()


async def test_should_the_process_that_forks_hang_it_is_killed_and_replaced(receiver):
    sender = Sender(soft=1, hard=2)
    await sender.warm()
    first = sender._process.pid
    os.kill(first, signal.SIGSTOP)
    assert await sender.send(receiver.channel("x"), "t", "b") == SendOutcome(
        Sent.FAILED, "the sending process did not answer and was killed"
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
    await sender.send(receiver.channel("warm"), "t", "b")
    for n in range(31):
        receiver.answers[f"slow-{n}"] = 0
    urls = [Secret(f"{receiver.channel(f'slow-{n}').reveal()}?cto=60&rto=60") for n in range(31)]
    slow = [asyncio.create_task(sender.send(url, "t", "b")) for url in urls]
    assert await eventually(lambda: len(receiver.received) == 32)
    assert (await sender.send(receiver.channel("quick"), "t", "b")).sent is Sent.DELIVERED
    assert not any(send.done() for send in slow)
    await sender.close()
    assert {outcome.sent for outcome in await asyncio.gather(*slow)} == {Sent.FAILED}


async def test_should_the_process_die_what_was_on_its_way_has_failed_and_the_next_send_starts_another(
    sender, receiver
):
    receiver.answers["slow"] = 0
    slow = asyncio.create_task(sender.send(receiver.channel("slow"), "t", "b"))
    assert await eventually(lambda: receiver.received)
    first = sender._process.pid
    os.kill(first, signal.SIGKILL)
    assert await slow == SendOutcome(Sent.FAILED, "the sending process died")
    assert (await sender.send(receiver.channel("bob"), "t", "b")).sent is Sent.DELIVERED
    assert sender._process.pid != first


async def test_closing_leaves_no_process(sender, receiver):
    receiver.answers["slow"] = 0
    slow = asyncio.create_task(sender.send(receiver.channel("slow"), "t", "b"))
    assert await eventually(lambda: receiver.received)
    template = sender._process.pid
    (process,) = children(template)
    await sender.close()
    assert (await slow).sent is Sent.FAILED
    assert await eventually(lambda: not alive(template) and not alive(process))


HUB = """
import asyncio, sys
from watch.alerts.sender import Sender
from watch.core.settings import Secret

async def main():
    sender = Sender()
    await sender.warm()
    print(sender._process.pid, flush=True)
    await sender.send(Secret(sys.argv[1]), "t", "b")

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
        (process,) = children(template)
        assert alive(template)
        hub.kill()
    assert await eventually(lambda: not alive(template) and not alive(process))
