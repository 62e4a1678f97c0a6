"""The process that runs apprise. It holds no store, socket or lock of the hub, and ends when the hub ends.

apprise is synchronous, can hang for minutes, loads 130 plug-ins (1.2 s of CPU time) and logs secrets. So it runs
in a separate process, which imports it once and forks a child for every send. A child that hangs is killed alone,
and a child inherits nothing from earlier ones. It is a new Python, started by `watch.alerts.sender`, and imports only
what it needs to send.

One child is kept ready for the next send: a fork costs some milliseconds, and so does each page of memory that the
child writes to first (`_ready`). If more sends come at once, each gets a new child.

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
import socket
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
    import netrc  # noqa: F401, PLC0415 - requests would, at its first request

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
        self._running: dict[int, _Child] = {}  # by the descriptor of its line
        self._spare: _Child | None = None

    def serve(self) -> None:
        """Serve until the requests end, then kill the children that still run."""
        open_ = True
        self._spare = self._forked()
        while open_:
            for key, _ in self._selector.select(self._select_timeout()):
                if key.fd == self._requests:
                    open_ = self._read_requests()
                elif key.fd in self._running:
                    self._read_result(self._running[key.fd])
            for child in [it for it in self._running.values() if it.kill_at <= time.monotonic()]:
                self._finish(child, _killed(child.said, f"after {self._hard:g} s"))
        for child in list(self._running.values()):
            self._finish(child, b"")
        if self._spare is not None:
            self._spare.end()

    def _select_timeout(self) -> float | None:
        ends = [child.kill_at for child in self._running.values()]
        return max(min(ends) - time.monotonic(), 0) if ends else None

    def _read_requests(self) -> bool:
        data = os.read(self._requests, 1 << 16)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._start(line)
        return bool(data)

    def _start(self, line: bytes) -> None:
        """Hand the request *line* to the child that is ready, or to a new one."""
        child, self._spare = self._spare, None
        if child is not None and not child.takes(line):  # something killed it while it waited
            child.end()
            child = None
        if child is None:
            child = self._forked()
            child.takes(line)
        child.request, child.kill_at = int(json.loads(line)["id"]), time.monotonic() + self._hard
        self._running[child.line.fileno()] = child
        self._selector.register(child.line, selectors.EVENT_READ)

    def _forked(self) -> _Child:
        ours, theirs = socket.socketpair()
        template = os.getpid()
        process = os.fork()
        if process == 0:
            _serve_one(theirs.detach(), template, self._soft)
        theirs.close()
        return _Child(process, ours)

    def _read_result(self, child: _Child) -> None:
        try:
            data = child.line.recv(1 << 16)
        except ConnectionResetError:  # it was killed before it had read its request whole
            data = b""
        child.said += data
        if not data:
            said = child.said.rpartition(b"\n")[2]
            self._finish(child, said or _killed(child.said, "by something else"))
        if self._spare is None:  # its request is out, or it has ended: now a fork delays nobody
            self._spare = self._forked()

    def _finish(self, child: _Child, answer: bytes) -> None:
        del self._running[child.line.fileno()]
        self._selector.unregister(child.line)
        child.end()
        if answer:
            line = json.dumps({**json.loads(answer), "id": child.request}).encode() + b"\n"
            with contextlib.suppress(BrokenPipeError):
                os.write(self._answers, line)


class _Child:
    """A process that waits for a request, or sends one.

    Attributes:
        line: Its request goes there, and what it says comes from there.
        kill_at: When to kill it, on the monotonic clock in seconds.
    """

    def __init__(self, process: int, line: socket.socket) -> None:
        self.process, self.line = process, line
        self.request, self.kill_at = 0, 0.0
        self.said = b""

    def takes(self, request: bytes) -> bool:
        """Whether it got the line *request*; if not, it is dead."""
        try:
            self.line.sendall(request + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def end(self) -> None:
        """Kill it, if it has not ended already."""
        self.line.close()
        # The whole group, since a plug-in may have started processes. They may have ended already.
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)


def _killed(said: bytes, how: str) -> bytes:
    """The outcome of a child that was killed, by what it has *said* so far."""
    sent = Sent.UNKNOWN if said.endswith(_LEFT) else Sent.TEMPORARY
    return _answer(SendOutcome(sent, f"the process that sends was killed {how}"))


def _answer(outcome: SendOutcome) -> bytes:
    return json.dumps({**asdict(outcome), "sent": outcome.sent.value}).encode()


def _serve_one(line: int, template: int, soft: float) -> NoReturn:
    """Wait for one request on the descriptor *line*, send it, write the outcome, and exit."""
    wire = Wire(lambda left: _say(line, _LEFT if left else _ANSWERED))
    try:
        _ready(line, template, wire)
        request = _request(line)
        signal.signal(signal.SIGALRM, _interrupt)
        signal.setitimer(signal.ITIMER_REAL, soft)
        outcome = _post(request, wire)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except SoftLimitError:
        outcome = _ended(wire, f"within {soft:g} s")
    except BaseException as error:  # noqa: BLE001 - a plug-in may raise anything, and its text may contain the URL
        outcome = SendOutcome(_ended(wire).sent, f"apprise's plug-in failed: {type(error).__name__}")
    _say(line, _answer(outcome))
    os._exit(0)


def _ready(line: int, template: int, wire: Wire) -> None:
    """Do all that can be done before the request is known."""
    from watch.alerts.plugin import rehearse  # noqa: PLC0415 - loaded before the fork

    os.setpgid(0, 0)
    _die_with(template)
    os.closerange(3, line)
    os.closerange(line + 1, 4096)
    tap(wire)
    rehearse()  # not before the fork: apprise keeps a thread, which a fork would lose


def _request(line: int) -> Mapping[str, Any]:
    """The request, when it is here; exits when there is none, because the template has ended."""
    read = bytearray()
    while not read.endswith(b"\n"):
        data = os.read(line, 1 << 16)
        if not data:
            os._exit(0)
        read += data
    request: Mapping[str, Any] = json.loads(read)
    return request


def _say(line: int, text: bytes) -> None:
    os.write(line, text)


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
