"""ICMP: replies to pings, their round trips and their loss."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from watch.core.reading import ProbeFailure, Reading, Reason, Verdict
from watch.probes.base import SENDS, Described, probe
from watch.probes.wire.net.engines import shared
from watch.probes.wire.net.options import Family, check_name
from watch.probes.wire.net.resolver import located

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.net.echo import Denied, Echo, Volley


@cache
def _parts() -> tuple[type[Denied], type[Echo], type[Volley]]:
    from watch.probes.wire.net.echo import Denied, Echo, Volley  # noqa: PLC0415 - when a check needs it

    return Denied, Echo, Volley


@probe("icmp", main="host")
@dataclass(frozen=True, slots=True, kw_only=True)
class IcmpProbe(Family, Described):
    """Send a few pings to a host and wait for the replies.

    Down when no reply comes. Lost replies alone are up: judge their share by `loss`. Needs a ping socket
    (sysctl net.ipv4.ping_group_range), CAP_NET_RAW, or the program /usr/bin/ping. Without any of them the
    reading is unknown and says how to grant one.

    Options:
        host: A name or an address.
        packets: How many pings, 1 to 20.
        gap: The time between two pings.
        wait: How long to wait for the last reply.
        size: Bytes of payload, 16 to 1400.

    Facts:
        latency (duration, slow): The mean round trip of the replies.
        rtt.min (duration, slow): The shortest round trip.
        rtt.max (duration, slow): The longest.
        loss (ratio): The share of pings without a reply.
        address (text): The address that was asked.

    Reasons:
        ok, slow, timeout, unreachable, dns

    Example:
        icmp: 192.0.2.1
        expect: [loss < 50%]
        warn: [latency < 50ms, loss == 0%]
    """

    WAYS: ClassVar[frozenset[str]] = SENDS

    host: str
    packets: int = 3
    gap: timedelta = timedelta(milliseconds=200)
    wait: timedelta = timedelta(seconds=1)
    size: int = 56

    def __post_init__(self) -> None:
        check_name("host", self.host)
        if not 1 <= self.packets <= 20:
            raise ValueError("packets: from 1 to 20")
        if not 16 <= self.size <= 1400:
            raise ValueError("size: from 16 to 1400")
        if self.gap < timedelta(milliseconds=10):
            raise ValueError("gap: 10ms at least")

    def peer(self) -> str:
        return self.host

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        denied, engine, shape = _parts()
        phases = dict[str, float]()
        ip = await located(self.host, family=self.family, metadata=True, phases=phases)
        echo, volley = shared(engine), shape(self.packets, self.gap, self.wait, self.size)
        try:
            trips = await echo.send(ip, volley)
        except denied:
            if echo.program is None:
                raise
            from watch.probes.wire.net.ping_program import pings  # noqa: PLC0415 - the last resort

            trips = await pings(echo.program, ip, volley)
        if not trips:
            raise ProbeFailure(
                Reason.TIMEOUT, f"no reply from {ip} to {self.packets} pings", facts={"loss": 1.0}
            )
        return Reading(Verdict.UP, facts=self._facts(ip, trips), phases=phases)

    def _facts(self, ip: str, trips: Sequence[float]) -> dict[str, FactValue]:
        return {
            "latency": sum(trips) / len(trips),
            "rtt.min": min(trips),
            "rtt.max": max(trips),
            "loss": 1 - len(trips) / self.packets,
            "address": ip,
        }
