"""By which way a target is asked: each kind obeys all of `via` that it says it does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import textwrap
from datetime import timedelta
from pathlib import Path

import pytest

from tests.probes import peers
from tests.probes.names import answering, name_server
from tests.probes.wires import closed_port, hang_up, said, saying, serving, silence
from tests.yardstick import PATIENCE
from watch.clock import SystemClock
from watch.core.settings import Secret, Way
from watch.probes import kinds, of_kind
from watch.probes.base import DIALS
from watch.vantage.ask import asked

OURS = "127.0.0.77"
HERE = Path(__file__).parents[2]


async def by(kind, way, *, seconds=20.0, **options):
    probe = of_kind(kind)(**options)
    return await asked(probe, None, clock=SystemClock(), timeout=timedelta(seconds=seconds), way=Way(**way))


def elsewhere(options, host="target.invalid"):
    """The options that point a kind at *host* instead of the loopback's address."""
    return {k: v.replace("127.0.0.1", host) if isinstance(v, str) else v for k, v in options.items()}


def obeying(part, *transports):
    return [kind for kind in peers.speaking(*transports) if part in of_kind(kind).WAYS]


@contextlib.asynccontextmanager
async def listening(talk=hang_up):
    """A TCP port and who called there."""
    callers = []

    async def noted(reader, writer):
        callers.append(writer.get_extra_info("peername")[0])
        await talk(reader, writer)

    async with serving(noted) as port:
        yield port, callers


@contextlib.asynccontextmanager
async def hearing(answer=lambda _: [b"\0"]):
    """A UDP port and who sent something there; it answers nonsense, or what *answer* gives."""
    callers = []

    class Peer(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, there):
            callers.append(there[0])
            for reply in answer(data):
                self.transport.sendto(reply, there)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Peer, ("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1], callers
    finally:
        transport.close()
        await asyncio.sleep(0)


def test_every_kind_that_asks_over_the_network_obeys_some_way():
    assert {kind for kind in kinds() if of_kind(kind).WAYS} >= set(peers.speaking("tcp", "udp"))
    assert all(of_kind(kind).WAYS <= DIALS for kind in kinds())


@pytest.mark.parametrize("kind", obeying("source", "tcp"))
async def test_who_is_called_sees_our_source_address(kind):
    async with listening() as (port, callers):
        await by(kind, {"source": OURS}, **peers.ALL[kind].at(port), seconds=1)
        await by(kind, {"source": OURS, "interface": "lo"}, **peers.ALL[kind].at(port), seconds=1)
    assert set(callers) == {OURS}


@pytest.mark.parametrize("kind", obeying("source", "udp"))
async def test_who_is_sent_a_datagram_sees_our_source_address(kind):
    async with hearing() as (port, callers):
        await by(kind, {"source": OURS}, **peers.ALL[kind].at(port), seconds=0.2)
    assert set(callers) == {OURS}


@pytest.mark.parametrize("kind", obeying("address", "tcp"))
async def test_a_pinned_address_is_asked_whatever_the_name(kind):
    async with listening() as (port, callers):
        await by(kind, {"address": "127.0.0.1"}, **elsewhere(peers.ALL[kind].at(port)), seconds=1)
    assert callers


@pytest.mark.parametrize("kind", obeying("address", "udp"))
async def test_a_pinned_address_is_sent_to_whatever_the_name(kind):
    async with hearing() as (port, callers):
        await by(kind, {"address": "127.0.0.1"}, **elsewhere(peers.ALL[kind].at(port)), seconds=0.2)
    assert callers


@pytest.mark.parametrize("kind", obeying("proxy", "tcp"))
async def test_a_proxy_is_told_the_targets_name_and_dials_in_our_place(kind):
    heard = []

    async def talk(reader, writer):
        heard.append(await reader.read(4096))
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        await writer.drain()

    async with listening(talk) as (port, callers):
        proxy = Secret(f"http://bob:hunter2@127.0.0.1:{port}")
        reading = await by(kind, {"proxy": proxy, "source": OURS}, **elsewhere(peers.ALL[kind].at(4321)))
    assert b"target.invalid:4321" in heard[0].split(b"\r\n")[0]
    assert b"\r\nProxy-Authorization: Basic Ym9iOmh1bnRlcjI=\r\n" in heard[0]
    assert callers[0] == OURS
    assert "hunter2" not in reading.detail


@pytest.mark.parametrize(
    "kind", [k for k in kinds() if "source" in of_kind(k).WAYS and peers.ALL[k].TRANSPORT]
)
async def test_a_source_that_this_machine_has_not_is_our_fault(kind):
    reading = await by(kind, {"source": "192.0.2.99"}, **peers.ALL[kind].at(closed_port()))
    assert said(reading) == ("unknown", "internal"), reading


async def test_what_we_cannot_leave_by_is_named():
    there = {"address": f"127.0.0.1:{closed_port()}"}
    reading = await by("tcp", {"source": "192.0.2.99"}, **there)
    assert reading.detail == "cannot ask from source 192.0.2.99: this machine has no such address"
    reading = await by("tcp", {"interface": "nowhere0"}, **there)
    assert reading.detail == "cannot ask from interface nowhere0: this machine has no such interface"
    reading = await by("tcp", {"source": "::1"}, **there)
    assert said(reading) == ("unknown", "internal")
    assert "other family" in reading.detail


async def test_a_ping_leaves_from_the_source():
    assert said(await by("icmp", {"source": OURS}, host="127.0.0.1", packets=1)) == ("up", "ok")
    reading = await by("icmp", {"source": "192.0.2.99"}, host="127.0.0.1", packets=1)
    assert said(reading) == ("unknown", "internal")
    assert said(await by("icmp", {"address": "127.0.0.1"}, host="target.invalid", packets=1)) == ("up", "ok")


async def test_ports_are_knocked_at_from_the_source():
    async with listening() as (port, callers):
        await by("ports", {"source": OURS}, host="127.0.0.1", allowed=(str(port),), scan=())
    assert set(callers) == {OURS}


async def test_names_are_looked_up_with_the_nameserver_of_the_way_and_from_its_source():
    names, senders = [], []
    answer = answering({"www.test": "127.0.0.1"}, asked=names)
    async with name_server({"www.test": "192.0.2.1"}), listening() as (port, callers):
        async with hearing(answer) as (server, senders):
            way = {"resolver": ("127.0.0.1", server), "source": OURS}
            await by("tcp", way, address=f"www.test:{port}")
            await by("tcp", way, address=f"www.test:{port}")
        while len(callers) < 2:
            await asyncio.sleep(0)
    assert callers == [OURS, OURS]
    assert [name for name, _ in names] == ["www.test"], "and it is kept for as long as the answer says"
    assert senders == [OURS]


async def test_a_nameserver_of_the_way_that_is_silent_is_our_fault():
    way = {"resolver": ("127.0.0.1", closed_port())}
    assert said(await by("tcp", way, address="www.test:80", seconds=8)) == ("unknown", "internal")


async def test_an_address_is_pinned_for_the_target_and_not_for_where_it_sends_us():
    away = b"HTTP/1.1 302 Found\r\nLocation: http://other.test/\r\nContent-Length: 0\r\n\r\n"
    async with name_server({}), listening(saying(away)) as (port, callers):
        reading = await by("http", {"address": "127.0.0.1"}, url=f"http://target.invalid:{port}/")
    assert len(callers) == 1
    assert said(reading) == ("down", "dns")
    assert "other.test" in reading.detail


async def test_an_edge_is_asked_with_the_name_that_customers_use(nginx, ca_file):
    edge = {"address": "127.0.0.1"}
    reading = await by("http", edge, url=f"https://localhost:{nginx.https}/", ca_file=ca_file)
    assert said(reading) == ("up", "ok")
    reading = await by("http", edge, url=f"https://www.example.org:{nginx.https}/", ca_file=ca_file)
    assert said(reading) == ("down", "certificate"), "the edge shows the certificate of another name"


async def test_a_pinned_metadata_address_is_refused():
    reading = await by("http", {"address": "169.254.169.254"}, url="http://target.invalid/")
    assert reading.verdict.value != "up"
    assert "metadata" in reading.detail


async def test_no_proxy_is_sent_to_a_metadata_address():
    async with listening() as (port, callers):
        proxy = Secret(f"http://127.0.0.1:{port}")
        for way, host in (({}, "169.254.169.254"), ({"address": "169.254.169.254"}, "target.invalid")):
            reading = await by("tcp", {"proxy": proxy, **way}, address=f"{host}:80")
            assert reading.verdict.value != "up"
            assert "metadata" in reading.detail
    assert callers == []


async def pump(reader, writer):
    with contextlib.suppress(OSError):
        while chunk := await reader.read(4096):
            writer.write(chunk)
            await writer.drain()
        writer.close()


def socks(*, code=0, method=0, seen=None):
    """A SOCKS 5 proxy that connects with 127.0.0.1 whatever it is asked for, or answers *code*."""

    async def talk(reader, writer):
        methods = await reader.readexactly((await reader.readexactly(2))[1])
        writer.write(bytes((5, method if method in methods else 255)))
        if method == 2:
            name = await reader.readexactly((await reader.readexactly(2))[1])
            word = await reader.readexactly((await reader.readexactly(1))[0])
            writer.write(bytes((1, (name, word) != (b"bob", b"hunter2"))))
        head = await reader.readexactly(4)
        size = {1: 4, 4: 16}.get(head[3]) or (await reader.readexactly(1))[0]
        host, port = await reader.readexactly(size), int.from_bytes(await reader.readexactly(2), "big")
        if seen is not None:
            seen.append((head[3], host, port))
        writer.write(bytes((5, code, 0, 1)) + bytes(6))
        if code:
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    return talk


async def test_a_socks_proxy_carries_a_check_to_its_target():
    seen = []
    async with listening(saying(b"hello\r\n", first=False)) as (there, _), serving(socks(seen=seen)) as port:
        proxy = Secret(f"socks5://127.0.0.1:{port}")
        reading = await by("tcp", {"proxy": proxy}, address=f"target.invalid:{there}", until="hello")
        assert said(reading) == ("up", "ok"), reading
        await by("tcp", {"proxy": proxy, "address": "192.0.2.7"}, address=f"target.invalid:{there}")
    assert seen == [(3, b"target.invalid", there), (1, bytes((192, 0, 2, 7)), there)]


async def test_a_socks_proxy_that_wants_a_password_gets_it():
    async with listening(saying(b"hello\r\n", first=False)) as (there, _), serving(socks(method=2)) as port:
        good, bad = (Secret(f"socks5://bob:{word}@127.0.0.1:{port}") for word in ("hunter2", "wrong"))
        options = {"address": f"target.invalid:{there}"}
        assert said(await by("tcp", {"proxy": good}, **options)) == ("up", "ok")
        reading = await by("tcp", {"proxy": bad}, **options)
        assert said(reading) == ("unknown", "internal")
        assert "wrong" not in reading.detail


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (5, ("down", "refused")), (4, ("down", "unreachable")), (3, ("down", "unreachable")),
        (1, ("unknown", "internal")), (2, ("unknown", "internal")),
    ],
)  # fmt: skip
async def test_what_a_socks_proxy_says_of_the_target_is_the_targets(code, told):
    async with serving(socks(code=code)) as port:
        reading = await by(
            "tcp", {"proxy": Secret(f"socks5://127.0.0.1:{port}")}, address="target.invalid:80"
        )
    assert said(reading) == told


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize(
    "talk", [silence, hang_up, saying(b"nonsense" * 5000)], ids=["silent", "gone", "mad"]
)
async def test_a_proxy_that_is_broken_is_our_fault(scheme, talk):
    async with serving(talk) as port:
        proxy = Secret(f"{scheme}://127.0.0.1:{port}")
        for kind in ("tcp", "tls"):
            reading = await by(kind, {"proxy": proxy}, **elsewhere(peers.ALL[kind].at(1)), seconds=0.3)
            assert said(reading) == ("unknown", "internal"), reading
    gone = Secret(f"{scheme}://127.0.0.1:{closed_port()}")
    assert said(await by("tcp", {"proxy": gone}, address="target.invalid:80")) == ("unknown", "internal")


# Two carriers between us and a target: two network namespaces, each with a link of its own to both.
CARRIERS = """
set -e
mount -t tmpfs none /run
ip link set lo up
for n in level3 cogent target; do ip netns add $n; ip -n $n link set lo up; done
for n in level3 cogent; do ip netns exec $n sh -c "echo 1 > /proc/sys/net/ipv4/ip_forward"; done
link() {  # ours, carrier, number
  ip link add $1 type veth peer name us netns $2
  ip -n $2 link add them type veth peer name $2 netns target
  ip addr add 10.8.$3.1/24 dev $1; ip link set $1 up
  ip -n $2 addr add 10.8.$3.2/24 dev us; ip -n $2 link set us up
  ip -n $2 addr add 10.7.$3.1/24 dev them; ip -n $2 link set them up
  ip -n target addr add 10.7.$3.2/24 dev $2; ip -n target link set $2 up
  ip -n target route add 10.8.$3.0/24 via 10.7.$3.1
  ip -n $2 route add 10.6.0.0/24 via 10.7.$3.2
}
link eth1 level3 1; link eth2 cogent 2
ip -n target addr add 10.6.0.1/32 dev lo
ip route add 10.6.0.0/24 via 10.8.1.2 dev eth1 metric 10
ip route add 10.6.0.0/24 via 10.8.2.2 dev eth2 metric 20
ip netns exec target sh -c "exec %s -c 'import socket; s = socket.create_server((\\"10.6.0.1\\", 80)); [s.accept()[0].close() for _ in range(100)]'" &
server=$!
trap "kill $server" EXIT
for n in $(seq 100); do ip netns exec target sh -c "grep -q ' 0100060A:0050 .* 0A ' /proc/net/tcp" && break; done
"$@"
ip -n level3 link set them down
"$@"
"""


def test_one_target_asked_over_each_carrier_tells_which_of_them_is_cut(tmp_path):
    config = tmp_path / "checks.yaml"
    config.write_text(
        textwrap.dedent("""
        components:
          web:
            checks:
              up:
                tcp: 10.6.0.1:80
                timeout: 3s
                via: {level3: {interface: eth1}, cogent: {interface: eth2}}
    """)
    )
    shell = ["/usr/bin/unshare", "-nm", "/bin/sh", "-c", CARRIERS % sys.executable, "sh"]
    ask = [sys.executable, "-m", "watch", "--config", str(config), "check", "--json"]
    ask = ["sh", "-c", '"$@" || true', "sh", *ask]
    done = subprocess.run(
        [*shell, *ask], capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=HERE
    )
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    before = {it["check"]: it["verdict"] for it in told[:2]}
    after = {it["check"]: (it["verdict"], it["reason"]) for it in told[2:]}
    assert before == {"web/up[level3]": "up", "web/up[cogent]": "up"}
    assert after["web/up[cogent]"] == ("up", "ok")
    assert after["web/up[level3]"] in {("down", "timeout"), ("down", "unreachable")}
