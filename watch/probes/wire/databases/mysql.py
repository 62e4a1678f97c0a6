"""The protocol of MySQL and MariaDB: greeting, TLS, login, and text queries, one at a time.

The libraries that we tried continue in plain text when a server offers no TLS, or lose the error that matters.
Here missing TLS is a failure. The capability for several statements in one query is not requested, so the
server refuses them. A server's request to send one of our files is not supported.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import TYPE_CHECKING, Final, Self

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.core.wording import one_line
from watch.probes.wire.databases.mysql_login import CACHING, NATIVE, bare, proof
from watch.probes.wire.net.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from watch.core.settings import Secret
    from watch.probes.wire.net.line import Line

Row = list[tuple[str, str | None]]  # the name and value of a column; names may come twice
_WITH_DATABASE, _TLS, _PLUGINS = 0x8, 0x800, 0x80000
_BASE = 0x1 | 0x4 | 0x200 | 0x2000 | 0x8000 | _PLUGINS  # long password, long flag, 4.1, transactions, secure
_UTF8 = 45
_EOF, _ERROR = 0xFE, 0xFF
_QUIT, _QUERY = b"\x01", b"\x03"
_AUTH_MORE, _FULL = 0x01, b"\x04"
_REASONS: Final = (
    (Reason.AUTH, {1044, 1045, 1130, 1142, 1143, 1227, 1251, 1524, 1698, 1820, 3118, 4151}),
    (Reason.MISSING, {1049, 1051, 1146}),
    (Reason.LIMIT, {1040, 1203, 1226}),
    (Reason.TIMEOUT, {1205, 1969, 3024}),
)
_OURS = {1064, 1792}  # the operator's query is not SQL, or writes


class Refused(ProbeFailure):
    """A refusal of the server, with its *code*."""

    def __init__(self, reason: Reason, words: str, code: int, phases: dict[str, float]) -> None:
        super().__init__(reason, words, phases=phases)
        self.code = code


class Session:
    """A conversation with a server on *line*."""

    def __init__(self, line: Line) -> None:
        self._line, self._in, self._next = line, Reader(line), 0
        self.version = ""
        self._nonce, self._offers, self._plugin = b"", 0, ""
        self._known = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send QUIT: a server counts and logs connections that end without it, and we connect twice a minute."""
        if self._known and not isinstance(error, asyncio.CancelledError):
            self._next = 0
            with contextlib.suppress(OSError, ProbeFailure):
                await self._send(_QUIT)

    async def greet(self) -> None:
        """Read the greeting and the server's capabilities."""
        what = f"connected to {self._line.where}, which sends no greeting of MySQL"
        head = await self._in.exactly(5, what)
        size = int.from_bytes(head[:3], "little")
        if head[3] != 0 or head[4] not in (10, _ERROR) or not 5 < size < 2048:
            raise self._in.strange("does not speak MySQL's protocol")
        body, self._next = head[4:] + await self._in.exactly(size - 1, what), 1
        if body[0] == _ERROR:
            raise self._refusal(body)
        try:
            version, _, rest = body[1:].partition(b"\0")
            low, _, _, high, length = struct.unpack_from("<HBHHB", rest, 13)
            # The nonce has eight bytes before the flags, and twelve or more and a NUL after them.
            self._nonce = rest[4:12] + rest[31 : 31 + max(12, length - 9)]
            self._plugin = rest[31 + max(13, length - 8) :].partition(b"\0")[0].decode("ascii", "replace")
        except struct.error as error:
            raise self._in.strange("the greeting ends too early") from error
        self._offers = low | high << 16
        self.version = version.decode("ascii", "replace").removeprefix("5.5.5-")

    @property
    def maria(self) -> bool:
        return "mariadb" in self.version.lower()

    async def shake(self, secure: Callable[[], Awaitable[object]]) -> None:
        """Ask for TLS; *secure* makes the handshake."""
        if not self._offers & _TLS:
            raise ProbeFailure(Reason.TLS, f"{self._line.where} offers no TLS", phases=self._line.phases)
        if self._in.pending():
            raise ProbeFailure(
                Reason.TLS, f"{self._line.where} sends data before TLS begins", phases=self._line.phases
            )
        await self._send(struct.pack("<IIB23x", _BASE | _TLS, 1 << 24, _UTF8))
        await secure()

    async def log_in(self, user: str, secret: Secret | None, database: str) -> None:
        password = "" if secret is None else secret.reveal()
        plugin = self._plugin if self._plugin in (NATIVE, CACHING) else NATIVE
        shown = proof(plugin, password, self._nonce, self._line)
        can = _BASE | (_TLS if self._line.tls else 0) | (_WITH_DATABASE if database else 0)
        body = struct.pack("<IIB23x", can, 1 << 24, _UTF8) + user.encode() + b"\0"
        body += bytes((len(shown),)) + shown + (database.encode() + b"\0" if database else b"")
        await self._send(body + plugin.encode() + b"\0")
        for _ in range(5):  # two rounds are enough for any real server
            answer = await self._packet("no answer to the login")
            if answer[:1] == b"\0":
                self._known = True
                return
            await self._prove(answer, password)
        raise self._in.strange("the login does not end")

    async def _prove(self, answer: bytes, password: str) -> None:
        """Answer a request during the login: the proof for another plug-in, or the whole password."""
        if answer[0] == _EOF:
            name, _, nonce = answer[1:].partition(b"\0")
            plugin = name.decode("ascii", "replace")
            await self._send(proof(plugin, password, nonce.removesuffix(b"\0"), self._line))
        elif answer[0] == _AUTH_MORE and answer[1:] == _FULL:
            await self._send(bare(password, self._line))
        elif answer[0] != _AUTH_MORE:  # its third form says that the short proof was enough
            raise self._in.strange("the login is not valid")

    async def run(self, statement: str) -> None:
        """Run a statement that gives no rows."""
        await self.ask(statement, 0)

    async def ask(self, query: str, most: int) -> list[Row]:
        """Return at most *most* rows of *query*; more may be on their way."""
        self._next = 0
        await self._send(_QUERY + query.encode())
        what = "the query was not answered"
        head = await self._packet(what)
        if head[:1] == b"\0":
            return []
        count, end = _length(head, 0)
        if count is None or end != len(head) or not 0 < count <= 4096:
            raise self._in.strange("the answer to the query is not valid")
        names = [self._name(await self._packet(what)) for _ in range(count)]
        await self._packet(what)  # end of the columns
        rows: list[Row] = []
        while len(rows) < most:
            packet = await self._packet(what)
            if packet[0] == _EOF and len(packet) < 9:
                break
            rows.append(list(zip(names, self._texts(packet, count), strict=True)))
        return rows

    def _name(self, packet: bytes) -> str:
        return self._texts(packet, 5)[4] or ""  # after catalogue, schema and the two names of the table

    def _texts(self, packet: bytes, count: int) -> list[str | None]:
        texts: list[str | None] = []
        at = 0
        for _ in range(count):
            if packet[at : at + 1] == b"\xfb":
                texts.append(None)
                at += 1
                continue
            size, at = _length(packet, at)
            if size is None or at + size > len(packet):
                raise self._in.strange("a row ends too early")
            texts.append(packet[at : at + size].decode("utf-8", "replace"))
            at += size
        return texts

    async def _send(self, body: bytes) -> None:
        await self._line.send(len(body).to_bytes(3, "little") + bytes((self._next & 255,)) + body)
        self._next += 1

    async def _packet(self, what: str) -> bytes:
        """Return the next packet, never empty; raise if it is an error."""
        what = f"connected to {self._line.where}, {what}"
        head = await self._in.exactly(4, what)
        if head[3] != self._next & 255 or head[:3] == b"\0\0\0":
            raise self._in.strange("packets out of order")
        self._next += 1
        body = await self._in.exactly(int.from_bytes(head[:3], "little"), what)
        if body[0] == _ERROR:
            raise self._refusal(body)
        return body

    def _refusal(self, body: bytes) -> ProbeFailure | OurFault:
        code, text = int.from_bytes(body[1:3], "little"), body[3:]
        text = text[6:] if text[:1] == b"#" else text
        words = one_line(f"the server says: {text.decode('utf-8', 'replace')} ({code})", 160)
        if code in _OURS:
            return OurFault(f"the query is wrong: {words}")
        reason = next((reason for reason, codes in _REASONS if code in codes), Reason.STATUS)
        return Refused(reason, words, code, self._line.phases)


def _length(packet: bytes, at: int) -> tuple[int | None, int]:
    """Read a length of one to nine bytes; return it (None for NULL) and where it ends."""
    first = packet[at] if at < len(packet) else 0xFF
    if first < 0xFB:
        return first, at + 1
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(first)
    if size is None or at + 1 + size > len(packet):
        return None, at
    return int.from_bytes(packet[at + 1 : at + 1 + size], "little"), at + 1 + size
