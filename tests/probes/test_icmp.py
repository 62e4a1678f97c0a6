"""The icmp probe: on raw sockets as root, through /usr/bin/ping without, and in a network of its own."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.probes.names import name_server
from tests.probes.wires import ask, said, timed
from tests.yardstick import PATIENCE
from watch.probes.icmp import IcmpProbe
from watch.probes.wire.net.echo import Echo
from watch.probes.wire.net.echo_packet import packet
from watch.probes.wire.net.engines import adopt, shared

QUICK = {"gap": timedelta(milliseconds=10)}
HERE = Path(__file__).parents[2]


def denied(family, kind):
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("localhost", "127.0.0.1")]
)
async def test_a_host_that_answers_is_up_with_its_round_trips(host, address):
    reading, took = await timed(ask("icmp", host=host, **QUICK))
    assert said(reading) == ("up", "ok")
    facts = reading.facts
    assert 0 < facts["rtt.min"] <= facts["latency"] <= facts["rtt.max"] < took
    assert (facts["loss"], facts["address"]) == (0, address)


async def test_a_name_is_looked_up_first():
    async with name_server({"router.test": "127.0.0.3"}):
        reading = await ask("icmp", host="router.test", **QUICK)
    assert reading.facts["address"] == "127.0.0.3"
    assert set(reading.phases) == {"resolve"}


async def test_hundreds_of_targets_share_one_socket_and_lose_nothing():
    asked = [ask("icmp", host=f"127.0.{n // 250}.{n % 250 + 1}", packets=1, seconds=30) for n in range(500)]
    readings = await asyncio.gather(*asked)
    assert [reading for reading in readings if said(reading) != ("up", "ok")] == []
    assert len(shared(Echo)._sockets) == 1


def missing(every: int):
    """An opener of sockets that miss one of *every* replies; 1: all of them."""

    class Lossy(socket.socket):
        heard = 0

        def recvfrom(self, size):
            data, source = super().recvfrom(size)
            raw = self.type == socket.SOCK_RAW
            if data[20:21] == b"\0" if raw else data[:1] == b"\0":
                self.heard += 1
                return (b"", source) if self.heard % every == 0 else (data, source)
            return data, source

    return lambda family, kind: Lossy(family, kind | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMP)


async def test_pings_without_a_reply_are_lost_and_the_others_count():
    echo = Echo(opener=missing(2))
    adopt(echo)
    reading = await ask("icmp", host="127.0.0.1", packets=4, wait=timedelta(milliseconds=50), **QUICK)
    assert said(reading) == ("up", "ok")
    assert reading.facts["loss"] == 0.5
    assert 0 < reading.facts["rtt.min"] <= reading.facts["rtt.max"]
    await asyncio.sleep(0)  # the callbacks of the last one
    assert echo._awaited == {}


async def test_without_any_reply_it_is_down_after_the_wait():
    adopt(Echo(opener=missing(1)))
    reading = await ask("icmp", host="127.0.0.1", packets=2, wait=timedelta(milliseconds=50), **QUICK)
    assert said(reading) == ("down", "timeout")
    assert reading.detail == "no reply from 127.0.0.1 to 2 pings"


async def test_a_run_that_is_cut_short_says_how_many_pings_were_answered():
    echo = Echo(opener=missing(2))
    adopt(echo)
    reading = await ask("icmp", host="127.0.0.1", packets=2, wait=timedelta(seconds=30), seconds=0.1, **QUICK)
    assert said(reading) == ("down", "timeout")
    assert "1 of 2 pings to 127.0.0.1 were answered" in reading.detail
    await asyncio.sleep(0)  # the callbacks of the last one
    assert echo._awaited == {}


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.binary(min_size=8, max_size=1400))
def test_the_words_of_a_request_add_up_as_rfc_1071_wants(ident, sequence, payload):
    sent = packet(socket.AF_INET, ident, sequence, payload)
    padded = sent + b"\0" * (len(sent) % 2)
    total = sum(int.from_bytes(padded[n : n + 2], "big") for n in range(0, len(padded), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF


async def test_forged_replies_do_not_count():
    echo = Echo()
    adopt(echo)
    future = echo.ping("127.0.0.1", 56)
    token, awaited = next(iter(echo._awaited.items()))
    head = echo._ident.to_bytes(2, "big") + awaited.sequence.to_bytes(2, "big")
    good = b"\0\0\0\0" + head + token.ljust(56, b"\0")
    for family, data, source in (
        (socket.AF_INET, good, "127.0.0.2"),  # from somebody else
        (socket.AF_INET, b"\x08" + good[1:], "127.0.0.1"),  # our own request, looped back
        (socket.AF_INET, good[:6] + b"\xff\xff" + good[8:], "127.0.0.1"),  # another sequence number
        (socket.AF_INET, good[:8] + b"x" * 56, "127.0.0.1"),  # another token
        (socket.AF_INET, good[:12], "127.0.0.1"),  # cut off
    ):
        echo._hear(family, data, source)
        assert not future.done()
    echo._hear(socket.AF_INET, good, "127.0.0.1")
    assert future.done()


async def test_without_permission_the_program_ping_is_asked():
    adopt(Echo(opener=denied))
    reading, took = await timed(ask("icmp", host="127.0.0.1", packets=2))
    assert said(reading) == ("up", "ok")
    assert 0 < reading.facts["latency"] < took


async def test_the_program_is_stopped_when_the_run_is():
    adopt(Echo(opener=denied))
    reading = await ask("icmp", host="127.0.0.1", packets=20, seconds=0.3)
    assert said(reading) == ("down", "timeout")


@pytest.mark.parametrize("program", [None, "/nonexistent/ping"])
async def test_without_permission_and_program_it_is_our_fault_and_says_what_to_grant(program):
    adopt(Echo(opener=denied, program=program))
    reading = await ask("icmp", host="127.0.0.1")
    assert said(reading) == ("unknown", "internal")
    assert "CAP_NET_RAW" in reading.detail
    assert "ping_group_range" in reading.detail


SCRIPT = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from tests.probes.wires import ask, said
from watch.probes.wire.net.engines import close_all

async def main():
    for host in sys.argv[2:]:
        reading = await ask("icmp", host=host, packets=2, seconds=3)
        print(host, *said(reading), reading.detail)
    await close_all()

asyncio.run(main())
"""


def outside(*wrapper, hosts):
    """Return what the probe says of *hosts* in a process started by *wrapper*."""
    command = [*wrapper, sys.executable, "-c", SCRIPT, str(HERE), *hosts]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_process_without_capabilities_reads_unknown_never_down():
    (line,) = outside("/usr/bin/setpriv", "--inh-caps=-all", "--bounding-set=-all", hosts=["127.0.0.1"])
    assert line.startswith("127.0.0.1 unknown internal ICMP is not permitted")


def test_a_process_in_the_ping_group_needs_no_capability():
    script = 'ip link set lo up; echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range; exec setpriv --inh-caps=-all --bounding-set=-all "$@"'
    lines = outside("/usr/bin/unshare", "-n", "/bin/sh", "-c", script, "sh", hosts=["127.0.0.1", "::1"])
    assert [line.split()[:3] for line in lines] == [["127.0.0.1", "up", "ok"], ["::1", "up", "ok"]]


@pytest.mark.parametrize("group", ["1 0", "0 2147483647"])
def test_silence_and_missing_routes_have_their_reasons(group):
    # A network of its own, where this machine ignores pings and there is no way out.
    script = f"""ip link set lo up; echo "{group}" > /proc/sys/net/ipv4/ping_group_range
    echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all; ip route add unreachable 203.0.113.0/25
    exec "$@" """
    hosts = ["127.0.0.1", "203.0.113.1", "203.0.113.200", "2001:db8::1"]
    lines = outside("/usr/bin/unshare", "-n", "/bin/sh", "-c", script, "sh", hosts=hosts)
    assert [line.split()[1:3] for line in lines] == [["down", "timeout"], *[["down", "unreachable"]] * 3]


@pytest.mark.parametrize("options", [{"packets": 0}, {"packets": 21}, {"size": 8}, {"gap": timedelta(0)}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match=f"^{next(iter(options))}: "):
        IcmpProbe(host="x", **options)
