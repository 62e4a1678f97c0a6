"""The bytes of a ping."""

from __future__ import annotations

import socket
import struct

HEAD = struct.Struct("!BBHHH")
"""Type, code, checksum, identifier, sequence number."""
KINDS = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}
"""The types of an echo request and its reply."""


def packet(family: socket.AddressFamily, ident: int, sequence: int, payload: bytes) -> bytes:
    """Return an echo request."""
    kind = KINDS[family][0]
    bare = HEAD.pack(kind, 0, 0, ident, sequence) + payload
    if family == socket.AF_INET6:
        return bare  # the kernel adds the checksum of ICMPv6, which covers addresses that we do not know
    return HEAD.pack(kind, 0, _checksum(bare), ident, sequence) + payload


def _checksum(data: bytes) -> int:
    """Return the checksum of RFC 1071."""
    # The sum of 16-bit words in one's complement is the remainder by 65535, except that only zeros give zero.
    total = int.from_bytes(data, "big") << (8 if len(data) & 1 else 0)
    return ~(total % 0xFFFF or (0xFFFF if total else 0)) & 0xFFFF
