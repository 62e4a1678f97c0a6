"""Looks at files through a child program, because a file system that hangs blocks the process that reads it.

At most four children run at once. A child that cannot even be killed (it waits in the kernel for a server that
is gone) is left behind and counted by `watch.probes.wire.child`, which starts no more when sixteen hang.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sys
from pathlib import Path
from typing import Any

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.core.wording import visible
from watch.probes.wire.child import run
from watch.probes.wire.net.blame import cut_short, of_errno
from watch.probes.wire.net.engines import shared

_AT_ONCE = 4
_MOST = 64 << 20  # bytes of an answer; a list of 40,000 files with long paths has some ten million
_NAME = "the child that looks at files"
# Isolated, and without site-packages: it starts in a third of the time.
_COMMAND = (sys.executable, "-I", "-S", str(Path(__file__).with_name("folder_child.py")))
# What a file system, its device or its server says of itself.
_BROKEN = (
    *(
        errno.EIO,
        errno.ESTALE,
        errno.EUCLEAN,
        errno.EBADMSG,
        errno.EREMOTEIO,
        errno.ENOMEDIUM,
        errno.EMEDIUMTYPE,
    ),
    *(errno.ENXIO, errno.ENODEV, errno.ENOTCONN, errno.ESHUTDOWN, errno.ENOLINK, errno.ENOTBLK, errno.EISDIR),
    *(errno.EINVAL, errno.EOVERFLOW, errno.EFBIG, errno.ENODATA, errno.EREMCHG, errno.EROFS, errno.EBUSY),
)
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)


class Lookers:
    """The limit of children that run at once."""

    def __init__(self) -> None:
        self.free = asyncio.Semaphore(_AT_ONCE)

    def close(self) -> None:
        """Nothing to close: each child ends, or is left behind, with its run."""


async def looked(asked: dict[str, Any], what: str) -> dict[str, Any]:
    """Return the child's answer to *asked*.

    Args:
        what: What is looked at, for the text of a failure.

    Raises:
        ProbeFailure: It does not exist, or the file system is broken or silent.
        OurFault: We may not look, or too many children hang already.
    """
    late = ProbeFailure(Reason.TIMEOUT, f"looking at {what} did not end")
    free = shared(Lookers).free
    try:
        await free.acquire()
    except asyncio.CancelledError as stop:
        busy = f"nobody was free to look at {what}: {_AT_ONCE} children look at files already"
        raise cut_short(stop, OurFault(busy, Reason.OVERLOADED)) from stop
    try:
        answer = await _told(json.dumps(asked).encode(), late)
    finally:
        free.release()
    if "code" in answer:
        raise _blocked(answer["code"], answer["path"])
    return answer


async def _told(question: bytes, late: ProbeFailure) -> dict[str, Any]:
    locale = {"LC_ALL": "C.UTF-8"}
    ended = await run(_COMMAND, _NAME, late=late, question=question, environment=locale, most=_MOST)
    if ended.code:
        raise OurFault(f"{_NAME} ended with {ended.code}")
    answer: dict[str, Any] = json.loads(ended.out)
    return answer


def _blocked(code: int, path: str) -> ProbeFailure | OurFault:
    """Return the failure to read *path*: missing rights are our fault, and so is what we do not know."""
    where = visible(path, 120)
    if code in (errno.EACCES, errno.EPERM):
        return OurFault(f"we may not read {where}: give user {os.geteuid()} the right to read it")
    if code in _GONE:
        return ProbeFailure(Reason.MISSING, f"{where} does not exist")
    if code == errno.E2BIG:
        return ProbeFailure(Reason.LIMIT, f"{where} has too many files to look at")
    if code in _BROKEN:
        return ProbeFailure(Reason.STATUS, f"{where}: {os.strerror(code).lower()}")
    return of_errno(code, where)
