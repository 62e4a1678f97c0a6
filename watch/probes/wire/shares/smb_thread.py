"""Threads for smbprotocol, whose every call blocks, and a transport that it cannot be held up by.

* It gets a socket that we dialled. Its own transport would resolve the name again, lose the error, use
  `select` (which ends at descriptor 1023), and set aside the four gigabytes that a stranger's first bytes announce.
* A conversation has a thread of its own, eight at a time, never one of the loop's executor, where it would
  keep others waiting. To end it its socket is shut: it and the library's own thread wake up and go.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from watch.core.reading import ProbeFailure, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from watch.probes.wire.net.line import Line

T = TypeVar("T")
AT_ONCE = 8
_MOST = 1 << 20  # bytes in one message; a folder's free space takes a hundred


class Threads:
    """How many conversations may run at once."""

    def __init__(self) -> None:
        self.free = asyncio.Semaphore(AT_ONCE)

    def close(self) -> None:
        """Hold nothing: each conversation ends with the run that began it."""


class Wire:
    """What smbprotocol takes for its TCP transport: a socket that is connected already."""

    def __init__(self, sock: socket.socket, where: str) -> None:
        self._sock, self._where = sock, where
        self._sending = threading.Lock()
        self.connected = True

    def connect(self) -> None:
        """Be connected: the socket came so."""

    def close(self) -> None:
        self.connected = False
        with contextlib.suppress(OSError):  # it may be gone already
            self._sock.shutdown(socket.SHUT_RDWR)

    def send(self, message: Any) -> None:
        """Send bytes, or one of the library's structures: an encrypted message comes as that."""
        data = message if isinstance(message, bytes) else message.pack()
        with self._sending:
            self._sock.sendall(struct.pack("!I", len(data)) + data)

    def recv(self, _timeout: float) -> bytes:
        """Return a message, nothing at the end; who shuts the socket ends the wait."""
        head = self._taken(4)
        if not head:
            return b""
        size = int.from_bytes(head, "big")
        if not 64 <= size <= _MOST:
            raise ProbeFailure(Reason.PROTOCOL, f"{self._where} does not speak SMB")
        message = self._taken(size)
        if message and message[:4] not in (b"\xfeSMB", b"\xfdSMB"):
            raise ProbeFailure(Reason.PROTOCOL, f"{self._where} does not speak SMB 2 or 3")
        return message

    def _taken(self, size: int) -> bytes:
        taken = bytearray()
        while len(taken) < size:
            chunk = self._sock.recv(min(size - len(taken), 1 << 16))
            if not chunk:
                self.connected = False
                return b""
            taken += chunk
        return bytes(taken)


def blocking(line: Line) -> socket.socket:
    """Return the line's socket for a thread to wait on; the line itself is only to be closed after this."""
    sock = socket.socket(fileno=os.dup(line._sock.fileno()))  # noqa: SLF001 - a line lends its socket to nobody else
    sock.setblocking(True)
    return sock


def threaded(work: Callable[[], T], sock: socket.socket, after: Callable[[], object]) -> asyncio.Future[T]:
    """Run *work* on a thread of its own, which closes *sock* at its end; *after* it is called on the loop."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def tell(found: T | None, error: Exception | None) -> None:
        after()
        if outcome.done():  # nobody waits any more
            return
        if found is not None:
            outcome.set_result(found)
        elif error is not None:
            outcome.set_exception(error)

    def run() -> None:
        try:
            found, error = work(), None
        except Exception as failed:  # noqa: BLE001 - told to whoever waits
            found, error = None, failed
        finally:
            sock.close()
        with contextlib.suppress(RuntimeError):  # the loop is gone, and with it all who waited
            loop.call_soon_threadsafe(tell, found, error)

    threading.Thread(target=run, name="smb", daemon=True).start()
    return outcome
