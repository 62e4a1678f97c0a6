"""One test of one port, over TCP or UDP.

TCP: a completed handshake means open, a reset means closed, no answer means silent. UDP has no handshake: an
answer means open, an ICMP message means closed, and silence proves nothing. Some services answer only a valid
request; for those the datagram is one, because an audit must find them.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from enum import Enum
from typing import NamedTuple

from watch.core.reading import OurFault
from watch.probes.wire.net.address import family_of
from watch.probes.wire.net.blame import of_errno
from watch.probes.wire.net.connect import connect
from watch.probes.wire.net.way import depart

_GREETINGS = {
    53: bytes.fromhex("1337 0100 0001 0000 0000 0000 00 0002 0001"),  # DNS: the nameservers of the root
    111: bytes.fromhex("13371337 00000000 00000002 000186a0 00000002 00000000" + 16 * "00"),  # rpcbind, NULL
    123: b"\x23" + bytes(47),  # NTP, as a client
    137: bytes.fromhex("1337 0000 0001 0000 0000 0000 20 434b") + b"A" * 30 + bytes.fromhex("00 0021 0001"),
    161: bytes.fromhex(
        "3026 020101 0406 7075626c6963 a019 02021337 020100 020100"
    )  # SNMP of "public", its uptime
    + bytes.fromhex("300d 300b 0607 2b060102010103 0500"),
    389: bytes.fromhex("30250201016320 0400 0a0100 0a0100 020100 020100 010100 870b")
    + b"objectclass"
    + b"\x30\0",
    1900: b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n',
    11211: b"\0\1\0\0\0\1\0\0version\r\n",  # memcached, with its header for datagrams
}
_CLOSED = {errno.ECONNREFUSED, errno.ECONNRESET}
_NO_WAY = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}


class Door(Enum):
    """The state of a port."""

    OPEN = "open"
    CLOSED = "closed"
    SILENT = "silent"
    NO_WAY = "no way to it"


class Knock(NamedTuple):
    """The state of a port, and the seconds that it took to learn it."""

    door: Door
    took: float


async def knock(transport: str, ip: str, port: int, wait: float) -> Knock:
    """Return the state of *port*; `OurFault` when this machine does not let us test it."""
    loop = asyncio.get_running_loop()
    began, kind = loop.time(), socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    try:
        with socket.socket(family_of(ip), kind | socket.SOCK_NONBLOCK) as sock:
            depart(sock)
            async with asyncio.timeout(wait):
                door = await (_tcp(sock, ip, port) if transport == "tcp" else _udp(sock, ip, port, wait / 2))
    except TimeoutError as error:
        if error.errno is not None and error.errno != errno.ETIMEDOUT:
            raise
        door = Door.SILENT
    except OSError as error:
        door = _behind(error, ip)
    return Knock(door, loop.time() - began)


async def _tcp(sock: socket.socket, ip: str, port: int) -> Door:
    await connect(sock, ip, port)
    # On the loopback a socket may get the port that it connects to, and connect to itself.
    return Door.CLOSED if sock.getsockname() == sock.getpeername() else Door.OPEN


async def _udp(sock: socket.socket, ip: str, port: int, again: float) -> Door:
    """Send the datagram twice, *again* seconds apart, because it may be lost."""
    loop = asyncio.get_running_loop()
    sock.connect((ip, port))
    sock.send(_GREETINGS.get(port, b"\0"))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(again):
            await loop.sock_recv(sock, 2048)
            return Door.OPEN
    sock.send(_GREETINGS.get(port, b"\0"))
    await loop.sock_recv(sock, 2048)
    return Door.OPEN


def _behind(error: OSError, ip: str) -> Door:
    if error.errno in _CLOSED:
        return Door.CLOSED
    if error.errno in _NO_WAY:
        return Door.NO_WAY
    found = of_errno(error.errno or 0, ip)
    if isinstance(found, OurFault):
        raise found from error
    return Door.SILENT
