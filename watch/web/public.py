"""The public listener: hands out what stands on the shelf, and can do nothing else.

Nothing here depends on the hub's state, reads a body, sets a cookie or logs a visitor. An answer is one write
of bytes that were ready before the question came, past aiohttp's own response machinery, so that a crowd
reading the page in an outage costs the outage's detection as little as possible.

Limits: a request's head must arrive within `KEEP_ALIVE_S`, and an answer be read within it, or the connection
is cut; bodies are not read.
"""

from __future__ import annotations

import asyncio
import logging
import time
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aiohttp import hdrs, http_parser, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_writer import HttpVersion11

from watch.ports import ListenError
from watch.web.shelf import SECURITY, Shelf, coding, head

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

    from watch.web.shelf import Answer, Shelved

KEEP_ALIVE_S = 15.0
_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
_ALLOWED = "GET, HEAD, OPTIONS"
_NOT_YET = b"The first measurements are being taken. Please come back in a few seconds.\n"
_NOT_SO = b"This address can only be read.\n"


def public_server(shelf: Shelf, *, keep_alive_s: float = KEEP_ALIVE_S) -> web.Server:
    """A server that hands out *shelf*; needs a running loop. `ListenError` without aiohttp's C parser."""
    refuse_slow_parser(http_parser.HttpRequestParser)
    return web.Server(
        _Counter(shelf, keep_alive_s).answer,
        access_log=None,
        logger=_log(),
        keepalive_timeout=keep_alive_s,
        lingering_time=1.0,
        auto_decompress=False,
    )


def refuse_slow_parser(parser: type) -> None:
    """Raise `ListenError` when *parser* is the pure-Python one: ten times slower, and laxer."""
    if parser is http_parser.HttpRequestParserPy:
        raise ListenError(
            "aiohttp runs without its C parser, which the listeners do not trust with strangers; unset "
            "AIOHTTP_NO_EXTENSIONS, or reinstall aiohttp from a wheel for this platform."
        )


class _Counter:
    """Where requests are answered."""

    __slots__ = ("_patience_s", "_shelf")

    def __init__(self, shelf: Shelf, patience_s: float) -> None:
        self._shelf = shelf
        self._patience_s = patience_s

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        bare = request.method == hdrs.METH_HEAD
        if bare or request.method == hdrs.METH_GET:
            start, body = self._read(request)
        else:
            start, body = self._refused(request)
        connection, alive = _persistence(request)
        wire = b"".join((start, _date(), connection, b"\r\n", b"" if bare else body))
        return _Ready(wire, alive=alive, patience_s=self._patience_s)

    def _read(self, request: web.BaseRequest) -> tuple[bytes, bytes]:
        """The head and body that answer a GET."""
        if self._shelf.empty:
            return _plain(503, "Service Unavailable", _NOT_YET, {"Retry-After": "5"})
        headers = request.headers
        found = self._found(request.raw_path) or self._shelf.missing
        answer = found.answer(coding(headers.get(hdrs.ACCEPT_ENCODING, "")[:200]))
        known = headers.get(hdrs.IF_NONE_MATCH)
        if known is not None and found.document.status == 200 and _matches(known, answer):
            return answer.unchanged, b""
        return answer.head, answer.body

    def _refused(self, request: web.BaseRequest) -> tuple[bytes, bytes]:
        """The head and body that answer any other method."""
        found = self._found(request.raw_path)
        if found is None and not self._shelf.empty:
            answer = self._shelf.missing.answer("identity")
            return answer.head, answer.body
        if request.method == hdrs.METH_OPTIONS:
            return head(204, "No Content", {hdrs.ALLOW: _ALLOWED} | _preflight(found) | SECURITY), b""
        return _plain(405, "Method Not Allowed", _NOT_SO, {hdrs.ALLOW: _ALLOWED})

    def _found(self, target: str) -> Shelved | None:
        path = target.partition("?")[0]
        return self._shelf.at(path) or ("%" in path and self._shelf.at(unquote(path))) or None


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


def _matches(known: str, answer: Answer) -> bool:
    """Whether the If-None-Match header *known* names *answer*; compared weakly, as for GET it must be."""
    if known == answer.etag:
        return True
    return any(tag.strip().removeprefix("W/") in {answer.etag, "*"} for tag in known.split(","))


def _plain(status: int, phrase: str, body: bytes, headers: dict[str, str]) -> tuple[bytes, bytes]:
    length = {hdrs.CONTENT_LENGTH: str(len(body)), hdrs.CACHE_CONTROL: "no-store"}
    return head(status, phrase, _PLAIN | length | headers | SECURITY), body


def _preflight(found: Shelved | None) -> dict[str, str]:
    """What a browser asks before a script of another site may read."""
    if found is None or not found.document.shared:
        return {}
    return {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, HEAD"}


class _Today:
    """The Date line, made once a second."""

    second = 0
    line = b""


def _date() -> bytes:
    second = int(time.time())
    if second != _Today.second:
        _Today.second, _Today.line = second, f"Date: {formatdate(second, usegmt=True)}\r\n".encode()
    return _Today.line


def _log() -> logging.Logger:
    log = logging.getLogger(__name__)
    log.addFilter(_ours)
    return log


def _ours(record: logging.LogRecord) -> bool:
    # Whatever the internet throws at a port is no error of ours: no traceback for what does not parse.
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
