"""NFS: the response time of a file server, and the free space of a folder on it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from watch.core.reading import Reading, Verdict
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.line import place
from watch.probes.wire.net.options import Reached

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.net.line import Line, Place
    from watch.probes.wire.shares.nfs import Room
    from watch.probes.wire.shares.rpc import Calls

_PORT = 2049


@probe("nfs", main="server")
@dataclass(frozen=True, slots=True, kw_only=True)
class NfsProbe(Reached, Described):
    """Ask an NFS server (version 4.0 or 3, over TCP) how much space a folder has, without mounting it.

    Version 3 also needs the portmapper (port 111) and the mount service. The probe identifies itself by uid and
    gid alone; a server that requires Kerberos refuses it. Linux servers answer only clients on ports below
    1024, unless the export has the option `insecure`; otherwise the reading is down and says so. Run against
    NFS-Ganesha 4.3.

    Options:
        server: host or host:port; without a port 2049.
        path: The folder to ask about, in the form that clients mount.
        version: 4 or 3; a server of 4.1 or newer that refuses 4.0 is down.
        uid: The user id that we claim.
        gid: The group id that we claim.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer.
        rpc (duration, slow): How long the server took to answer an empty call (NULL).
        free (ratio, empties): The share of the file system that is free for us.
        available (bytes): How much that is.
        total (bytes): How large the file system is.
        inodes.free (ratio, empties): The share of inodes that are free.
        inodes (count): How many inodes are free.
        address (text): Who answered, ip:port.

    Reasons:
        ok, auth, missing, status, slow, dns, refused, reset, unreachable, timeout, protocol, limit

    Example:
        nfs: {server: nas.example.org, path: /backups}
        expect: [free > 5%]
        warn: [free > 15%, rpc < 100ms]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS

    server: str
    path: str = "/"
    version: Literal["4", "3"] = "4"
    uid: int = 65534
    gid: int = 65534

    def __post_init__(self) -> None:
        try:
            place(self.server, _PORT)
        except ValueError as error:
            raise ValueError(f"server: {error}") from None
        if not self.path.startswith("/") or len(self.path) > 1024 or {".", ".."} & set(self.path.split("/")):
            raise ValueError(f"path: {self.path!r} is not an absolute path; write it like /exports/backups")
        for option, number in (("uid", self.uid), ("gid", self.gid)):
            if not 0 <= number < 1 << 32:
                raise ValueError(f"{option}: from 0 to 4294967295")

    def peer(self) -> str:
        return place(self.server, _PORT).host

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        from watch.probes.wire.shares import nfs, nfs3  # noqa: PLC0415 - when a check needs it
        from watch.probes.wire.shares.rpc import Calls  # noqa: PLC0415 - as above

        clock, version = asyncio.get_running_loop().time, nfs.VERSION if self.version == "4" else nfs3.VERSION
        with await self._dialled(place(self.server, _PORT)) as line:
            calls, phases = Calls(line, nfs.PROGRAM, version), line.phases
            began = clock()
            await calls.call(nfs.NULL, what="the answer to an empty call")
            phases["first_byte"] = rpc = clock() - began
            began = clock()
            room = await self._room(calls)
            phases["transfer"] = clock() - began
            facts: dict[str, FactValue] = {
                "latency": sum(phases.values()),
                "rpc": rpc,
                "address": line.where,
            }
        return Reading(Verdict.UP, facts=facts | _facts(room), phases=phases)

    async def _dialled(self, there: Place) -> Line:
        return await dial(there, family=self.family, metadata=self.metadata)

    async def _room(self, calls: Calls) -> Room:
        from watch.probes.wire.shares import nfs, nfs3  # noqa: PLC0415 - as above
        from watch.probes.wire.shares.rpc import unix_credential  # noqa: PLC0415 - as above

        who = unix_credential(self.uid, self.gid)
        if self.version == "3":
            return await nfs3.room(self._dialled, self.peer(), calls, self.path, who)
        parts = [part for part in self.path.split("/") if part]
        told = await calls.call(nfs.COMPOUND, nfs.question(parts), credential=who, what="its free space")
        return nfs.answer(told, parts)


def _facts(room: Room) -> dict[str, FactValue]:
    """Return the facts about space; servers without quotas or inodes leave values out or send 0."""
    facts: dict[str, FactValue] = {}
    if room.available is not None and room.total:
        facts |= {"free": room.available / room.total, "available": room.available, "total": room.total}
    if room.files_available is not None and room.files_total:
        facts |= {"inodes.free": room.files_available / room.files_total, "inodes": room.files_available}
    return facts
