"""Fibre Channel: the state, speed and errors of this machine's adapter ports, and their targets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from watch.core.reading import ProbeFailure, Reading, Reason, Verdict
from watch.core.wording import one_line
from watch.probes.base import Described, probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.storage.fc import Port, Target

_HOST = re.compile(r"host\d{1,6}")
_NAME = re.compile(r"(?:0[xX])?[0-9a-fA-F]{16}|[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){7}")


@probe("fibrechannel", main="port")
@dataclass(frozen=True, slots=True, kw_only=True)
class FibrechannelProbe(Described):
    """Look at the Fibre Channel ports of the machine that the vantage point runs on. Never run against a real device.

    A port that is not Online is degraded while another is Online, because the LUNs stay reachable over the
    other fabric. Without any port Online the check is down. Reads /sys/class/fc_host and
    /sys/class/fc_remote_ports through child processes, because a read can hang with the adapter. A lost target
    stays in the list as lost until it returns, or the driver or the machine is restarted. Error counters run
    since the driver was loaded: allow for old errors, as in `errors.crc < 500`.

    Options:
        port: host0, the port's world wide name (50:01:43:80:24:2b:9a:54 or 0x50014380242b9a54), or all.
        root: Where the host's /sys is, for an agent in a container: /host.

    Facts:
        ports (count, missing): How many ports were looked at.
        online (count, status): How many of them are online.
        offline (count, status): How many are not.
        offline.names (text): Their names and states, such as host1: Linkdown.
        state (text): The ports' states: Online, Linkdown, Offline, Bypassed, Diagnostics, Error, …; or
            unreadable.
        type (text): Their types: NPort (fabric via point-to-point), NPIV VPORT, ….
        name (text): Their world wide names.
        description (text): The adapter's model, firmware and driver.
        fabric (text): The fabrics that they are logged in to, by name.
        fabrics (count, missing): How many different fabrics those are.
        speed (text): The speed of the slowest port that is online, 16 Gbit.
        speed.reached (ratio): That speed as a share of the fastest that the port supports.
        errors (count, limit): The sum of all following counters.
        errors.frames (count, limit): Frames received with an error.
        errors.dumped (count, limit): Frames lost because this machine lacked resources.
        errors.crc (count, limit): Frames with a wrong checksum: a bad cable, plug or transceiver.
        errors.words (count, limit): Words that cannot be decoded: the same causes.
        errors.link (count, limit): Link failures.
        errors.signal (count, limit): Losses of signal.
        errors.sync (count, limit): Losses of synchronisation.
        targets (count, missing): How many targets the ports see or have lost; a target seen by two ports counts
            twice.
        targets.lost (count, status): How many of them are blocked or gone.
        targets.lost.names (text): Their names, such as host0: 50:06:01:60:3b:20:19:99.

    Reasons:
        ok, expectation, status, missing, limit, timeout

    Example:
        fibrechannel: all
        expect: [online > 0, targets > 0]
        warn: [offline == 0, fabrics == 2, targets.lost == 0, errors < 100, speed.reached == 100%]
    """

    ASSUMED: ClassVar[Mapping[str, str]] = {"online": "online > 0"}
    WARNED: ClassVar[Mapping[str, str]] = {"offline": "offline == 0"}

    port: str
    root: Path = Path("/")

    def __post_init__(self) -> None:
        if self.port != "all" and not _HOST.fullmatch(self.port) and not _NAME.fullmatch(self.port):
            raise ValueError("port: write host0, a world wide name of 16 hexadecimal digits, or all")

    def peer(self) -> str:
        return ""

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        from watch.probes.wire.storage.fc import ports, written  # noqa: PLC0415 - when a check needs it

        here, seen = await ports(self.root)
        found = [one for one in here if self.port in ("all", one.host) or one.name == written(self.port)]
        if not found:
            raise ProbeFailure(Reason.MISSING, f"there is no Fibre Channel port {self.port} here")
        hosts = {one.host for one in found}
        facts = _standing(found) | _errors(found) | _targets([one for one in seen if one.host in hosts])
        return Reading(Verdict.UP, facts=facts)


def _standing(found: Sequence[Port]) -> dict[str, FactValue]:
    off = [f"{one.host}: {one.state}" for one in found if one.state != "Online"]
    fabrics = {one.fabric for one in found if one.fabric}
    facts: dict[str, FactValue] = {
        "ports": len(found),
        "online": len(found) - len(off),
        "offline": len(off),
        "offline.names": one_line(", ".join(off)),
        "state": _all(one.state for one in found),
        "type": _all(one.type for one in found),
        "name": _all(one.name for one in found),
        "description": _all(one.described for one in found),
        "fabric": _all(fabrics),
        "fabrics": len(fabrics),
    }
    slow = min(
        ((one.speed, -(one.fastest or 0)) for one in found if one.speed and one.state == "Online"),
        default=None,
    )
    if slow is not None:
        facts["speed"] = f"{slow[0]} Gbit"
        if slow[1]:
            facts["speed.reached"] = slow[0] / -slow[1]
    return facts


def _errors(found: Sequence[Port]) -> dict[str, FactValue]:
    kinds = {kind for one in found for kind in one.errors}
    facts: dict[str, FactValue] = {
        f"errors.{kind}": sum(one.errors.get(kind, 0) for one in found) for kind in kinds
    }
    return facts | ({"errors": sum(sum(one.errors.values()) for one in found)} if kinds else {})


def _targets(seen: Sequence[Target]) -> dict[str, FactValue]:
    # Marginal: the operator marked the path as unreliable; it is still used.
    lost = [f"{one.host}: {one.name}" for one in seen if one.state not in ("Online", "Marginal")]
    return {"targets": len(seen), "targets.lost": len(lost), "targets.lost.names": one_line(", ".join(lost))}


def _all(words: Iterable[str]) -> str:
    return one_line(", ".join(sorted({word for word in words if word})))
