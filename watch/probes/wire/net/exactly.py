"""Reading so and so many bytes from a line, for protocols that say beforehand how many will come.

The number comes from a stranger: whoever asks names the most that it takes, and more is a `limit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.core.reading import ProbeFailure, Reason

if TYPE_CHECKING:
    from watch.probes.wire.net.line import Line


class Exactly:
    """What a line brought and nobody took yet."""

    __slots__ = ("_line", "_pending")

    def __init__(self, line: Line) -> None:
        self._line = line
        self._pending = bytearray()

    async def take(self, size: int, most: int, what: str) -> bytes:
        """Return the next *size* bytes.

        Args:
            most: More than that many is refused unread.
            what: Said of a run that is cut short here.

        Raises:
            ProbeFailure: `limit` when it is too much, `reset` when the peer hangs up before.
        """
        where, phases = self._line.where, self._line.phases
        if size > most:
            words = f"{where} announces {size} bytes where {most} are the most"
            raise ProbeFailure(Reason.LIMIT, words, phases=phases)
        while len(self._pending) < size:
            chunk = await self._line.receive(what)
            if not chunk:
                words = f"{where} hung up in the middle of the conversation"
                raise ProbeFailure(Reason.RESET, words, phases=phases)
            self._pending += chunk
        taken = bytes(self._pending[:size])
        del self._pending[:size]
        return taken
