"""The process that runs apprise. It holds no store, socket or lock of the hub, and ends when the hub ends.

apprise is synchronous, can hang for minutes, loads 130 plug-ins (1.2 s of CPU time) and logs secrets. So it runs
in a separate process, which imports it once and forks a child for every send. A child that hangs is killed alone,
and a child inherits nothing from earlier ones. It is a new Python, started by `watch.alerts.sender`, and imports only
what it needs to send.

Requests come on standard input, answers go to standard output, one JSON object per line:

    {"id": 7, "url": "…", "letters": [["title", "body"], …], "tone": "failure", "urgent": true, "threads": […]}
    {"id": 7, "sent": "temporary", "detail": "…", "retry_after_s": 0}

A channel's URL is a secret. It is never in arguments or environment, and an answer's detail is made of our own phrases,
the host that was asked, an HTTP or SMTP status and the operating system's errors; it never contains apprise's own text.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import logging
import os
import resource
import selectors
import signal
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn

from watch.alerts.message import Letter, Message, SendOutcome, Sent, Thread, Tone
from watch.alerts.tap import tap
from watch.alerts.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Mapping

_PR_SET_PDEATHSIG = 1
_LEFT, _ANSWERED = b"left\n", b"answered\n"  # what a child says on its way


class SoftLimitError(BaseException):
    """The soft limit has passed. It is not an Exception, because plug-ins catch those."""


def main() -> None:
    """Serve until standard input ends. Arguments: the parent's pid, the soft and the hard limit in seconds."""
    parent, soft, hard = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    _die_with(parent)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would contain URLs
    requests, answers = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    _load()
    Template(requests, answers, soft, hard).serve()


def _die_with(parent: int) -> None:
    """Make the kernel kill this process when *parent* dies; exit at once if it is dead already."""
    with contextlib.suppress(
        OSError, AttributeError
    ):  # Linux only; elsewhere the end of the input ends the process
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _load() -> None:
    """Import apprise with all its plug-ins, once for all children."""
    logger = logging.getLogger("apprise")
    logger.propagate, logger.disabled = False, True
    from watch.alerts import post  # noqa: F401, PLC0415 - it imports apprise, which logs from the start
    from watch.alerts.plugin import Plugin  # noqa: PLC0415 - as above

    Plugin("json://localhost")
    gc.collect()
    gc.freeze()  # otherwise the first garbage collection in a child would copy every memory page


class Template:
    """Forks a child for each request, passes its answer on, and kills it at the hard limit."""

    def __init__(self, requests: int, answers: int, soft: float, hard: float) -> None:
        self._requests, self._answers = requests, answers
        self._soft, self._hard = soft, hard
        self._selector = selectors.DefaultSelector()
        self._selector.register(requests, selectors.EVENT_READ)
        self._unread = b""
        self._running: dict[int, tuple[int, int, float]] = {}  # result pipe → request, process, when to kill
        self._results: dict[int, bytes] = {}

    def serve(self) -> None:
        """Serve until the requests end, then kill the children that still run."""
        open_ = True
        while open_:
            for key, _ in self._selector.select(self._select_timeout()):
                if key.fd == self._requests:
                    open_ = self._read_requests()
                elif key.fd in self._running:
                    self._read_result(key.fd)
            for fd in [fd for fd, (_, _, kill_at) in self._running.items() if kill_at <= time.monotonic()]:
                self._finish(fd, _killed(self._results[fd], f"after {self._hard:g} s"))
        for fd in list(self._running):
            self._finish(fd, b"")

    def _select_timeout(self) -> float | None:
        ends = [kill_at for _, _, kill_at in self._running.values()]
        return max(min(ends) - time.monotonic(), 0) if ends else None

    def _read_requests(self) -> bool:
        data = os.read(self._requests, 1 << 16)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._start(json.loads(line))
        return bool(data)

    def _start(self, request: dict[str, Any]) -> None:
        read, write = os.pipe()
        template = os.getpid()
        process = os.fork()
        if process == 0:
            _child(request, template, write, self._soft)
        os.close(write)
        self._selector.register(read, selectors.EVENT_READ)
        self._running[read] = (int(request["id"]), process, time.monotonic() + self._hard)
        self._results[read] = b""

    def _read_result(self, fd: int) -> None:
        data = os.read(fd, 1 << 16)
        self._results[fd] += data
        if not data:
            said = self._results[fd].rpartition(b"\n")[2]
            self._finish(fd, said or _killed(self._results[fd], "by something else"))

    def _finish(self, fd: int, answer: bytes) -> None:
        request, process, _ = self._running.pop(fd)
        del self._results[fd]
        self._selector.unregister(fd)
        os.close(fd)
        # The whole group, since a plug-in may have started processes. They may have ended already.
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        if answer:
            line = json.dumps({**json.loads(answer), "id": request}).encode() + b"\n"
            with contextlib.suppress(BrokenPipeError):
                os.write(self._answers, line)


def _killed(said: bytes, how: str) -> bytes:
    """The outcome of a child that was killed, by what it has *said* so far."""
    sent = Sent.UNKNOWN if said.endswith(_LEFT) else Sent.TEMPORARY
    return _answer(SendOutcome(sent, f"the process that sends was killed {how}"))


def _answer(outcome: SendOutcome) -> bytes:
    return json.dumps({**asdict(outcome), "sent": outcome.sent.value}).encode()


def _child(request: Mapping[str, Any], template: int, write: int, soft: float) -> NoReturn:
    """Send one notice, write the outcome, and exit."""
    wire = Wire(lambda left: _say(write, _LEFT if left else _ANSWERED))
    try:
        os.setpgid(0, 0)
        _die_with(template)
        os.closerange(3, write)
        os.closerange(write + 1, 4096)
        signal.signal(signal.SIGALRM, _interrupt)
        signal.setitimer(signal.ITIMER_REAL, soft)
        tap(wire)
        outcome = _post(request, wire)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except SoftLimitError:
        outcome = _ended(wire, f"within {soft:g} s")
    except BaseException as error:  # noqa: BLE001 - a plug-in may raise anything, and its text may contain the URL
        outcome = SendOutcome(_ended(wire).sent, f"apprise's plug-in failed: {type(error).__name__}")
    _say(write, _answer(outcome))
    os._exit(0)


def _say(write: int, text: bytes) -> None:
    os.write(write, text)


def _post(request: Mapping[str, Any], wire: Wire) -> SendOutcome:
    from watch.alerts.post import post  # noqa: PLC0415 - loaded before the fork

    message = Message(
        tuple(Letter(title, body) for title, body in request["letters"]),
        Tone(request["tone"]),
        bool(request["urgent"]),
        tuple(Thread(key, going_on) for key, going_on in request["threads"]),
    )
    return post(str(request["url"]), message, wire)


def _ended(wire: Wire, interrupted: str = "") -> SendOutcome:
    from watch.alerts.post import ended  # noqa: PLC0415 - loaded before the fork

    return ended(wire, interrupted)


def _interrupt(*_: object) -> None:
    raise SoftLimitError
