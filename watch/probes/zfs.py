"""ZFS: the state, free space and last scrub of a pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from watch.core.reading import OurFault, ProbeFailure, Reading, Reason, Verdict
from watch.core.wording import one_line
from watch.probes.base import Described, probe

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.storage.zpool import Pool

_COLUMNS = ("name", "size", "free", "fragmentation", "health")


@probe("zfs", main="pool")
@dataclass(frozen=True, slots=True, kw_only=True)
class ZfsProbe(Described):
    """Look at a ZFS pool of this machine, by zpool. Never run against a real device.

    A pool that has lost a disk still serves: DEGRADED is degraded, worse states are down. A pool that is over
    80% full becomes slow.

    Options:
        pool: Its name.
        program: What to run instead of zpool, with the same arguments: a script that calls it through sudo.

    Facts:
        state (text, status): ONLINE, DEGRADED, FAULTED, OFFLINE, UNAVAIL, SUSPENDED.
        failed (count): How many of its disks do not work.
        failed.names (text): Their names.
        errors (count): Read, write and checksum errors of its disks, in total, since they were cleared.
        data_errors (count): Files, or data errors, that cannot be repaired.
        size (bytes): The size of the pool.
        space (bytes): How much is free.
        free (ratio, empties): The same as a share.
        fragmentation (ratio): How fragmented the free space is.
        busy (text): scrub or resilver; empty for neither.
        progress (ratio): Its progress.
        scrub.age (duration, stale): Since the last scrub ended; missing if a resilver came after it.
        scrub.errors (count): Errors that this scrub could not repair.

    Reasons:
        ok, status, stale, expectation, missing, timeout, limit

    Example:
        zfs: tank
        expect: [data_errors == 0, free > 5%]
        warn: [state == "ONLINE", free > 20%, not scrub.age > 40d]
    """

    ASSUMED: ClassVar[Mapping[str, str]] = {
        "state": 'state in ["ONLINE", "DEGRADED"]',
        "data_errors": "data_errors == 0",
    }
    WARNED: ClassVar[Mapping[str, str]] = {"state": 'state == "ONLINE"'}

    pool: str
    program: str = "zpool"

    def __post_init__(self) -> None:
        if not self.pool or self.pool.startswith("-") or any(char <= " " for char in self.pool):
            raise ValueError("pool: write the name of one pool, like tank")

    def peer(self) -> str:
        return ""

    async def run(self, *, now: datetime) -> Reading:
        from watch.probes.wire.storage.zpool import pools  # noqa: PLC0415 - when a check needs it

        room = (
            (await self._asked("list", "-Hp", "-o", ",".join(_COLUMNS), self.pool)).rstrip("\n").split("\t")
        )
        found = [one for one in pools(await self._asked("status", "-p", self.pool)) if one.name == self.pool]
        if not found or len(room) != len(_COLUMNS):
            raise OurFault(f"{self.program}: its output about {self.pool} cannot be read")
        return Reading(Verdict.UP, facts=_state(found[0], now) | _room(*room[1:4]) | {"state": room[4]})

    async def _asked(self, *arguments: str) -> str:
        from watch.probes.wire.child import said_by  # noqa: PLC0415 - as above

        said = await said_by(self.program, *arguments, package="zfsutils-linux")
        if said.code == 0:
            return said.out
        if "no such pool" in said.words:
            raise ProbeFailure(Reason.MISSING, f"this machine has no pool {self.pool}")
        raise OurFault(f"zpool {arguments[0]} does not work here: {said.words}")


def _state(pool: Pool, now: datetime) -> dict[str, FactValue]:
    facts: dict[str, FactValue] = {
        "failed": len(pool.failed),
        "failed.names": one_line(", ".join(pool.failed)),
        "errors": sum(one.errors for one in pool.devices if not one.group),
        "data_errors": pool.data_errors,
        "busy": pool.action,
    }
    if pool.progress is not None:
        facts["progress"] = pool.progress
    if pool.scrubbed is not None and pool.scrub_errors is not None:
        facts["scrub.age"] = max(0.0, (now - pool.scrubbed).total_seconds())
        facts["scrub.errors"] = pool.scrub_errors
    return facts


def _room(size: str, free: str, fragmentation: str) -> dict[str, FactValue]:
    """The facts about free space; a pool that cannot be opened has ``-``."""
    facts: dict[str, FactValue] = {}
    if size.isdecimal() and free.isdecimal() and int(size):
        facts = {"size": int(size), "space": int(free), "free": int(free) / int(size)}
    if fragmentation.rstrip("%").isdecimal():
        facts["fragmentation"] = int(fragmentation.rstrip("%")) / 100
    return facts
