"""A program of this machine, run as a bounded child: so many bytes, so much time, then it is killed.

Tools that look at disks hang when a disk does, and then no signal reaches them before the kernel lets go. So
the whole process group is killed, and waited for only as long as a cancelled check may take; what the kernel
still holds then is reaped when it ends. They run with LC_ALL=C and TZ=UTC, for their words are read.

The children are not asyncio's: its transports wait for pipes that nobody empties any more, and outlive the
check that gave them up.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from typing import NamedTuple

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.core.wording import one_line
from watch.probes.wire.net.blame import cut_short

_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
_MOST = 4 << 20
_GRACE = 0.05
_left: list[subprocess.Popen[bytes]] = []  # killed, and held by the kernel still when we last looked


class Said(NamedTuple):
    """What a program wrote, and the code it ended with."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """Its complaint as one line."""
        return one_line(self.err.strip() or self.out.strip(), 120) or f"exit code {self.code}"


async def said_by(program: str, *arguments: str, package: str) -> Said:
    """Run *program* and return what it said.

    Args:
        program: Its name, or the path to it.
        package: Where Debian has it, for whoever lacks it.

    Raises:
        OurFault: It is not here or may not be run, or time was up: the machine's tool is ours.
    """
    path = shutil.which(program, path=_PATH)
    if path is None:
        raise OurFault(f"{program} is not installed here (Debian: {package}) or may not be run")
    child = subprocess.Popen(  # noqa: ASYNC220, S603 - forked as asyncio would; what runs is named in our code
        [path, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": _PATH, "LC_ALL": "C", "TZ": "UTC"},
        start_new_session=True,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    pidfd = os.pidfd_open(child.pid)
    try:
        with child.stdout, child.stderr:
            out, err = await _both(child.stdout.fileno(), child.stderr.fileno(), program)
        await _readable(pidfd)
    except asyncio.CancelledError as stop:
        words = f"{program} did not end: it hangs on a device that does not answer"
        raise cut_short(stop, ProbeFailure(Reason.TIMEOUT, words)) from stop
    finally:
        await _end(child, pidfd)
        os.close(pidfd)
    return Said(child.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


async def _both(out: int, err: int, program: str) -> tuple[bytes, bytes]:
    try:
        async with asyncio.TaskGroup() as group:
            said, complained = group.create_task(_all(out)), group.create_task(_all(err))
    except* OverflowError as several:
        raise ProbeFailure(Reason.LIMIT, f"{program} says more than 4 MiB") from several
    return said.result(), complained.result()


async def _all(pipe: int) -> bytes:
    heard = bytearray()
    while len(heard) <= _MOST:
        await _readable(pipe)
        chunk = os.read(pipe, 1 << 16)
        if not chunk:
            return bytes(heard)
        heard += chunk
    raise OverflowError


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    there: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, _wake, there)
    try:
        await there
    finally:
        loop.remove_reader(fd)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


async def _end(child: subprocess.Popen[bytes], pidfd: int) -> None:
    """Kill what the program left running, itself included."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    if child.poll() is None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await _readable(pidfd)
        _left.append(child)
    _left[:] = [one for one in _left if one.poll() is None]
