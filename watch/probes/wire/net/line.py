"""A TCP connection of our own: one socket, with TLS on it if asked for. `dial` opens it.

The streams of asyncio do not show which phase they are in, keep a transport alive after the answer is known,
and wait half a minute for a peer that does not close. Here every phase is timed, every read has a limit, and
closing takes effect at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Self

from watch.core.reading import ProbeFailure, Reason
from watch.probes.wire.net.address import check_host
from watch.probes.wire.net.blame import cut_short

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable
    from types import TracebackType

_ALONE = "write it like db.example.org:5432 or [::1]:5432"
_CHUNK = 16 << 10
_HANDSHAKE = 256 << 10  # bytes; a chain of ten thick certificates has 40,000


class Place(NamedTuple):
    """A host and a port as options write them."""

    host: str
    port: int


@lru_cache(maxsize=16384)
def place(text: str, port: int | None = None) -> Place:
    """Read ``host:port``, ``[2001:db8::1]:port`` or, with a default *port*, ``host``; else ValueError."""
    host, colon, digits = text.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")) or text.endswith("]"):
        host, digits = text, "" if port is None else str(port)
    # Of the whole text: what stands after the last colon may be a password or a path.
    check_host(text if any(sign in text for sign in "@/?#") else host, _ALONE)
    if not (digits.isascii() and digits.isdecimal()) or not 0 < int(digits[:6]) < 65536:
        raise ValueError(f"{text!r} is not a host and port: {_ALONE}")
    return Place(host.strip("[]"), int(digits))


class Line:
    """A TCP connection, and a context manager that closes it."""

    __slots__ = ("_in", "_loop", "_out", "_sock", "phases", "tls", "where")
    _in: ssl.MemoryBIO  # with TLS
    _out: ssl.MemoryBIO

    def __init__(self, sock: socket.socket, where: str, phases: dict[str, float]) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self.where = where
        self.phases = phases
        self.tls: ssl.SSLObject | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sock.close()

    async def secure(self, context: ssl.SSLContext, name: str) -> ssl.SSLObject:
        """Make a TLS handshake as a client that expects *name*; raises `ssl.SSLError` as the ssl module does."""
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(self._in, self._out, server_hostname=name)
        began, left = self._loop.time(), _HANDSHAKE
        what = f"the TLS handshake with {self.where} did not end"
        try:
            while True:
                try:
                    tls.do_handshake()
                except ssl.SSLWantReadError:
                    await self._flush()
                    chunk = await self._within(self._loop.sock_recv(self._sock, _CHUNK), what)
                    left -= len(chunk)
                    if left < 0:
                        raise ProbeFailure(Reason.LIMIT, "the TLS handshake has over 256 KiB") from None
                    self._in.write(chunk) if chunk else self._in.write_eof()
                else:
                    break
        finally:
            with contextlib.suppress(OSError):  # the alert that says why we close, or our Finished
                await self._flush()
        self.phases["tls"] = self._loop.time() - began
        self.tls = tls
        return tls

    async def send(self, data: bytes) -> None:
        if self.tls is None:
            what = f"{self.where} does not take what we send"
            await self._within(self._loop.sock_sendall(self._sock, data), what)
            return
        self.tls.write(data)
        await self._flush()

    async def receive(self, what: str, most: int = _CHUNK) -> bytes:
        """Return up to *most* bytes, none at the end. *what* is the failure's text when the run is cut short here."""
        while True:
            if self.tls is not None:
                try:
                    return self.tls.read(most)
                except ssl.SSLWantReadError:
                    pass
                except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                    return b""
            size = most if self.tls is None else _CHUNK
            chunk = await self._within(self._loop.sock_recv(self._sock, size), what)
            if self.tls is None:
                return chunk
            self._in.write(chunk) if chunk else self._in.write_eof()

    async def _flush(self) -> None:
        data = self._out.read()
        if data:
            await self._loop.sock_sendall(self._sock, data)

    async def _within(self, step: Awaitable[bytes | None], what: str) -> bytes:
        try:
            return await step or b""
        except asyncio.CancelledError as stop:
            raise cut_short(stop, ProbeFailure(Reason.TIMEOUT, what, phases=self.phases)) from stop
