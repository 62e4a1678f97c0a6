"""What a line says, in portions: exactly so many bytes, or up to the end of a text line.

Binary protocols announce how much comes; text ones end in a line break. Both are a hostile peer's means to make
us wait for more for ever, so what is taken from one connection has a limit for all of it together.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from watch.core.reading import ProbeFailure, Reason

if TYPE_CHECKING:
    from watch.probes.wire.net.line import Line

_FULL = 16 << 10  # as much as a line gives at once


class Intake:
    """A line's incoming bytes.

    Args:
        most: How many bytes to take, over the connection's whole life.
    """

    __slots__ = ("_heard", "_left", "line")

    def __init__(self, line: Line, most: int = 1 << 20) -> None:
        self.line = line
        self._heard = bytearray()
        self._left = most

    async def exactly(self, count: int, what: str) -> bytes:
        """Return the next *count* bytes. *what* is said of a run that ends while waiting for them."""
        if count > self._left + len(self._heard):
            raise self._too_much()
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
        """Return whether more came than was asked for: before TLS begins, somebody else's words."""
        return bool(self._heard)

    def strange(self, what: str) -> ProbeFailure:
        """Return the failure that an answer in no known form is."""
        return ProbeFailure(Reason.PROTOCOL, f"{self.line.where}: {what}", phases=self.line.phases)

    async def _more(self, what: str) -> None:
        chunk = await self.line.receive(what)
        if not chunk:
            raise ProbeFailure(Reason.RESET, f"{self.line.where} hung up: {what}", phases=self.line.phases)
        self._left -= len(chunk)
        if self._left < 0:
            raise self._too_much()
        self._heard += chunk
        if len(chunk) >= _FULL:
            await asyncio.sleep(0)  # a peer that is quicker than we must not have the loop to itself

    def _taken(self, count: int) -> bytes:
        portion = bytes(self._heard[:count])
        del self._heard[:count]
        return portion

    def _too_much(self) -> ProbeFailure:
        words = f"{self.line.where} sends more than we take from one check"
        return ProbeFailure(Reason.LIMIT, words, phases=self.line.phases)
