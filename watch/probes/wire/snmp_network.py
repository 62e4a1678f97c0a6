"""The tables of network devices: interfaces, routing neighbours, router groups, Fibre Channel ports, pools.

Each is a function from an agent to facts. A row that somebody switched off on purpose has not failed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from watch.probes.wire.snmp_rows import integers, numbers, tally, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.core.reading import FactValue
    from watch.probes.wire.snmp import Agent
    from watch.probes.wire.snmp_rows import Wanted

    Facts = dict[str, FactValue]

_IF, _IFX = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
_UP, _DORMANT = 1, 5
_BGP = "1.3.6.1.2.1.15.3.1"
_ESTABLISHED, _START = 6, 2
_VRRP = "1.3.6.1.2.1.68.1.3.1"
_ROLES = {1: "initialize", 2: "backup", 3: "master"}
_FC, _FC_ERRORS = "1.3.6.1.2.1.75.1.2.2.1", "1.3.6.1.2.1.75.1.3.1.1"
_ONLINE = 1
_F5 = "1.3.6.1.4.1.3375.2.2.5.6.2.1"
_GREEN, _BLUE, _ENABLED = 1, 4, 1  # blue: nobody watches it


async def interfaces(agent: Agent, wanted: Wanted) -> Facts:
    """IF-MIB: which of those switched on have a link, what went wrong on them, how full they are."""
    names = await agent.column(f"{_IFX}.1") or await agent.column(f"{_IF}.2")
    rows = wanted.of({index: text(name) for index, name in names.items()}, "interfaces")
    admin, oper = await numbers(agent, _IF, 7, 8)
    up = [index for index in rows if oper.get(index) in (_UP, _DORMANT)]
    failed = [index for index in rows if admin.get(index) == _UP and index not in up]
    errors = await _total(agent, rows, 14, 20)
    facts = tally(rows, failed) | {
        "up": len(up),
        "errors": errors,
        "discards": await _total(agent, rows, 13, 19),
    }
    if wanted.sample:
        facts |= await _watched(agent, rows, wanted.sample, errors)
    return facts


async def _total(agent: Agent, rows: Mapping[str, str], *columns: int) -> int:
    counted = await numbers(agent, _IF, *columns)
    return sum(column.get(index, 0) for column in counted for index in rows)


async def _watched(agent: Agent, rows: Mapping[str, str], sample: float, errors: int) -> Facts:
    """What happened on the interfaces within *sample* seconds."""
    loop = asyncio.get_running_loop()
    speeds = {index: 1e6 * speed for index, speed in integers(await agent.column(f"{_IFX}.15")).items()}
    speeds = speeds or {index: float(n) for index, n in integers(await agent.column(f"{_IF}.5")).items()}
    before, began = await _octets(agent), loop.time()
    await asyncio.sleep(sample)
    after, took = await _octets(agent), loop.time() - began
    more = await _total(agent, rows, 14, 20) - errors
    shares = {
        index: max(8 * max(0, now - then) / took / speeds[index] for then, now in directions)
        for index in rows
        if speeds.get(index)
        and (
            directions := [
                (b[index], a[index]) for b, a in zip(before, after, strict=True) if index in b and index in a
            ]
        )
    }
    facts: Facts = {"errors.rate": max(0, more) / took}
    if shares:
        busiest = max(shares, key=shares.__getitem__)
        facts |= {"utilisation": shares[busiest], "busiest": rows[busiest]}
    return facts


async def _octets(agent: Agent) -> tuple[dict[str, int], dict[str, int]]:
    """Bytes in and out, of 64 bits where the device has such: 32 bits of a gigabit last half a minute."""
    into = integers(await agent.column(f"{_IFX}.6"))
    if into:
        return into, integers(await agent.column(f"{_IFX}.10"))
    return integers(await agent.column(f"{_IF}.10")), integers(await agent.column(f"{_IF}.16"))


async def bgp(agent: Agent, wanted: Wanted) -> Facts:
    """BGP4-MIB: which of the neighbours that should be are established, and since when."""
    states = integers(await agent.column(f"{_BGP}.2"))
    admin, systems = await numbers(agent, _BGP, 3, 9)
    names = {index: f"{index} AS{systems.get(index, 0)}" for index in states}
    rows = wanted.of(names, "BGP neighbours")
    there = [index for index in rows if states[index] == _ESTABLISHED]
    failed = [index for index in rows if index not in there and admin.get(index, _START) == _START]
    since = integers(await agent.column(f"{_BGP}.16"))
    facts = tally(rows, failed) | {"up": len(there)}
    if there:
        facts["since"] = min(since.get(index, 0) for index in there)
    return facts


async def vrrp(agent: Agent, wanted: Wanted) -> Facts:
    """VRRP-MIB: who we are in the groups of routers that stand in for each other."""
    states = integers(await agent.column(f"{_VRRP}.3"))
    names = {index: "group {1} on {0}".format(*f"{index}.?".split(".")) for index in states}
    rows = wanted.of(names, "VRRP groups")
    roles = sorted({_ROLES.get(states[index], "unknown") for index in rows})
    failed = [index for index in rows if _ROLES.get(states[index]) == "initialize"]
    return tally(rows, failed) | {"role": ", ".join(roles), "up": len(rows) - len(failed)}


async def fibrechannel(agent: Agent, wanted: Wanted) -> Facts:
    """FIBRE-CHANNEL-FE-MIB: which ports of the switch that should be online are, and what their fibres lose."""
    states = integers(await agent.column(f"{_FC}.2"))
    admin = integers(await agent.column(f"{_FC}.1"))
    rows = wanted.of({index: f"port {index.replace('.', '/')}" for index in states}, "Fibre Channel ports")
    online = [index for index in rows if states[index] == _ONLINE]
    failed = [index for index in rows if index not in online and admin.get(index, _ONLINE) == _ONLINE]
    # Link failures, losses of synchronisation and of signal, invalid words, wrong checksums.
    counted = await numbers(agent, _FC_ERRORS, 1, 2, 3, 5, 6)
    errors = sum(column.get(index, 0) for column in counted for index in rows)
    return tally(rows, failed) | {"up": len(online), "errors": errors}


async def pool(agent: Agent, wanted: Wanted) -> Facts:
    """F5-BIGIP-LOCAL-MIB: which members of a load balancer's pools take traffic."""
    states = integers(await agent.column(f"{_F5}.5"))
    enabled, ports = await numbers(agent, _F5, 6, 4)
    pools, nodes = await agent.column(f"{_F5}.1"), await agent.column(f"{_F5}.9")
    names = {
        index: f"{text(pools.get(index, ''))} {text(nodes.get(index, ''))}:{ports.get(index, 0)}"
        for index in states
    }
    rows = wanted.of(names, "pool members")
    on = [index for index in rows if enabled.get(index, _ENABLED) == _ENABLED]
    serving = [index for index in on if states[index] in (_GREEN, _BLUE)]
    return tally(rows, [index for index in on if index not in serving]) | {"up": len(serving)}
