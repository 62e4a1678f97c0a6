"""Looks at files through a child, and leaves the child behind when the file system holds it.

Four look at once. A child that cannot even be killed (it waits in the kernel for a server that is gone) is
let go, and counted: with sixteen of them we say that we are overloaded instead of adding to them.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import sys
from pathlib import Path
from typing import Any

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.core.wording import visible
from watch.probes.wire.net.blame import cut_short
from watch.probes.wire.net.engines import shared

_AT_ONCE, _MOST_HELD = 4, 16
_GRACE = 0.05  # seconds for a killed child to go
_PROGRAM = str(Path(__file__).with_name("folder_child.py"))
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)


class Children:
    """Who looks, and who never came back."""

    def __init__(self) -> None:
        self.free = asyncio.Semaphore(_AT_ONCE)
        self.held: list[asyncio.subprocess.Process] = []

    def close(self) -> None:
        """Hold nothing: each child ends, or is given up, with the run that began it."""

    def crowded(self) -> bool:
        self.held = [child for child in self.held if child.returncode is None]
        return len(self.held) >= _MOST_HELD


async def looked(asked: dict[str, Any], what: str) -> dict[str, Any]:
    """Return the child's answer to *asked*.

    Args:
        what: What is looked at, in the words of a run that is cut short.

    Raises:
        ProbeFailure: It is not there, or the file system is broken or silent.
        OurFault: We may not look, or too many children hang already.
    """
    children = shared(Children)
    if children.crowded():
        raise OurFault(f"{_MOST_HELD} children hang on file systems that do not answer", Reason.OVERLOADED)
    try:
        async with children.free:
            answer = await _told(children, json.dumps(asked).encode())
    except asyncio.CancelledError as stop:
        late = ProbeFailure(Reason.TIMEOUT, f"looking at {what} did not end")
        raise cut_short(stop, late) from stop
    if "code" in answer:
        raise _blocked(answer["code"], answer["path"])
    return answer


async def _told(children: Children, question: bytes) -> dict[str, Any]:
    # Isolated, and without site-packages: it starts in a third of the time.
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        _PROGRAM,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"LC_ALL": "C.UTF-8"},  # ours may hold secrets
        start_new_session=True,
    )
    try:
        said, _ = await child.communicate(question)
    finally:
        if child.returncode is None:
            await _ended(children, child)
    if child.returncode:
        raise OurFault(f"the child that looks at files ended with {child.returncode}")
    answer: dict[str, Any] = json.loads(said)
    return answer


async def _ended(children: Children, child: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        child.kill()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            await child.wait()
    if child.returncode is None:
        children.held.append(child)


def _blocked(code: int, path: str) -> ProbeFailure | OurFault:
    """Return whose fault it is that *path* cannot be looked at: rights and limits are ours."""
    where = visible(path, 120)
    if code in (errno.EACCES, errno.EPERM):
        return OurFault(f"we may not read {where}: give user {os.geteuid()} the right to")
    if code in _GONE:
        return ProbeFailure(Reason.MISSING, f"{where} does not exist")
    if code == errno.E2BIG:
        return ProbeFailure(Reason.LIMIT, f"{where} has too many files to look at")
    return ProbeFailure(Reason.STATUS, f"{where}: {os.strerror(code).lower()}")
