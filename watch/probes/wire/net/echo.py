"""Pings of all checks, through one socket for each address family and each `via:`.

A ping socket (SOCK_DGRAM, allowed by net.ipv4.ping_group_range) needs no privilege; a raw one needs
CAP_NET_RAW. Both can receive replies to other processes, and forged ones. A reply counts only if it comes from
the address that was asked and has the sequence number and the eight random bytes of a packet that is still
awaited. ICMP errors (no route, prohibited) come through the socket's error queue with the packet that caused
them, and are matched in the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import secrets
import socket
import struct
from typing import TYPE_CHECKING, NamedTuple

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.probes.wire.net.address import family_of
from watch.probes.wire.net.blame import cut_short, of_errno
from watch.probes.wire.net.echo_packet import HEAD, KINDS, packet
from watch.probes.wire.net.way import current, depart

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    Opener = Callable[[socket.AddressFamily, socket.SocketKind], socket.socket]

_End = str | None  # a source address or an interface of this machine
# Python has no names for these.
_IP_RECVERR, _IPV6_RECVERR, _MSG_ERRQUEUE, _SOL_RAW, _ICMP_FILTER, _ICMP6_FILTER = 11, 25, 0x2000, 255, 1, 1
_ROUTERS = (2, 3)  # the origin of an error that came as ICMP, ICMPv6
_PROHIBITED = (errno.EACCES, errno.EPERM, errno.ENONET, errno.ENOPROTOOPT, errno.EOPNOTSUPP)
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_TOKEN = 8
_TOKENS = 64  # drawn at once
_LOST = -1.0  # instead of a round trip
_BURST = 32  # packets sent before replies are read; the receive buffer holds a few hundred
HOW_TO_GRANT = (
    "ICMP is not permitted: give the service CAP_NET_RAW (systemd: AmbientCapabilities=CAP_NET_RAW), or let "
    'its group use ping sockets: sysctl net.ipv4.ping_group_range="0 2147483647"'
)


class Volley(NamedTuple):
    """A few pings to one host: *gap* between two, *wait* for the last one's reply, *size* bytes of payload."""

    packets: int
    gap: timedelta
    wait: timedelta
    size: int


class Denied(OurFault):
    """The process may open neither a ping socket nor a raw one."""


class _Awaited(NamedTuple):
    ip: str
    sequence: int
    sent: float
    future: asyncio.Future[float]


def _open(family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
    protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
    return socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)


class Echo:
    """The running loop's pings.

    Args:
        opener: How to open an ICMP socket; raises `PermissionError` where that is not allowed.
        program: The `ping` to start when no socket may be opened; None for none.
    """

    def __init__(self, opener: Opener = _open, program: str | None = "/usr/bin/ping") -> None:
        self.program = program
        self._loop = asyncio.get_running_loop()
        self._opener = opener
        self._sockets: dict[tuple[socket.AddressFamily, _End, _End], tuple[socket.socket, bool]] = {}
        self._awaited: dict[bytes, _Awaited] = {}
        self._sequence = secrets.randbelow(1 << 16)
        self._ident = secrets.randbelow(1 << 16)
        self._unread = 0
        self._tokens: list[bytes] = []

    def close(self) -> None:
        for sock, _ in self._sockets.values():
            self._loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()
        for waiting in list(self._awaited.values()):
            if not waiting.future.done():
                waiting.future.set_exception(OurFault("this vantage point is stopping"))

    async def send(self, ip: str, volley: Volley) -> list[float]:
        """Send *volley* and return the round trips, in seconds, of the pings that were answered.

        Raises:
            Denied: This process may not ping.
            OurFault: Not all could be sent.
            ProbeFailure: None was answered, and an error came back.
        """
        awaited: list[asyncio.Future[float]] = []
        try:
            for number in range(volley.packets):
                if number:
                    await asyncio.sleep(volley.gap.total_seconds())
                awaited.append(self.ping(ip, volley.size))
            await self._answers(awaited, volley.wait.total_seconds())
        except asyncio.CancelledError as stop:
            answered = sum(_answered(future) for future in awaited)
            words = f"{answered} of {volley.packets} pings to {ip} were answered when time was up"
            raise cut_short(stop, ProbeFailure(Reason.TIMEOUT, words)) from stop
        finally:
            for future in awaited:
                future.cancel()
        failed = [f.exception() for f in awaited if not f.cancelled()]
        trips = [future.result() for future in awaited if _answered(future)]
        ours = next((error for error in failed if isinstance(error, OurFault)), None)
        if ours is not None:  # a ping that was never sent is not lost
            raise ours
        worst = next(filter(None, failed), None)
        if worst is not None and not trips:
            raise worst
        return trips

    async def _answers(self, awaited: list[asyncio.Future[float]], seconds: float) -> None:
        """Wait until all of *awaited* are done; after *seconds* those that are not are lost."""
        # `asyncio.wait` costs more than all the rest of a ping.
        timer = self._loop.call_later(seconds, _lose, awaited)
        try:
            for future in awaited:
                with contextlib.suppress(ProbeFailure, OurFault):  # `send` looks for them
                    await future
        finally:
            timer.cancel()

    def ping(self, ip: str, size: int) -> asyncio.Future[float]:
        """Send one packet of *size* bytes (at least 8); the future is the seconds until its reply.

        The future gets a `ProbeFailure` when an error comes back. Cancel it to stop waiting.

        Raises:
            Denied: This process may not ping.
        """
        family = family_of(ip)
        sock, raw = self._socket(family)
        token = self._token()
        self._sequence = (self._sequence + 1) & 0xFFFF
        future: asyncio.Future[float] = self._loop.create_future()
        future.add_done_callback(lambda _: self._awaited.pop(token, None))
        self._awaited[token] = _Awaited(ip, self._sequence, self._loop.time(), future)
        failure = self._send(sock, packet(family, self._ident, self._sequence, token.ljust(size, b"\0")), ip)
        if failure is not None:
            future.set_exception(failure)
        self._unread += 1
        if self._unread >= _BURST:
            self._read(family, sock, raw=raw)
        return future

    def _token(self) -> bytes:
        if not self._tokens:
            drawn = secrets.token_bytes(_TOKENS * _TOKEN)
            self._tokens = [drawn[n : n + _TOKEN] for n in range(0, len(drawn), _TOKEN)]
        return self._tokens.pop()

    def _send(self, sock: socket.socket, data: bytes, ip: str) -> ProbeFailure | OurFault | None:
        # A pending error of an earlier packet makes the next call fail once: read the error, send again.
        for _ in range(2):
            try:
                sock.sendto(data, (ip, 0))
            except BlockingIOError:
                return OurFault("this machine's send buffer for ICMP is full", Reason.OVERLOADED)
            except OSError as error:
                failure = of_errno(error.errno or 0, ip)
                self._read_errors(sock)
            else:
                return None
        return failure

    def _socket(self, family: socket.AddressFamily) -> tuple[socket.socket, bool]:
        way = current()
        key = (family, None, None) if way is None else (family, way.source, way.interface)
        if key not in self._sockets:
            sock, raw = self._opened(family)
            try:
                depart(sock)
            except OurFault:
                sock.close()
                raise
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            if family == socket.AF_INET:
                sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            self._loop.add_reader(sock, lambda: self._read(family, sock, raw=raw))
            self._sockets[key] = sock, raw
        return self._sockets[key]

    def _opened(self, family: socket.AddressFamily) -> tuple[socket.socket, bool]:
        for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
            try:
                sock = self._opener(family, kind)
            except PermissionError:
                continue
            if kind == socket.SOCK_RAW:
                _let_in_replies_only(family, sock)
            return sock, kind == socket.SOCK_RAW
        raise Denied(HOW_TO_GRANT)

    def _read(self, family: socket.AddressFamily, sock: socket.socket, *, raw: bool) -> None:
        self._unread = 0
        for _ in range(1000):
            try:
                data, source = sock.recvfrom(2048)
            except BlockingIOError:
                break
            except OSError:
                continue  # an error of some packet; `_read_errors` finds it in the queue
            if raw and family == socket.AF_INET:
                data = data[(data[0] & 0x0F) * 4 :] if data else b""
            self._hear(family, data, source[0])
        self._read_errors(sock)

    def _hear(self, family: socket.AddressFamily, data: bytes, source: str) -> None:
        if len(data) < HEAD.size + _TOKEN:
            return
        kind, _, _, _, sequence = HEAD.unpack_from(data)
        awaited = self._awaited.get(data[HEAD.size : HEAD.size + _TOKEN])
        if awaited is None or kind != KINDS[family][1] or sequence != awaited.sequence:
            return
        if _same(awaited.ip, source) and not awaited.future.done():
            awaited.future.set_result(self._loop.time() - awaited.sent)

    def _read_errors(self, sock: socket.socket) -> None:
        for _ in range(1000):
            try:
                data, notes, _, _ = sock.recvmsg(2048, 512, _MSG_ERRQUEUE)
            except OSError:
                return
            told = next((_EXTENDED_ERROR.unpack_from(note) for *_, note in notes if len(note) >= 16), None)
            awaited = self._awaited.get(data[HEAD.size : HEAD.size + _TOKEN])
            if awaited is not None and told is not None and not awaited.future.done():
                awaited.future.set_exception(_reported(told[0], told[1], awaited.ip))


def _reported(code: int, origin: int, ip: str) -> ProbeFailure | OurFault:
    """Return the failure for an error from the queue: what a router says of *ip* is no fault of this machine."""
    if origin in _ROUTERS and code in _PROHIBITED:
        return ProbeFailure(
            Reason.UNREACHABLE, f"a router says that {ip} cannot be reached: {os.strerror(code)}"
        )
    return of_errno(code, ip)


def _answered(future: asyncio.Future[float]) -> bool:
    return (
        future.done() and not future.cancelled() and future.exception() is None and future.result() != _LOST
    )


def _lose(awaited: list[asyncio.Future[float]]) -> None:
    for future in awaited:
        if not future.done():
            future.set_result(_LOST)


def _let_in_replies_only(family: socket.AddressFamily, sock: socket.socket) -> None:
    """Let only replies through: a raw socket receives all ICMP of the machine."""
    if family == socket.AF_INET:
        sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", ~(1 << 0) & 0xFFFFFFFF))
    else:
        words = [0xFFFFFFFF] * 8
        words[129 // 32] &= ~(1 << (129 % 32)) & 0xFFFFFFFF
        sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *words))


def _same(asked: str, source: str) -> bool:
    return asked == source or ipaddress.ip_address(asked.partition("%")[0]) == ipaddress.ip_address(
        source.partition("%")[0]
    )
