"""The tcp probe against real peers."""

from __future__ import annotations

import pytest

from tests.probes.wires import (
    ask,
    closed_port,
    drip,
    enough,
    garbage,
    hang_up,
    reset,
    said,
    saying,
    serving,
    silence,
)
from watch.probes.tcp import TcpProbe


async def test_somebody_listening_is_up():
    async with serving(silence) as port:
        reading = await ask("tcp", address=f"127.0.0.1:{port}")
    assert said(reading) == ("up", "ok")
    assert reading.facts["address"] == f"127.0.0.1:{port}"
    assert reading.facts["latency"] == sum(reading.phases.values())
    assert set(reading.phases) == {"connect"}


async def test_nobody_listening_is_refused():
    assert said(await ask("tcp", address=f"127.0.0.1:{closed_port()}")) == ("down", "refused")


async def test_a_banner_that_fits_is_up_and_a_fact():
    async with serving(saying(b"22", b"0 mail ready\r\n", first=False)) as port:
        reading = await ask("tcp", address=f"127.0.0.1:{port}", until="^220 .*ready")
    assert said(reading) == ("up", "ok")
    assert reading.facts["answer"] == "220 mail ready\r\n"


async def test_another_banner_is_not_what_was_expected():
    async with serving(saying(b"554 go away\x1b[2J\r\n", first=False)) as port:
        reading = await ask("tcp", address=f"127.0.0.1:{port}", until="^220 ")
    assert said(reading) == ("down", "expectation")
    assert "554 go away" in reading.detail
    assert "\x1b" not in reading.detail


async def test_what_is_sent_is_answered():
    async def echo(reader, writer):
        writer.write(b"you said " + await reader.readline())
        await writer.drain()

    async with serving(echo) as port:
        reading = await ask("tcp", address=f"127.0.0.1:{port}", send="PING\r\n", until="you said PING")
    assert said(reading) == ("up", "ok")


@pytest.mark.parametrize(
    ("peer", "told"),
    [
        (silence, ("down", "timeout")),
        (drip, ("down", "timeout")),
        (hang_up, ("down", "reset")),
        (reset, ("down", "reset")),
        (garbage, ("down", "timeout")),
    ],
)
async def test_a_peer_that_does_not_answer_as_expected_is_down(peer, told):
    async with serving(peer) as port:
        reading = await ask(
            "tcp", address=f"127.0.0.1:{port}", send="x", until="220 ready", seconds=enough(told)
        )
    assert said(reading) == told


async def test_more_than_64_kib_without_the_answer_is_not_read():
    async with serving(saying(b"a" * 200_000)) as port:
        reading = await ask("tcp", address=f"127.0.0.1:{port}", send="x", until="220 ready")
    assert said(reading) == ("down", "expectation")


async def test_tls_is_spoken_and_the_name_proven(tls, ca_file):
    async with serving(saying(b"+OK ready\r\n", first=False), tls=tls) as port:
        there = {"address": f"localhost:{port}", "tls": True, "until": r"^\+OK"}
        assert said(await ask("tcp", **there, ca_file=ca_file)) == ("up", "ok")
        assert said(await ask("tcp", **there)) == ("down", "certificate")
        assert said(await ask("tcp", **there, verify=False)) == ("up", "ok")


async def test_tls_to_a_peer_that_speaks_none_is_a_tls_fault():
    async with serving(saying(b"220 plain text\r\n" * 5, first=False)) as port:
        reading = await ask("tcp", address=f"127.0.0.1:{port}", tls=True)
    assert said(reading) == ("down", "tls")


async def test_a_file_of_authorities_that_cannot_be_read_is_our_fault(tmp_path):
    async with serving(silence) as port:
        reading = await ask("tcp", address=f"127.0.0.1:{port}", tls=True, ca_file=tmp_path / "none.pem")
    assert said(reading) == ("unknown", "internal")


async def test_metadata_addresses_are_never_dialled():
    assert said(await ask("tcp", address="169.254.169.254:80")) == ("unknown", "internal")


async def test_a_pattern_cannot_take_exponential_time():
    async with serving(saying(b"a" * 60_000, first=False)) as port:
        reading = await ask("tcp", address=f"127.0.0.1:{port}", until="(a+)+$b")
    assert said(reading) == ("down", "expectation")


@pytest.mark.parametrize(
    "address", ["x", "x:", ":1", "x:0", "x:70000", "x:http", "2001:db8::1:443", "[::1]", "a b:1"]
)
def test_an_address_without_host_and_port_is_refused(address):
    with pytest.raises(ValueError, match=r"address: .* write it like"):
        TcpProbe(address=address)


def test_a_pattern_that_is_none_is_refused():
    with pytest.raises(ValueError, match="until: "):
        TcpProbe(address="x:1", until="(")


def test_the_peer_is_the_host():
    assert TcpProbe(address="[2001:db8::1]:443").peer() == "2001:db8::1"
