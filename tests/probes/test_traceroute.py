"""The traceroute probe along three routers, each of which is a network namespace of this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.probes.names import name_server
from tests.probes.wires import ask, assumed, said, timed
from tests.yardstick import PATIENCE
from watch.probes.traceroute import TracerouteProbe

QUICK = {"wait": timedelta(milliseconds=200), "rounds": 1}
HERE = Path(__file__).parents[2]
# Four stations in a row: here, two routers, the host. Their network namespaces live under a /run of our own.
CHAIN = """
set -e
mount -t tmpfs none /run
ip link set lo up
echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
for n in 1 2 3; do
  ip netns add r$n
  ip -n r$n link set lo up
  ip netns exec r$n sh -c "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad"
  for f in ipv4/ip_forward ipv6/conf/all/forwarding; do ip netns exec r$n sh -c "echo 1 > /proc/sys/net/$f"; done
  ip netns exec r$n sh -c "echo 0 > /proc/sys/net/ipv6/icmp/ratelimit"
done
join() {  # from, to, link: x.1 is the nearer end
  near="${1:+-n $1}"
  ip $near link add to$3 type veth peer name from$3 netns $2
  ip $near addr add 10.9.$3.1/24 dev to$3; ip $near addr add fd09:$3::1/64 dev to$3 nodad
  ip -n $2 addr add 10.9.$3.2/24 dev from$3; ip -n $2 addr add fd09:$3::2/64 dev from$3 nodad
  ip $near link set to$3 up; ip -n $2 link set from$3 up
  ip -n $2 route add default via 10.9.$3.1; ip -n $2 route add default via fd09:$3::1
}
join "" r1 1; join r1 r2 2; join r2 r3 3
ip route add default via 10.9.1.2; ip route add default via fd09:1::2
ip -n r1 route add 10.9.0.0/16 via 10.9.2.2; ip -n r1 route add fd09:3::/64 via fd09:2::2
ip -n r1 route add 203.0.113.0/24 via 10.9.2.2; ip -n r2 route add unreachable 203.0.113.0/25
ip -n r2 route add blackhole 203.0.113.128/25
ip -n r1 route add 198.51.100.0/24 via 10.9.2.2; ip -n r2 route add 198.51.100.0/24 via 10.9.2.1
for host in 10.9.3.2 fd09:3::2; do  # the links come up by themselves
  for n in $(seq 50); do ping -c1 -W1 -q $host >/dev/null 2>&1 && break; done
done
%s
exec setpriv --inh-caps=-all --bounding-set=-all "$@"
"""
ASK = """
import asyncio, json, sys
from datetime import timedelta
sys.path.insert(0, sys.argv[1])
from tests.probes.wires import ask, said
from watch.core.expect import compile_judge
from watch.probes.base import reference
from watch.probes.traceroute import TracerouteProbe
from watch.probes.wire.net.engines import close_all

async def main():
    for options in json.loads(sys.argv[2]):
        wait, told = timedelta(milliseconds=300), (options.pop("expect", []), options.pop("warn", []))
        judge = compile_judge(*told, reference(TracerouteProbe).facts, {})
        reading = await ask("traceroute", **({"wait": wait, "seconds": 8, "judge": judge} | options))
        print(json.dumps([*said(reading), reading.detail, dict(reading.facts)]))
    await close_all()

asyncio.run(main())
"""


def along_the_chain(*asked, more=""):
    """Return the readings of a process without capabilities at the near end of the chain."""
    shell = ["/usr/bin/unshare", "-nm", "/bin/sh", "-c", CHAIN % more, "sh"]
    command = [*shell, sys.executable, "-c", ASK, str(HERE), json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_host_behind_two_routers_is_reached_by_them_and_no_privilege():
    through = {"a": "10.9.2.0/24", "b": "192.0.2.0/24, 10.9.1.2", "c": "10.8.0.0/16"}
    began = time.monotonic()
    four, six = along_the_chain({"host": "10.9.3.2", "through": through}, {"host": "fd09:3::2"})
    assert four[:2] == ["up", "ok"]
    facts = four[3]
    assert 0 < facts.pop("latency") < time.monotonic() - began
    assert facts == {
        "reached": True,
        "hops": 3,
        "path": "10.9.1.2 > 10.9.2.2 > 10.9.3.2",
        "silent": 0,
        "loop": False,
        "last": "10.9.3.2",
        "through": "b, a",
        "carrier": "b",
        "address": "10.9.3.2",
    }
    assert six[3]["path"] == "fd09:1::2 > fd09:2::2 > fd09:3::2"
    assert six[3]["reached"] is True


# A second carrier, r4, between here and the host, and the route that leads by it.
OTHER_CARRIER = """
ip netns add r4
for f in ipv4/ip_forward ipv4/conf/all/rp_filter; do ip netns exec r4 sh -c "echo 1 > /proc/sys/net/$f"; done
ip netns exec r3 sh -c "echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter"
join "" r4 4
ip -n r4 link add to5 type veth peer name from5 netns r3
ip -n r4 addr add 10.9.5.1/24 dev to5; ip -n r3 addr add 10.9.5.2/24 dev from5
ip -n r4 link set to5 up; ip -n r3 link set from5 up
ip -n r4 route add 10.9.3.2 via 10.9.5.2; ip -n r3 route add 10.9.4.0/24 via 10.9.5.1
ip route add 10.9.3.2 via 10.9.4.2
for n in $(seq 50); do ping -c1 -W1 -q 10.9.3.2 >/dev/null 2>&1 && break; done
"""


def test_a_way_by_another_carrier_is_down_or_degraded_as_told():
    asked = {"host": "10.9.3.2", "through": {"first": "10.9.1.2, 10.9.2.0/24", "second": "10.9.4.0/24"}}
    judged = [asked | {"expect": ['carrier == "first"']}, asked | {"warn": ['carrier == "first"']}]
    assert [reading[:2] for reading in along_the_chain(*judged)] == [["up", "ok"]] * 2
    down, degraded = along_the_chain(*judged, more=OTHER_CARRIER)
    assert down[:2] == ["down", "expectation"]
    assert "second" in down[2]
    assert degraded[:2] == ["degraded", "expectation"]
    assert degraded[3]["path"] == "10.9.4.2 > 10.9.3.2"


def test_a_host_that_forbids_it_has_answered_all_the_same():
    # What a firewall on the host does: "administratively prohibited", from the host's own address.
    forbid = """
ip -n r3 rule add pref 90 iif from3 prohibit; ip -n r3 rule add pref 100 table local; ip -n r3 rule del pref 0
"""
    (reading,) = along_the_chain({"host": "10.9.3.2", "hops": 5}, more=forbid)
    facts = reading[3]
    assert (facts["reached"], facts["hops"], facts["last"]) == (True, 3, "10.9.3.2")


def test_where_the_way_ends_is_told():
    unreachable, dropped, loop = along_the_chain(
        {"host": "203.0.113.1"}, {"host": "203.0.113.200", "hops": 5}, {"host": "198.51.100.1", "hops": 6}
    )
    for _, _, _, facts in (unreachable, dropped, loop):
        assert facts["reached"] is False
        assert "latency" not in facts
    assert (unreachable[3]["hops"], unreachable[3]["last"]) == (2, "10.9.2.2")
    assert (dropped[3]["path"], dropped[3]["loop"]) == ("10.9.1.2", False)
    assert loop[3]["loop"] is True


def test_a_silent_router_is_a_star_and_no_fault():
    mute = "ip -n r1 rule add iif lo blackhole"  # what it says itself goes nowhere; what it forwards does
    (reading,) = along_the_chain({"host": "10.9.3.2", "hops": 5}, more=mute)
    assert reading[:2] == ["up", "ok"]
    facts = reading[3]
    assert (facts["path"], facts["silent"], facts["reached"]) == ("* > 10.9.2.2 > 10.9.3.2", 1, True)


def test_a_host_that_hides_is_not_reached():
    mute = "ip -n r3 rule add iif lo blackhole"
    (reading,) = along_the_chain({"host": "10.9.3.2", "hops": 5}, more=mute)
    facts = reading[3]
    assert (facts["path"], facts["reached"], facts["hops"]) == ("10.9.1.2 > 10.9.2.2", False, 2)


def test_no_route_at_all_is_unreachable_and_nobody_answering_a_timeout():
    nowhere = "ip route add unreachable 192.0.2.0/25; ip route add 192.0.2.128/25 dev lo"
    routeless, nobody = along_the_chain(
        {"host": "192.0.2.1"}, {"host": "10.9.1.77", "hops": 2, "seconds": 1}, more=nowhere
    )
    assert routeless[:2] == ["down", "unreachable"]
    assert nobody[:2] == ["down", "timeout"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_this_machine_is_one_hop_away(host):
    reading, took = await timed(ask("traceroute", host=host, **QUICK, judge=assumed("traceroute")))
    assert said(reading) == ("up", "ok")
    assert (reading.facts["hops"], reading.facts["path"], reading.facts["reached"]) == (1, host, True)
    assert 0 < reading.facts["latency"] < took


async def test_a_name_is_looked_up_first():
    async with name_server({"router.test": "127.0.0.3"}):
        reading = await ask("traceroute", host="router.test", wait=timedelta(seconds=5), rounds=1)
    assert reading.facts["address"] == "127.0.0.3"


async def test_a_way_that_is_too_long_is_degraded_if_so_told():
    from watch.core.expect import compile_judge
    from watch.probes.base import reference

    facts = reference(TracerouteProbe).facts
    judge = compile_judge([], ["hops == 0"], facts, TracerouteProbe.ASSUMED, TracerouteProbe.WARNED)
    assert said(await ask("traceroute", host="127.0.0.1", **QUICK, judge=judge)) == (
        "degraded",
        "expectation",
    )


async def test_a_way_through_none_of_the_networks_is_down():
    through = {"carrier": "198.51.100.0/24"}
    reading = await ask("traceroute", host="127.0.0.1", through=through, **QUICK, judge=assumed("traceroute"))
    assert said(reading) == ("down", "expectation")


@pytest.mark.parametrize(
    "options",
    [{"hops": 0}, {"hops": 65}, {"rounds": 0}, {"port": 65400}, {"through": {"x": "10.0.0.0/33"}}],
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match=f"^{next(iter(options))}: "):
        TracerouteProbe(host="x", **options)
