"""Mirrors: whether two LUNs, files, DRBD volumes or ZFS datasets are equal, and how far the second is behind."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from watch.core.reading import Reading, Verdict
from watch.core.settings import Secret
from watch.core.wording import one_line
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.net.options import Reached

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue

_UNIT = 4096  # bytes that are compared at a place
_RESOURCE = re.compile(r"drbd:(?P<name>[A-Za-z0-9_][\w.+-]{0,127})", re.ASCII)
_DATASET = re.compile(r"zfs:(?P<name>[A-Za-z][\w.:/-]{0,254})", re.ASCII)


@probe("mirror", main="first")
@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorProbe(Reached, Described):
    """Compare the two halves of a mirror, by samples or by what DRBD or ZFS reports. Nothing is written.

    LUNs, files and devices are compared at random places; the first and the last 4 KiB are always among them. A
    place that differs is read again until the second half shows what the first one showed, or `wait` is over:
    data on its way is lag, not a fault. Out of sync is degraded, because the first half goes on serving. Down
    when a half cannot be read, or there is nothing to compare. Samples find a mirror that has stopped or was
    split; they do not find a single corrupt block. Run against tgt.

    For DRBD, the probe reads drbdsetup (9) or /proc/drbd (8.4) of this machine; a volume without any disk that
    is up to date is down. For ZFS, it compares the snapshots of both datasets: the newest common one, by guid,
    shows how far the second is behind. Never run against a real DRBD or ZFS.

    Options:
        first: The half that is written to: iscsi://host/iqn.…/1, the absolute path of a file or device, drbd:r0 (a
            resource of DRBD 9), drbd:0 (a minor number of 8.4), or zfs:tank/data.
        second: The half that follows it, written in the same way. For a DRBD resource, the name of a peer, or
            nothing for all peers.
        places: How many places to compare, 2 to 1000.
        wait: How long the second may take to catch up; the check's timeout must be longer.
        lag: For ZFS: how far the second may be behind and still count as in sync: the replication interval, or
            more.
        program: What to run instead of drbdsetup or zfs, with the same arguments: a script that calls it
            through sudo.
        second_program: What to run instead of zfs for the second: a script that calls it on another machine.
        root: Where the host's /proc is, for an agent in a container: /host.
        username: For CHAP, at both LUNs.
        password: For CHAP.
        initiator: Our initiator name, which you may have to register at the targets.

    Facts:
        in_sync (bool, stale): Whether the second holds what the first holds, or what it held while we looked.
        behind (duration, stale): How long the second took to catch up; 0 without a difference; if it did not
            catch up, how long we waited. For ZFS, the time from the newest common snapshot to the newest of the
            first. For DRBD, 0 or missing.
        pending (bytes): For DRBD, how much is out of sync at the peer furthest behind; for ZFS, how much was
            written to the first since the newest common snapshot.
        age (duration, stale): For ZFS, the age of the newest common snapshot: how much a loss of the first
            would cost.
        common (text): Its name.
        differing (count, stale): How many places still differ.
        compared (count, missing): How many places were compared; for DRBD, volumes at peers; for ZFS, common
            snapshots.
        role (text): For DRBD, this machine's role and the peer's: Primary/Secondary. Role, disk and state are
            those of the first volume that is not in sync, if there is one.
        disk (text): For DRBD, the states of both disks: UpToDate/UpToDate.
        state (text, status): For DRBD, the state of the replication: Established (9), Connected (8.4),
            SyncSource, StandAlone.
        progress (ratio): For DRBD, the progress of a running resync.
        suspended (bool, status): For DRBD, whether it blocks all writes: programs that write hang.
        usable (bool, status): For DRBD, whether each volume has a disk that is up to date, here or at a peer.
        size (bytes): The size of the first.
        smaller (bytes): By how much the second is smaller; that part is not mirrored.
        latency (duration, slow): How long it all took.

    Reasons:
        ok, stale, missing, auth, status, slow, dns, refused, reset, unreachable, timeout, protocol, limit

    Example:
        mirror:
          first: iscsi://192.0.2.10/iqn.2026-11.org.example:array1/1
          second: iscsi://192.0.2.20/iqn.2026-11.org.example:array2/1
        warn: [in_sync == true, behind < 500ms]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    ASSUMED: ClassVar[Mapping[str, str]] = {
        "compared": "compared > 0",
        "suspended": "suspended == false or not suspended exists",
        "usable": "usable == true or not usable exists",
    }
    WARNED: ClassVar[Mapping[str, str]] = {
        "in_sync": "in_sync == true",
        "smaller": "smaller == 0B or not smaller exists",
    }

    first: str
    second: str = ""
    places: int = 32
    wait: timedelta = timedelta(seconds=2)
    lag: timedelta = timedelta(0)
    program: str = ""
    second_program: str = ""
    root: Path = Path("/")
    username: str | None = None
    password: Secret | None = None
    initiator: str = "iqn.2026-11.app.threenines:probe"

    def __post_init__(self) -> None:
        if self.first.startswith("drbd:"):
            self._refuse(_RESOURCE, "first", self.first, "drbd:r0")
            if self.second and (
                self._resource().isdecimal() or self.second.startswith(("/", "iscsi:", "zfs:"))
            ):
                raise ValueError(
                    "second: with a DRBD resource write the name of a peer; with a minor number leave it out"
                )
        elif self.first.startswith("zfs:"):
            self._refuse(_DATASET, "first", self.first, "zfs:tank/data")
            self._refuse(_DATASET, "second", self.second, "zfs:backup/data")
        else:
            self._accept_blocks()
        if self.first == self.second and self.program == self.second_program:
            raise ValueError("second: is the same as first")
        if not 2 <= self.places <= 1000:
            raise ValueError("places: from 2 to 1000")
        if (self.username is None) != (self.password is None):
            raise ValueError("username: CHAP needs both username and password")

    def _accept_blocks(self) -> None:
        from watch.probes.wire.storage.mirrored import half  # noqa: PLC0415 - when a check needs it

        for option, text in (("first", self.first), ("second", self.second)):
            try:
                half(text)
            except ValueError as error:
                raise ValueError(f"{option}: {error}") from None

    def _refuse(self, pattern: re.Pattern[str], option: str, text: str, example: str) -> None:
        if not pattern.fullmatch(text):
            raise ValueError(f"{option}: {text!r} cannot be read; write it like {example}")

    def _resource(self) -> str:
        return self.first.removeprefix("drbd:")

    def peer(self) -> str:
        from watch.probes.wire.storage.mirrored import half  # noqa: PLC0415 - as above

        if self.first.startswith(("drbd:", "zfs:")):
            return ""
        first = half(self.first)
        return "" if isinstance(first, str) else first.portal.host

    async def run(self, *, now: datetime) -> Reading:
        clock = asyncio.get_running_loop().time
        began = clock()
        if self.first.startswith("drbd:"):
            facts = await self._of_drbd()
        elif self.first.startswith("zfs:"):
            facts = await self._of_zfs(now)
        else:
            facts = await self._of_blocks()
        took = clock() - began
        return Reading(Verdict.UP, facts=facts | {"latency": took}, phases={"transfer": took})

    async def _of_drbd(self) -> dict[str, FactValue]:
        from watch.probes.wire.child import said_by  # noqa: PLC0415 - as above
        from watch.probes.wire.storage import drbd  # noqa: PLC0415 - as above

        name = self._resource()
        if name.isdecimal():
            said = await said_by("cat", str(self.root / "proc/drbd"), package="coreutils")
            if said.code != 0:
                raise said.absent("this machine has no DRBD")
            return drbd.of_device(said.out, name)
        asked = ("status", name, "--json")
        said = await said_by(self.program or "drbdsetup", *asked, package="drbd-utils")
        return drbd.of_resource(said, name, self.second)

    async def _of_zfs(self, now: datetime) -> dict[str, FactValue]:
        from watch.probes.wire.storage.snapshots import snapshots, standing, written_since  # noqa: PLC0415 - as above

        program, dataset = self.program or "zfs", self.first.removeprefix("zfs:")
        ours = await snapshots(program, dataset)
        other = self.second.removeprefix("zfs:")
        found = standing(ours, await snapshots(self.second_program or "zfs", other))
        if found.newest is None or found.common is None:
            return {"in_sync": False, "compared": 0, "common": ""}
        behind = max(0, found.newest.created - found.common.created)
        facts: dict[str, FactValue] = {
            "in_sync": behind <= self.lag.total_seconds(),
            "behind": float(behind),
            "age": max(0.0, now.timestamp() - found.common.created),
            "common": one_line(found.common.name),
            "compared": found.shared,
        }
        pending = await written_since(program, dataset, found.common)
        return facts | ({} if pending is None else {"pending": pending})

    async def _of_blocks(self) -> dict[str, FactValue]:
        from watch.probes.wire.storage.mirrored import Access, behind, half, opened  # noqa: PLC0415 - as above

        access = Access(self.initiator, self.username, self.password, self.family, self.metadata)
        async with opened(half(self.first), access) as first, opened(half(self.second), access) as second:
            places = self._places(min(first.size, second.size))
            found = await behind(first, second, places, _UNIT, self.wait.total_seconds())
            return {
                "in_sync": not found.differing,
                "behind": found.took,
                "differing": found.differing,
                "compared": len(places),
                "size": first.size,
                "smaller": max(0, first.size - second.size),
            }

    def _places(self, size: int) -> list[int]:
        units = size // _UNIT or min(size, 1)  # a file may be small
        if units <= self.places:
            return [_UNIT * at for at in range(units)]
        some = random.sample(range(1, units - 1), self.places - 2)
        return [_UNIT * at for at in sorted((0, units - 1, *some))]
