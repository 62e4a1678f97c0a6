"""The one runner of child programs: it bounds their output, their time, and how many run and may hang.

Tools that read disks hang when a disk does. Then no signal ends them before the kernel does. So the program and
all that it started are killed, also those that left its process group, and waited for only as long as a cancelled
check may take; processes that are still there then are reaped later. When sixteen runs of one program hang, no
more are started. At most thirty-two programs run at once; others wait, and that wait is ours. So is the time for
which a program waits for a processor: one that had too little of it says nothing about its device.

No program has a terminal: it leads a session of its own and reads nothing, so it cannot ask for a password.

asyncio's own child processes are not used: their transports wait for pipes that nobody reads any more, and
outlive a cancelled check.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.core.wording import one_line
from watch.probes.wire.net.blame import carried, cut_short, of_errno
from watch.probes.wire.net.engines import shared
from watch.probes.wire.processor import starved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
_BARE = {"PATH": _PATH, "LC_ALL": "C", "TZ": "UTC"}  # our environment may hold secrets; the output is parsed
_MARK = "THREENINES_RUN"  # in the environment of a program: by it, what it started is found
_MOST = 4 << 20  # bytes of output
_MOST_HELD = 16
_AT_ONCE = 32
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

    def absent(self, words: str) -> ProbeFailure | OurFault:
        """The failure to read a file: *words* say that it is missing; any other cause is ours."""
        if "No such file or directory" in self.err:
            return ProbeFailure(Reason.MISSING, f"{words}: {self.words}")
        return OurFault(f"we could not look: {self.words}")


class Running:
    """The limit of programs that run at once."""

    def __init__(self) -> None:
        self.free = asyncio.Semaphore(_AT_ONCE)

    def close(self) -> None:
        """Nothing to close: each program ends with its run."""


async def said_by(program: str, *arguments: str, package: str) -> Said:
    """Run *program* and return its output.

    Args:
        program: Its name, or the path to it.
        package: The Debian package that has it, for users who lack it.

    Raises:
        OurFault: It is not installed, may not be run, or was killed by somebody else.
    """
    path = shutil.which(program, path=_PATH)
    if path is None:
        raise OurFault(f"{program} is not installed here (Debian: {package}) or may not be run")
    words = f"{program} did not end: it hangs on a device that does not answer"
    code, out, err = await run((path, *arguments), program, late=ProbeFailure(Reason.TIMEOUT, words))
    return Said(code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


async def run(
    command: Sequence[str],
    name: str,
    *,
    late: ProbeFailure | OurFault,
    question: bytes = b"",
    environment: Mapping[str, str] = _BARE,
    most: int = _MOST,
) -> Ended:
    """Run *command*, whose first word is a path, and return its output.

    Args:
        name: What is run, for the text of a failure.
        late: The failure when the run is cut short while the program runs; a run that still waits for its
            turn, or whose program waited for a processor, is our fault.
        question: Its standard input.
        most: The limit, in bytes, of stdout and of stderr.

    Raises:
        ProbeFailure: It writes more than *most*.
        OurFault: Too many runs of it hang already, none can be started, or a signal ended it.
    """
    program = command[0]
    if len(_still_held(program)) >= _MOST_HELD:
        raise OurFault(f"{_MOST_HELD} runs of {name} hang already; no more are started", Reason.OVERLOADED)
    free = shared(Running).free
    try:
        await free.acquire()
    except asyncio.CancelledError as stop:
        busy = f"{name} was not started: {_AT_ONCE} programs run already"
        raise cut_short(stop, OurFault(busy, Reason.OVERLOADED)) from stop
    try:
        ended = await _ran(command, name, question, environment, most)
    except asyncio.CancelledError as stop:
        raise cut_short(stop, carried(stop) or late) from stop
    finally:
        free.release()
    if ended.code == -signal.SIGKILL:  # not by us
        words = f"{name} was killed by somebody else: perhaps this machine has no memory left"
        raise OurFault(words, Reason.OVERLOADED)
    if ended.code < 0:
        raise OurFault(f"{name} was ended by a signal: {signal.strsignal(-ended.code) or -ended.code}")
    return ended


async def _ran(
    command: Sequence[str], name: str, question: bytes, environment: Mapping[str, str], most: int
) -> Ended:
    mark = secrets.token_hex(8)
    child = _started(command, name, {**environment, _MARK: mark}, asked=bool(question))
    try:
        pidfd = os.pidfd_open(child.pid)
    except OSError:
        with child:  # closes its pipes
            _kill(child, mark)
        raise
    try:
        out, err = await _output(child, pidfd, name, question, most, mark)
    except* OverflowError as several:
        raise ProbeFailure(Reason.LIMIT, f"{name} writes more than {most >> 20} MiB") from several
    finally:
        try:
            await _end(child, pidfd, mark)
        finally:  # also when the run is cancelled once more
            os.close(pidfd)
    return Ended(child.returncode, out, err)


async def _output(
    child: subprocess.Popen[bytes], pidfd: int, name: str, question: bytes, most: int, mark: str
) -> tuple[bytes, bytes]:
    """What it writes until it ends; a cancellation says so when it waited for a processor."""
    began = time.monotonic()
    try:
        with child.stdout, child.stderr, child.stdin or contextlib.nullcontext():  # type: ignore[union-attr] # pipes
            out, err = await _exchanged(child, question, most)
        await _ready(pidfd)
    except asyncio.CancelledError as stop:
        ours = starved(name, {child.pid, *_marked(mark)}, time.monotonic() - began)
        if ours is None:
            raise
        raise cut_short(stop, ours) from stop
    return out, err


def _started(
    command: Sequence[str], name: str, environment: Mapping[str, str], *, asked: bool
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - what runs is named in our code
            command,
            stdin=subprocess.PIPE if asked else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    except BlockingIOError as error:
        words = f"this machine lets us start no more processes: raise TasksMax and LimitNPROC: {name} was not started"
        raise OurFault(words, Reason.OVERLOADED) from error
    except OSError as error:
        found = of_errno(error.errno or 0, f"{name} was not started")
        raise (found if isinstance(found, OurFault) else OurFault(found.detail)) from error


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


async def _end(child: subprocess.Popen[bytes], pidfd: int, mark: str) -> None:
    """Kill the program and all that it started."""
    _kill(child, mark)
    if child.poll() is None:
        held.setdefault(str(child.args[0]), []).append(child)  # type: ignore[index] # a sequence, as `run` has it
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await _ready(pidfd)
    _still_held(str(child.args[0]))  # type: ignore[index] # as above


def _kill(child: subprocess.Popen[bytes], mark: str) -> None:
    """Kill its process group; if it did not end by itself, also those of its processes that left the group."""
    runs = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    # One that runs as another user (sudo) cannot be killed: it is held, and counted.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    for pid in _marked(mark) if runs else ():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _marked(mark: str) -> list[int]:
    """The processes that have *mark* in their environment, which every process hands to those that it starts."""
    sought, found = f"{_MARK}={mark}".encode(), list[int]()
    for entry in os.listdir("/proc"):  # noqa: PTH208 - a third of the time of pathlib
        if entry.isdecimal():
            with contextlib.suppress(OSError), open(f"/proc/{entry}/environ", "rb") as file:  # noqa: PTH123 - as above
                if sought in file.read():
                    found.append(int(entry))
    return found


def _still_held(program: str) -> list[subprocess.Popen[bytes]]:
    """The runs of *program* that hang; ended ones are reaped."""
    left = [child for child in held.pop(program, ()) if child.poll() is None]
    if left:
        held[program] = left
    return left
