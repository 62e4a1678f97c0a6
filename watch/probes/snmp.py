"""SNMP: one value of a device, or one of its standard or vendor tables."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from watch.core.reading import ProbeFailure, Reading, Reason, Verdict
from watch.core.settings import Secret
from watch.probes.base import Described, probe
from watch.probes.wire.net.options import Addressed, Family
from watch.probes.wire.net.resolver import address

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.snmp.agent import Agent

_UPTIME, _NAME = "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.1.5.0"
_OID = re.compile(r"\.?[0-2](\.\d{1,10}){1,127}")


@probe("snmp", main="address")
@dataclass(frozen=True, slots=True, kw_only=True)
class SnmpProbe(Addressed, Family, Described):
    """Ask a device by SNMP, v2c or with a user v3, for one value or for one of its tables.

    Only reads are sent. Without `oid` and `table`, a device that answers is up. In a table, a row that is
    switched on and does not work has failed. Degraded when some rows have failed, down when some have failed
    and none works: the only selected interface, the last server of a pool, a firewall that itself does not
    work. Select the important rows with `only`: switch ports without a cable count as failed. A UPS is degraded
    while it is on battery or needs new batteries, and down when it feeds nothing. Make two checks for a pair of
    firewalls, each at the device's own address; at the shared address always the active one answers. A wrong
    community gets no answer, just as a dead device. The vendor tables were tested with recordings, never with
    their devices; those of MIB-2 also with net-snmp and keepalived. Needs the library gufo_snmp (pip install
    threenines[snmp]).

    Options:
        address: host or host:port; without a port 161.
        community: The community of v2c, "public" by default.
        user: The user of v3, instead of a community.
        auth: The user's authentication password.
        auth_method: MD5, SHA, SHA-224, SHA-256, SHA-384 or SHA-512.
        privacy: The user's privacy password.
        privacy_method: DES, AES, AES-192 or AES-256.
        oid: The object identifier of one value, in numbers: 1.3.6.1.2.1.1.3.0.
        table: interfaces (IF-MIB); bgp (BGP4-MIB, which has IPv4 neighbours only; with IPv6 Cisco's, Juniper's
            and Arista's own); vrrp (VRRP-MIB, VRRPV3-MIB); hsrp (CISCO-HSRP-MIB); fibrechannel (ports of a
            switch, FIBRE-CHANNEL-FE-MIB or Brocade's SW-MIB); pool (the servers behind an F5, a NetScaler,
            keepalived); ups (UPS-MIB, or APC's PowerNet-MIB); sensors (ENTITY-SENSOR-MIB, or Cisco's); storage
            (HOST-RESOURCES-MIB); cpu, memory, sessions and ha (Cisco's, Juniper's, Fortinet's, Palo Alto's,
            Check Point's, F5's and NetScaler's own MIBs, whichever the device has; cpu and memory of any other
            host by HOST-RESOURCES-MIB and UCD-SNMP-MIB); device (those four at once, as far as it has them).
        only: Only rows whose name matches this regular expression (RE2). By default all; of storage the fixed
            disks, of a Cisco's memory that of the processors. device has no rows to select.
        sample: With interfaces or oid: how long to watch the counters within the run. Many devices update them
            only every few seconds; a shorter sample sees no change.

    Facts:
        latency (duration, slow): From the start of name lookup to the device's first answer.
        uptime (duration): Since its management was started; wraps after 497 days.
        name (text): The device's name (sysName).
        value (count): With oid: its number, even if sent as text.
        text (text): With oid: its text; in hex if it is not text.
        rate (count): With oid and sample: its change per second.
        rows (count, missing): With a table: how many rows were looked at.
        failed (count): How many of them are switched on and do not work.
        failed.names (text): Their names.
        up (count): How many of them work; rows that are switched off on purpose count neither here nor in
            failed. ha, device: this and `failed` count the device that was asked, or both of the pair if it
            does not say which one it is.
        errors (count): interfaces, fibrechannel: errors since the counters were reset, in total.
        discards (count): interfaces: dropped packets since the counters were reset, in total.
        errors.rate (count): With sample: errors per second.
        utilisation (ratio): With sample: the load of the busiest interface, in its busier direction.
        busiest (text): That interface.
        since (duration): bgp: for how long the youngest session has been established.
        role (text): vrrp: master, backup, initialize; hsrp: active, standby, listen, speak, learn, initial; ha,
            device: active, standby, standalone, joining, suspended, failed, active attention, unknown, whatever
            the maker calls it; several, joined by commas.
        peer (text): ha, device: the other device's role in the same words, if this device reports it.
        active (text): ha, device: the name of the active one; "this device" or "peer" if they have no names.
        synced (bool): ha, device: whether both have the same configuration, if the device reports it.
        sessions (count): sessions, device: the open sessions, in total.
        sessions.used (ratio): sessions, device: how full the fullest session table is, if its size is known.
        memory.used (ratio): memory, device: how full the fullest memory is; a Linux host's caches count as
            free.
        on_battery (bool): ups: whether the load runs on batteries.
        runtime (duration): ups: for how long the batteries will last.
        charge (ratio): ups: the charge of the batteries.
        battery (text): ups: normal, low, depleted or unknown.
        replace_battery (bool): ups: whether it needs new batteries, or failed its last self-test.
        output (text): ups: the source of the load's power: normal, battery, bypass, booster, reducer, none,
            other.
        alarms (count): ups: how many alarms are active; only UPS-MIB counts them.
        load (ratio): ups: of the output line with the highest load; cpu, device: the mean of all processors
            over a minute.
        load.max (ratio): cpu, device: that of the busiest processor.
        temperature (count): sensors: the highest, in Celsius; ups: that of the batteries.
        hottest (text): sensors: the name of that sensor.
        humidity (ratio): sensors: the highest.
        fan (count): sensors: the speed of the slowest fan, in turns a minute.
        power (count): sensors: the watts of all, in total.
        free (ratio, empties): storage: the free share of the fullest.
        space (bytes): storage: the same in bytes.
        fullest (text): storage, memory, device: its name.
        address (text): Who was asked, ip:port.

    Reasons:
        ok, slow, timeout, refused, auth, missing, protocol, limit, unreachable, dns

    Example:
        snmp: {address: core1.example.org, table: interfaces, only: "^(ge-0/0/0|xe-)", sample: 5s}
        expect: [up >= 2]
        warn: [utilisation < 80%, errors.rate == 0]
    """

    WAYS: ClassVar[frozenset[str]] = frozenset(
        {"resolver", "address"}
    )  # the library opens its sockets itself
    PORT: ClassVar[int] = 161
    LIBRARY: ClassVar[str] = "gufo"
    ASSUMED: ClassVar[Mapping[str, str]] = {
        "up": "not up == 0 or not failed > 0",
        "output": 'not output == "none"',
    }
    WARNED: ClassVar[Mapping[str, str]] = {
        "failed": "not failed > 0",
        "synced": "not synced == false",
        "on_battery": "not on_battery == true",
        "replace_battery": "not replace_battery == true",
    }

    community: Secret | None = None
    user: str | None = None
    auth: Secret | None = None
    auth_method: Literal["MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"] = "SHA"
    privacy: Secret | None = None
    privacy_method: Literal["DES", "AES", "AES-192", "AES-256"] = "AES"
    oid: str | None = None
    table: (
        Literal[
            "interfaces",
            "bgp",
            "vrrp",
            "hsrp",
            "fibrechannel",
            "pool",
            "ups",
            "sensors",
            "storage",
            "cpu",
            "memory",
            "sessions",
            "ha",
            "device",
        ]
        | None
    ) = None
    only: str | None = None
    sample: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        self.check_address()
        if self.user is not None and self.community is not None:
            raise ValueError("community: give either a community (v2c) or a user (v3)")
        if self.user is None and (self.auth or self.privacy):
            raise ValueError("user: auth and privacy need a user")
        if self.privacy and not self.auth:
            raise ValueError("auth: privacy also needs auth")
        if self.oid is not None and self.table is not None:
            raise ValueError("oid: give an oid or a table, not both")
        if self.oid is not None and not _OID.fullmatch(self.oid):
            raise ValueError(f"oid: {self.oid!r} is not an OID in numbers; write it like 1.3.6.1.2.1.1.3.0")
        if self.only is not None and self.table == "device":
            raise ValueError("only: the table device has no rows; write table: cpu, memory, sessions or ha")
        if self.only is not None:
            from watch.probes.wire.net.pattern import pattern  # noqa: PLC0415 - re2, when a check needs it

            try:
                pattern(self.only)
            except ValueError as error:
                raise ValueError(str(error).replace("until", "only", 1)) from None

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        from watch.probes.wire.snmp.agent import Login, greeted  # noqa: PLC0415 - when a check needs it

        loop, phases, there = asyncio.get_running_loop(), dict[str, float](), self.there
        began = loop.time()
        ip = await address(there.host, self.family)
        login = Login(
            self.community, self.user, self.auth, self.auth_method, self.privacy, self.privacy_method
        )
        phases["resolve"], began = loop.time() - began, loop.time()
        asked = await greeted(ip, there.port, login)
        found = await asked.scalars(_UPTIME, _NAME)
        phases["first_byte"] = loop.time() - began
        facts: dict[str, FactValue] = {"latency": sum(phases.values()), "address": asked.where}
        facts |= _itself(found)
        if self.oid is not None:
            facts |= await self._one(asked, self.oid.lstrip("."))
        if self.table is not None:
            facts |= await self._rows(asked, self.table)
        return Reading(Verdict.UP, facts=facts, phases=phases)

    async def _one(self, asked: Agent, oid: str) -> dict[str, FactValue]:
        from watch.probes.wire.snmp.rows import number, text  # noqa: PLC0415 - as above

        value = (await asked.scalars(oid)).get(oid)
        if value is None:
            raise ProbeFailure(Reason.MISSING, f"{asked.where} has no value {oid}")
        facts: dict[str, FactValue] = {"text": text(value)}
        first = number(value)
        if first is None:
            return facts
        facts["value"] = first
        if self.sample:
            loop = asyncio.get_running_loop()
            began = loop.time()
            await asyncio.sleep(self.sample.total_seconds())
            second = number((await asked.scalars(oid)).get(oid))
            if second is not None:
                facts["rate"] = (second - first) / (loop.time() - began)
        return facts

    async def _rows(self, asked: Agent, table: str) -> dict[str, FactValue]:
        from watch.probes.wire.snmp.rows import Wanted  # noqa: PLC0415 - as above
        from watch.probes.wire.snmp.tables import TABLES  # noqa: PLC0415 - as above

        return await TABLES[table](asked, Wanted(self.only, self.sample.total_seconds()))


def _itself(found: Mapping[str, float | str | bytes]) -> dict[str, FactValue]:
    """The facts that every device has."""
    from watch.probes.wire.snmp.rows import text  # noqa: PLC0415 - as above

    facts: dict[str, FactValue] = {}
    ticks, name = found.get(_UPTIME), found.get(_NAME)
    if isinstance(ticks, int):
        facts["uptime"] = ticks / 100
    if name is not None:
        facts["name"] = text(name)
    return facts
