"""ONC-RPC (RFC 5531) over a line: one call, one reply, and XDR to write and read them.

Whatever comes is a stranger's: lengths are held against what is there, and a reply against a limit.
"""

from __future__ import annotations

import secrets
import struct
from typing import TYPE_CHECKING

from watch.core.reading import ProbeFailure, Reason
from watch.probes.wire.net.reader import Reader

if TYPE_CHECKING:
    from watch.probes.wire.net.line import Line

_CALL, _REPLY, _VERSION = 0, 1, 2
_NO_AUTH, _AUTH_SYS = 0, 1
_LAST = 0x80000000
_FRAGMENTS = 16
_REFUSALS = {
    1: "does not serve this program here",
    2: "does not speak this version",
    3: "does not know the call",
    4: "cannot read the call",
    5: "has an error of its own",
}


class Malformed(Exception):  # noqa: N818 - said of what came
    """A reply ends before what it announces."""


class Xdr:
    """What XDR (RFC 4506) holds, item by item."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self) -> int:
        return int.from_bytes(self._take(4), "big")

    def long(self) -> int:
        return int.from_bytes(self._take(8), "big")

    def opaque(self) -> bytes:
        size = self.number()
        data = self._take(size)
        self._take(-size % 4)
        return data

    def skip(self, size: int) -> None:
        self._take(size)

    def numbers(self) -> list[int]:
        return [self.number() for _ in range(min(self.number(), 1024))]

    def _take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) < size:
            raise Malformed
        self._at += size
        return taken


def number(*values: int) -> bytes:
    return struct.pack(f"!{len(values)}I", *values)


def opaque(data: bytes) -> bytes:
    return number(len(data)) + data + bytes(-len(data) % 4)


def somebody(uid: int, gid: int) -> bytes:
    """Return the credential that says we are *uid* and *gid* (AUTH_SYS): the server takes our word for it."""
    body = number(0) + opaque(b"threenines") + number(uid, gid, 0)
    return number(_AUTH_SYS) + opaque(body)


NOBODY = number(_NO_AUTH, 0)


class Calls:
    """Calls to one program on a line."""

    __slots__ = ("_in", "_line", "_most", "_program", "_version")

    def __init__(self, line: Line, program: int, version: int, *, most: int = 64 << 10) -> None:
        self._line, self._in = line, Reader(line, most=None)
        self._program, self._version, self._most = program, version, most

    async def call(
        self, procedure: int, arguments: bytes = b"", *, credential: bytes = NOBODY, what: str
    ) -> Xdr:
        """Return the results of a call.

        Args:
            what: What is asked for, in the words of a failure.

        Raises:
            ProbeFailure: The server refuses the call, or answers what is no reply to it.
        """
        number_of_call = secrets.randbelow(1 << 32)
        asked = number(number_of_call, _CALL, _VERSION, self._program, self._version, procedure)
        asked += credential + NOBODY + arguments
        await self._line.send(number(_LAST | len(asked)) + asked)
        reply = Xdr(await self._record(f"connected to {self._line.where}, waiting for {what}"))
        try:
            if (reply.number(), reply.number()) != (number_of_call, _REPLY):
                raise self._failed(Reason.PROTOCOL, "does not speak RPC")
            self._accepted(reply)
        except Malformed:
            raise self._failed(Reason.PROTOCOL, "sends a reply that is cut off") from None
        return reply

    async def _record(self, what: str) -> bytes:
        record = b""
        for _ in range(_FRAGMENTS):
            mark = int.from_bytes(await self._in.exactly(4, what), "big")
            size = mark & ~_LAST
            # A stranger's first bytes read as a length: without the limit, we would wait for a gigabyte.
            if size > self._most - len(record):
                raise self._failed(Reason.PROTOCOL, "does not speak RPC, or says too much")
            record += await self._in.exactly(size, what, most=self._most)
            if mark & _LAST:
                return record
        raise self._failed(Reason.LIMIT, "answers in too many pieces")

    def _accepted(self, reply: Xdr) -> None:
        if reply.number():
            kind, why = reply.number(), reply.number()
            if kind == 1:
                raise self._failed(Reason.AUTH, f"does not take who we say we are (RPC status {why})")
            raise self._failed(Reason.PROTOCOL, "speaks another version of RPC")
        reply.number(), reply.opaque()  # its proof of itself, of which there is none
        status = reply.number()
        if status:
            words = _REFUSALS.get(status, f"refuses the call (RPC status {status})")
            raise self._failed(Reason.PROTOCOL, words)

    def _failed(self, reason: Reason, words: str) -> ProbeFailure:
        return ProbeFailure(reason, f"{self._line.where} {words}", phases=self._line.phases)
