"""Tables of a UPS, of sensors and of disks; and all tables of a device at once.

Each is a function from an agent to facts, in base units: minutes, tenths and scaled integers are converted
here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.reading import ProbeFailure, Reason
from watch.probes.wire.snmp.load import cpu, memory, sessions
from watch.probes.wire.snmp.role import ha
from watch.probes.wire.snmp.rows import integers, numbers, tally, text

if TYPE_CHECKING:
    from watch.core.reading import FactValue
    from watch.probes.wire.snmp.agent import Agent
    from watch.probes.wire.snmp.rows import Wanted

    Facts = dict[str, FactValue]

_UPS = "1.3.6.1.2.1.33.1"
_BATTERY = {1: "unknown", 2: "normal", 3: "low", 4: "depleted"}
_OUTPUT = {1: "other", 2: "none", 3: "normal", 4: "bypass", 5: "battery", 6: "booster", 7: "reducer"}
_BATTERY_BAD, _TEST_FAILED = f"{_UPS}.6.3.1", 3
_APC = "1.3.6.1.4.1.318.1.1.1"
_APC_BATTERY, _APC_NO_BATTERY, _REPLACE = {2: "normal", 3: "low"}, (4, 5), 2  # faulty, missing
_APC_OUTPUT = {
    2: "normal",
    3: "battery",
    4: "booster",
    5: "none",  # asleep
    6: "bypass",
    7: "none",
    8: "none",  # restarting
    9: "bypass",
    10: "bypass",
    11: "none",  # asleep until the power returns
    12: "reducer",
    13: "normal",  # eco mode
    15: "battery",  # for a test, but from the battery
    16: "bypass",
    17: "bypass",
}
_CISCO_SENSOR = "1.3.6.1.4.1.9.9.91.1.1.1.1"  # CISCO-ENTITY-SENSOR-MIB: older, and column by column the same
_SENSOR, _ENTITY = "1.3.6.1.2.1.99.1.1.1", "1.3.6.1.2.1.47.1.1.1.1"
_WATTS, _CELSIUS, _HUMIDITY, _RPM = 6, 8, 9, 10
_NONOPERATIONAL = 3
_BEYOND_TERA = {14: 18, 15: 15, 16: 21, 17: 24}  # the list has exa before peta
_STORAGE, _FIXED_DISK = "1.3.6.1.2.1.25.2.3.1", "1.3.6.1.2.1.25.2.1.4"


async def ups(agent: Agent, wanted: Wanted) -> Facts:  # noqa: ARG001 - as every table
    """UPS-MIB, or APC's own: the source of power, the runtime, and the state of the batteries."""
    known = {
        name: f"{_UPS}.{tail}.0"
        for name, tail in (
            ("battery", "2.1"),
            ("seconds", "2.2"),
            ("minutes", "2.3"),
            ("charge", "2.4"),
            ("celsius", "2.7"),
            ("output", "4.1"),
            ("test", "7.3"),
        )
    }
    found = await agent.scalars(*known.values())
    if not found:
        return await _apc(agent)
    values = {name: value for name, oid in known.items() if isinstance(value := found.get(oid), int)}
    alarms = [text(kind) for kind in (await agent.column(f"{_UPS}.6.2.1.2")).values()]
    loads = integers(await agent.column(f"{_UPS}.4.4.1.5"))
    facts: Facts = {
        "on_battery": values.get("output") == 5 or values.get("seconds", 0) > 0,
        "replace_battery": _BATTERY_BAD in alarms or values.get("test") == _TEST_FAILED,
        "alarms": len(alarms),
        "battery": _BATTERY.get(values.get("battery", 1), "unknown"),
        "output": _OUTPUT.get(values.get("output", 1), "other"),
    }
    for name, fact, unit in (
        ("minutes", "runtime", 60),
        ("charge", "charge", 0.01),
        ("celsius", "temperature", 1),
    ):
        if name in values:
            facts[fact] = values[name] * unit
    return facts | ({"load": max(loads.values()) / 100} if loads else {})


async def _apc(agent: Agent) -> Facts:
    """PowerNet-MIB, for APC's older cards, which have only that."""
    known = {
        name: f"{_APC}.{tail}.0"
        for name, tail in (
            ("battery", "2.1.1"),  # upsBasicBatteryStatus
            ("ticks", "2.1.2"),  # upsBasicBatteryTimeOnBattery
            ("charge", "2.2.1"),  # upsAdvBatteryCapacity
            ("celsius", "2.2.2"),  # upsAdvBatteryTemperature
            ("left", "2.2.3"),  # upsAdvBatteryRunTimeRemaining
            ("replace", "2.2.4"),  # upsAdvBatteryReplaceIndicator
            ("output", "4.1.1"),  # upsBasicOutputStatus
            ("load", "4.2.3"),  # upsAdvOutputLoad
        )
    }
    found = await agent.scalars(*known.values())
    if not found:
        raise ProbeFailure(Reason.MISSING, "the device has neither UPS-MIB nor PowerNet-MIB")
    values = {name: value for name, oid in known.items() if isinstance(value := found.get(oid), int)}
    output = _APC_OUTPUT.get(values.get("output", 1), "other")
    facts: Facts = {
        "on_battery": output == "battery" or values.get("ticks", 0) > 0,
        "replace_battery": values.get("replace") == _REPLACE or values.get("battery") in _APC_NO_BATTERY,
        "battery": _APC_BATTERY.get(values.get("battery", 1), "unknown"),
        "output": output,
    }
    for name, fact, unit in (
        ("left", "runtime", 0.01),  # ticks
        ("charge", "charge", 0.01),
        ("celsius", "temperature", 1),
        ("load", "load", 0.01),
    ):
        if name in values:
            facts[fact] = values[name] * unit
    return facts


async def sensors(agent: Agent, wanted: Wanted) -> Facts:
    """ENTITY-SENSOR-MIB, or Cisco's: the highest temperature and humidity, the slowest fan, failed sensors."""
    kinds, entry = integers(await agent.column(f"{_SENSOR}.1")), _SENSOR
    if not kinds:
        kinds, entry = integers(await agent.column(f"{_CISCO_SENSOR}.1")), _CISCO_SENSOR
    scales, precisions, values, states = await numbers(agent, entry, 2, 3, 4, 5)
    named = await agent.column(f"{_ENTITY}.7")
    named = {index: name for index, name in named.items() if name} or await agent.column(f"{_ENTITY}.2")
    rows = wanted.of({index: text(named.get(index, f"sensor {index}")) for index in kinds}, "sensors")
    good = {
        index: values[index] * 10.0 ** (_power(scales.get(index, 9)) - precisions.get(index, 0))
        for index in rows
        if index in values and states.get(index, 1) == 1
    }
    of = {kind: {i: v for i, v in good.items() if kinds[i] == kind} for kind in set(kinds.values())}
    facts = tally(rows, [index for index in rows if states.get(index) == _NONOPERATIONAL])
    if hot := of.get(_CELSIUS):
        hottest = max(hot, key=hot.__getitem__)
        facts |= {"temperature": hot[hottest], "hottest": rows[hottest]}
    if damp := of.get(_HUMIDITY):
        facts["humidity"] = max(damp.values()) / 100
    if fans := of.get(_RPM):
        facts["fan"] = min(fans.values())
    if watts := of.get(_WATTS):
        facts["power"] = sum(watts.values())
    return facts


def _power(scale: int) -> int:
    return _BEYOND_TERA.get(scale, 3 * scale - 27)


async def storage(agent: Agent, wanted: Wanted) -> Facts:
    """HOST-RESOURCES-MIB: the fullest of the disks, or of the rows selected by name (memory is there, too)."""
    kinds, names = await agent.column(f"{_STORAGE}.2"), await agent.column(f"{_STORAGE}.3")
    units, sizes, used = await numbers(agent, _STORAGE, 4, 5, 6)
    real = [index for index in names if sizes.get(index)]
    if wanted.only is None:
        real = [index for index in real if kinds.get(index) == _FIXED_DISK]
    rows = wanted.of({index: text(names[index]) for index in real}, "disks")
    # Signed 32 bits, but a disk may have more units: a negative count has wrapped.
    whole = {index: sizes[index] % 2**32 for index in rows}
    left = {index: max(0, whole[index] - used.get(index, 0) % 2**32) for index in rows}
    fullest = min(rows, key=lambda index: left[index] / whole[index])
    return tally(rows) | {
        "free": left[fullest] / whole[fullest],
        "space": left[fullest] * units.get(fullest, 1),
        "fullest": rows[fullest],
    }


async def device(agent: Agent, wanted: Wanted) -> Facts:
    """The facts of `cpu`, `memory`, `sessions` and `ha`, as far as the device has them."""
    facts: Facts = {}
    rows = 0
    for look in (cpu, memory, sessions, ha):
        try:
            found = await look(agent, wanted)
        except ProbeFailure as lacking:
            if lacking.reason is not Reason.MISSING:
                raise
            continue
        rows += int(found["rows"])
        facts |= found  # only the last of them (ha) can have failed rows
    if not facts:
        raise ProbeFailure(Reason.MISSING, f"{agent.where} has none of the tables cpu, memory, sessions, ha")
    return facts | {"rows": rows} | ({} if "role" in facts else {"up": rows})
