"""The process that runs apprise. It holds no store, socket or lock of the hub, and ends when the hub ends.

apprise is synchronous, can hang for minutes, loads 130 plug-ins (1.2 s of CPU time) and logs secrets. So it runs
in a separate process, which imports it once and forks a child for every send. A child that hangs is killed alone,
and a child inherits nothing from earlier ones. This file is run by its path and imports nothing of `watch`, so no
store, socket or lock can leak into it.

Requests come on standard input, answers go to standard output, one JSON object per line:

    {"id": 7, "url": "…", "title": "…", "body": "…"}        {"id": 7, "sent": "failed", "detail": "…"}

A channel's URL is a secret. It is never in arguments or environment, and an answer's detail is one of the fixed
phrases below, with an HTTP status at most; it never contains apprise's own text.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import logging
import os
import re
import resource
import selectors
import signal
import sys
import time
from typing import Any, NoReturn

_PR_SET_PDEATHSIG = 1
_STATUS = re.compile(r"error=(\d{3})\b")
# Client errors that are worth a retry: timeout, too early, too many requests.
_RETRIABLE = frozenset((408, 425, 429))


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
    import apprise  # noqa: PLC0415 - only this process imports it

    logging.getLogger("apprise").propagate = False
    apprise.Apprise.instantiate("json://localhost")
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
                self._finish(
                    fd, _failed(f"no answer within {self._hard:g} s, so the sending process was killed")
                )
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
            self._finish(fd, self._results[fd] or _failed("the sending process died"))

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


def _failed(detail: str) -> bytes:
    return json.dumps({"sent": "failed", "detail": detail}).encode()


def _child(request: dict[str, Any], template: int, write: int, soft: float) -> NoReturn:
    """Send one notice, write the outcome, and exit."""
    try:
        os.setpgid(0, 0)
        _die_with(template)
        os.closerange(3, write)
        os.closerange(write + 1, 4096)
        signal.signal(signal.SIGALRM, _interrupt)
        signal.setitimer(signal.ITIMER_REAL, soft)
        sent, detail = _send(str(request["url"]), str(request["title"]), str(request["body"]))
        signal.setitimer(signal.ITIMER_REAL, 0)
    except SoftLimitError:
        sent, detail = "failed", f"no answer within {soft:g} s"
    except BaseException as error:  # noqa: BLE001 - a plug-in may raise anything, and its text may contain the URL
        sent, detail = "failed", f"the plug-in failed: {type(error).__name__}"
    os.write(write, json.dumps({"sent": sent, "detail": detail}).encode())
    os._exit(0)


def _interrupt(*_: object) -> None:
    raise SoftLimitError


def _send(url: str, title: str, body: str) -> tuple[str, str]:
    """The result of apprise: delivered, failed (a retry may work) or refused (it will not), and a phrase."""
    import apprise  # noqa: PLC0415 - loaded before the fork

    heard = _Statuses()
    logger = logging.getLogger("apprise")
    logger.handlers[:] = [heard]
    logger.setLevel(logging.WARNING)
    asset = apprise.AppriseAsset(async_mode=False, secure_logging=True)
    plugin = apprise.Apprise.instantiate(url, asset=asset)  # `add` would split a URL with commas into several
    if plugin is None:
        return "refused", "apprise does not support this URL"
    channel = apprise.Apprise(plugin, asset=asset)
    if channel.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
        return "delivered", ""
    if heard.status is None:
        return "failed", "the channel could not be reached"
    refused = 400 <= heard.status < 500 and heard.status not in _RETRIABLE
    return "refused" if refused else "failed", f"the channel answered {heard.status}"


class _Statuses(logging.Handler):
    """Keeps only the last HTTP status from apprise's log."""

    status: int | None = None

    def emit(self, record: logging.LogRecord) -> None:
        found = _STATUS.search(record.getMessage())
        if found is not None:
            self.status = int(found[1])


if __name__ == "__main__":
    main()
