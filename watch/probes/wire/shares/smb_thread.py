"""Threads for smbprotocol, whose calls all block, and a transport that cannot block them for ever.

* The library gets a socket that we dialled. Its own transport would resolve the name again, lose the error, use
  `select` (which fails above descriptor 1023), and allocate up to four gigabytes if the first bytes announce them.
* A conversation has a thread of its own, at most eight at a time, and never one of the loop's executor, where it
  would block others. It is ended by shutting down its socket: it and the library's own thread wake up and end.
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
_MOST = 1 << 20  # bytes in one message; the answer about free space has a hundred


class Threads:
    """The limit of conversations that run at once."""

    def __init__(self) -> None:
        self.free = asyncio.Semaphore(AT_ONCE)

    def close(self) -> None:
        """Nothing to close: each conversation ends with its run."""


class Wire:
    """A transport for smbprotocol over a socket that is connected already."""

    def __init__(self, sock: socket.socket, where: str) -> None:
        self._sock, self._where = sock, where
        self._sending = threading.Lock()
        self.connected = True

    def connect(self) -> None:
        """Nothing to do: the socket is connected."""

    def close(self) -> None:
        self.connected = False
        with contextlib.suppress(OSError):  # it may be closed already
            self._sock.shutdown(socket.SHUT_RDWR)

    def send(self, message: Any) -> None:
        """Send bytes, or a structure of the library (encrypted messages are structures)."""
        data = message if isinstance(message, bytes) else message.pack()
        with self._sending:
            self._sock.sendall(struct.pack("!I", len(data)) + data)

    def recv(self, _timeout: float) -> bytes:
        """Return a message, empty at the end; shutting down the socket ends the wait."""
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
    """Return the line's socket for use by a thread; after this, the line may only be closed."""
    sock = socket.socket(fileno=os.dup(line._sock.fileno()))  # noqa: SLF001 - a line lends its socket to nobody else
    sock.setblocking(True)
    return sock


def threaded(work: Callable[[], T], sock: socket.socket, after: Callable[[], object]) -> asyncio.Future[T]:
    """Run *work* on a thread of its own, which closes *sock* at its end; *after* it is called on the loop."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def tell(found: T | None, error: Exception | None) -> None:
        after()
        if outcome.done():  # the run was cancelled
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

    try:
        threading.Thread(target=run, name="smb", daemon=True).start()
    except RuntimeError:  # no more threads: nobody else would close and release it
        sock.close()
        after()
        raise
    return outcome
