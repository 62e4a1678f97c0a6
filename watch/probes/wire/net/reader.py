"""The bounded reader of a line: so many bytes, or one text line.

Binary protocols announce a length; text protocols end in a line break. A hostile peer can use either to keep us
reading for ever. So every reader has a limit: one for all bytes of the connection, or one for each portion.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from watch.core.reading import ProbeFailure, Reason

if TYPE_CHECKING:
    from watch.probes.wire.net.line import Line

_FULL = 16 << 10  # the most that a line returns at once


class Reader:
    """A line's incoming bytes.

    Args:
        most: How many bytes to take over the connection's whole life; None where each portion has its own limit.
    """

    __slots__ = ("_heard", "_left", "line")

    def __init__(self, line: Line, most: int | None = 1 << 20) -> None:
        self.line = line
        self._heard = bytearray()
        self._left = most

    async def exactly(self, count: int, what: str, *, most: int | None = None) -> bytes:
        """Return the next *count* bytes.

        Args:
            what: The text of the failure when the run is cut short here.
            most: The limit of this portion; a longer one is refused unread.

        Raises:
            ProbeFailure: `limit` when it is too much, `reset` when the peer closes the connection before.
        """
        if most is not None and count > most:
            raise self._over(f"announces {count} bytes; the limit is {most}")
        if self._left is not None and count > self._left + len(self._heard):
            raise self._over("sends more than we take from one check")
        while len(self._heard) < count:
            await self._more(what)
        return self._taken(count)

    async def text_line(self, what: str) -> bytes:
        r"""Return the next line without its ``\n`` or ``\r\n``."""
        searched = 0
        while (end := self._heard.find(b"\n", searched)) < 0:
            searched = len(self._heard)
            await self._more(what)
        return self._taken(end + 1).rstrip(b"\r\n")

    def pending(self) -> bool:
        """Return whether unread bytes are here. Before TLS, an attacker may have injected them."""
        return bool(self._heard)

    def strange(self, what: str) -> ProbeFailure:
        """Return the failure for an answer in no known form."""
        return ProbeFailure(Reason.PROTOCOL, f"{self.line.where}: {what}", phases=self.line.phases)

    async def _more(self, what: str) -> None:
        chunk = await self.line.receive(what)
        if not chunk:
            raise ProbeFailure(Reason.RESET, f"{what}: it closed the connection", phases=self.line.phases)
        if self._left is not None:
            self._left -= len(chunk)
            if self._left < 0:
                raise self._over("sends more than we take from one check")
        self._heard += chunk
        if len(chunk) >= _FULL:
            await asyncio.sleep(0)  # a fast peer must not keep the loop to itself

    def _taken(self, count: int) -> bytes:
        portion = bytes(self._heard[:count])
        del self._heard[:count]
        return portion

    def _over(self, words: str) -> ProbeFailure:
        return ProbeFailure(Reason.LIMIT, f"{self.line.where} {words}", phases=self.line.phases)
