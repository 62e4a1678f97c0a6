"""The fast path: answers one complete, plain GET directly in `data_received`.

aiohttp makes a request object, two futures and a task for every request, and during an outage many visitors take
that time from the probes. Nearly all their requests are plain, so this does one match and one write (measured on a
busy core: 20,000 requests a second became 47,000 and more).

It answers only requests that have one possible meaning. With a body, a `Connection` other than keep-alive, an
upgrade, a partial head, two heads at once or an unusual byte, it hands the connection to aiohttp for good, with all
received bytes. So it parses nothing that aiohttp would read differently, and aiohttp's limits hold for the rest.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, cast

from watch.web.page_answers import TOO_MANY, PageAnswers, date_line
from watch.web.quiet_server import plain_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from watch.web.visitors import Visit, Visitors

_REFUSED_S = 2.0  # seconds that a connection too many may stay
_LONGEST = 8190  # bytes of a head; aiohttp's limits apply to longer ones
_PLAIN_GET = re.compile(
    rb"GET (/[!-~]*) HTTP/1\.1\r\n"
    rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*\r\n)+"  # values in ASCII; aiohttp reads others
    rb"\r\n"
)
# The headers that the answer depends on, and those that mean that this is not a plain GET.
_RELEVANT = re.compile(
    rb"\n(accept-encoding|if-none-match|host|connection|content-length|transfer-encoding|expect|upgrade"
    rb"|x-forwarded-for)"
    rb":[\t ]*([^\r]*)",
    re.IGNORECASE,
)
_NOT_PLAIN = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade"})


class FastGet(asyncio.Protocol):
    """One connection, until a request on it is not plain.

    Args:
        over: Makes the protocol that then takes over the connection and its visit.
        here: The connections on the fast path, for the server to close.
        visitors: Who may have so many connections.
        timeout_s: Seconds after which an idle or unread connection is closed.
    """

    __slots__ = (
        "_answers", "_here", "_last", "_loop", "_over", "_timeout_s", "_timer", "_transport", "_visit", "_visitors"
    )  # fmt: skip

    def __init__(
        self,
        answers: PageAnswers,
        over: Callable[[Visit], asyncio.Protocol],
        here: set[FastGet],
        visitors: Visitors,
        timeout_s: float,
    ) -> None:
        self._visitors = visitors
        self._visit: Visit | None = None
        self._answers, self._over, self._here, self._timeout_s = answers, over, here, timeout_s
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._here.add(self)
        peer = transport.get_extra_info("peername")
        self._visit = self._visitors.arrived(str(peer[0]) if peer else "")
        if self._visit.refused:
            self._timeout_s = min(self._timeout_s, _REFUSED_S)
        self._timer = self._loop.call_later(self._timeout_s, self._check_idle)

    def data_received(self, data: bytes) -> None:
        transport, visit = self._transport, self._visit
        if transport is None or visit is None or transport.is_closing():
            return
        if visit.refused:
            self._refuse(transport)
            return
        asked = _asked(data)
        if asked is None:
            self._hand_over(transport, data)
            return
        target, accepted, known, forwarded = asked
        if visit.proxy and not visit.forwarded(forwarded):
            self._refuse(transport)
            return
        self._last = self._loop.time()
        start, body = self._answers.read(target, accepted, known)
        transport.write(b"".join((start, date_line(), b"\r\n", body)))

    def pause_writing(self) -> None:
        # A client that does not read its answers may not send more; `_check_idle` closes it after a while.
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._visit is not None:
            self._visit.left()
        self._leave()

    def close(self) -> None:
        """Close the connection after its answers are sent."""
        if self._transport is not None:
            self._transport.close()

    def _check_idle(self) -> None:
        """Close the connection if it has been idle for too long, else check again later."""
        left = self._last + self._timeout_s - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._check_idle)
        elif self._transport is not None:
            unread = self._transport.get_write_buffer_size()
            (self._transport.abort if unread else self._transport.close)()

    def _refuse(self, transport: asyncio.Transport) -> None:
        """Answer once that there are too many connections, and end; what still comes is dropped for a moment.

        Closing while unread data comes in would reset the connection, and the client would not see the answer.
        """
        if transport.can_write_eof() and self._visit is not None:
            self._visit.left()
            self._visit = None
            transport.write(plain_answer(429, "Too Many Requests", TOO_MANY, {"Retry-After": "5"}))
            transport.write_eof()
            self._timeout_s, self._last = _REFUSED_S, self._loop.time()
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_later(_REFUSED_S, self._check_idle)

    def _hand_over(self, transport: asyncio.Transport, data: bytes) -> None:
        visit = self._visit
        assert visit is not None
        self._leave()
        protocol = self._over(visit)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(data)

    def _leave(self) -> None:
        self._here.discard(self)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()


def _asked(data: bytes) -> tuple[str, str, str | None, str] | None:
    """Target, Accept-Encoding, If-None-Match and X-Forwarded-For when *data* is one plain GET, else None."""
    if len(data) > _LONGEST or (plain := _PLAIN_GET.fullmatch(data)) is None:
        return None
    told: dict[bytes, bytes] = {}
    for name, value in _RELEVANT.findall(data):
        header = name.lower()
        if header in told or header in _NOT_PLAIN:
            return None
        told[header] = value.rstrip()
    if b"host" not in told or told.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    known = told.get(b"if-none-match")
    accepted = told.get(b"accept-encoding", b"")
    forwarded = told.get(b"x-forwarded-for", b"").decode()
    return plain[1].decode(), accepted.decode(), None if known is None else known.decode(), forwarded
