"""Traceroute: the routers on the path to a host, and the networks they belong to."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from watch.core.reading import ProbeFailure, Reading, Reason, Verdict
from watch.probes.base import SENDS, Described, probe
from watch.probes.wire.net.blame import cut_short
from watch.probes.wire.net.options import Family, check_name
from watch.probes.wire.net.resolver import located

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.net.route import Walk

_MOST = 64


@probe("traceroute", main="host")
@dataclass(frozen=True, slots=True, kw_only=True)
class TracerouteProbe(Family, Described):
    """Trace the path to a host, router by router, with UDP datagrams; no privilege is needed.

    A host that is not reached is down, although some hosts only ignore UDP: write `reached == false or hops <
    9` to judge the path alone. A silent router is a * in the path and not a fault. With load balancing, two
    traces may differ.

    Options:
        host: A name or an address.
        through: Names for addresses or networks; several for one name are separated by commas: {carrier-a:
            "198.51.100.0/24, 2001:db8::/32", carrier-b: 192.0.2.1}.
        hops: The largest number of hops, 1 to 64.
        rounds: How often a silent router is asked, 1 to 5.
        wait: How long to wait for the answers of each round.
        port: The first of the destination ports; nothing should listen there.

    Facts:
        reached (bool, unreachable): Whether the host itself answered.
        hops (count): The distance of the host; if it did not answer, of the last router that did.
        path (text): The addresses of the routers in order, * for a silent one, the host last.
        silent (count): How many hops did not answer.
        loop (bool): Whether a router is on the path twice.
        last (text): The last address that answered.
        through (text): The names of `through` that the path crosses, in order; empty for none, which is down
            unless you write an expectation of your own.
        carrier (text): The first of them.
        latency (duration, slow): The round trip to the host.
        address (text): The address that was traced.

    Reasons:
        ok, slow, timeout, unreachable, expectation, dns

    Example:
        traceroute: {host: www.example.org, through: {carrier-a: 198.51.100.0/24, carrier-b: 192.0.2.0/24}}
        expect: [reached == true or hops > 3]
        warn: ['carrier == "carrier-a"', latency < 80ms]
    """

    WAYS: ClassVar[frozenset[str]] = SENDS
    ASSUMED: ClassVar[Mapping[str, str]] = {
        "reached": "reached == true",
        "through": 'not through == ""',
    }

    host: str
    through: Mapping[str, str] = field(default_factory=dict)
    hops: int = 30
    rounds: int = 2
    wait: timedelta = timedelta(seconds=1)
    port: int = 33434

    def __post_init__(self) -> None:
        check_name("host", self.host)
        if not 1 <= self.hops <= _MOST:
            raise ValueError(f"hops: from 1 to {_MOST}")
        if not 1 <= self.rounds <= 5:
            raise ValueError("rounds: from 1 to 5")
        if not 1 <= self.port <= 65535 - 5 * _MOST:
            raise ValueError("port: from 1 to 65215; some hundreds of ports after it are used, too")
        _networks(self.through)

    def peer(self) -> str:
        return self.host

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        from watch.probes.wire.net.route import Walk  # noqa: PLC0415 - when a check needs it

        phases = dict[str, float]()
        ip = await located(self.host, family=self.family, metadata=True, phases=phases)
        walk = Walk(ip, self.hops, self.port)
        try:
            await walk.go(self.rounds, self.wait.total_seconds())
        except asyncio.CancelledError as stop:
            words = f"the path to {ip} was traced for {max(walk.hops, default=0)} hops when time was up"
            raise cut_short(stop, ProbeFailure(Reason.TIMEOUT, words)) from stop
        if not walk.hops:
            raise ProbeFailure(Reason.TIMEOUT, f"neither {ip} nor any router on the path answers")
        return Reading(Verdict.UP, facts=self._facts(walk), phases=phases)

    def _facts(self, walk: Walk) -> dict[str, FactValue]:
        from watch.probes.wire.net.route import ARRIVED  # noqa: PLC0415 - as above

        far = walk.end or max(walk.hops)
        met = [
            walk.hops[distance].address if distance in walk.hops else "*" for distance in range(1, far + 1)
        ]
        last = walk.hops[far]
        reached = last.end == ARRIVED
        facts: dict[str, FactValue] = {
            "reached": reached,
            "hops": far,
            "path": " > ".join(met),
            "silent": met.count("*"),
            "loop": _turns_back(met),
            "last": last.address,
            "address": walk.ip,
        }
        if self.through:
            names = self._names(met)
            facts |= {"through": ", ".join(names), "carrier": next(iter(names), "")}
        return facts | ({"latency": last.took} if reached else {})

    def _names(self, met: Sequence[str]) -> list[str]:
        """The names of the networks on the path, in order, each once."""
        networks = _networks(self.through)
        found: dict[str, None] = {}
        for hop in met:
            if hop != "*":
                there = ipaddress.ip_address(hop)
                found |= {name: None for name, network in networks if there in network}
        return list(found)


def _turns_back(met: Sequence[str]) -> bool:
    """Whether a router comes again after another one; the same router twice in a row is no loop."""
    known = [hop for hop in met if hop != "*"]
    turns = [hop for hop, before in zip(known, ["", *known], strict=False) if hop != before]
    return len(turns) > len(set(turns))


def _networks(
    through: Mapping[str, str],
) -> list[tuple[str, ipaddress.IPv4Network | ipaddress.IPv6Network]]:
    found = []
    for name, networks in through.items():
        for text in networks.split(","):
            try:
                found.append((name, ipaddress.ip_network(text.strip())))
            except ValueError as error:
                raise ValueError(f"through: {error}") from None
    return found
