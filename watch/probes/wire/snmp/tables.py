"""The tables that the option `table` of the kind snmp names, each with the function that reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.probes.wire.snmp.device import device, sensors, storage, ups
from watch.probes.wire.snmp.load import cpu, memory, sessions
from watch.probes.wire.snmp.network import bgp, fibrechannel, interfaces, pool
from watch.probes.wire.snmp.role import ha, hsrp, vrrp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from watch.core.reading import FactValue
    from watch.probes.wire.snmp.agent import Agent
    from watch.probes.wire.snmp.rows import Wanted

    Table = Callable[[Agent, Wanted], Awaitable[dict[str, FactValue]]]

TABLES: Mapping[str, Table] = {
    "interfaces": interfaces,
    "bgp": bgp,
    "vrrp": vrrp,
    "hsrp": hsrp,
    "fibrechannel": fibrechannel,
    "pool": pool,
    "ups": ups,
    "sensors": sensors,
    "storage": storage,
    "cpu": cpu,
    "memory": memory,
    "sessions": sessions,
    "ha": ha,
    "device": device,
}
