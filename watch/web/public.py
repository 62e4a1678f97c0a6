"""The public listener: hands out what stands on the pages, and can do nothing else.

Nothing here depends on the hub's state, reads a body, sets a cookie or logs a visitor. An answer is one write
of bytes that were ready before the question came, so that a crowd reading the page in an outage costs the
outage's detection as little as possible: plain questions are answered in `watch.web.fast_get`, all others here,
with the same bytes.

Limits: a request's head must arrive within `KEEP_ALIVE_S`, and an answer be read within it, or the connection
is cut; bodies are not read.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, http_parser, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_writer import HttpVersion11

from watch.ports import ListenError
from watch.web.fast_get import Quick
from watch.web.page_answers import PageAnswers, Reply, date_line

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

    from watch.web.rendered_pages import RenderedPages

KEEP_ALIVE_S = 15.0


def public_server(pages: RenderedPages, *, keep_alive_s: float = KEEP_ALIVE_S) -> web.Server:
    """A server that hands out *pages*; needs a running loop. `ListenError` without aiohttp's C parser."""
    refuse_slow_parser(http_parser.HttpRequestParser)
    return _PublicServer(PageAnswers(pages), keep_alive_s)


def refuse_slow_parser(parser: type) -> None:
    """Raise `ListenError` when *parser* is the pure-Python one: ten times slower, and laxer."""
    if parser is http_parser.HttpRequestParserPy:
        raise ListenError(
            "aiohttp runs without its C parser, which the listeners do not trust with strangers; unset "
            "AIOHTTP_NO_EXTENSIONS, or reinstall aiohttp from a wheel for this platform."
        )


class _PublicServer(web.Server):
    """Makes a `Quick` of every connection, and aiohttp's handler of those that outgrow it."""

    def __init__(self, counter: PageAnswers, patience_s: float) -> None:
        super().__init__(
            self._answer,
            access_log=None,
            logger=_log(),
            keepalive_timeout=patience_s,
            lingering_time=1.0,
            auto_decompress=False,
        )
        self._answers = counter
        self._patience_s = patience_s
        self._quick: set[Quick] = set()

    def __call__(self) -> Any:
        return Quick(self._answers, super().__call__, self._quick, self._patience_s)

    def pre_shutdown(self) -> None:
        for connection in tuple(self._quick):
            connection.close()
        super().pre_shutdown()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        bare = request.method == hdrs.METH_HEAD
        start, body = self._reply(request)
        connection, alive = _persistence(request)
        wire = b"".join((start, date_line(), connection, b"\r\n", b"" if bare else body))
        return _Ready(wire, alive=alive, patience_s=self._patience_s)

    def _reply(self, request: web.BaseRequest) -> Reply:
        target, headers = request.raw_path, request.headers
        if request.method in {hdrs.METH_GET, hdrs.METH_HEAD}:
            accepted = headers.get(hdrs.ACCEPT_ENCODING, "")
            return self._answers.read(target, accepted, headers.get(hdrs.IF_NONE_MATCH))
        if request.method == hdrs.METH_OPTIONS:
            return self._answers.options(target)
        return self._answers.refused(target)


class _Ready(web.StreamResponse):
    """An answer that is bytes already."""

    def __init__(self, wire: bytes, *, alive: bool, patience_s: float) -> None:
        super().__init__()
        self._wire = wire
        self._keep_alive = alive
        self._patience_s = patience_s

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        writer = request.writer
        await writer.write(self._wire)
        # Who pipelines requests and reads no answers would fill our memory: wait, but not for ever.
        if request.protocol.writing_paused:
            try:
                async with asyncio.timeout(self._patience_s):
                    await writer.drain()
            except TimeoutError:
                if request.transport is not None:
                    request.transport.abort()
                raise ConnectionResetError("the reader is too slow") from None
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: the whole answer is written."""


def _persistence(request: web.BaseRequest) -> tuple[bytes, bool]:
    """The Connection line to send, and whether the connection stays open."""
    alive = request.keep_alive and not request.can_read_body
    if request.version >= HttpVersion11:
        return (b"" if alive else b"Connection: close\r\n"), alive
    return (b"Connection: keep-alive\r\n" if alive else b""), alive


def _log() -> logging.Logger:
    log = logging.getLogger(__name__)
    log.addFilter(_ours)
    return log


def _ours(record: logging.LogRecord) -> bool:
    # Whatever the internet throws at a port is no error of ours: no traceback for what does not parse.
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
