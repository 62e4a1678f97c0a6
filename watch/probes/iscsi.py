"""iSCSI: login, LUN, read time and paths of a SAN."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from watch.core.reading import ProbeFailure, Reading, Reason, Verdict
from watch.core.settings import Secret
from watch.core.wording import one_line
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.net.address import admit, literal
from watch.probes.wire.net.blame import carried
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.line import place
from watch.probes.wire.net.options import Reached

if TYPE_CHECKING:
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.storage.iscsi import Session

_PORT = 3260
_MOST_PORTALS, _MOST_REDIRECTS = 16, 2
_LARGEST_BLOCK = 64 << 10


class PortalPath(NamedTuple):
    """What one portal answered. *standby*: the LUN is served by the other controller."""

    facts: dict[str, FactValue]
    phases: dict[str, float]
    standby: bool


@probe("iscsi", main="portal")
@dataclass(frozen=True, slots=True, kw_only=True)
class IscsiProbe(Reached, Described):
    """Log in to an iSCSI target as a host does, ask whether the LUN is ready, and read one block of it.

    Without `target` the portal is asked for its targets; without `lun` the target is asked for its LUNs.
    Several portals are several paths to one LUN, and are asked at the same time: down when no path works,
    degraded when one does not. A standby path (asymmetric access) is good if another path serves the LUN. The
    block is chosen at random, so that no cache hides the disks. Nothing is written or reserved. Each login is a
    new session and ends no other. Header and data digests are not used; a target that insists on them refuses
    the login. Run against tgt 1.0.85; standby paths were never run against a real array.

    Options:
        portal: host or host:port; without a port 3260.
        portals: Further portals that lead to the same target.
        target: The target's name, iqn.… or eui.….
        lun: The number of the LUN to look at.
        read: Whether to read a block of it.
        username: For CHAP, with `password`; a target that does not ask for a password is then down.
        password: For CHAP, 12 characters or more.
        proof: For mutual CHAP: the password that the target must prove to know.
        initiator: Our initiator name, which you may have to register at the target.
        wait: How long to wait for each portal, when there are several.

    Facts:
        latency (duration, slow): From the start of name lookup to the last answer, on the slowest path.
        login (duration, slow): How long the login took, on the slowest path.
        read (duration, slow): How long reading one block took, on the slowest path.
        paths (count): How many portals were asked.
        paths.up (count, unreachable): How many of them led to the target.
        paths.failed (count, unreachable): How many did not.
        paths.lost (text, unreachable): Those portals, and the failure of each; empty without a failure.
        paths.standby (count): How many of the working paths are standby; with `lun`.
        paths.alike (bool, status): Whether all of them lead to the same LUN, by identity and size; with `lun`.
        targets (count, missing): How many targets there are; without `target`.
        target (text, missing): Their names, joined by commas; without `target`.
        portals (count, missing): How many portals the targets announce; without `target`.
        luns (count, missing): How many LUNs the target shows to us; without `lun`.
        size (bytes): The size of the LUN.
        block (bytes): The size of one block.
        device (text): Vendor and product.
        identity (text): The identity of the LUN, the same on every path: its NAA or EUI-64 name where it has
            one.
        address (text): The first portal that answered, ip:port.

    Reasons:
        ok, auth, missing, status, slow, dns, refused, reset, unreachable, timeout, protocol, limit

    Example:
        iscsi:
          portal: 192.0.2.10
          portals: ["192.0.2.11:3260"]
          target: iqn.2026-11.org.example:array1
          lun: 1
        expect: [read < 1s]
        warn: [paths.failed == 0, read < 50ms]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    ASSUMED: ClassVar[Mapping[str, str]] = {"paths.alike": "paths.alike == true or not paths.alike exists"}
    WARNED: ClassVar[Mapping[str, str]] = {"paths.failed": "not paths.failed > 0"}

    portal: str
    portals: tuple[str, ...] = ()
    target: str | None = None
    lun: int | None = None
    read: bool = True
    username: str | None = None
    password: Secret | None = None
    proof: Secret | None = None
    initiator: str = "iqn.2026-11.app.threenines:probe"
    wait: timedelta = timedelta(seconds=3)

    def __post_init__(self) -> None:
        for option, texts in (("portal", (self.portal,)), ("portals", self.portals)):
            try:
                for text in texts:
                    place(text, _PORT)
            except ValueError as error:
                raise ValueError(f"{option}: {error}") from None
        if len(self.portals) >= _MOST_PORTALS:
            raise ValueError(f"portals: {_MOST_PORTALS} paths at most")
        if (self.username is None) != (self.password is None):
            raise ValueError("username: CHAP needs both username and password")
        if self.proof is not None and (self.password is None or self.proof == self.password):
            raise ValueError(
                "proof: mutual CHAP also needs username and password, and two different passwords"
            )
        if self.lun is not None and (self.target is None or not 0 <= self.lun < 16384):
            raise ValueError("lun: a LUN from 0 to 16383 belongs to a target; name the target")
        for option, name in (("target", self.target), ("initiator", self.initiator)):
            if name is not None and (not name or len(name) > 223 or any(char <= " " for char in name)):
                raise ValueError(
                    f"{option}: {name!r} is not an iSCSI name; write it like iqn.2026-11.org.example:disk"
                )

    def peer(self) -> str:
        return place(self.portal, _PORT).host

    async def run(self, *, now: datetime) -> Reading:  # noqa: ARG002 - part of the protocol
        portals = (self.portal, *self.portals)
        if len(portals) == 1:
            found: list[PortalPath | BaseException] = [await self._path(self.portal)]
        else:
            found = await asyncio.gather(*map(self._path_in_time, portals), return_exceptions=True)
        ways = [path for path in found if isinstance(path, PortalPath)]
        lost = [(portal, path) for portal, path in zip(portals, found, strict=True) if path not in ways]
        # A fault of ours, or a bug, is raised, whatever the other paths answer.
        worst = next((error for _, error in lost if not isinstance(error, ProbeFailure)), None)
        if worst is not None or not ways:
            raise worst or lost[0][1]  # type: ignore[misc] # a path that is not lost is none of these
        return self._reading(ways, lost)

    def _reading(self, ways: list[PortalPath], lost: list[tuple[str, Any]]) -> Reading:
        serving = [path for path in ways if not path.standby]
        if not serving:
            words = f"LUN {self.lun} is standby on all paths: no controller serves it"
            raise ProbeFailure(Reason.STATUS, words, phases=ways[0].phases)
        slowest = max(ways, key=lambda path: sum(path.phases.values()))
        facts = dict(serving[0].facts)
        for name in ("latency", "login", "read"):
            times = [float(path.facts[name]) for path in ways if name in path.facts]
            facts |= {name: max(times)} if times else {}
        facts |= {"paths": len(ways) + len(lost), "paths.up": len(ways), "paths.failed": len(lost)}
        facts["paths.lost"] = one_line("; ".join(f"{portal}: {path.detail}" for portal, path in lost), 500)
        if self.lun is not None:
            facts["paths.standby"] = len(ways) - len(serving)
            facts["paths.alike"] = all(
                len({path.facts[name] for path in ways if path.facts.get(name)}) <= 1
                for name in ("identity", "size")
            )
        return Reading(Verdict.UP, facts=facts, phases=slowest.phases)

    async def _path_in_time(self, portal: str) -> PortalPath:
        """Return one of several paths, within `wait`: a silent portal must not use up the time of the others."""
        limit = asyncio.timeout(self.wait.total_seconds())
        try:
            async with limit:
                return await self._path(portal)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise carried(error) or ProbeFailure(Reason.TIMEOUT, "no answer in time") from error

    async def _path(self, portal: str) -> PortalPath:
        from watch.probes.wire.storage.iscsi import Moved  # noqa: PLC0415 - when a check needs it

        for redirects in range(_MOST_REDIRECTS + 1):
            try:
                return await self._asked(portal, first=redirects == 0)
            except Moved as moved:
                portal = moved.address
        raise ProbeFailure(Reason.LIMIT, f"more than {_MOST_REDIRECTS} redirects")

    async def _asked(self, portal: str, *, first: bool) -> PortalPath:
        from watch.probes.wire.storage.chap import Chap  # noqa: PLC0415 - as above
        from watch.probes.wire.storage.iscsi import Session  # noqa: PLC0415 - as above

        clock, chap = asyncio.get_running_loop().time, None
        with await self._line(portal, first=first) as line:
            session, phases, began = Session(line), line.phases, clock()
            if self.username is not None and self.password is not None:
                chap = Chap(self.username, self.password, self.proof)
            await session.login(self.initiator, self.target, chap)
            phases["login"] = clock() - began
            facts: dict[str, FactValue] = {"login": phases["login"], "address": line.where}
            began = clock()
            seen, standby = await self._seen(session)
            facts |= seen
            phases["transfer"] = clock() - began
            facts["latency"] = sum(phases.values())
            with contextlib.suppress(ProbeFailure):  # the facts are complete
                await session.logout()
        return PortalPath(facts, phases, standby)

    async def _line(self, portal: str, *, first: bool) -> Any:
        """Dial *portal*. One that a target redirected us to must be well-formed and no metadata address."""
        try:
            there = place(portal, _PORT)
        except ValueError as error:
            raise ProbeFailure(Reason.PROTOCOL, "redirects to an address that is not host:port") from error
        ip = literal(there.host, "any")
        if not first and not self.metadata and ip is not None:
            admit(there.host, ip, first=False)
        return await dial(there, family=self.family, metadata=self.metadata)

    async def _seen(self, session: Session) -> tuple[dict[str, FactValue], bool]:
        """Return the facts, and whether the LUN is standby on this path."""
        from watch.probes.wire.storage import scsi  # noqa: PLC0415 - as above

        if self.target is None:
            names, portals = await session.targets()
            return {
                "targets": len(names),
                "target": one_line(",".join(names), 1000),
                "portals": portals,
            }, False
        if self.lun is None:
            return {"luns": scsi.luns(await session.command(0, scsi.LUNS, 4096))}, False
        return await self._disk(session, self.lun)

    async def _disk(self, session: Session, number: int) -> tuple[dict[str, FactValue], bool]:
        from watch.probes.wire.storage.lun import identity, ready  # noqa: PLC0415 - as above
        from watch.probes.wire.storage.scsi import Standby  # noqa: PLC0415 - as above

        try:
            lun = await ready(session, number)
        except Standby:
            return {"identity": await identity(session, number)}, True
        facts: dict[str, FactValue] = {"device": lun.device, "size": lun.size, "block": lun.block}
        if self.read and 0 < lun.block <= _LARGEST_BLOCK:
            clock = asyncio.get_running_loop().time
            began = clock()
            await lun.read(random.randrange(lun.blocks))  # noqa: S311 - a place on a disk, no secret
            facts["read"] = clock() - began
        return facts | {"identity": await identity(session, number)}, False
