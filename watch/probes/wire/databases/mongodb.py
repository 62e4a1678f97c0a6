"""MongoDB's protocol: a command is a document in an OP_MSG, and so is its answer.

We do not use a driver: a driver watches a whole deployment in the background, waits for its full timeout where
no server listens, and gives errors only as text. Here one server is asked, once. With `tls`, TLS is used from
the first byte. A password is never sent (only SCRAM is supported), and all commands only read.

Source: the OP_MSG specification (flags, sections) and the server's manual for the commands.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Final, TypeVar

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.core.wording import one_line
from watch.probes.wire.databases.bson import Document, Excess, decoded, encoded
from watch.probes.wire.databases.scram import Scram
from watch.probes.wire.net.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watch.core.settings import Secret
    from watch.probes.wire.net.line import Line

T = TypeVar("T")
_OP_MSG = 2013
_HEADER = struct.Struct("<iiii")
_CHECKSUM, _MORE, _REQUIRED = 1 << 0, 1 << 1, 0xFFFF
_MOST = 1 << 20  # bytes of all answers; 50 members' replSetGetStatus has 60,000
UNAUTHORIZED = 13
_REASONS: Final = {
    13: Reason.AUTH,  # Unauthorized
    18: Reason.AUTH,  # AuthenticationFailed
    26: Reason.MISSING,  # NamespaceNotFound
    50: Reason.TIMEOUT,  # MaxTimeMSExpired
    262: Reason.TIMEOUT,  # ExceededTimeLimit
}
_OURS: Final = (2, 9, 14)  # BadValue, FailedToParse, TypeMismatch: the operator's filter is wrong


class Refused(ProbeFailure):
    """A refusal of the server, with its *code*."""

    def __init__(self, reason: Reason, words: str, code: int, phases: Mapping[str, float]) -> None:
        super().__init__(reason, words, phases=phases)
        self.code = code


class Session:
    """A conversation with a server on *line*."""

    def __init__(self, line: Line) -> None:
        self._line, self._in, self._last = line, Reader(line, _MOST), 0

    async def hello(self, account: str | None) -> Document:
        """Return the greeting; for *account* (``database.user``) it lists the login methods."""
        client = {"application": {"name": "threenines"}, "driver": {"name": "threenines", "version": "1"}}
        asked: Document = {"hello": 1, "client": client | {"os": {"type": "unknown"}}}
        return await self.ask("admin", asked if account is None else asked | {"saslSupportedMechs": account})

    async def log_in(self, user: str, password: Secret, database: str, ways: object) -> None:
        """Log in by the best of the *ways* that the server lists; the server must prove to know the password, too."""
        known = ways if isinstance(ways, list) else []
        if "SCRAM-SHA-256" in known:
            scram, way = Scram(user, password.reveal()), "SCRAM-SHA-256"
        elif "SCRAM-SHA-1" in known:
            inner = hashlib.md5(f"{user}:mongo:{password.reveal()}".encode(), usedforsecurity=False)
            scram, way = Scram(user, inner.hexdigest(), digest="sha1"), "SCRAM-SHA-1"
        else:
            raise self._rejected("offers neither SCRAM-SHA-256 nor SCRAM-SHA-1 for this user")
        start = {"saslStart": 1, "mechanism": way, "payload": scram.first()}
        said = await self.ask(database, start | {"options": {"skipEmptyExchange": True}})
        number = said.get("conversationId")
        more = {"saslContinue": 1, "conversationId": number if isinstance(number, int) else 1}
        last = self._sensible(scram.last, said)
        said = await self.ask(database, more | {"payload": last})
        if not self._sensible(scram.proves, said):
            raise self._rejected("does not prove that it knows our password")
        if said.get("done") is not True:  # older servers expect one more, empty message
            said = await self.ask(database, more | {"payload": b""})
        if said.get("done") is not True:
            raise self._rejected("does not finish the login")

    async def ask(self, database: str, command: Mapping[str, object]) -> Document:
        """Return the answer to *command*; `Refused` when the server refuses it."""
        self._last += 1
        body = b"\0\0\0\0\0" + encoded({**command, "$db": database})
        await self._line.send(_HEADER.pack(len(body) + 16, self._last, 0, _OP_MSG) + body)
        name = next(iter(command))
        answer = await self._answer(f"connected to {self._line.where}, no answer to {name}")
        if answer.get("ok") not in (1, True):
            raise self._refusal(name, answer)
        return answer

    async def count(self, database: str, name: str, which: Mapping[str, object], limit_ms: int) -> object:
        """Return the number of documents; the server may be a secondary."""
        mode = {"mode": "primaryPreferred"}
        command = {"count": name, "query": which, "maxTimeMS": limit_ms, "$readPreference": mode}
        return (await self.ask(database, command)).get("n")

    async def _answer(self, what: str) -> Document:
        size, _, to, code = _HEADER.unpack(await self._in.exactly(16, what))
        if code != _OP_MSG or to != self._last or size < 16 + 4 + 1:
            raise self._in.strange("does not speak MongoDB's protocol")
        body = await self._in.exactly(size - 16, what)
        flags, section = int.from_bytes(body[:4], "little"), body[4]
        if flags & _REQUIRED & ~_CHECKSUM or section != 0:
            raise self._in.strange("sends an answer in a format that we did not ask for")
        # The checksum is not verified: TCP has one, and an attacker could change both.
        data = body[5:-4] if flags & _CHECKSUM else body[5:]
        try:
            return decoded(data)
        except Excess as error:
            raise ProbeFailure(
                Reason.LIMIT, f"{self._line.where}: {error}", phases=self._line.phases
            ) from error
        except ValueError as error:
            raise self._in.strange(f"the answer is not BSON: {error}") from error

    def _refusal(self, command: str, answer: Document) -> Refused | OurFault:
        code, text = answer.get("code"), answer.get("errmsg")
        number = code if isinstance(code, int) else 0
        words = one_line(f"the server refuses {command}: {text} ({number})", 160)
        if number in _OURS and command == "count":
            return OurFault(f"the filter is wrong: {words}")
        return Refused(_REASONS.get(number, Reason.STATUS), words, number, self._line.phases)

    def _sensible(self, step: Callable[[bytes], T], said: Document) -> T:
        payload = said.get("payload")
        try:
            return step(payload if isinstance(payload, bytes) else b"")
        except ValueError as error:
            raise self._rejected(f"the login is not valid: {error}") from error

    def _rejected(self, words: str) -> ProbeFailure:
        return ProbeFailure(Reason.AUTH, f"{self._line.where} {words}", phases=self._line.phases)
