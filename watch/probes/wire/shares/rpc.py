"""ONC-RPC (RFC 5531) over a line: one call, one reply, and the XDR in them.

The reply may be hostile: lengths are checked against the bytes that are there, and the reply has a limit.
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
    4: "cannot decode the call",
    5: "has an error of its own",
}


class Malformed(Exception):  # noqa: N818 - said of what came
    """A reply is shorter than it announces."""


class Xdr:
    """XDR data (RFC 4506), read item by item."""

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


def unix_credential(uid: int, gid: int) -> bytes:
    """Return the credential for *uid* and *gid* (AUTH_SYS), which the server does not verify."""
    body = number(0) + opaque(b"threenines") + number(uid, gid, 0)
    return number(_AUTH_SYS) + opaque(body)


ANONYMOUS = number(_NO_AUTH, 0)


class Calls:
    """Calls to one program on a line."""

    __slots__ = ("_in", "_line", "_most", "_program", "_version")

    def __init__(self, line: Line, program: int, version: int, *, most: int = 64 << 10) -> None:
        self._line, self._in = line, Reader(line, most=None)
        self._program, self._version, self._most = program, version, most

    async def call(
        self, procedure: int, arguments: bytes = b"", *, credential: bytes = ANONYMOUS, what: str
    ) -> Xdr:
        """Return the results of a call.

        Args:
            what: What is asked for, for the text of a failure.

        Raises:
            ProbeFailure: The server refuses the call, or its answer does not fit it.
        """
        number_of_call = secrets.randbelow(1 << 32)
        asked = number(number_of_call, _CALL, _VERSION, self._program, self._version, procedure)
        asked += credential + ANONYMOUS + arguments
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
            # Without the limit, four bytes of another protocol would be a length of up to a gigabyte.
            if size > self._most - len(record):
                raise self._failed(Reason.PROTOCOL, "does not speak RPC, or sends too much")
            record += await self._in.exactly(size, what, most=self._most)
            if mark & _LAST:
                return record
        raise self._failed(Reason.LIMIT, "answers in too many pieces")

    def _accepted(self, reply: Xdr) -> None:
        if reply.number():
            kind, why = reply.number(), reply.number()
            if kind == 1:
                raise self._failed(Reason.AUTH, f"refuses our user and group id (RPC status {why})")
            raise self._failed(Reason.PROTOCOL, "speaks another version of RPC")
        reply.number(), reply.opaque()  # the server's verifier, which is empty
        status = reply.number()
        if status:
            words = _REFUSALS.get(status, f"refuses the call (RPC status {status})")
            raise self._failed(Reason.PROTOCOL, words)

    def _failed(self, reason: Reason, words: str) -> ProbeFailure:
        return ProbeFailure(reason, f"{self._line.where} {words}", phases=self._line.phases)
