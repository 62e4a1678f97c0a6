"""PostgreSQL's protocol, version 3: log in, ask in a read-only transaction, end.

We do not use a library: here the name in the certificate is checked although we dial an address, missing TLS is
a failure and never a fallback, the bytes are limited, and a cancelled check leaves nothing behind. A query uses
the extended protocol, which takes one statement and returns no more rows than asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import struct
from typing import TYPE_CHECKING, Final, Self, TypeVar

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.core.wording import one_line
from watch.probes.wire.databases.scram import Scram
from watch.probes.wire.net.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from watch.core.settings import Secret
    from watch.probes.wire.net.line import Line

T = TypeVar("T")
Row = list[str | None]
_KINDS = frozenset(b"RSKNEZTDC12nstIAvG")
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_OK, _CLEAR, _MD5, _SASL, _SASL_ON, _SASL_END = 0, 3, 5, 10, 11, 12
_REASONS: Final = {  # by SQLSTATE, the longest prefix first
    "57014": Reason.TIMEOUT,
    "42501": Reason.AUTH,
    "42P01": Reason.MISSING,
    "3D": Reason.MISSING,
    "28": Reason.AUTH,
    "53": Reason.LIMIT,
}
_OURS = ("42601", "25006")  # the operator's query is not SQL, or writes


async def offer_tls(line: Line) -> None:
    """Ask for TLS; returns when the server is ready for the handshake."""
    await line.send(_SSL_REQUEST)
    answer = await line.receive(f"connected to {line.where}, which does not answer like PostgreSQL")
    if answer == b"S":
        return
    if not answer:
        raise ProbeFailure(
            Reason.RESET, f"{line.where} closed the connection when asked for TLS", phases=line.phases
        )
    if answer == b"N":
        raise ProbeFailure(Reason.TLS, f"{line.where} offers no TLS", phases=line.phases)
    # More than one byte would come from an attacker who injects data before the encryption.
    reason = Reason.TLS if answer[:1] in b"SNE" else Reason.PROTOCOL
    raise ProbeFailure(reason, f"{line.where} does not answer the request for TLS", phases=line.phases)


class Session:
    """A conversation with a server on *line*."""

    def __init__(self, line: Line) -> None:
        self._line, self._in = line, Reader(line)
        self._scram: Scram | None = None
        self._known = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send Terminate: a server logs connections that end without it, and we connect twice a minute."""
        if self._known and not isinstance(error, asyncio.CancelledError):
            with contextlib.suppress(OSError, ProbeFailure):
                await self._line.send(_message(b"X", b""))

    async def log_in(self, user: str, password: Secret | None, database: str) -> None:
        words = ("user", user, "database", database, "client_encoding", "UTF8")
        body = struct.pack("!i", 3 << 16) + b"".join(map(_text, (*words, "application_name", "threenines")))
        await self._line.send(struct.pack("!i", len(body) + 5) + body + b"\0")
        waiting = f"connected to {self._line.where}, no answer to the login"
        while True:
            kind, body = await self._message(waiting)
            if kind == b"R":
                await self._prove(user, password, body)
            elif kind == b"Z":
                self._known = True
                return

    async def begin(self, limit_ms: int) -> None:
        """Begin the read-only transaction with a timeout of *limit_ms* for each statement."""
        await self._line.send(
            _message(b"Q", _text(f"begin read only; set local statement_timeout = {limit_ms}"))
        )
        await self._rows("the transaction did not begin")

    async def ask(self, query: str, most: int) -> list[Row]:
        """Return at most *most* rows of *query*, with values as PostgreSQL writes them."""
        parse = _message(b"P", b"\0" + _text(query) + b"\0\0")
        run = _message(b"B", bytes(8)) + _message(b"E", b"\0" + struct.pack("!i", most))
        await self._line.send(
            parse + run + _message(b"S", b"")
        )  # at once: in parts, each waits for the last's ACK
        return await self._rows("the query was not answered")

    async def _rows(self, what: str) -> list[Row]:
        rows: list[Row] = []
        while True:
            kind, body = await self._message(f"connected to {self._line.where}, {what}")
            if kind == b"D":
                rows.append(self._row(body))
            elif kind == b"Z":
                return rows

    def _row(self, body: bytes) -> Row:
        row: Row = []
        try:
            (count,), at = struct.unpack_from("!h", body), 2
            for _ in range(count):
                (size,) = struct.unpack_from("!i", body, at)
                row.append(None if size < 0 else body[at + 4 : at + 4 + size].decode("utf-8", "replace"))
                at += 4 + max(size, 0)
        except struct.error as error:
            raise self._in.strange("a row ends too early") from error
        return row

    async def _message(self, what: str) -> tuple[bytes, bytes]:
        """Return the next message; raise if it is an error."""
        head = await self._in.exactly(5, what)
        kind, size = head[:1], int.from_bytes(head[1:], "big")
        if head[0] not in _KINDS or size < 4:
            raise self._in.strange("does not speak PostgreSQL's protocol")
        body = await self._in.exactly(size - 4, what)
        if kind == b"E":
            raise self._refusal(body)
        return kind, body

    def _refusal(self, body: bytes) -> ProbeFailure | OurFault:
        fields = {part[:1]: part[1:].decode("utf-8", "replace") for part in body.split(b"\0")}
        code = fields.get(b"C", "")
        words = one_line(f"the server says: {fields.get(b'M', 'nothing')} ({code})", 160)
        if code in _OURS:
            return OurFault(f"the query is wrong: {words}")
        reason = next((it for prefix, it in _REASONS.items() if code.startswith(prefix)), Reason.STATUS)
        return ProbeFailure(reason, words, phases=self._line.phases)

    async def _prove(self, user: str, secret: Secret | None, body: bytes) -> None:
        how, rest = int.from_bytes(body[:4], "big"), body[4:]
        if how == _OK:
            if self._scram is not None:
                raise self._unproven()
            return
        if how == _SASL_END and self._scram is not None:
            scram, self._scram = self._scram, None
            if not self._sensible(lambda: scram.proves(rest)):
                raise self._unproven()
            return
        if secret is None:
            raise self._rejected("wants a password, and none is given")
        await self._line.send(_message(b"p", self._proof(how, rest, user, secret.reveal())))

    def _proof(self, how: int, rest: bytes, user: str, password: str) -> bytes:
        """Return the proof of the password that the server asks for."""
        if how == _SASL and b"SCRAM-SHA-256" in rest.split(b"\0"):
            self._scram = Scram("", password)  # the server uses the name in the startup message
            first = self._scram.first()
            return b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first
        if how == _SASL_ON and self._scram is not None:
            scram = self._scram
            return self._sensible(lambda: scram.last(rest))
        if how == _MD5:
            inner = hashlib.md5((password + user).encode(), usedforsecurity=False).hexdigest()
            return b"md5" + _text(_md5(inner.encode() + rest[:4]))
        if how == _CLEAR and self._line.tls is not None:
            return _text(password)
        if how == _CLEAR:
            raise self._rejected("wants the password in the clear: set `tls: true`")
        raise OurFault(f"{self._line.where} wants a login method that we do not support ({how})")

    def _sensible(self, step: Callable[[], T]) -> T:
        try:
            return step()
        except ValueError as error:
            raise self._rejected(f"the login is not valid: {error}") from error

    def _unproven(self) -> ProbeFailure:
        return self._rejected("does not prove that it knows our password")

    def _rejected(self, words: str) -> ProbeFailure:
        return ProbeFailure(Reason.AUTH, f"{self._line.where} {words}", phases=self._line.phases)


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _text(text: str) -> bytes:
    return text.encode() + b"\0"


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
