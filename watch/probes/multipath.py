"""Multipath: the paths of each LUN, and the map with the fewest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from watch.core.reading import OurFault, ProbeFailure, Reading, Reason, Verdict
from watch.core.wording import one_line
from watch.probes.base import Described, probe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from watch.core.reading import FactValue

# Map, device, state by the device mapper, by the kernel, by the path checker. The last may contain a blank.
_FORMAT = "%m|%d|%t|%o|%T"
_USABLE = frozenset(("ready", "ghost"))  # ghost: a good path to the standby controller
_NO_MAP = frozenset(("", "[orphan]", "orphan", "##", "-"))


@probe("multipath", main="map")
@dataclass(frozen=True, slots=True, kw_only=True)
class MultipathProbe(Described):
    """Look at the paths of this machine's multipath maps, by multipathd. Never run against a real device.

    A lost path is degraded, because the LUN stays reachable over the others; a map without any path is down.
    multipathd answers only root: name a `program` that runs it as root, else the reading is unknown.

    Options:
        map: The map's name, like mpatha, or all.
        program: What to run instead of multipathd, with the same arguments: a script that calls it through
            sudo.

    Facts:
        maps (count, missing): How many maps were looked at, including those without any path.
        paths (count): How many paths they have in total.
        working (count): How many of them can be used.
        failed (count): How many cannot.
        failed.names (text): Those paths, such as mpatha: sdc.
        least (count): How many usable paths the map with the fewest has.
        worst (text): The name of that map.

    Reasons:
        ok, expectation, missing, timeout, limit

    Example:
        multipath: all
        expect: [least > 0]
        warn: [failed == 0, least >= 4]
    """

    ASSUMED: ClassVar[Mapping[str, str]] = {"least": "least > 0"}
    WARNED: ClassVar[Mapping[str, str]] = {"failed": "failed == 0"}

    map: str
    program: str = "multipathd"

    def __post_init__(self) -> None:
        if not self.map or "/" in self.map:
            raise ValueError("map: a name as multipath -ll shows it, like mpatha, or all")

    def peer(self) -> str:
        return ""

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        from watch.probes.wire.child import said_by  # noqa: PLC0415 - when a check needs it

        package = "multipath-tools"
        said = await said_by(self.program, "show", "paths", "raw", "format", _FORMAT, package=package)
        lines = said.out.splitlines()
        if said.code != 0 or any(line.count("|") < 4 for line in lines):
            raise OurFault(f"multipathd does not list its paths: {said.words}")
        paths = [path for path in map(_path, lines) if path.map not in _NO_MAP]
        # The kernel removes devices that are lost for long. A map without any path is in no line above, and hangs.
        said = await said_by(self.program, "show", "maps", "raw", "format", "%n|%N", package=package)
        lines = said.out.splitlines()
        if said.code != 0 or any(line.count("|") != 1 for line in lines):
            raise OurFault(f"multipathd does not list its maps: {said.words}")
        maps = {line.partition("|")[0].strip() for line in lines}
        return Reading(Verdict.UP, facts=self._facts(paths, maps | {path.map for path in paths}))

    def _facts(self, paths: Sequence[_Path], maps: set[str]) -> dict[str, FactValue]:
        paths = [path for path in paths if self.map in ("all", path.map)]
        usable = {
            name: sum(path.usable for path in paths if path.map == name)
            for name in maps
            if self.map in ("all", name)
        }
        if not usable:
            raise ProbeFailure(Reason.MISSING, f"there is no map {self.map} here")
        worst = min(sorted(usable), key=usable.__getitem__)
        failed = [f"{path.map}: {path.device}" for path in paths if not path.usable]
        return {
            "maps": len(usable),
            "paths": len(paths),
            "working": sum(usable.values()),
            "failed": len(failed),
            "failed.names": one_line(", ".join(failed)),
            "least": usable[worst],
            "worst": worst,
        }


class _Path(NamedTuple):
    map: str
    device: str
    usable: bool


def _path(line: str) -> _Path:
    name, device, mapper, kernel, checker = (word.strip() for word in line.split("|", 4))
    return _Path(name, device, mapper == "active" and kernel == "running" and checker in _USABLE)
