"""Traceroute: by which way a host is reached, and whose network that way leads through."""

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
from watch.probes.wire.net.options import Family
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
    """Walk the way to a host, router by router, with UDP datagrams; no privilege is needed.

    A host that is never reached is down, although some only hide from UDP: say `reached == false or hops < 9`
    to judge the way alone. A silent router on the way is a * in the path and no fault. Where routers spread
    the load, two walks may differ.

    Options:
        host: A name or an address.
        through: Names for addresses or networks, several of one name separated by commas:
            {carrier-a: "198.51.100.0/24, 2001:db8::/32", carrier-b: 192.0.2.1}.
        hops: The longest way to walk, 1 to 64.
        rounds: How often a silent router is asked, 1 to 5.
        wait: For the answers of each round.
        port: The first of the ports that are sent to; nobody should listen there.

    Facts:
        reached (bool, unreachable): Whether the host itself answered.
        hops (count): How far away it is; if it did not answer, how far the last one is that did.
        path (text): The routers' addresses in order, * for a silent one, the host last.
        silent (count): How many on the way did not answer.
        loop (bool): Whether the way leads through one router twice.
        last (text): The last address that answered.
        through (text): Those names of `through` that the way leads by, in order; empty for none, which
            breaks what is assumed.
        carrier (text): The first of them: whose network the way leaves by.
        latency (duration, slow): The round trip to the host.
        address (text): The address that was walked to.

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
        if not 1 <= self.hops <= _MOST:
            raise ValueError(f"hops: from 1 to {_MOST}")
        if not 1 <= self.rounds <= 5:
            raise ValueError("rounds: from 1 to 5")
        if not 1 <= self.port <= 65535 - 5 * _MOST:
            raise ValueError("port: from 1 to 65215; some hundreds after it are used too")
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
            words = f"the way to {ip} was walked as far as {max(walk.hops, default=0)} hops when time was up"
            raise cut_short(stop, ProbeFailure(Reason.TIMEOUT, words)) from stop
        if not walk.hops:
            raise ProbeFailure(Reason.TIMEOUT, f"nobody on the way to {ip} answers, nor does it")
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
        """The names of the networks on the way, in its order, each once."""
        networks = _networks(self.through)
        found: dict[str, None] = {}
        for hop in met:
            if hop != "*":
                there = ipaddress.ip_address(hop)
                found |= {name: None for name, network in networks if there in network}
        return list(found)


def _turns_back(met: Sequence[str]) -> bool:
    """Whether somebody is met again after somebody else: twice in a row is a router's own affair."""
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
