"""The public listener: it serves the rendered pages and can do nothing else.

It does not use the hub's state, read request bodies, set cookies or log visitors. An answer is one write of bytes
that were ready before the request, so that many visitors during an outage slow down its detection as little as
possible. `watch.web.fast_get` answers plain requests; this module answers all others, with the same bytes.

Limits: a connection is closed when a request's head does not arrive, or an answer is not read, within
`KEEP_ALIVE_S`. Request bodies are not read. A visitor has 200 connections at most (`watch.web.visitors`); one more is
answered once with 429.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, http_parser, web
from aiohttp.http_writer import HttpVersion11

from watch.errors import ListenError
from watch.web.fast_get import FastGet
from watch.web.page_answers import TOO_MANY, PageAnswers, Reply, date_line
from watch.web.quiet_server import Malformed, QuietServer, Wire, plain_answer
from watch.web.visitors import Visitors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp.abc import AbstractStreamWriter

    from watch.core.settings import Network
    from watch.web.rendered_pages import RenderedPages
    from watch.web.visitors import Visit

log = logging.getLogger(__name__)
KEEP_ALIVE_S = 15.0


def public_server(
    pages: RenderedPages, trusted_proxies: Sequence[Network] = (), *, keep_alive_s: float = KEEP_ALIVE_S
) -> web.Server:
    """A server for *pages*; needs a running event loop. Raises `ListenError` without aiohttp's C parser."""
    refuse_slow_parser(http_parser.HttpRequestParser)
    return _PublicServer(PageAnswers(pages), Visitors(trusted_proxies), keep_alive_s)


def refuse_slow_parser(parser: type) -> None:
    """Raise `ListenError` when *parser* is the pure-Python one: it is ten times slower and less strict."""
    if parser is http_parser.HttpRequestParserPy:
        raise ListenError(
            "aiohttp runs without its C parser, and its Python parser is not safe for public requests; unset "
            "AIOHTTP_NO_EXTENSIONS, or reinstall aiohttp from a wheel for this platform."
        )


class _PublicServer(QuietServer):
    """Starts every connection as a `FastGet`; aiohttp's handler takes over requests that are not plain."""

    def __init__(self, answers: PageAnswers, visitors: Visitors, timeout_s: float) -> None:
        super().__init__(
            self._answer,
            Malformed(log, "page's listener", logging.INFO),
            access_log=None,
            logger=log,
            keepalive_timeout=timeout_s,
            lingering_time=1.0,
            auto_decompress=False,
        )
        self._answers, self._visitors = answers, visitors
        self._timeout_s = timeout_s
        self._fast: set[FastGet] = set()
        self._visits: dict[web.RequestHandler, Visit] = {}

    def __call__(self) -> Any:
        return FastGet(self._answers, self._over, self._fast, self._visitors, self._timeout_s)

    def _over(self, visit: Visit) -> web.RequestHandler:
        handler = super().__call__()
        self._visits[handler] = visit
        return handler

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        visit = self._visits.pop(handler, None)
        if visit is not None:
            visit.left()

    def pre_shutdown(self) -> None:
        for connection in tuple(self._fast):
            connection.close()
        super().pre_shutdown()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        visit = self._visits.get(request.protocol)
        if visit is not None and visit.proxy:
            forwarded = ",".join(request.headers.getall("X-Forwarded-For", ()))
            if not visit.forwarded(forwarded):
                return Wire(plain_answer(429, "Too Many Requests", TOO_MANY, {"Retry-After": "5"}))
        bare = request.method == hdrs.METH_HEAD
        start, body = self._reply(request)
        connection, alive = _persistence(request)
        wire = b"".join((start, date_line(), connection, b"\r\n", b"" if bare else body))
        return _Ready(wire, alive=alive)

    def _reply(self, request: web.BaseRequest) -> Reply:
        target, headers = request.raw_path, request.headers
        if request.method in {hdrs.METH_GET, hdrs.METH_HEAD}:
            accepted = headers.get(hdrs.ACCEPT_ENCODING, "")
            return self._answers.read(target, accepted, headers.get(hdrs.IF_NONE_MATCH))
        if request.method == hdrs.METH_OPTIONS:
            return self._answers.options(target)
        return self._answers.refused(target)


class _Ready(web.StreamResponse):
    """An answer whose bytes are ready."""

    def __init__(self, wire: bytes, *, alive: bool) -> None:
        super().__init__()
        self._wire = wire
        self._keep_alive = alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        writer = request.writer
        await writer.write(self._wire)
        # A client that pipelines requests without reading answers would fill our memory.
        if request.protocol.writing_paused:
            await writer.drain()
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: the whole answer is already written."""


def _persistence(request: web.BaseRequest) -> tuple[bytes, bool]:
    """The Connection line to send, and whether the connection stays open."""
    alive = request.keep_alive and not request.can_read_body
    if request.version >= HttpVersion11:
        return (b"" if alive else b"Connection: close\r\n"), alive
    return (b"Connection: keep-alive\r\n" if alive else b""), alive
