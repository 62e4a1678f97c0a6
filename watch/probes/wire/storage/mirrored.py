"""Two devices that should have the same blocks, and how long the second takes to catch up with the first.

A mirror in use always differs by the writes that are on their way. So a place that differs is read again on
both sides until the second side shows what the first one showed before; that time is the lag.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

from watch.core.reading import ProbeFailure, Reason
from watch.probes.wire.files.folder import looked
from watch.probes.wire.net.dial import dial
from watch.probes.wire.net.line import Place, place

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from watch.core.settings import Secret
    from watch.probes.wire.storage.lun import Lun

_LUN = re.compile(r"iscsi://(?P<portal>[^/]+)/(?P<target>[^/\s]{1,223})/(?P<lun>\d{1,5})")
_PORT = 3260
_AGAIN = 0.1  # seconds between two reads


class LunAddress(NamedTuple):
    """A LUN, and the portal and target that lead to it."""

    portal: Place
    target: str
    lun: int


class Access(NamedTuple):
    """What opening a LUN needs besides its address."""

    initiator: str
    username: str | None
    password: Secret | None
    family: str
    metadata: bool


class Source(Protocol):
    """A LUN, file or device."""

    size: int

    async def digests(self, places: Sequence[int], length: int) -> list[str]:
        """Return the digests of *length* bytes at each of *places*."""


class Behind(NamedTuple):
    """How many places did not become equal, and how long the others took."""

    differing: int
    took: float


def half(text: str) -> LunAddress | str:
    """Read ``iscsi://portal/target/lun`` or the absolute path of a file or device; else ValueError."""
    if text.startswith("/") and "\0" not in text:
        return text
    found = _LUN.fullmatch(text)
    if found is None or int(found["lun"]) >= 16384:
        shown = "it" if "@" in text or "://" in text else repr(text)
        raise ValueError(f"{shown} is neither a path nor a LUN; write a LUN like iscsi://host/iqn.…/1")
    return LunAddress(place(found["portal"], _PORT), found["target"], int(found["lun"]))


def opened(source: LunAddress | str, access: Access) -> AbstractAsyncContextManager[Source]:
    return _file(source) if isinstance(source, str) else _lun(source, access)


class _File:
    def __init__(self, path: str, size: int) -> None:
        self._path, self.size = path, size

    async def digests(self, places: Sequence[int], length: int) -> list[str]:
        asked = {"blocks": {"path": self._path, "places": list(places), "length": length}}
        return list((await looked(asked, self._path))["digests"])


class _Disk:
    def __init__(self, lun: Lun) -> None:
        self._lun, self.size = lun, lun.size

    async def digests(self, places: Sequence[int], length: int) -> list[str]:
        block, found = self._lun.block, []
        for at in places:
            data = await self._lun.read(at // block, length // block)
            found.append(hashlib.sha256(data).hexdigest())
        return found


@contextlib.asynccontextmanager
async def _file(path: str) -> AsyncIterator[Source]:
    asked = {"blocks": {"path": path, "places": [], "length": 0}}
    yield _File(path, (await looked(asked, path))["size"])


@contextlib.asynccontextmanager
async def _lun(source: LunAddress, access: Access) -> AsyncIterator[Source]:
    from watch.probes.wire.storage.chap import Chap  # noqa: PLC0415 - when a check needs it
    from watch.probes.wire.storage.iscsi import Moved, Session  # noqa: PLC0415 - as above
    from watch.probes.wire.storage.lun import ready  # noqa: PLC0415 - as above

    chap = None
    if access.username is not None and access.password is not None:
        chap = Chap(access.username, access.password, None)
    with await dial(source.portal, family=access.family, metadata=access.metadata) as line:
        session = Session(line)
        try:
            await session.login(access.initiator, source.target, chap)
        except Moved as moved:
            words = f"{line.where} redirects us to another portal: write that one"
            raise ProbeFailure(Reason.STATUS, words) from moved
        lun = await ready(session, source.lun)
        if lun.block not in (512, 1024, 2048, 4096):
            raise ProbeFailure(Reason.PROTOCOL, f"{line.where} has blocks of {lun.block} bytes")
        yield _Disk(lun)
        with contextlib.suppress(ProbeFailure):  # the facts are complete
            await session.logout()


async def behind(first: Source, second: Source, places: Sequence[int], length: int, wait: float) -> Behind:
    """Return how far *second* is behind *first* at *places*; read for at most *wait* seconds."""
    clock = asyncio.get_running_loop().time
    shown = {at: {digest} for at, digest in zip(places, await first.digests(places, length), strict=True)}
    began, took, left = clock(), 0.0, list(places)
    while True:
        found = zip(left, await second.digests(left, length), strict=True)
        still = [at for at, digest in found if digest not in shown[at]]
        # Zero when all are equal at once: the time to read is not lag.
        took = clock() - began if took or still else 0.0
        left = still
        if not left or clock() - began >= wait:
            return Behind(len(left), took)
        await asyncio.sleep(_AGAIN)
        # The second may soon show what the first shows now; both values are right.
        for at, digest in zip(left, await first.digests(left, length), strict=True):
            shown[at].add(digest)
