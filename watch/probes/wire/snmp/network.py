"""Tables of network devices: interfaces, BGP neighbours, Fibre Channel ports, pools of load balancers.

Each is a function from an agent to facts. A row that is switched off on purpose has not failed.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING, NamedTuple

from watch.probes.wire.snmp.maker import ARISTA, CISCO, JUNIPER, PRIVATE
from watch.probes.wire.snmp.rows import integers, numbers, tally, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.reading import FactValue
    from watch.probes.wire.snmp.agent import Agent, Value
    from watch.probes.wire.snmp.rows import Wanted

    Facts = dict[str, FactValue]

_IF, _IFX = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
_UP, _DORMANT = 1, 5
_ESTABLISHED, _START = 6, 2
_FC, _FC_ERRORS = "1.3.6.1.2.1.75.1.2.2.1", "1.3.6.1.2.1.75.1.3.1.1"
_BROCADE = "1.3.6.1.4.1.1588.2.1.1.1.6.2.1"  # SW-MIB, swFCPortTable
_ONLINE = 1
_F5 = "1.3.6.1.4.1.3375.2.2.5.6.2.1"  # F5-BIGIP-LOCAL-MIB
_GREEN, _BLUE, _ENABLED = 1, 4, 1  # blue: not monitored
_NS = "1.3.6.1.4.1.5951.4.1.2.1.1"  # NS-ROOT-MIB, serviceTable
_NS_UP, _NS_OFF = (3, 7), (4, 5, 8)  # busy takes traffic, as up does; out of service, or becoming so
_KEEPALIVED, _ALIVE = "1.3.6.1.4.1.9586.100.5.3.4.1", 1  # KEEPALIVED-MIB, realServerTable


class Peers(NamedTuple):
    """The columns of a table of BGP neighbours."""

    state: str
    admin: str
    system: str
    since: str


_BGP = Peers(*(f"1.3.6.1.2.1.15.3.1.{column}" for column in (2, 3, 9, 16)))  # BGP4-MIB, bgpPeerTable
_PEERS = {
    # CISCO-BGP4-MIB, cbgpPeer2Table
    CISCO: Peers(*(f"{PRIVATE}.9.9.187.1.2.5.1.{column}" for column in (3, 4, 11, 19))),
    # BGP4-V2-MIB-JUNIPER, jnxBgpM2PeerTable and jnxBgpM2PeerEventTimesTable
    JUNIPER: Peers(
        *(f"{PRIVATE}.2636.5.1.1.2.{tail}" for tail in ("1.1.1.2", "1.1.1.3", "1.1.1.13", "4.1.1.1"))
    ),
    # ARISTA-BGP4V2-MIB, aristaBgp4V2PeerTable and aristaBgp4V2PeerEventTimesTable
    ARISTA: Peers(*(f"{PRIVATE}.30065.4.1.1.{tail}" for tail in ("2.1.13", "2.1.12", "2.1.10", "4.1.1"))),
}


class OctetCounter(NamedTuple):
    """The value of a counter with that many bits."""

    value: int
    bits: int


class Server(NamedTuple):
    """One member of a pool. *on*: it is switched on; *serving*: it takes traffic."""

    name: str
    on: bool
    serving: bool


async def interfaces(agent: Agent, wanted: Wanted) -> Facts:
    """IF-MIB: which of the enabled interfaces have a link, their errors and their load."""
    names = await agent.column(f"{_IFX}.1") or await agent.column(f"{_IF}.2")
    rows = wanted.of({index: text(name) for index, name in names.items()}, "interfaces")
    admin, oper = await numbers(agent, _IF, 7, 8)
    up = [index for index in rows if oper.get(index) in (_UP, _DORMANT)]
    failed = [index for index in rows if admin.get(index) == _UP and index not in up]
    errors = await _total(agent, rows, 14, 20)
    discards = await _total(agent, rows, 13, 19)
    facts = tally(rows, failed, up) | {"errors": errors, "discards": discards}
    if wanted.sample:
        facts |= await _watched(agent, rows, wanted.sample, errors)
    return facts


async def _total(agent: Agent, rows: Mapping[str, str], *columns: int) -> int:
    counted = await numbers(agent, _IF, *columns)
    return sum(column.get(index, 0) for column in counted for index in rows)


async def _watched(agent: Agent, rows: Mapping[str, str], sample: float, errors: int) -> Facts:
    """The rates of the interfaces within *sample* seconds."""
    loop = asyncio.get_running_loop()
    speeds = await _speeds(agent)
    before, began = await _octets(agent), loop.time()
    await asyncio.sleep(sample)
    after, took = await _octets(agent), loop.time() - began
    more = await _total(agent, rows, 14, 20) - errors
    shares: dict[str, float] = {}
    for then, now in zip(before, after, strict=True):
        for index in rows:
            if index in then and index in now and speeds.get(index):
                share = 8 * _moved(then[index], now[index]) / took / speeds[index]
                shares[index] = max(share, shares.get(index, 0.0))
    facts: Facts = {"errors.rate": max(0, more) / took}
    if shares:
        busiest = max(shares, key=shares.__getitem__)
        facts |= {"utilisation": shares[busiest], "busiest": rows[busiest]}
    return facts


async def _speeds(agent: Agent) -> dict[str, float]:
    """Bits a second. ifHighSpeed counts in Mbit/s and is 0 below one; ifSpeed ends at 4 Gbit/s."""
    fast = {
        index: 1e6 * speed for index, speed in integers(await agent.column(f"{_IFX}.15")).items() if speed
    }
    return {index: float(speed) for index, speed in integers(await agent.column(f"{_IF}.5")).items()} | fast


async def _octets(agent: Agent) -> list[dict[str, OctetCounter]]:
    """Bytes in and out. Counters of 64 bits where there are any; some devices have them only for fast interfaces."""
    found = []
    for narrow, wide in ((f"{_IF}.10", f"{_IFX}.6"), (f"{_IF}.16", f"{_IFX}.10")):
        short, long = integers(await agent.column(narrow)), integers(await agent.column(wide))
        found.append(
            {index: OctetCounter(value, 32) for index, value in short.items()}
            | {index: OctetCounter(value, 64) for index, value in long.items()}
        )
    return found


def _moved(then: OctetCounter, now: OctetCounter) -> int:
    """By how much a counter grew. With 32 bits it wraps in a third of a second at 100 Gb/s, and in 34 s at 1 Gb/s."""
    if now.bits != then.bits:
        return 0
    if now.bits == 32:
        return (now.value - then.value) % 2**32
    return max(0, now.value - then.value)  # a smaller value means a reset: 64 bits never wrap


async def bgp(agent: Agent, wanted: Wanted) -> Facts:
    """Which of the enabled neighbours are established, and since when.

    BGP4-MIB has an IPv4 address as index, and so no IPv6 neighbours; some makers' MIBs have those.
    """
    peers = _PEERS.get(await agent.maker(), _BGP)
    states = integers(await agent.column(peers.state))
    if not states and peers != _BGP:
        peers = _BGP
        states = integers(await agent.column(peers.state))
    admin, systems = integers(await agent.column(peers.admin)), integers(await agent.column(peers.system))
    names = {index: f"{_neighbour(index)} AS{systems.get(index, 0)}" for index in states}
    rows = wanted.of(names, "BGP neighbours")
    there = [index for index in rows if states[index] == _ESTABLISHED]
    failed = [index for index in rows if index not in there and admin.get(index, _START) == _START]
    since = integers(await agent.column(peers.since))
    known = [since[index] for index in there if index in since]
    return tally(rows, failed, there) | ({"since": min(known)} if known else {})


def _neighbour(index: str) -> str:
    """The address at the end of *index*; before it there may be an instance, a type, a length and our address."""
    parts = [int(part) for part in index.split(".") if len(part) < 4]
    width = {4: 4, 6: 4, 7: 4, 11: 4, 18: 16, 19: 16, 35: 16}.get(len(parts))
    if width is None or max(parts) > 255:
        return index
    return str(ipaddress.ip_address(bytes(parts[-width:])))


async def fibrechannel(agent: Agent, wanted: Wanted) -> Facts:
    """Which of the enabled ports of a Fibre Channel switch are online, and their errors."""
    states = integers(await agent.column(f"{_FC}.2"))
    if states:  # FIBRE-CHANNEL-FE-MIB
        names = {index: f"port {index.replace('.', '/')}" for index in states}
        admin = integers(await agent.column(f"{_FC}.1"))
        # Link failures, losses of synchronisation and of signal, invalid words, wrong checksums.
        counted = await numbers(agent, _FC_ERRORS, 1, 2, 3, 5, 6)
    else:  # SW-MIB, Brocade's
        states, admin = await numbers(agent, _BROCADE, 4, 5)
        said = await agent.column(f"{_BROCADE}.36") if states else {}
        names = {index: _brocade(index, text(said.get(index, ""))) for index in states}
        # Invalid words in frames, wrong checksums, invalid words between frames, discarded frames.
        counted = await numbers(agent, _BROCADE, 21, 22, 26, 28) if states else []
    rows = wanted.of(names, "Fibre Channel ports")
    online = [index for index in rows if states[index] == _ONLINE]
    failed = [index for index in rows if index not in online and admin.get(index, _ONLINE) == _ONLINE]
    errors = sum(column.get(index, 0) for column in counted for index in rows)
    return tally(rows, failed, online) | {"errors": errors}


def _brocade(index: str, name: str) -> str:
    """The number of a port as its switch shows it: index 1 is port 0."""
    number = f"port {int(index) - 1}" if index.isdecimal() and len(index) < 10 else f"port {index}"
    return f"{number} {name}" if name and name.replace(" ", "") != number.replace(" ", "") else number


async def pool(agent: Agent, wanted: Wanted) -> Facts:
    """Which members of a load balancer's pools take traffic; for F5, NetScaler and keepalived."""
    found = await _f5(agent) or await _netscaler(agent) or await _keepalived(agent)
    rows = wanted.of({str(n): member.name for n, member in enumerate(found)}, "pool members")
    on = [index for index in rows if found[int(index)].on]
    serving = [index for index in on if found[int(index)].serving]
    return tally(rows, [index for index in on if index not in serving], serving)


async def _f5(agent: Agent) -> list[Server]:
    states = integers(await agent.column(f"{_F5}.5"))
    if not states:
        return []
    enabled, ports = await numbers(agent, _F5, 6, 4)
    pools, nodes = await agent.column(f"{_F5}.1"), await agent.column(f"{_F5}.9")
    return [
        Server(
            f"{text(pools.get(index, ''))} {text(nodes.get(index, ''))}:{ports.get(index, 0)}",
            enabled.get(index, _ENABLED) == _ENABLED,
            state in (_GREEN, _BLUE),
        )
        for index, state in states.items()
    ]


async def _netscaler(agent: Agent) -> list[Server]:
    states = integers(await agent.column(f"{_NS}.5"))
    names = await agent.column(f"{_NS}.1") if states else {}
    return [
        Server(text(names.get(index, index)), state not in _NS_OFF, state in _NS_UP)
        for index, state in states.items()
    ]


async def _keepalived(agent: Agent) -> list[Server]:
    states = integers(await agent.column(f"{_KEEPALIVED}.6"))
    if not states:
        return []
    hosts, ports = await agent.column(f"{_KEEPALIVED}.4"), integers(await agent.column(f"{_KEEPALIVED}.5"))
    return [
        Server(
            f"service {index.partition('.')[0]} {_host(hosts.get(index))}:{ports.get(index, 0)}",
            True,  # members that are switched off have no row
            state == _ALIVE,
        )
        for index, state in states.items()
    ]


def _host(address: Value | None) -> str:
    """An InetAddress: four or sixteen bytes."""
    if isinstance(address, bytes) and len(address) in (4, 16):
        return str(ipaddress.ip_address(address))
    return "" if address is None else text(address)
