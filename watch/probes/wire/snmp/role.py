"""The role of a device in a pair: VRRP and HSRP groups, and pairs of firewalls and load balancers.

Every maker has its own words for the roles. In the table `ha` they become one vocabulary: active, standby,
standalone (no pair), joining, suspended (by an administrator), failed, unknown, and Check Point's "active
attention" (works, but no other device could take over).
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
from watch.probes.wire.snmp.rows import integers, tally, text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from watch.core.reading import FactValue
    from watch.probes.wire.snmp.agent import Agent, Value
    from watch.probes.wire.snmp.rows import Wanted

    Facts = dict[str, FactValue]

_VRRP = f"{MIB2}.68.1.3.1"  # VRRP-MIB, vrrpOperTable
_VRRP3 = f"{MIB2}.207.1.1.1.1"  # VRRPV3-MIB, vrrpv3OperationsTable
_IF_NAME = f"{MIB2}.31.1.1.1.1"  # IF-MIB
_AT_ONCE, _INTERFACES = 25, 500  # values in one datagram; interfaces whose names are asked for
_ROLES = {1: "initialize", 2: "backup", 3: "master"}
_OFF = 2  # vrrpOperAdminState down, a row notInService
_HSRP = f"{PRIVATE}.9.9.106.1.2.1.1"  # CISCO-HSRP-MIB, cHsrpGrpTable
_HSRP_ROLES = {1: "initial", 2: "learn", 3: "listen", 4: "speak", 5: "standby", 6: "active"}
_ASA = f"{PRIVATE}.9.9.147.1.2.1.1.1"  # CISCO-FIREWALL-MIB, cfwHardwareStatusTable
_UNITS = ("6", "7")  # primaryUnit, secondaryUnit
_ASA_STATES = {2: "joining", 3: "failed", 4: "failed", 9: "active", 10: "standby"}
_JNX = f"{PRIVATE}.2636.3.1.14.1"  # JUNIPER-MIB, jnxRedundancyTable
_JNX_STATES = {2: "active", 3: "standby", 4: "suspended"}
_PAN = f"{PRIVATE}.25461.2.1.2.1"  # PAN-COMMON-MIB, panSys
_PAN_STATES = {
    "active": "active",
    "active-primary": "active",
    "active-secondary": "active",
    "passive": "standby",
    "initial": "joining",
    "tentative": "joining",
    "suspended": "suspended",
    "non-functional": "failed",
    "disabled": "standalone",
}
_FG_SERIAL = f"{PRIVATE}.12356.100.1.1.1.0"  # FORTINET-CORE-MIB, fnSysSerial
_FG_MODE = f"{PRIVATE}.12356.101.13.1.1.0"  # FORTINET-FORTIGATE-MIB, fgHaSystemMode
_FG_STATS = f"{PRIVATE}.12356.101.13.2.1.1"  # fgHaStatsTable
_CP = f"{PRIVATE}.2620.1.5"  # CHECKPOINT-MIB, ha
_CP_STATES = {
    "active": "active",
    "standby": "standby",
    "active attention": "active attention",
    "down": "failed",
}
_BIGIP = f"{PRIVATE}.3375.2.1.14"  # F5-BIGIP-SYSTEM-MIB, sysCM
_BIGIP_STATES = {1: "failed", 2: "suspended", 3: "standby", 4: "active"}
_IN_SYNC, _SYNC_STANDALONE = 3, 6
_NS = f"{PRIVATE}.5951.4.1.1"  # NS-ROOT-MIB
_NS_MODES = {0: "standalone", 1: "active", 2: "standby"}
# The values of haCurState that are failures: 2 down, 4 partialFail, 5 monitorFail, 7 completeFail, and two more.
_NS_FAULTS = {1: "joining", 8: "joining", 9: "suspended"} | dict.fromkeys((2, 4, 5, 7, 10, 11), "failed")
_WHOLE = ("active", "standby", "standalone")
_WORKING = (*_WHOLE, "active attention")


class Member(NamedTuple):
    """One member of a pair, in our words; *own*: the device that was asked."""

    name: str
    state: str
    own: bool = True


class Pair(NamedTuple):
    """The members of a pair; *synced* is None if unknown."""

    members: Sequence[Member]
    synced: bool | None = None


async def vrrp(agent: Agent, wanted: Wanted) -> Facts:
    """VRRP-MIB and VRRPV3-MIB: the role of this router in each group."""
    states, switched = [integers(await agent.column(f"{_VRRP}.{column}")) for column in (3, 4)]
    for index, state in integers(await agent.column(f"{_VRRP3}.6")).items():
        if index.removesuffix(".1") not in states:  # a group over IPv4 may be in both
            states[index] = state
    switched |= integers(await agent.column(f"{_VRRP3}.13"))
    rows = wanted.of(await _named(agent, states), "VRRP groups")
    roles = {index: _ROLES.get(states[index], "unknown") for index in rows}
    return _groups(rows, roles, switched, ("initialize",))


async def hsrp(agent: Agent, wanted: Wanted) -> Facts:
    """CISCO-HSRP-MIB: the same for groups of Cisco routers."""
    states = integers(await agent.column(f"{_HSRP}.15"))
    switched = integers(await agent.column(f"{_HSRP}.17"))
    rows = wanted.of(await _named(agent, states), "HSRP groups")
    roles = {index: _HSRP_ROLES.get(states[index], "unknown") for index in rows}
    return _groups(rows, roles, switched, ("initial", "learn"))


async def _named(agent: Agent, groups: Collection[str]) -> dict[str, str]:
    """The names of groups by their indexes: interface, group and, with version 3, the type of address."""
    places = {index: f"{index}.?.?".split(".") for index in groups}
    asked = list(dict.fromkeys(f"{_IF_NAME}.{place[0]}" for place in places.values()))
    found: dict[str, Value] = {}
    for start in range(0, min(len(asked), _INTERFACES), _AT_ONCE):
        found |= await agent.scalars(*asked[start : start + _AT_ONCE])
    return {
        index: f"group {group} on {text(found.get(f'{_IF_NAME}.{interface}', '')) or interface}"
        + (" IPv6" if version == "2" else "")
        for index, (interface, group, version, *_) in places.items()
    }


def _groups(
    rows: Mapping[str, str], roles: Mapping[str, str], switched: Mapping[str, int], bad: Sequence[str]
) -> Facts:
    failed = [index for index in rows if roles[index] in bad and switched.get(index) != _OFF]
    up = [index for index in rows if roles[index] not in bad]
    return tally(rows, failed, up) | {"role": ", ".join(sorted(set(roles.values())))}


async def ha(agent: Agent, wanted: Wanted) -> Facts:
    """A pair of firewalls, load balancers or routing engines, by the MIB of its maker."""
    maker = await agent.maker()
    pair = await _PAIRS[maker](agent) if maker in _PAIRS else Pair(())
    rows = wanted.of({str(n): member.name for n, member in enumerate(pair.members)}, "a pair's members")
    picked = {n: pair.members[int(n)] for n in rows}
    mine = {n: member for n, member in picked.items() if member.own} or picked
    others = [member for member in pair.members if not member.own]
    failed = [n for n, member in mine.items() if member.state not in _WHOLE]
    # Only this device counts: if it does not work it is down, even if its peer works.
    facts = tally(rows, failed, [n for n, member in mine.items() if member.state in _WORKING])
    facts["role"] = _joined(mine.values())
    facts["active"] = ", ".join(member.name for member in picked.values() if member.state == "active")
    if others:
        facts["peer"] = _joined(others)
    return facts | ({} if pair.synced is None else {"synced": pair.synced})


def _joined(members: Iterable[Member]) -> str:
    return ", ".join(sorted({member.state for member in members}))


async def _asa(agent: Agent) -> Pair:
    states = integers(await agent.column(f"{_ASA}.3"))
    names, words = await agent.column(f"{_ASA}.2"), await agent.column(f"{_ASA}.4")
    members = []
    for unit in _UNITS:
        if unit in states:
            state = _ASA_STATES.get(states[unit], "unknown")
            if "failover off" in text(words.get(unit, "")).lower():
                state = "standalone"
            name, own, _ = text(names.get(unit, f"unit {unit}")).partition("(this device)")
            members.append(Member(name.strip(), state, bool(own)))
    if members and all(member.state == "standalone" for member in members):
        return Pair([Member("this device", "standalone")])
    return Pair(members)


async def _juniper(agent: Agent) -> Pair:
    """Routing engines of one chassis, or of the two nodes of a cluster. The MIB does not say which one answers."""
    names, states = await agent.column(f"{_JNX}.5"), integers(await agent.column(f"{_JNX}.7"))
    return Pair(
        [
            Member(text(names.get(index, index)), _JNX_STATES.get(state, "unknown"))
            for index, state in states.items()
        ]
    )


async def _palo_alto(agent: Agent) -> Pair:
    found = await agent.scalars(*(f"{_PAN}.{tail}.0" for tail in (11, 12, 13)))
    state, peer, mode = (_word(found.get(f"{_PAN}.{tail}.0")) for tail in (11, 12, 13))
    if mode == "disabled":
        return Pair([Member("this device", "standalone")])
    members = [Member("this device", _PAN_STATES.get(state, "unknown"))] if state else []
    if members and peer:
        members.append(Member("peer", _PAN_STATES.get(peer, "unknown"), own=False))
    return Pair(members)


async def _fortinet(agent: Agent) -> Pair:
    found = await agent.scalars(_FG_SERIAL, _FG_MODE)
    if _FG_MODE not in found:
        return Pair(())
    if found[_FG_MODE] == 1:
        return Pair([Member("this device", "standalone")])
    own = _word(found.get(_FG_SERIAL))
    serials, names, masters = [
        {index: text(value).strip() for index, value in (await agent.column(f"{_FG_STATS}.{n}")).items()}
        for n in (2, 11, 16)
    ]
    synced = integers(await agent.column(f"{_FG_STATS}.12"))
    # Each device keeps the master of its own last synchronisation; the one that we ask counts first.
    order = sorted(serials, key=lambda index: serials[index].lower() != own)
    master = next((masters[index] for index in order if masters.get(index)), None)
    members = [
        Member(
            names.get(index) or serials[index],
            "unknown" if master is None else "active" if serials[index] == master else "standby",
            serials[index].lower() == own,
        )
        for index in order
    ]
    return Pair(members, all(state == 1 for state in synced.values()) if synced else None)


async def _check_point(agent: Agent) -> Pair:
    installed, started, state = (f"{_CP}.{tail}.0" for tail in (2, 5, 6))  # haInstalled, haStarted, haState
    found = await agent.scalars(installed, started, state)
    if not found:
        return Pair(())
    if found.get(installed) == 0:
        return Pair([Member("this device", "standalone")])
    if _word(found.get(started)) == "no":
        return Pair([Member("this device", "suspended")])
    return Pair([Member("this device", _CP_STATES.get(_word(found.get(state)), "unknown"))])


async def _bigip(agent: Agent) -> Pair:
    sync, role = f"{_BIGIP}.1.1.0", f"{_BIGIP}.3.1.0"  # sysCmSyncStatusId, sysCmFailoverStatusId
    found = integers(await agent.scalars(sync, role))
    if role not in found:
        return Pair(())
    if found.get(sync) == _SYNC_STANDALONE:
        return Pair([Member("this device", "standalone" if found[role] == 4 else "failed")])
    member = Member("this device", _BIGIP_STATES.get(found[role], "unknown"))
    return Pair([member], found[sync] == _IN_SYNC if sync in found else None)


async def _netscaler(agent: Agent) -> Pair:
    mode, peer, state = f"{_NS}.6.0", f"{_NS}.23.3.0", f"{_NS}.23.24.0"
    found = integers(await agent.scalars(mode, peer, state))
    if mode not in found:
        return Pair(())
    role = _NS_MODES.get(found[mode], "unknown")
    if role == "standalone":
        return Pair([Member("this device", role)])
    members = [Member("this device", _NS_FAULTS.get(found.get(state, 0), role))]
    if peer in found:
        members.append(Member("peer", _NS_MODES.get(found[peer], "unknown"), own=False))
    return Pair(members)


def _word(value: Value | None) -> str:
    return "" if value is None else text(value).strip().lower()


_PAIRS = {
    CISCO: _asa,
    JUNIPER: _juniper,
    PALO_ALTO: _palo_alto,
    FORTINET: _fortinet,
    CHECK_POINT: _check_point,
    NET_SNMP: _check_point,
    F5: _bigip,
    NETSCALER: _netscaler,
}
