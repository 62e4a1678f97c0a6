"""The udp probe against peers of our own: a datagram and its answer."""

from __future__ import annotations

import socket

import pytest

from tests.probes.wires import ask, closed_port, datagrams, said
from watch.core.expect import compile_judge
from watch.probes.base import reference
from watch.probes.udp import UdpProbe


def echo(data):
    return [b"you said " + data]


async def test_an_answer_is_up_with_its_facts():
    async with datagrams(echo) as port:
        reading = await ask("udp", address=f"127.0.0.1:{port}", send="hé")
    assert said(reading) == ("up", "ok"), reading
    facts = dict(reading.facts)
    assert facts.pop("latency") == reading.phases["first_byte"] > 0
    assert facts == {"answer": "you said hé", "size": 12, "address": f"127.0.0.1:{port}"}


async def test_bytes_are_written_in_hexadecimal():
    async with datagrams(lambda data: [data[::-1]]) as port:
        reading = await ask("udp", address=f"127.0.0.1:{port}", hexadecimal="41 42 43", until="^CBA$")
    assert said(reading) == ("up", "ok"), reading


async def test_the_answer_that_fits_is_awaited():
    async with datagrams(lambda _: [b"noise", b"", b"pong 7"]) as port:
        reading = await ask("udp", address=f"127.0.0.1:{port}", send="ping", until="^pong")
    assert reading.facts["answer"] == "pong 7"


async def test_a_slow_answer_is_degraded():
    judge = compile_judge([], ["latency <= 0s"], reference(UdpProbe).facts, {})
    async with datagrams(echo) as port:
        reading = await ask("udp", address=f"127.0.0.1:{port}", judge=judge)
    assert said(reading) == ("degraded", "slow")


async def test_another_answer_is_not_what_was_expected():
    async with datagrams(lambda _: [b"go away"]) as port:
        reading = await ask("udp", address=f"127.0.0.1:{port}", until="pong", seconds=0.3)
    assert said(reading) == ("down", "expectation")
    assert reading.detail == f"127.0.0.1:{port} does not answer with 'pong'"


async def test_silence_is_a_timeout():
    async with datagrams(lambda _: []) as port:
        reading = await ask("udp", address=f"127.0.0.1:{port}", seconds=0.3)
    assert said(reading) == ("down", "timeout")


async def test_a_closed_port_is_refused_at_once():
    port = closed_port(socket.SOCK_DGRAM)
    assert said(await ask("udp", address=f"127.0.0.1:{port}")) == ("down", "refused")


async def test_a_datagram_that_is_lost_is_sent_again():
    heard = []

    def second(data):
        heard.append(data)
        return [b"ok"] if len(heard) > 1 else []

    async with datagrams(second) as port:
        reading = await ask("udp", address=f"127.0.0.1:{port}", send="x", seconds=4)
    assert said(reading) == ("up", "ok"), reading


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"address": "x"}, "address: "),
        ({"hexadecimal": "0"}, "hexadecimal: write two digits"),
        ({"hexadecimal": "00", "send": "x"}, "hexadecimal: give either"),
        ({"send": "x" * 1401}, "send: at most 1400 bytes"),
        ({"until": "("}, "until: "),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        UdpProbe(**{"address": "game.example.org:27015"} | options)
