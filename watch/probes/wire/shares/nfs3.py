"""NFS version 3, the part that `df` needs; it takes three services.

The portmapper gives the port of the mount service. The mount service gives a handle for a folder (and records
that we have it, so we unmount at the end). With the handle, the file service gives the free space.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

from watch.core.reading import ProbeFailure, Reason
from watch.core.wording import visible
from watch.probes.wire.net.line import Place
from watch.probes.wire.shares.nfs import MOST, Room, refusal
from watch.probes.wire.shares.rpc import Calls, Malformed, Xdr, number, opaque

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from watch.probes.wire.net.line import Line

VERSION = 3
_FSSTAT = 18
_PORTMAPPER, _PORTMAPPER_VERSION, _GETPORT, _PORT = 100000, 2, 3, 111
_MOUNT, _MOUNT_VERSION, _MNT, _UMNT = 100005, 3, 1, 3
_TCP = 6
T = TypeVar("T")
_ATTRIBUTES = 84  # bytes
_LONGEST_HANDLE = 64


async def room(
    dialled: Callable[[Place], Awaitable[Line]], host: str, calls: Calls, path: str, who: bytes
) -> Room:
    """Return the space of the folder *path*.

    Args:
        dialled: Opens a connection to another service of the server.
        calls: To the file service.
        who: Our credential.
    """
    with await dialled(Place(host, _PORT)) as line:
        port = await _port_of_mounts(line)
    with await dialled(Place(host, port)) as line:
        mounts = Calls(line, _MOUNT, _MOUNT_VERSION)
        handle = await _mounted(mounts, path, who)
        told = await calls.call(_FSSTAT, opaque(handle), credential=who, what="its free space")
        found = _read(told, path, _room)
        with contextlib.suppress(ProbeFailure):  # the facts are complete
            await mounts.call(_UMNT, opaque(path.encode()), credential=who, what="the unmount")
    return found


async def _port_of_mounts(line: Line) -> int:
    calls = Calls(line, _PORTMAPPER, _PORTMAPPER_VERSION)
    asked = number(_MOUNT, _MOUNT_VERSION, _TCP, 0)
    told = await calls.call(_GETPORT, asked, what="the port of the mount service")
    port = _read(told, "the portmapper", Xdr.number)
    if not 0 < port < 65536:
        raise ProbeFailure(Reason.MISSING, f"{line.where} has no mount service: it does not serve NFS 3")
    return port


async def _mounted(mounts: Calls, path: str, who: bytes) -> bytes:
    told = await mounts.call(_MNT, opaque(path.encode()), credential=who, what="the folder's handle")
    handle = _read(told, path, Xdr.opaque, status=True)
    if not 0 < len(handle) <= _LONGEST_HANDLE:
        raise ProbeFailure(Reason.PROTOCOL, f"the handle of {visible(path)} is not valid")
    return handle


def _room(told: Xdr) -> Room:
    status = told.number()
    if told.number():
        told.skip(_ATTRIBUTES)
    if status:
        raise refusal(status, "the folder")
    total, free, available, files, _, files_available = (min(told.long(), MOST) for _ in range(6))
    return Room(available, free, total, files_available, files)


def _read(told: Xdr, what: str, wanted: Callable[[Xdr], T], *, status: bool = False) -> T:
    """Return what *wanted* reads from a reply; *status*: a number that must be 0 comes before it."""
    try:
        if status and (failed := told.number()):
            raise refusal(failed, visible(what))
        return wanted(told)
    except Malformed:
        raise ProbeFailure(Reason.PROTOCOL, f"the answer about {visible(what)} is cut off") from None
