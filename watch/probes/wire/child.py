"""The one runner of child programs: it bounds their output, their time and how many may hang.

Tools that read disks hang when a disk does. Then no signal ends them before the kernel does. So the whole
process group is killed, and waited for only as long as a cancelled check may take; processes that are still
there then are reaped later. When sixteen runs of one program hang, no more are started.

asyncio's own child processes are not used: their transports wait for pipes that nobody reads any more, and
outlive a cancelled check.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.core.wording import one_line
from watch.probes.wire.net.blame import cut_short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
_BARE = {"PATH": _PATH, "LC_ALL": "C", "TZ": "UTC"}  # our environment may hold secrets; the output is parsed
_MOST = 4 << 20  # bytes of output
_MOST_HELD = 16
_GRACE = 0.05  # seconds for a killed child to go
_PIECE = 4096  # bytes that a writable pipe takes without blocking (PIPE_BUF)
held: dict[str, list[subprocess.Popen[bytes]]] = {}
"""By program: children that were killed and had not ended at the last look."""


class Ended(NamedTuple):
    """The output of a program, and its exit code."""

    code: int
    out: bytes
    err: bytes


class Said(NamedTuple):
    """The output of a program as text, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """Its error message, in one line."""
        return one_line(self.err.strip() or self.out.strip(), 120) or f"exit code {self.code}"


async def said_by(program: str, *arguments: str, package: str) -> Said:
    """Run *program* and return its output.

    Args:
        program: Its name, or the path to it.
        package: The Debian package that has it, for users who lack it.

    Raises:
        OurFault: It is not installed, or may not be run.
    """
    path = shutil.which(program, path=_PATH)
    if path is None:
        raise OurFault(f"{program} is not installed here (Debian: {package}) or may not be run")
    try:
        code, out, err = await run((path, *arguments), program)
    except asyncio.CancelledError as stop:
        words = f"{program} did not end: it hangs on a device that does not answer"
        raise cut_short(stop, ProbeFailure(Reason.TIMEOUT, words)) from stop
    return Said(code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


async def run(
    command: Sequence[str],
    name: str,
    *,
    question: bytes = b"",
    environment: Mapping[str, str] = _BARE,
    most: int = _MOST,
) -> Ended:
    """Run *command*, whose first word is a path, and return its output.

    Args:
        name: What is run, for the text of a failure.
        question: Its standard input.
        most: The limit, in bytes, of stdout and of stderr.

    Raises:
        ProbeFailure: It writes more than *most*.
        OurFault: Too many runs of it hang already.
        OSError: It cannot be started.
    """
    program = command[0]
    if len(_still_held(program)) >= _MOST_HELD:
        raise OurFault(f"{_MOST_HELD} runs of {name} hang already; no more are started", Reason.OVERLOADED)
    child = subprocess.Popen(  # noqa: ASYNC220, S603 - forked as asyncio would; what runs is named in our code
        command,
        stdin=subprocess.PIPE if question else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    pidfd = os.pidfd_open(child.pid)
    try:
        with child.stdout, child.stderr, child.stdin or contextlib.nullcontext():
            out, err = await _exchanged(child, question, most)
        await _ready(pidfd)
    except* OverflowError as several:
        raise ProbeFailure(Reason.LIMIT, f"{name} writes more than {most >> 20} MiB") from several
    finally:
        await _end(child, pidfd)
        os.close(pidfd)
    return Ended(child.returncode, out, err)


async def _exchanged(child: subprocess.Popen[bytes], question: bytes, most: int) -> tuple[bytes, bytes]:
    assert child.stdout is not None
    assert child.stderr is not None
    async with asyncio.TaskGroup() as group:
        out = group.create_task(_all(child.stdout.fileno(), most))
        err = group.create_task(_all(child.stderr.fileno(), most))
        await _tell(child, question)
    return out.result(), err.result()


async def _tell(child: subprocess.Popen[bytes], question: bytes) -> None:
    if child.stdin is None:
        return
    pipe, left = child.stdin.fileno(), memoryview(question)
    with contextlib.suppress(BrokenPipeError):  # it ended without reading all; its exit code says why
        while left:
            await _ready(pipe, writing=True)
            left = left[os.write(pipe, left[:_PIECE]) :]
    child.stdin.close()


async def _all(pipe: int, most: int) -> bytes:
    heard = bytearray()
    while len(heard) <= most:
        await _ready(pipe)
        chunk = os.read(pipe, 1 << 16)
        if not chunk:
            return bytes(heard)
        heard += chunk
    raise OverflowError


async def _ready(fd: int, *, writing: bool = False) -> None:
    """Wait until *fd* can be read; *writing*: until it can be written."""
    loop = asyncio.get_running_loop()
    add, remove = (loop.add_writer, loop.remove_writer) if writing else (loop.add_reader, loop.remove_reader)
    there: asyncio.Future[None] = loop.create_future()
    add(fd, _wake, there)
    try:
        await there
    finally:
        remove(fd)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


async def _end(child: subprocess.Popen[bytes], pidfd: int) -> None:
    """Kill the program and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    if child.poll() is None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await _ready(pidfd)
        held.setdefault(str(child.args[0]), []).append(child)  # type: ignore[index] # a sequence, as `run` has it
    _still_held(str(child.args[0]))  # type: ignore[index] # as above


def _still_held(program: str) -> list[subprocess.Popen[bytes]]:
    """The runs of *program* that hang; ended ones are reaped."""
    left = [child for child in held.pop(program, ()) if child.poll() is None]
    if left:
        held[program] = left
    return left
