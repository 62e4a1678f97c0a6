"""aiohttp's server for clients that are not polite.

A malformed request gets a plain answer without the name of a product, and costs one line in the log a minute at most;
what the client sent is in neither of them. aiohttp would log a traceback for each, and name itself and Python.
A client that does not read its answer is cut off; aiohttp would keep the connection for as long as the client does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from watch.web.page_answers import date_line
from watch.web.rendered_pages import head

if TYPE_CHECKING:
    import logging

    from aiohttp.abc import AbstractStreamWriter

_QUIET_S = 60.0
_PLAIN = {
    "Content-Type": "text/plain; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_BAD_REQUEST = b"This is not a valid HTTP request.\n"
_FAILED = b"The answer failed; the log has the reason.\n"


class Malformed:
    """Counts the malformed requests of one listener for its log.

    Args:
        listener: Its name in the log.
        level: That of the lines.
    """

    def __init__(self, log: logging.Logger, listener: str, level: int) -> None:
        self._log, self._listener, self._level = log, listener, level
        self._count = 0
        self._told = float("-inf")

    def note(self, now_s: float, remote: str | None) -> None:
        self._count += 1
        if now_s - self._told >= _QUIET_S:
            requests = "a malformed request" if self._count == 1 else f"{self._count} malformed requests"
            self._log.log(self._level, "the %s got %s, the latest from %s", self._listener, requests, remote)
            self._count, self._told = 0, now_s


class QuietHandler(web.RequestHandler):
    """aiohttp's handler of one connection, with our answers to what it cannot read or what fails."""

    __slots__ = ("_malformed",)

    def __init__(self, manager: web.Server, malformed: Malformed, **options: Any) -> None:
        super().__init__(manager, **options)
        self._malformed = malformed

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it may hold what the client sent
    ) -> web.StreamResponse:
        if isinstance(exc, HttpProcessingError):
            self._malformed.note(self._loop.time(), request.remote)
        elif status >= 500:
            self.log_exception("a request failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("part of another answer is already sent")
        bad = status < 500
        return Wire(
            plain_answer(
                400 if bad else 500,
                "Bad Request" if bad else "Internal Server Error",
                _BAD_REQUEST if bad else _FAILED,
            )
        )

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer; cut off a client that does not read it."""
        try:
            async with asyncio.timeout(self.keepalive_timeout):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:
            if self.transport is not None:
                self.transport.abort()
            raise ConnectionResetError("the client reads too slowly") from None

    async def start(self) -> None:
        """Serve the connection; at its end, cut off a client that does not read what is left."""
        transport = self.transport
        try:
            await super().start()
        finally:
            if transport is not None and transport.get_write_buffer_size():
                self._loop.call_later(self.keepalive_timeout, transport.abort)


class QuietServer(web.Server):
    """aiohttp's server with `QuietHandler`."""

    def __init__(self, handler: Any, malformed: Malformed, **options: Any) -> None:
        super().__init__(handler, **options)
        self._malformed = malformed

    def __call__(self) -> web.RequestHandler:
        return QuietHandler(self, self._malformed, loop=self._loop, **self._kwargs)


class Wire(web.StreamResponse):
    """An answer whose bytes are ready; the connection ends after it."""

    def __init__(self, wire: bytes) -> None:
        super().__init__()
        self._wire = wire
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        await request.writer.write(self._wire)
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: the whole answer is already written."""


def plain_answer(status: int, phrase: str, body: bytes, more: dict[str, str] | None = None) -> bytes:
    """A short answer after which the connection ends, as bytes."""
    headers = {**_PLAIN, "Content-Length": str(len(body)), **(more or {}), "Connection": "close"}
    return b"".join((head(status, phrase, headers), date_line(), b"\r\n", body))
