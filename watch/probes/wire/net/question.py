"""The two DNS messages that name lookup needs: the question for addresses, and its answer.

This is the part of RFC 1035 that reads A and AAAA records from an answer that may be hostile. Names are
skipped, never followed, so a loop of compression pointers does no harm; every length is checked by slicing. The
kind `dns` uses dnspython for everything else; all other checks pay only for this module.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import NamedTuple

A, AAAA, NS = 1, 28, 2
OK, SERVER_FAILURE, NO_SUCH_NAME = 0, 2, 3
_HEAD = struct.Struct("!6H")
_RECORD = struct.Struct("!HHIH")
_LENGTH = {A: 4, AAAA: 16}


class Answer(NamedTuple):
    """A nameserver's answer.

    Args:
        rcode: 0 success, 2 failure, 3 no such name, 5 refused, ….
        truncated: The full answer needs TCP.
        ips: The addresses, in canonical text and in the server's order.
        ttl: Seconds for which they may be cached.
    """

    rcode: int
    truncated: bool
    ips: tuple[str, ...]
    ttl: int


def question(ident: int, name: str, kind: int) -> bytes:
    """Return the message that asks for *name*'s records of *kind*; ValueError when it is not a host name."""
    body = b""
    for label in name.rstrip(".").split(".") if name.rstrip(".") else []:
        raw = label.encode("ascii") if label.isascii() else label.encode("idna")
        if not 0 < len(raw) < 64:
            raise ValueError(f"{name!r} is not a host name")
        body += bytes((len(raw),)) + raw
    if len(body) > 254:
        raise ValueError("a host name has at most 253 characters")
    return _HEAD.pack(ident, 0x0100, 1, 0, 0, 0) + body + b"\0" + struct.pack("!HH", kind, 1)


def answer(message: bytes, asked: bytes) -> Answer | None:
    """Return the answer in *message* to the question *asked*; None when it does not answer it.

    The id and the whole question must come back unchanged (except for the name's case). A forger must guess
    them, and the random port of the connected socket.
    """
    try:
        ident, flags, questions, answers, _, _ = _HEAD.unpack_from(message)
        mine = asked[12:]
        if ident != int.from_bytes(asked[:2], "big") or not flags & 0x8000 or questions != 1:
            return None
        if message[12 : 12 + len(mine)].lower() != mine.lower():
            return None
        kind = int.from_bytes(mine[-4:-2], "big")
        ips, ttl = _addresses(message, 12 + len(mine), answers, kind)
    except (struct.error, IndexError):
        return None
    return Answer(flags & 0x000F, bool(flags & 0x0200), ips, ttl)


def _addresses(message: bytes, at: int, count: int, kind: int) -> tuple[tuple[str, ...], int]:
    ips, ttl = [], 3600
    for _ in range(min(count, 256)):
        at = _past_name(message, at)
        found, _, keep, length = _RECORD.unpack_from(message, at)
        at += _RECORD.size
        ttl = min(ttl, keep if keep < 1 << 31 else 0)
        data = message[at : at + length]
        if found == kind and length == len(data) == _LENGTH.get(kind):
            ips.append(str(ipaddress.ip_address(data)))
        at += length
    return tuple(ips), ttl


def _past_name(message: bytes, at: int) -> int:
    while True:
        size = message[at]
        if size >= 0xC0:
            return at + 2
        if size == 0:
            return at + 1
        at += 1 + size
