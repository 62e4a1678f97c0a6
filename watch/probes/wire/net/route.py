"""The path to an address, learnt from the routers on it, without any privilege.

A datagram with a time to live of n hops expires at the n-th router, which reports it by ICMP. The kernel
returns that message through the error queue of the socket that sent the datagram (IP_RECVERR), with its
destination port. Each datagram has another port, so each answer finds its question. On the target nothing
listens on these ports, so "port unreachable" from there means that we have arrived.

Datagrams are sent a few milliseconds apart: routers limit the rate of their messages, and may answer only one
of two. Silent hops are asked again.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from watch.core.reading import OurFault
from watch.probes.wire.net.address import family_of
from watch.probes.wire.net.blame import of_errno
from watch.probes.wire.net.way import depart

if TYPE_CHECKING:
    from collections.abc import Iterator

# Python has no names for these.
_IP_RECVERR, _IPV6_RECVERR, _MSG_ERRQUEUE = 11, 25, 0x2000
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_ICMP, _ICMP6 = 2, 3
_EXCEEDED = {(_ICMP, 11), (_ICMP6, 3)}
_PORT_UNREACHABLE = {(_ICMP, 3, 3), (_ICMP6, 1, 4)}
_APART = 0.02
_PAYLOAD = b"threenines traceroute; no answer is wanted"


class Hop(NamedTuple):
    """The answer for one distance.

    Args:
        took: Seconds until the answer.
        end: 0 a router on the path, 1 the target, 2 a router without a route.
    """

    address: str
    took: float
    end: int


ON_THE_WAY, ARRIVED, NO_WAY_ON = range(3)


@dataclass(slots=True)
class Walk:
    """One trace to *ip*. `go` fills in *hops*: distance → answer."""

    ip: str
    most: int
    port: int
    hops: dict[int, Hop] = field(default_factory=dict)
    _sent: dict[int, tuple[int, float]] = field(default_factory=dict)

    async def go(self, rounds: int, wait: float) -> None:
        """Ask at every distance up to the target, silent ones again; wait *wait* seconds each time.

        Raises:
            ProbeFailure: There is no route at all.
            OurFault: This machine does not let us ask.
        """
        with self._socket() as sock:
            loop, moved = asyncio.get_running_loop(), asyncio.Event()
            loop.add_reader(sock, self._read, sock, moved)
            try:
                for number in range(rounds):
                    await self._asked(sock, self.port + number * self.most)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(wait):
                            while self._missing():
                                moved.clear()
                                await moved.wait()
                    if not self._missing():
                        return
            finally:
                loop.remove_reader(sock)

    @property
    def end(self) -> int | None:
        """The distance at which the path ends, at the target or not; None while unknown."""
        return min((distance for distance, hop in self.hops.items() if hop.end), default=None)

    def _missing(self) -> list[int]:
        return [distance for distance in range(1, (self.end or self.most) + 1) if distance not in self.hops]

    async def _asked(self, sock: socket.socket, port: int) -> None:
        for distance in range(1, self.most + 1):
            if distance in self.hops:
                continue
            if self.end is not None and distance > self.end:
                return
            self._ask(sock, distance, port + distance - 1)
            await asyncio.sleep(_APART)

    def _ask(self, sock: socket.socket, distance: int, port: int) -> None:
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, distance)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, distance)
        self._sent[port] = (distance, asyncio.get_running_loop().time())
        # An answer to an earlier datagram makes the next call fail once; it stays in the queue.
        for _ in range(3):
            try:
                sock.sendto(_PAYLOAD, (self.ip, port))
            except OSError as error:
                code = error.errno or 0
                self._read(sock, None)
            else:
                return
        found = of_errno(code, self.ip)
        if not self.hops or isinstance(found, OurFault):  # a hop that was never asked is not silent
            raise found

    @contextlib.contextmanager
    def _socket(self) -> Iterator[socket.socket]:
        family = family_of(self.ip)
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            if family == socket.AF_INET:
                sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            depart(sock)
            yield sock

    def _read(self, sock: socket.socket, moved: asyncio.Event | None) -> None:
        for _ in range(100):
            try:
                _, notes, _, there = sock.recvmsg(2048, 512, _MSG_ERRQUEUE)
            except OSError:
                break
            for *_, note in notes:
                self._hear(note, there[1])
        for _ in range(100):  # a program on the target listens on that port and answered
            try:
                _, there = sock.recvfrom(2048)
            except OSError:
                break
            self._note(there[1], there[0], ARRIVED)
        if moved is not None:
            moved.set()

    def _hear(self, note: bytes, port: int) -> None:
        if len(note) < _EXTENDED_ERROR.size + 8:
            return
        _, origin, kind, code, *_ = _EXTENDED_ERROR.unpack_from(note)
        offender = note[_EXTENDED_ERROR.size :]
        if (origin, kind) in _EXCEEDED:
            end = ON_THE_WAY
        elif (origin, kind, code) in _PORT_UNREACHABLE:
            end = ARRIVED
        elif origin in (_ICMP, _ICMP6):
            end = NO_WAY_ON
        else:
            return  # an error of this machine itself
        if origin == _ICMP:
            self._note(port, socket.inet_ntop(socket.AF_INET, offender[4:8]), end)
        elif len(offender) >= 24:
            self._note(port, socket.inet_ntop(socket.AF_INET6, offender[8:24]), end)

    def _note(self, port: int, address: str, end: int) -> None:
        if address == self.ip:
            end = ARRIVED  # many hosts' own firewalls answer "prohibited": the host is reached
        distance, sent = self._sent.get(port, (0, 0.0))
        if distance and distance not in self.hops:
            self.hops[distance] = Hop(address, asyncio.get_running_loop().time() - sent, end)
