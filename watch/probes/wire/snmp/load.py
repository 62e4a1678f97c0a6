"""The load of a device: its processors, memory and session table.

One question finds the device's maker; then only that maker's MIB is read, because a walk that finds nothing
costs a question, too. A device without a maker's MIB, or with an empty one, is read by HOST-RESOURCES-MIB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from watch.probes.wire.snmp.maker import (
    CHECK_POINT,
    CISCO,
    F5,
    FORTINET,
    JUNIPER,
    MIB2,
    NET_SNMP,
    NETSCALER,
    PALO_ALTO,
    PRIVATE,
)
from watch.probes.wire.snmp.rows import integers, number, numbers, tally, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watch.core.reading import FactValue
    from watch.probes.wire.snmp.agent import Agent
    from watch.probes.wire.snmp.rows import Wanted

    Facts = dict[str, FactValue]

_PROCESSOR = f"{MIB2}.25.3.3.1.2"  # HOST-RESOURCES-MIB, hrProcessorLoad
_STORAGE, _RAM = f"{MIB2}.25.2.3.1", f"{MIB2}.25.2.1.2"
_ENTITY_NAME = f"{MIB2}.47.1.1.1.1.7"  # ENTITY-MIB, entPhysicalName
_MEMORY = f"{PRIVATE}.2021.4"  # UCD-SNMP-MIB
_CPM = f"{PRIVATE}.9.9.109.1.1.1.1"  # CISCO-PROCESS-MIB, cpmCPUTotalTable
_CEMP = f"{PRIVATE}.9.9.221.1.1.1.1"  # CISCO-ENHANCED-MEMPOOL-MIB, cempMemPoolTable
_POOL = f"{PRIVATE}.9.9.48.1.1.1"  # CISCO-MEMORY-POOL-MIB
_PROCESSOR_MEMORY = 2
_CONNECTIONS = f"{PRIVATE}.9.9.147.1.2.2.2.1.5.40.6"  # CISCO-FIREWALL-MIB, cfwConnectionStatValue: IP, in use
_JNX = f"{PRIVATE}.2636.3.1.13.1"  # JUNIPER-MIB, jnxOperatingTable
_SPU = f"{PRIVATE}.2636.3.39.1.12.1.1.1"  # JUNIPER-SRX5000-SPU-MONITORING-MIB
_SVN = f"{PRIVATE}.2620.1.6.7"  # CHECKPOINT-MIB, svnPerf
_PAN = f"{PRIVATE}.25461.2.1.2.3"  # PAN-COMMON-MIB, panSession
_BIGIP = f"{PRIVATE}.3375.2.1.1.2.1"  # F5-BIGIP-SYSTEM-MIB, sysGlobalStat
# Makers with one figure for all processors, or for all memory, in percent.
_CPU_OF_ALL = {
    FORTINET: f"{PRIVATE}.12356.101.4.1.3.0",  # FORTINET-FORTIGATE-MIB, fgSysCpuUsage
    CHECK_POINT: f"{_SVN}.2.4.0",  # procUsage
    NETSCALER: f"{PRIVATE}.5951.4.1.1.41.1.0",  # NS-ROOT-MIB, resCpuUsage
}
_MEMORY_OF_ALL = {
    FORTINET: f"{PRIVATE}.12356.101.4.1.4.0",  # fgSysMemUsage
    NETSCALER: f"{PRIVATE}.5951.4.1.1.41.2.0",  # resMemUsage
}
# Makers with total and used memory.
_MEMORY_USED = {
    CHECK_POINT: (f"{_SVN}.4.3.0", f"{_SVN}.4.4.0"),  # memTotalReal64, memActiveReal64
    F5: (f"{_BIGIP}.44.0", f"{_BIGIP}.45.0"),  # sysStatMemoryTotal, sysStatMemoryUsed
}
# How many sessions are open and, if known, how many may be.
_SESSIONS = {
    CISCO: (_CONNECTIONS,),
    FORTINET: (f"{PRIVATE}.12356.101.4.1.8.0",),  # fgSysSesCount
    PALO_ALTO: (f"{_PAN}.3.0", f"{_PAN}.2.0"),  # panSessionActive, panSessionMax
    CHECK_POINT: (f"{PRIVATE}.2620.1.1.25.3.0", f"{PRIVATE}.2620.1.1.25.10.0"),  # fwNumConn, fwConnTableLimit
    F5: (f"{_BIGIP}.8.0",),  # sysStatClientCurConns
    NETSCALER: (f"{PRIVATE}.5951.4.1.1.46.2.0",),  # tcpCurClientConn
}
_SESSIONS[NET_SNMP] = _SESSIONS[CHECK_POINT]
_AT_ONCE = 25  # scalars in one datagram


class Part(NamedTuple):
    """A processor, or a piece of memory, and how much of it is taken, 0..1."""

    name: str
    taken: float


class Sessions(NamedTuple):
    """A table of sessions: how many it holds, how many it can (0: it does not say)."""

    name: str
    open: float
    most: float


async def cpu(agent: Agent, wanted: Wanted) -> Facts:
    """How busy the processors were in the last minute."""
    parts = await _processors(agent)
    rows = wanted.of({str(n): part.name for n, part in enumerate(parts)}, "processors")
    busy = [parts[int(n)].taken for n in rows]
    return tally(rows) | {"load": round(sum(busy) / len(busy), 4), "load.max": max(busy)}


async def memory(agent: Agent, wanted: Wanted) -> Facts:
    """How full the memory is: the fullest piece of it, if there are several."""
    parts = await _memory(agent, every=wanted.only is not None)
    rows = wanted.of({str(n): part.name for n, part in enumerate(parts)}, "memory")
    fullest = max((parts[int(n)] for n in rows), key=lambda part: part.taken)
    return tally(rows) | {"memory.used": fullest.taken, "fullest": fullest.name}


async def sessions(agent: Agent, wanted: Wanted) -> Facts:
    """How many sessions a firewall or a load balancer keeps, and how full its fullest table of them is."""
    tables = await _sessions(agent)
    rows = wanted.of({str(n): table.name for n, table in enumerate(tables)}, "sessions")
    picked = [tables[int(n)] for n in rows]
    facts: Facts = tally(rows) | {"sessions": sum(table.open for table in picked)}
    full = [table.open / table.most for table in picked if table.most > 0]
    return facts | ({"sessions.used": max(full)} if full else {})


async def _processors(agent: Agent) -> Sequence[Part]:
    maker = await agent.maker()
    parts: Sequence[Part] = ()
    if maker in _CPU_OF_ALL:
        parts = _in_percent("all", (await _figures(agent, _CPU_OF_ALL[maker]))[0])
    elif maker == CISCO:
        parts = await _cisco_processors(agent)
    elif maker == JUNIPER:
        parts = await _juniper(agent, 8, 4)
    return parts or [
        Part(f"processor {index}", load / 100)
        for index, load in integers(await agent.column(_PROCESSOR)).items()
    ]


async def _memory(agent: Agent, *, every: bool) -> Sequence[Part]:
    maker = await agent.maker()
    parts: Sequence[Part] = ()
    if maker in _MEMORY_OF_ALL:
        parts = _in_percent("all", (await _figures(agent, _MEMORY_OF_ALL[maker]))[0])
    elif maker in _MEMORY_USED:
        total, used = await _figures(agent, *_MEMORY_USED[maker])
        parts = [Part("all", used / total)] if total and used is not None else ()
    elif maker == CISCO:
        parts = await _cisco_memory(agent, every=every)
    elif maker == JUNIPER:
        parts = await _juniper(agent, 11, 5)
    return parts or await _linux_memory(agent) or await _host_memory(agent)


async def _sessions(agent: Agent) -> Sequence[Sessions]:
    maker = await agent.maker()
    if maker == JUNIPER:
        names = await _units(agent)
        now, room = await numbers(agent, _SPU, 6, 7)
        return [Sessions(names.get(index, f"SPU {index}"), now[index], room.get(index, 0)) for index in now]
    if maker not in _SESSIONS:
        return ()
    found = await _figures(agent, *_SESSIONS[maker])
    most = found[1] if len(found) > 1 else None
    return () if found[0] is None else [Sessions("all", found[0], most or 0)]


async def _figures(agent: Agent, *oids: str) -> list[float | int | None]:
    found = await agent.scalars(*oids)
    return [number(found.get(oid)) for oid in oids]


def _in_percent(name: str, percent: float | None) -> Sequence[Part]:
    return () if percent is None else [Part(name, percent / 100)]


async def _cisco_processors(agent: Agent) -> Sequence[Part]:
    """IOS, NX-OS, ASA: the mean of a minute, where it is not known by its deprecated name only."""
    loads = integers(await agent.column(f"{_CPM}.7")) or integers(await agent.column(f"{_CPM}.4"))
    where = integers(await agent.column(f"{_CPM}.2"))
    asked = [f"{_ENTITY_NAME}.{where[index]}" for index in loads if where.get(index)]
    named = await agent.scalars(*asked[:_AT_ONCE]) if asked else {}
    return [
        Part(text(named.get(f"{_ENTITY_NAME}.{where.get(index)}", "")) or f"processor {index}", load / 100)
        for index, load in loads.items()
    ]


async def _cisco_memory(agent: Agent, *, every: bool) -> Sequence[Part]:
    """The processors' memory; *every* pool besides, of which some (lsmpi_io, reserve) are always full."""
    kinds, names = integers(await agent.column(f"{_CEMP}.2")), await agent.column(f"{_CEMP}.3")
    used, free, used64, free64 = await numbers(agent, _CEMP, 7, 8, 18, 20)
    used, free = used | used64, free | free64
    if not used:
        names = await agent.column(f"{_POOL}.2")
        used, free = await numbers(agent, _POOL, 5, 6)
        kinds = {index: _PROCESSOR_MEMORY if index == "1" else 0 for index in used}
    main = [index for index in used if kinds.get(index) == _PROCESSOR_MEMORY]
    picked = used if every or not main else main
    return [
        Part(text(names.get(index, f"pool {index}")), used[index] / (used[index] + free[index]))
        for index in picked
        if used[index] + free.get(index, -used[index]) > 0
    ]


async def _juniper(agent: Agent, operating: int, unit: int) -> Sequence[Part]:
    """One column of the routing engines and, of a SRX, one of the units that its sessions live in."""
    names = {index: text(name) for index, name in (await agent.column(f"{_JNX}.5")).items()}
    engines = {index for index, name in names.items() if "routing engine" in name.lower()}
    shares = integers(await agent.column(f"{_JNX}.{operating}"))
    # Fans and power supplies are rows, too, with zeros; an engine with zero is idle.
    parts = [
        Part(names[index], share / 100)
        for index, share in shares.items()
        if index in (engines or names) and (engines or share)
    ]
    units = await _units(agent)
    more = integers(await agent.column(f"{_SPU}.{unit}")) if units else {}
    return [*parts, *(Part(units.get(index, f"SPU {index}"), share / 100) for index, share in more.items())]


async def _units(agent: Agent) -> dict[str, str]:
    """The names of a SRX's units (SPU): node, slot, number."""
    slots, units = await numbers(agent, _SPU, 2, 3)
    nodes = await agent.column(f"{_SPU}.11") if slots else {}
    return {
        index: f"{text(nodes.get(index, ''))} FPC {slot} SPU {units.get(index, 0)}".strip()
        for index, slot in slots.items()
    }


async def _linux_memory(agent: Agent) -> Sequence[Part]:
    """UCD-SNMP-MIB: buffers and caches count as free, because they are released when memory is needed."""
    # memTotalReal, memAvailReal, memBuffer, memCached
    total, *free = await _figures(agent, *(f"{_MEMORY}.{tail}.0" for tail in (5, 6, 14, 15)))
    if not total or free[0] is None:
        return ()
    return [Part("physical memory", max(0.0, 1 - sum(part or 0 for part in free) / total))]


async def _host_memory(agent: Agent) -> Sequence[Part]:
    """HOST-RESOURCES-MIB: the rows for RAM."""
    kinds, names = await agent.column(f"{_STORAGE}.2"), await agent.column(f"{_STORAGE}.3")
    sizes, used = await numbers(agent, _STORAGE, 5, 6)
    return [
        Part(text(name), used.get(index, 0) / sizes[index])
        for index, name in names.items()
        if kinds.get(index) == _RAM and sizes.get(index, 0) > 0
    ]
