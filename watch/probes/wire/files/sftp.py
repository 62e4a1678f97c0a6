"""SFTP version 3, the part that reads; nothing here can write.

The protocol is draft-ietf-secsh-filexfer-02, which every server supports. A packet is a length, a type, a
number that the answer repeats, and the rest. Several requests are sent at once, because a distant server would
otherwise cost a round trip for each 32 KiB. The server may be hostile: a packet has at most 256 KiB (what
OpenSSH sends), and an answer that was not asked for is a `protocol` failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import TYPE_CHECKING

import asyncssh

from watch.core.reading import ProbeFailure, Reason
from watch.core.wording import visible
from watch.probes.wire.files.sftp_answer import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from watch.probes.wire.files.sftp_answer import Attributes, Entry

_INIT, _OPEN, _CLOSE, _READ, _OPENDIR, _READDIR, _STAT, _EXTENDED = 1, 3, 4, 5, 11, 12, 17, 200
_VERSION, _STATUS, _HANDLE, _DATA, _NAME, _ATTRS, _EXTENDED_REPLY = 2, 101, 102, 103, 104, 105, 201
_READING = 1  # the only flag of our OPEN
_OK, _END, _NO_FILE, _DENIED = range(4)
_PACKET, _BLOCK = 256 << 10, 32 << 10
_FOLDERS_AT_ONCE, _BLOCKS_AT_ONCE = 4, 16  # requests sent at once
_FULL = 1 << 62  # bytes; servers without a limit send more, which our stores cannot keep
_STATVFS = b"statvfs@openssh.com"


class Sftp:
    """A conversation with an SFTP server. *where*: its address."""

    def __init__(
        self, writer: asyncssh.SSHWriter[bytes], reader: asyncssh.SSHReader[bytes], where: str
    ) -> None:
        self._writer, self._reader, self.where = writer, reader, where
        self._last, self._measures = 0, False

    async def begin(self) -> None:
        """Agree on version 3, and read the server's extensions."""
        self._send(struct.pack("!IBI", 5, _INIT, 3))
        kind, told = await self._packet()
        answer = Answer(kind, told)
        if kind != _VERSION or answer.number() != 3:
            raise ProbeFailure(Reason.PROTOCOL, f"{self.where} does not speak SFTP version 3")
        while answer.rest():
            self._measures |= (answer.string(), answer.string())[0] == _STATVFS

    async def about(self, path: str) -> Attributes:
        """Return the attributes of *path*, after following links."""
        return (await self._one(path, _STAT, _text(path), _ATTRS)).attributes()

    async def listed(self, path: str, most: int) -> list[Entry]:
        """Return the entries of a folder; more than *most* is a `limit`."""
        found: list[Entry] = []
        async with self._opened(path, _OPENDIR, _text(path)) as handle:
            while True:
                for answer in await self._asked(*[(_READDIR, handle)] * _FOLDERS_AT_ONCE):
                    if self._ended(answer, _NAME, path):
                        return found
                    count = answer.number()
                    if not count:
                        raise ProbeFailure(Reason.PROTOCOL, f"{self.where} sends empty lists without end")
                    if len(found) + count > most:
                        words = f"{visible(path, 120)} has too many files to look at"
                        raise ProbeFailure(Reason.LIMIT, words)
                    every = [answer.entry() for _ in range(count)]
                    await asyncio.sleep(0)  # a packet holds thousands of entries; let other checks run
                    found += [entry for entry in every if entry.name not in (".", "..")]

    @contextlib.asynccontextmanager
    async def reading(self, path: str) -> AsyncIterator[Reading]:
        """A file that is open for reading."""
        async with self._opened(path, _OPEN, _text(path) + struct.pack("!II", _READING, 0)) as handle:
            yield Reading(self, path, handle)

    async def room(self, path: str) -> dict[str, int] | None:
        """Return how much space the file system of *path* has for us; None when the server does not say."""
        if not self._measures:
            return None
        asked = _string(_STATVFS) + _text(path)
        answer = await self._one(path, _EXTENDED, asked, _EXTENDED_REPLY)
        _, unit, blocks, _, available, files, _, files_available = (answer.long() for _ in range(8))
        return {
            "available": min(available * unit, _FULL),
            "total": min(blocks * unit, _FULL),
            "inodes": min(files_available, _FULL),
            "inodes_total": min(files, _FULL),
        }

    @contextlib.asynccontextmanager
    async def _opened(self, path: str, kind: int, body: bytes) -> AsyncIterator[bytes]:
        handle = (await self._one(path, kind, body, _HANDLE)).string()
        if len(handle) > 256:  # the draft's limit
            raise ProbeFailure(Reason.PROTOCOL, f"{self.where} sends a handle of {len(handle)} bytes")
        yield _string(handle)
        # Not in a finally: after a failure the connection is closed, and the handle with it.
        await self._asked((_CLOSE, _string(handle)))

    async def blocks(self, handle: bytes, path: str, asked: Sequence[tuple[int, int]]) -> bytes:
        """Return the bytes at these consecutive (place, length) ranges, up to the first gap."""
        questions = [(_READ, handle + struct.pack("!QI", at, length)) for at, length in asked]
        found = b""
        for (_, length), answer in zip(asked, await self._asked(*questions), strict=True):
            if self._ended(answer, _DATA, path):
                break
            data = answer.string()
            if not 0 < len(data) <= length:
                raise ProbeFailure(Reason.PROTOCOL, f"{self.where} sends {len(data)} bytes for {length}")
            found += data
            if len(data) < length:
                break
        return found

    async def _one(self, path: str, kind: int, body: bytes, wanted: int) -> Answer:
        answer = (await self._asked((kind, body)))[0]
        if self._ended(answer, wanted, path):
            raise ProbeFailure(Reason.PROTOCOL, f"{self.where} sends an end of file where none can be")
        return answer

    def _ended(self, answer: Answer, wanted: int, path: str) -> bool:
        """Return whether the answer is an end of file; raise when it is a refusal, or does not fit the request."""
        if answer.kind == wanted:
            return False
        code = answer.number() if answer.kind == _STATUS else _OK
        if code == _OK:
            raise ProbeFailure(Reason.PROTOCOL, f"{self.where} sends an answer that does not fit the request")
        if code != _END:
            raise _refusal(code, path)
        return True

    async def _asked(self, *questions: tuple[int, bytes]) -> list[Answer]:
        """Send all questions, and return the answers in their order."""
        first = self._last + 1
        self._last += len(questions)
        for at, (kind, body) in enumerate(questions, first):
            self._send(struct.pack("!IBI", len(body) + 5, kind, at & 0xFFFFFFFF) + body)
        answers: dict[int, Answer] = {}
        open_ = {at & 0xFFFFFFFF for at in range(first, first + len(questions))}
        while open_:
            kind, data = await self._packet()
            answer = Answer(kind, data)
            at = answer.number()
            if at not in open_:
                raise ProbeFailure(
                    Reason.PROTOCOL, f"{self.where} sends an answer that does not fit the request"
                )
            open_.remove(at)
            answers[at] = answer
        return [answers[at & 0xFFFFFFFF] for at in range(first, first + len(questions))]

    async def _packet(self) -> tuple[int, bytes]:
        try:
            size = int.from_bytes(await self._reader.readexactly(4), "big")
            if not 5 <= size <= _PACKET + 1024:
                words = f"{self.where} announces {size} bytes; the limit is {_PACKET}"
                raise ProbeFailure(Reason.LIMIT if size > 5 else Reason.PROTOCOL, words)
            data = await self._reader.readexactly(size)
        except asyncio.IncompleteReadError as error:
            raise self._hung_up() from error
        return data[0], data[1:]

    def _send(self, packet: bytes) -> None:
        try:
            self._writer.write(packet)
        except BrokenPipeError as error:  # from asyncssh, without an errno: the channel is closed
            raise self._hung_up() from error

    def _hung_up(self) -> ProbeFailure:
        return ProbeFailure(
            Reason.RESET, f"{self.where} closed the connection in the middle of the conversation"
        )


class Reading:
    """An open file."""

    def __init__(self, sftp: Sftp, path: str, handle: bytes) -> None:
        self._sftp, self._path, self._handle = sftp, path, handle

    async def at(self, place: int, length: int) -> bytes:
        """Return *length* bytes from *place* on; fewer where the file ends."""
        found, most = b"", _BLOCKS_AT_ONCE * _BLOCK
        while len(found) < length:
            first = place + len(found)
            last = min(first + most, place + length)
            asked = [(at, min(_BLOCK, last - at)) for at in range(first, last, _BLOCK)]
            some = await self._sftp.blocks(self._handle, self._path, asked)
            if not some:
                break
            found += some
        return found


@contextlib.asynccontextmanager
async def talking(connection: asyncssh.SSHClientConnection, where: str) -> AsyncIterator[Sftp]:
    """An SFTP conversation on a connection that is logged in."""
    try:
        writer, reader, _ = await connection.open_session(subsystem="sftp", encoding=None)
    except asyncssh.ChannelOpenError as error:
        raise ProbeFailure(Reason.STATUS, f"{where} accepts the login, but offers no SFTP") from error
    sftp = Sftp(writer, reader, where)
    await sftp.begin()
    yield sftp


def _refusal(code: int, path: str) -> ProbeFailure:
    """Return the failure for a status code. The server's own text is not repeated."""
    where = visible(path, 120)
    if code == _NO_FILE:
        return ProbeFailure(Reason.MISSING, f"{where} does not exist on the server")
    if code == _DENIED:
        return ProbeFailure(Reason.AUTH, f"the server denies us access to {where}")
    return ProbeFailure(Reason.STATUS, f"the server cannot read {where}: SFTP status {code}")


def _string(data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + data


def _text(path: str) -> bytes:
    return _string(path.encode("utf-8", "surrogateescape"))
