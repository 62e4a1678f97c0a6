"""A question and its answer in datagrams; the question is repeated until an answer comes.

A datagram counts only if it comes from the address that was asked (the socket is connected, from a random port)
and *read* recognises it as an answer. Others are ignored, because anybody can send them; they are reported when
no answer comes in time. A lost datagram is no outage: the question is sent again every second until the run
ends.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from watch.core.reading import ProbeFailure, Reason
from watch.probes.wire.net.address import family_of, written
from watch.probes.wire.net.blame import cut_short, of_errno
from watch.probes.wire.net.resolver import located
from watch.probes.wire.net.way import depart

if TYPE_CHECKING:
    from collections.abc import Callable

    from watch.probes.wire.net.line import Place

_AGAIN = 1.0  # seconds until a datagram counts as lost
_MOST_STRAYS = 1000  # datagrams that are read; a peer that sends more is not answering
A = TypeVar("A")


class Answered(NamedTuple):
    """Who answered, ip:port, and the seconds of each phase."""

    where: str
    phases: dict[str, float]


async def asked(
    there: Place,
    question: Callable[[], bytes],
    read: Callable[[bytes], A | None],
    *,
    family: str,
    metadata: bool,
    stray: tuple[Reason, str],
) -> tuple[A, Answered]:
    """Return the answer, as *read* decodes it.

    Args:
        question: Makes the datagram, again for each attempt.
        read: Decodes a datagram; returns None if it does not answer one of the questions.
        stray: Reason and text of the failure when only other datagrams came.
    """
    loop, phases = asyncio.get_running_loop(), dict[str, float]()
    ip = await located(there.host, family=family, metadata=metadata, phases=phases)
    where, strays = written(ip, there.port), list[int]()
    try:
        with socket.socket(family_of(ip), socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            depart(sock)
            sock.connect((ip, there.port))
            while True:
                sock.send(question())
                began = loop.time()
                found = await _first(sock, read, strays)
                if found is not None:
                    phases["first_byte"] = loop.time() - began
                    return found, Answered(where, phases)
                if len(strays) > _MOST_STRAYS:
                    raise _late(where, stray, strays, phases)
    except asyncio.CancelledError as stop:
        raise cut_short(stop, _late(where, stray, strays, phases)) from stop
    except OSError as error:
        raise of_errno(error.errno or 0, where, phases) from error


async def _first(sock: socket.socket, read: Callable[[bytes], A | None], strays: list[int]) -> A | None:
    """Return the first answer within a second, None without one."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_AGAIN):
            while len(strays) <= _MOST_STRAYS:
                found = read(await loop.sock_recv(sock, 65536))
                if found is not None:
                    return found
                strays.append(1)
    except TimeoutError:
        pass
    return None


def _late(where: str, stray: tuple[Reason, str], strays: list[int], phases: dict[str, float]) -> ProbeFailure:
    if strays:
        return ProbeFailure(stray[0], f"{where} {stray[1]}", phases=phases)
    return ProbeFailure(Reason.TIMEOUT, f"no answer from {where}", phases=phases)
