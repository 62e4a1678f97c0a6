"""Fibre Channel in sysfs: a folder for each port in /sys/class/fc_host, and one for each remote port.

Each file has one line (`Documentation/ABI/testing/sysfs-class-fc_host` and `…-fc_remote_ports`;
scsi_transport_fc.c has the words)::

    host0/port_state                        Online
    host0/port_name                         0x50014380242b9a54
    host0/statistics/invalid_crc_count      0x0
    rport-0:0-3/roles                       FCP Target

For most files a driver asks its adapter, which may hang. So child programs read them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.probes.wire.child import Said, said_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_HOSTS, _SEEN = "sys/class/fc_host", "sys/class/fc_remote_ports"
_MOST_HOSTS, _MOST_SEEN = 256, 4096
_COUNTERS = {
    "error_frames": "frames",
    "dumped_frames": "dumped",
    "invalid_crc_count": "crc",
    "invalid_tx_word_count": "words",
    "link_failure_count": "link",
    "loss_of_signal_count": "signal",
    "loss_of_sync_count": "sync",
}
_TOLD = (
    "port_state",
    "port_type",
    "port_name",
    "speed",
    "supported_speeds",
    "fabric_name",
    "symbolic_name",
)
_TOLD_SEEN = ("port_state", "port_name", "roles", "scsi_target_id")
_COUNT = re.compile(r"0x[0-9a-fA-F]{1,16}")
_UNTOLD = 2**64 - 1  # the value of a counter that the adapter does not have
_SPEED = re.compile(r"(\d{1,4}) Gbit")
_NOWHERE = frozenset({"", "0x0", "0xffffffffffffffff", "0x0000000000000000"})
_HOST = re.compile(r"host\d+")
_REMOTE = re.compile(r"rport-(?P<host>\d+):\d+-\d+")


class Port(NamedTuple):
    """A port of an adapter of this machine.

    Args:
        speed: Gbit/s, None without a link or when unknown; *fastest*: the most that the port supports.
        errors: By kind, since the driver was loaded; only counters that the adapter has.
    """

    host: str
    name: str
    state: str
    type: str
    speed: int | None
    fastest: int | None
    fabric: str
    described: str
    errors: Mapping[str, int]


class Target(NamedTuple):
    """A remote port with storage that a port sees or has lost."""

    host: str
    name: str
    state: str


_HINDERED = ("Permission denied", "Operation not permitted", "Too many open files", "Cannot allocate memory")


async def ports(root: Path) -> tuple[list[Port], list[Target]]:
    """Return this machine's ports and their targets.

    Raises:
        ProbeFailure: `missing` when it has no such ports; `limit` when there are more than we read.
        OurFault: We may not read the files.
    """
    folders = [str(root / _HOSTS), str(root / _SEEN)]
    said = await said_by("find", *folders, "-mindepth", "1", "-maxdepth", "1", package="findutils")
    _allowed(said)
    found = [path.rpartition("/")[2] for path in said.out.splitlines()]
    hosts = sorted({name for name in found if _HOST.fullmatch(name)})
    seen = sorted({name for name in found if _REMOTE.fullmatch(name)})
    if not hosts:
        raise ProbeFailure(Reason.MISSING, "this machine has no Fibre Channel ports")
    if len(hosts) > _MOST_HOSTS or len(seen) > _MOST_SEEN:
        words = f"{len(hosts)} ports with {len(seen)} remote ports are more than we read"
        raise ProbeFailure(Reason.LIMIT, words)
    counted = [f"statistics/{name}" for name in _COUNTERS]
    told = await _lines(root / _HOSTS, hosts, (*_TOLD, *counted))
    told |= await _lines(root / _SEEN, seen, _TOLD_SEEN)
    targets = [_target(name, told.get(name, {})) for name in seen]
    return [_port(name, told.get(name, {})) for name in hosts], [one for one in targets if one]


async def _lines(folder: Path, names: Iterable[str], files: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the first line of each of *files*, by the name of its folder; unreadable files are left out."""
    paths = [f"{folder}/{name}/{file}" for name in names for file in files]
    if not paths:
        return {}
    said = await said_by("grep", "--text", "--null", "--max-count=1", "-H", "", "--", *paths, package="grep")
    _allowed(said)
    found: dict[str, dict[str, str]] = {}
    for line in said.out.split("\n"):
        path, _, text = line.partition("\0")
        name, _, file = path.removeprefix(f"{folder}/").partition("/")
        found.setdefault(name, {})[file.rpartition("/")[2]] = text.strip()
    return found


def _allowed(said: Said) -> None:
    """Raise unless the only complaints are about files that do not exist, or that the driver cannot fill."""
    if any(sign in said.err for sign in _HINDERED):
        raise OurFault(f"we may not read the files of the Fibre Channel ports: {said.words}")


def _port(host: str, told: Mapping[str, str]) -> Port:
    fabric = told.get("fabric_name", "").lower()
    return Port(
        host=host,
        name=written(told.get("port_name", "")),
        state=told.get("port_state") or "unreadable",
        type=told.get("port_type", ""),
        speed=max(_speeds(told.get("speed", "")), default=None),
        fastest=max(_speeds(told.get("supported_speeds", "")), default=None),
        fabric="" if fabric in _NOWHERE else written(fabric),
        described=told.get("symbolic_name", ""),
        errors={
            kind: count
            for file, kind in _COUNTERS.items()
            if (count := _count(told.get(file, ""))) is not None
        },
    )


def _target(name: str, told: Mapping[str, str]) -> Target | None:
    """Return the target behind a remote port; None for a switch, another host, or a port that was removed.

    A target that was lost for long loses its role but keeps its number, so that it gets the same one again.
    """
    number = told.get("scsi_target_id", "")
    if "Target" not in told.get("roles", "") and not number.isdecimal():
        return None
    match = _REMOTE.fullmatch(name)
    assert match is not None
    return Target(
        f"host{match['host']}", written(told.get("port_name", "")), told.get("port_state") or "unreadable"
    )


def written(name: str) -> str:
    """A world wide name in the form of switches, 50:01:43:80:24:2b:9a:54; other text is unchanged."""
    digits = re.sub(r"^0x|[:-]", "", name.lower())
    if not re.fullmatch(r"[0-9a-f]{16}", digits):
        return name
    return ":".join(digits[at : at + 2] for at in range(0, 16, 2))


def _speeds(text: str) -> list[int]:
    return [int(number) for number in _SPEED.findall(text)]


def _count(text: str) -> int | None:
    value = int(text, 16) if _COUNT.fullmatch(text) else _UNTOLD
    return None if value == _UNTOLD else value
