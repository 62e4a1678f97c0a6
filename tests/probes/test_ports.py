"""The ports probe against listeners on the loopback, and against servers and silence in a network of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.probes.wires import Meter, ask, assumed, closed_port, datagrams, said, serving, silence, timed
from tests.yardstick import HOLD, PATIENCE, cancelled
from watch.core.expect import compile_judge
from watch.probes.base import reference
from watch.probes.ports import PortsProbe
from watch.probes.wire.net.portlist import Port, read, written

HERE = Path(__file__).parents[2]
ASSUMED = assumed("ports")


def ignore(data):
    return []


async def test_a_port_that_is_open_and_may_be_is_up():
    async with serving(silence) as port:
        shut = free_port()
        reading, took = await timed(
            ask("ports", host="127.0.0.1", allowed=(str(port),), scan=(str(shut),), judge=ASSUMED)
        )
    assert said(reading) == ("up", "ok")
    facts = reading.facts
    assert (facts["open"], facts["unexpected"], facts["missing"]) == (str(port), "", "")
    assert (facts["doors"], facts["closed"], facts["silent"]) == (1, 1, 0)
    assert 0 < facts["latency"] <= took


async def test_a_port_that_was_opened_and_may_not_be_is_down_and_named():
    async with serving(silence) as port:
        reading = await ask("ports", host="127.0.0.1", scan=(str(port),), judge=ASSUMED)
    assert said(reading) == ("down", "expectation")
    assert str(port) in reading.detail


async def test_a_port_that_may_be_open_and_is_not_is_degraded_if_so_told():
    shut = free_port()
    judge = compile_judge(
        [], ['missing == ""'], reference(PortsProbe).facts, PortsProbe.ASSUMED, PortsProbe.WARNED
    )
    reading = await ask("ports", host="127.0.0.1", allowed=(str(shut),), scan=(), judge=judge)
    assert said(reading) == ("degraded", "expectation")
    assert str(shut) in reading.detail


async def test_ipv6_has_a_check_of_its_own():
    async with serving(silence, host="::1") as port:
        six = await ask("ports", host="localhost", family="6", scan=(str(port),))
        four = await ask("ports", host="localhost", family="4", scan=(str(port),))
    assert six.facts["open"] == str(port)
    assert four.facts["open"] == ""


async def test_over_udp_an_answer_is_open_a_refusal_closed_and_silence_neither():
    quick = timedelta(milliseconds=200)
    async with datagrams(lambda data: [data]) as echo, datagrams(ignore) as mute:
        shut = closed_port(socket.SOCK_DGRAM)
        ports = tuple(f"{port}/udp" for port in (echo, mute, shut))
        reading = await ask("ports", host="127.0.0.1", allowed=ports, scan=(), wait=quick)
    facts = reading.facts
    assert facts["open"] == f"{echo}/udp"
    assert facts["missing"] == f"{shut}/udp"
    assert (facts["doors"], facts["closed"], facts["silent"]) == (1, 1, 1)


async def test_a_knock_that_is_lost_is_repeated():
    heard = []

    def second_time(data):
        heard.append(data)
        return [data] if len(heard) == 2 else []

    quick = timedelta(milliseconds=400)
    async with datagrams(second_time) as port:
        reading = await ask("ports", host="127.0.0.1", scan=(f"{port}/udp",), wait=quick)
    assert reading.facts["open"] == f"{port}/udp"


async def test_thousands_of_ports_do_not_hold_the_loop():
    async with serving(silence) as port, Meter() as meter:
        reading = await ask("ports", host="127.0.0.1", scan=("1-5000", str(port)), seconds=20)
    assert said(reading) == ("up", "ok")
    assert str(port) in reading.facts["open"]
    assert meter.held < 2 * HOLD


async def test_an_audit_that_had_no_time_to_end_is_our_fault():
    async with datagrams(ignore) as mute:
        reading = await ask("ports", host="127.0.0.1", scan=(f"{mute}/udp",), seconds=0.2)
    assert said(reading) == ("unknown", "internal")
    assert "longer timeout" in reading.detail


async def test_a_cancelled_audit_ends_at_once():
    async with datagrams(ignore) as mute:
        run = asyncio.ensure_future(ask("ports", host="127.0.0.1", scan=(f"{mute}/udp", "1-300"), seconds=60))
        await asyncio.wait([run], timeout=0.2)
        await cancelled(run)
        assert run.cancelled()


# A host that drops everything, one that nobody has a route to, and this one, with real servers on their own ports.
# The probe is the first process of its own space of processes: when it ends, so do the servers.
NETWORK = """
set -e
ip link set lo up; ip link add d0 type veth peer name d1; ip link set d0 up; ip link set d1 up;
ip addr add 192.0.2.1/24 dev d0
ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev d0; ip route add unreachable 203.0.113.0/24
cd "$1"; shift
printf 'agentaddress udp:127.0.0.1:161\\nrocommunity public 127.0.0.1\\n' > snmpd.conf
SNMP_PERSISTENT_DIR=$PWD/state MIBS= /usr/sbin/snmpd -f -Lo -I -smux -C -c snmpd.conf -p $PWD/snmpd.pid >/dev/null 2>&1 &
/usr/sbin/dnsmasq -k -C /dev/null -u root --no-resolv --no-hosts --pid-file= --listen-address=127.0.0.1 >/dev/null 2>&1 &
printf 'cmdport 0\\nbindcmdaddress /\\nbindaddress 127.0.0.1\\nlocal\\nallow\\nuser root\\npidfile %s/chrony.pid\\n' "$PWD" > chrony.conf
/usr/sbin/chronyd -n -x -U -d -f chrony.conf >/dev/null 2>&1 &
/usr/bin/memcached -l 127.0.0.1 -U 11211 -u root >/dev/null 2>&1 &
cd /
exec "$@"
"""
ASK = """
import asyncio, json, sys
from datetime import timedelta
sys.path.insert(0, sys.argv[1])
from tests.probes.wires import ask, said
from watch.probes.wire.net.engines import close_all

WANTED = "53, 11211, 53/udp, 123/udp, 161/udp, 11211/udp"

async def main():
    scan = ("53", "11211", "11211/udp", "53/udp", "111/udp", "123/udp", "161/udp")
    for _ in range(30):  # until the servers are up
        reading = await ask("ports", host="127.0.0.1", scan=scan, seconds=5)
        if reading.facts["open"] == WANTED:
            break
    print(json.dumps([*said(reading), dict(reading.facts)]))
    for host, allowed in (("192.0.2.9", ("443",)), ("192.0.2.9", ()), ("203.0.113.1", ("443",))):
        reading = await ask("ports", host=host, allowed=allowed, scan=("1-300", "53/udp"), seconds=8)
        print(json.dumps([*said(reading), dict(reading.facts)]))
    await close_all()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """What the probe says of the hosts of NETWORK, in the order of ASK."""
    shell = [
        "/usr/bin/unshare",
        "-npf",
        "--kill-child",
        "/bin/sh",
        "-c",
        NETWORK,
        "sh",
        tmp_path_factory.mktemp("net"),
    ]
    command = [*shell, sys.executable, "-c", ASK, HERE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_services_that_answer_only_their_own_language_are_found(network):
    assert network[0][:2] == ["up", "ok"]
    assert network[0][2]["open"] == "53, 11211, 53/udp, 123/udp, 161/udp, 11211/udp"
    assert network[0][2]["closed"] == 1


def test_a_host_that_answers_nowhere_is_down_if_it_should_somewhere(network):
    assert network[1][:2] == ["down", "timeout"]
    assert network[2][:2] == ["up", "ok"]
    assert network[2][2]["silent"] == 301


def test_a_host_without_a_route_is_unreachable(network):
    assert network[3][:2] == ["down", "unreachable"]


def test_ports_are_written_as_they_are_read():
    assert read(["443", 80, "8000-8002", "53/udp", " 9/tcp "]) == {
        *(Port("tcp", n) for n in (9, 80, 443, 8000, 8001, 8002)),
        Port("udp", 53),
    }
    assert written(read(["443", "8000-8002", "53/udp", "8001/udp"])) == "443, 8000-8002, 53/udp, 8001/udp"
    assert written(read([str(n) for n in range(1, 200, 2)])).endswith(", and 60 more")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"allowed": ("http",)}, "allowed: "),
        ({"allowed": ("0",)}, "allowed: "),
        ({"scan": ("90-80",)}, "scan: "),
        ({"scan": ("70000",)}, "scan: "),
        ({"scan": ()}, "scan: "),
        ({"at_once": 0}, "at_once: "),
    ],
)
def test_options_that_make_no_sense_are_refused(options, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        PortsProbe(host="x", **options)
