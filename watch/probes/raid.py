"""RAID: the state of this machine's arrays, of the kernel or of a controller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from watch.core.reading import ProbeFailure, Reading, Reason, Verdict
from watch.core.wording import one_line
from watch.probes.base import Described, probe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.storage.mdstat import Array


@probe("raid", main="array")
@dataclass(frozen=True, slots=True, kw_only=True)
class RaidProbe(Described):
    """Look at the RAID of the machine that the vantage point runs on. Never run against a real device.

    An array that has lost a member still serves: degraded. Down when it does not run, or has lost more members
    than its level tolerates. Reads /proc/mdstat and /sys/block/*/md through a child process, because a read can
    hang with the array. A MegaRAID or PERC controller is asked through its maker's tool, which must run as
    root; else the reading is unknown. The tools of other makers (ssacli, arcconf) have no output for programs:
    ask such a controller by SNMP.

    Options:
        array: The name of the array (md0; with a controller a name or number, 0/1), or all.
        controller: md for the kernel's arrays; storcli or perccli for those of a controller, storcli2 or
            perccli2 for those of 24 Gbit/s.
        program: With a controller: its tool, if it is not storcli64, perccli64, storcli2 or perccli2; may be a
            script that calls it through sudo.
        root: With md: where the host's /proc and /sys are, for an agent in a container: /host.

    Facts:
        arrays (count, missing): How many arrays were looked at.
        active (bool): Whether all of them run, with enough members to serve.
        degraded (count): How many members are missing in total; with a controller, how many arrays are
            degraded.
        failed (count): How many members are marked as failed; with a controller, how many disks of any array.
        failed.names (text): Those members, such as md0: sdb1 or disk 252:3.
        spares (count): How many spares there are.
        busy (text): The operation that runs: resync, recovery, check, reshape, rebuild; empty for none.
        progress (ratio): The progress of that operation; of several, the lowest.
        left (duration): How long it will take, by the kernel's estimate.
        mismatches (count): Sectors that differed at the last check, in total; a RAID 1 with swap has some.
        state (text): The arrays' states: clean, active, readonly, broken, inactive, …; Optl, Dgrd, ….
        battery (text): The state of a controller's battery or capacitor, Optimal for a good one.

    Reasons:
        ok, expectation, missing, timeout, limit

    Example:
        raid: md0
        expect: [active == true]
        warn: [degraded == 0, failed == 0, busy == ""]
    """

    ASSUMED: ClassVar[Mapping[str, str]] = {"active": "active == true"}
    WARNED: ClassVar[Mapping[str, str]] = {"degraded": "degraded == 0", "failed": "failed == 0"}

    array: str
    controller: Literal["md", "storcli", "perccli", "storcli2", "perccli2"] = "md"
    program: str | None = None
    root: Path = Path("/")

    def __post_init__(self) -> None:
        if not self.array or (self.controller == "md" and "/" in self.array):
            raise ValueError("array: a name as in /proc/mdstat, like md0, or all")

    def peer(self) -> str:
        return ""

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        facts = await (self._of_md() if self.controller == "md" else self._of_controller())
        return Reading(Verdict.UP, facts=facts)

    async def _of_controller(self) -> dict[str, FactValue]:
        from watch.probes.wire.child import said_by  # noqa: PLC0415 - as above
        from watch.probes.wire.storage.megaraid import facts  # noqa: PLC0415 - when a check needs it

        program = self.program or (
            self.controller if self.controller.endswith("2") else f"{self.controller}64"
        )
        said = await said_by(program, "/call", "show", "J", "nolog", package="none; get it from the maker")
        return facts(said, self.array)

    async def _of_md(self) -> dict[str, FactValue]:
        from watch.probes.wire.child import said_by  # noqa: PLC0415 - as above
        from watch.probes.wire.storage.mdstat import arrays, settings  # noqa: PLC0415 - when a check needs it

        said = await said_by("cat", str(self.root / "proc/mdstat"), package="coreutils")
        if said.code != 0:
            raise said.absent("this machine has no md arrays")
        found = [one for one in arrays(said.out) if self.array in ("all", one.name)]
        if not found:
            raise ProbeFailure(Reason.MISSING, f"this machine has no array {self.array}")
        files = settings(self.root, [one.name for one in found])
        kept = await said_by("grep", "-sH", "", "--", *files, package="grep")  # -s: some do not exist
        return _facts(found, kept.out)


def _facts(found: Sequence[Array], kept: str) -> dict[str, FactValue]:
    from watch.probes.wire.storage.mdstat import sums  # noqa: PLC0415 - as above

    told = sums(kept)
    names = [f"{one.name}: {member}" for one in found for member in one.failed]
    busy = [one for one in found if one.action]
    facts: dict[str, FactValue] = {
        "arrays": len(found),
        "active": all(one.active for one in found) and "broken" not in told.states,
        "degraded": max(sum(one.missing for one in found), told.degraded),
        "failed": len(names),
        "failed.names": one_line(", ".join(names)),
        "spares": sum(one.spares for one in found),
        "busy": ", ".join(sorted({one.action for one in busy})),
        "mismatches": told.mismatches,
        "state": ", ".join(sorted(told.states)) or ("active" if all(o.active for o in found) else "inactive"),
    }
    shares = [one.progress for one in busy if one.progress is not None]
    waits = [one.left for one in busy if one.left is not None]
    facts |= {"progress": min(shares)} if shares else {}
    return facts | ({"left": max(waits)} if waits else {})
