"""Our own receiver on the loopback: where the synthetic alert must arrive.

It takes one thing: a POST to a path that nobody can guess, from this machine. It is read within bounds and answered at
once; the port and the path are others at each start. Each call has a channel of its own, so that what a desk knows of
a channel that refused, or did not answer, does not hold back the next call.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import itertools
import re
import secrets
from typing import TYPE_CHECKING

from watch.core.settings import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

_LIMIT, _MOST = 16 << 10, 256 << 10  # bytes of the headers, of the body
_PATIENCE = 5.0  # seconds for a whole request
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]{1,7})\r\n", re.IGNORECASE)


class Loopback:
    """The receiver, from `begin` to `end`.

    Args:
        arrived: Called for each letter that arrives.
    """

    def __init__(self, arrived: Callable[[], None]) -> None:
        self._arrived = arrived
        self._token = secrets.token_urlsafe(24)
        self._channels = itertools.count(1)
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """Listen. OSError if no address can be had."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_LIMIT)

    def channel(self) -> Secret:
        """A new channel that leads here."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return Secret(f"json://127.0.0.1:{port}/{self._token}/{next(self._channels)}")

    async def end(self) -> None:
        """Close it; what is under way is cut."""
        if self._server is None:
            return
        self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        try:
            with contextlib.suppress(
                OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
            ):
                async with asyncio.timeout(_PATIENCE):
                    await self._answer(reader, writer)
        finally:
            self._talks.discard(talk)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if self._is_ours(head.partition(b"\r\n")[0]) and length and int(length[1]) <= _MOST:
            await reader.readexactly(int(length[1]))
            self._arrived()
            status = b"204 No Content"
        else:
            status = b"404 Not Found"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()

    def _is_ours(self, line: bytes) -> bool:
        method, _, rest = line.partition(b" ")
        token, _, number = rest.partition(b" ")[0].strip(b"/").partition(b"/")
        return method == b"POST" and number.isdigit() and hmac.compare_digest(token, self._token.encode())
