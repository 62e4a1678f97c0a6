"""Ports: which ports of a host are open from here, and whether they are allowed to be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from watch.core.reading import OurFault, ProbeFailure, Reading, Reason, Verdict
from watch.probes.base import SENDS, Described, probe
from watch.probes.wire.net.blame import cut_short
from watch.probes.wire.net.options import Family, check_name
from watch.probes.wire.net.portlist import read, written
from watch.probes.wire.net.resolver import located

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.net.knock import Knock
    from watch.probes.wire.net.portlist import Port

_USUAL = """
1-1024 1433 1521 1883 2049 2375-2376 2379-2380 3000 3128 3260 3306 3389 4369 5000 5044 5432 5601 5672 5900-5901
5984-5986 6379 6443 7001 8000-8001 8080-8081 8086 8443 8500 8888 9000 9042 9090-9093 9100 9200 9300 10000 10250
11211 15672 25565 27017 50000 50070 11211/udp 53/udp 69/udp 111/udp 123/udp 137/udp 161/udp 389/udp 1900/udp
"""


@probe("ports", main="host")
@dataclass(frozen=True, slots=True, kw_only=True)
class PortsProbe(Family, Described):
    """Scan the ports of a host and compare the open ones with those that are allowed.

    An open port that is not allowed is down. Judge an allowed port that is closed by `missing`. Over UDP only
    an answer shows that a port is open; silent ports are counted apart. A host on which nothing answers is down
    if any port is allowed. Each vantage point has a check and a list of its own. Scan only hosts that are
    yours. The usual ports take up to 10 s on a host that drops packets: give such a check `timeout: 30s`; all
    65535 take minutes.

    Options:
        host: A name or an address.
        allowed: The ports that may be open: 443, 8000-8100, 53/udp.
        scan: The ports to scan besides the allowed ones; by default the first 1024 and the usual ones of
            databases, panels and storage.
        at_once: How many to scan at the same time, 1 to 500.
        wait: How long to wait for an answer of one port.

    Facts:
        unexpected (text): The ports that are open and not allowed, like 22, 8080-8081, 161/udp.
        missing (text): The allowed ports that are not open; of UDP only those that are known to be closed.
        open (text): All open ports.
        doors (count): How many are open.
        closed (count): How many are closed.
        silent (count): How many do not answer: filtered, or UDP that ignores our datagram.
        latency (duration, slow): The shortest time to an answer.
        address (text): The address that was scanned.

    Reasons:
        ok, slow, expectation, timeout, unreachable, dns

    Example:
        ports: {host: www.example.org, allowed: [80, 443, 53/udp]}
        expect: [unexpected == ""]
        warn: [missing == ""]
    """

    WAYS: ClassVar[frozenset[str]] = SENDS
    ASSUMED: ClassVar[Mapping[str, str]] = {"unexpected": 'unexpected == ""'}

    host: str
    allowed: tuple[str, ...] = ()
    scan: tuple[str, ...] = tuple(_USUAL.split())
    at_once: int = 200
    wait: timedelta = timedelta(milliseconds=1200)

    def __post_init__(self) -> None:
        check_name("host", self.host)
        for option, entries in (("allowed", self.allowed), ("scan", self.scan)):
            try:
                read(entries)
            except ValueError as error:
                raise ValueError(f"{option}: {error}") from None
        if not 1 <= self.at_once <= 500:
            raise ValueError("at_once: from 1 to 500")
        if not self.scan and not self.allowed:
            raise ValueError("scan: name at least one port")

    def peer(self) -> str:
        return self.host

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        allowed, phases = read(self.allowed), dict[str, float]()
        ip = await located(self.host, family=self.family, metadata=True, phases=phases)
        found = await self._found(ip, sorted(allowed | read(self.scan)))
        return Reading(Verdict.UP, facts=_facts(ip, found, allowed), phases=phases)

    async def _found(self, ip: str, ports: list[Port]) -> dict[Port, Knock]:
        """Return the state of each of *ports*."""
        found: dict[Port, Knock] = {}
        left = iter(ports)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.at_once, len(ports))):
                    group.create_task(self._knock(ip, left, found))
        except asyncio.CancelledError as stop:
            words = f"{len(found)} of {len(ports)} ports were asked when time was up: give the check a longer timeout"
            raise cut_short(stop, OurFault(words)) from stop
        except (
            BaseExceptionGroup
        ) as several:  # what stops one stops all: no descriptors left, our own firewall
            raise several.exceptions[0] from several
        return found

    async def _knock(self, ip: str, left: Iterator[Port], found: dict[Port, Knock]) -> None:
        from watch.probes.wire.net.knock import knock  # noqa: PLC0415 - when a check needs it

        for port in left:
            found[port] = await knock(port.transport, ip, port.number, self.wait.total_seconds())


def _facts(ip: str, found: Mapping[Port, Knock], allowed: frozenset[Port]) -> dict[str, FactValue]:
    from watch.probes.wire.net.knock import Door  # noqa: PLC0415 - as above

    doors = {door: {port for port, knock in found.items() if knock.door is door} for door in Door}
    answers = [knock.took for knock in found.values() if knock.door in (Door.OPEN, Door.CLOSED)]
    if not answers and doors[Door.NO_WAY]:
        raise ProbeFailure(Reason.UNREACHABLE, f"no route to {ip}")
    if not answers and allowed:
        raise ProbeFailure(Reason.TIMEOUT, f"none of the {len(found)} scanned ports of {ip} answers")
    quiet = doors[Door.SILENT] | doors[Door.NO_WAY]
    unknowable = {port for port in quiet if port.transport == "udp"}
    facts: dict[str, FactValue] = {
        "unexpected": written(doors[Door.OPEN] - allowed),
        "missing": written(allowed - doors[Door.OPEN] - unknowable),
        "open": written(doors[Door.OPEN]),
        "doors": len(doors[Door.OPEN]),
        "closed": len(doors[Door.CLOSED]),
        "silent": len(quiet),
        "address": ip,
    }
    return facts | ({"latency": min(answers)} if answers else {})
