"""Redis' protocol (RESP 2): a command, and its reply.

An error reply begins with a word in capitals, which decides the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watch.core.reading import ProbeFailure, Reason
from watch.core.wording import one_line
from watch.probes.wire.net.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.probes.wire.net.line import Line

_MOST = 256 << 10  # bytes; INFO of a big server is 10,000
_REASONS: Final = {
    "NOAUTH": Reason.AUTH,
    "WRONGPASS": Reason.AUTH,
    "NOPERM": Reason.AUTH,
    "DENIED": Reason.AUTH,
    "ERR AUTH": Reason.AUTH,
    "ERR Client sent AUTH": Reason.AUTH,
    "ERR invalid password": Reason.AUTH,
    "ERR max number of clients": Reason.LIMIT,
}


class Resp:
    """A conversation with a server on *line*."""

    def __init__(self, line: Line) -> None:
        self._line, self._in = line, Reader(line, _MOST)

    async def call(self, *words: str) -> str:
        """Return the reply to one command; raise if it is an error."""
        parts = [word.encode() for word in words]
        sent = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        await self._line.send(b"*%d\r\n%s" % (len(parts), sent))
        return await self._reply(f"connected to {self._line.where}, no answer to {words[0]}")

    async def _reply(self, what: str) -> str:
        head = await self._in.text_line(what)
        kind, rest = head[:1], head[1:]
        if kind in (b"+", b":") and len(rest) < 1000:
            return rest.decode("utf-8", "replace")
        if kind == b"-":
            raise self._refusal(rest.decode("utf-8", "replace"))
        if kind == b"$" and rest.isdigit() and len(rest) < 10:
            body = await self._in.exactly(int(rest) + 2, what)
            return body[:-2].decode("utf-8", "replace")
        raise self._in.strange("does not speak Redis' protocol")

    def _refusal(self, words: str) -> ProbeFailure:
        reason = next((it for start, it in _REASONS.items() if words.startswith(start)), Reason.STATUS)
        return ProbeFailure(reason, f"the server says: {one_line(words, 160)}", phases=self._line.phases)


def fields(text: str, between: str = "\n", of: str = ":") -> Mapping[str, str]:
    """Return the ``name:value`` pairs of *text*, such as INFO's lines or ``ip=…,lag=0``."""
    pairs = (part.strip().partition(of) for part in text.split(between))
    return {name: value for name, found, value in pairs if found}
