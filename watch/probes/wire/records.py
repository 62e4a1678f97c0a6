"""DNS messages of any kind, read by dnspython, asked and awaited by us.

A datagram counts as the answer only if id and question are ours and it comes from whom we asked (the
socket is connected, from a random port). Others are passed over, and told of when nothing better comes in
time.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.probes.wire.address import family_of, written
from watch.probes.wire.blame import cut_short, of_errno

if TYPE_CHECKING:
    from dns.message import Message

_MOST = 16 << 10  # bytes: reading 64 KiB of records would hold up every other check for a tenth of a second
_AGAIN = 1.0  # seconds until a datagram is taken for lost and sent again
_LONG = "an answer of over 16 KiB"


def question(name: str, kind: str, *, recurse: bool) -> Message:
    try:
        message = dns.message.make_query(name, kind, use_edns=0, payload=1232)
    except (dns.exception.DNSException, ValueError) as error:
        raise OurFault(f"{name!r} is not a domain name: {error}") from error
    if not recurse:
        message.flags &= ~dns.flags.RD
    return message


async def asked(server: tuple[str, int], message: Message, *, tcp: bool) -> tuple[Message, float]:
    """Return the answer of *server* (address, port) and the seconds it took."""
    clock, where = asyncio.get_running_loop().time, written(*server)
    began, strays = clock(), list[int]()
    try:
        answer = None if tcp else await _over_udp(server, message, strays)
        if answer is None or answer.flags & dns.flags.TC:
            answer = await _over_tcp(server, message)
    except asyncio.CancelledError as stop:
        late = ProbeFailure(Reason.TIMEOUT, f"no answer from {where}")
        if strays:
            late = ProbeFailure(
                Reason.PROTOCOL, f"{where} sent {len(strays)} datagrams that answer something else"
            )
        raise cut_short(stop, late) from stop
    except OSError as error:
        raise of_errno(error.errno or 0, where) from error
    except EOFError as error:
        raise ProbeFailure(Reason.RESET, f"{where} closed the connection without an answer") from error
    return answer, clock() - began


async def _over_udp(server: tuple[str, int], message: Message, strays: list[int]) -> Message:
    loop, wire = asyncio.get_running_loop(), message.to_wire()
    with socket.socket(family_of(server[0]), socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        sock.connect(server)
        while True:
            sock.send(wire)
            try:
                async with asyncio.timeout(_AGAIN):
                    while True:
                        answer = _read(await loop.sock_recv(sock, 65536), message)
                        if answer is not None:
                            return answer
                        strays.append(1)
            except TimeoutError:
                continue


async def _over_tcp(server: tuple[str, int], message: Message) -> Message:
    loop, wire = asyncio.get_running_loop(), message.to_wire()
    with socket.socket(family_of(server[0]), socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        await loop.sock_connect(sock, server)
        await loop.sock_sendall(sock, len(wire).to_bytes(2, "big") + wire)
        data = b""
        while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
            chunk = await loop.sock_recv(sock, _MOST)
            if not chunk:
                raise EOFError
            data += chunk
            if len(data) > _MOST:
                raise ProbeFailure(Reason.LIMIT, _LONG)
    answer = _read(data[2:], message)
    if answer is None:
        raise ProbeFailure(Reason.PROTOCOL, f"{written(*server)} answers something else")
    return answer


def _read(data: bytes, message: Message) -> Message | None:
    """Return *data* as the answer to *message*, None when it is none; `ProbeFailure` when it is broken."""
    if data[:2] != message.id.to_bytes(2, "big"):
        return None
    if len(data) > _MOST:
        raise ProbeFailure(Reason.LIMIT, _LONG)
    try:
        answer = dns.message.from_wire(data, ignore_trailing=True)
    except Exception as error:  # a stranger's bytes: dnspython raises more than its own kind
        raise ProbeFailure(Reason.PROTOCOL, f"not DNS: {type(error).__name__}") from error
    return answer if message.is_response(answer) else None


def rcode(answer: Message) -> str:
    return dns.rcode.to_text(answer.rcode())


def flag(answer: Message, name: str) -> bool:
    return bool(answer.flags & dns.flags.from_text(name))


def records(answer: Message, kind: str) -> tuple[list[str], int | None]:
    """Return the records of *kind* as zone files write them, sorted, and the shortest TTL in seconds."""
    wanted = dns.rdatatype.from_text(kind)
    found = [entry for entry in answer.answer if entry.rdtype == wanted]
    return sorted(item.to_text() for entry in found for item in entry), min(
        (e.ttl for e in found), default=None
    )
