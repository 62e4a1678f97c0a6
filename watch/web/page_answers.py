"""The public listener's answers in bytes: the head up to its Date line, and the body.

Pure except for the clock in `date_line`. Both request paths (`fast_get` and `public`) use it.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from watch.web.rendered_pages import SECURITY, RenderedPages, coding, head
from watch.web.targets import origin_form

if TYPE_CHECKING:
    from watch.web.rendered_pages import Answer, RenderedPage

TOO_MANY = b"There are too many connections from your address. Close some, or try again later.\n"
_ALLOWED = {"Allow": "GET, HEAD, OPTIONS"}
_PREFLIGHT = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, HEAD"}
_NOT_YET = b"The first measurements are being taken. Please come back in a few seconds.\n"
_READ_ONLY = b"Only GET, HEAD and OPTIONS are allowed here.\n"


class Reply(NamedTuple):
    """An answer without its Date and Connection lines and the empty line after the head."""

    head: bytes
    body: bytes


class PageAnswers:
    """Answers requests for rendered pages."""

    __slots__ = ("_pages",)

    def __init__(self, pages: RenderedPages) -> None:
        self._pages = pages

    def read(self, target: str, accepted: str, known: str | None) -> Reply:
        """The answer to a GET.

        Args:
            target: The path as requested, with its query.
            accepted: The Accept-Encoding header.
            known: The If-None-Match header, if there is one.
        """
        if self._pages.empty:
            return _plain(503, "Service Unavailable", _NOT_YET, {"Retry-After": "5"})
        found = self._found(target) or self._pages.missing
        answer = found.answer(coding(accepted[:200]))
        if known is not None and found.document.status == 200 and _matches(known, answer):
            return Reply(answer.unchanged, b"")
        return Reply(answer.head, answer.body)

    def options(self, target: str) -> Reply:
        """The answer to OPTIONS, which a browser sends before a script of another site may read."""
        found = self._found(target)
        if found is None:
            return self.refused(target)
        shared = _PREFLIGHT if found.document.shared else {}
        return Reply(head(204, "No Content", _ALLOWED | shared | SECURITY), b"")

    def refused(self, target: str) -> Reply:
        """The answer to any other method: 405."""
        if self._found(target) is None and not self._pages.empty:
            return self.read(target, "", None)
        return _plain(405, "Method Not Allowed", _READ_ONLY, _ALLOWED)

    def _found(self, target: str) -> RenderedPage | None:
        path = origin_form(target).partition("?")[0]
        return self._pages.at(path) or ("%" in path and self._pages.at(unquote(path))) or None


def _matches(known: str, answer: Answer) -> bool:
    """Whether the If-None-Match header *known* names *answer*. GET requires the weak comparison."""
    if known == answer.etag:
        return True
    return any(tag.strip().removeprefix("W/") in {answer.etag, "*"} for tag in known.split(","))


def _plain(status: int, phrase: str, body: bytes, headers: dict[str, str]) -> Reply:
    entity = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
    }
    return Reply(head(status, phrase, entity | headers | SECURITY), body)


class _DateLine:
    """The cached Date line and its second."""

    second = 0
    line = b""


def date_line() -> bytes:
    """The Date line; it is formatted once a second."""
    second = int(time.time())
    if second != _DateLine.second:
        _DateLine.second, _DateLine.line = second, f"Date: {formatdate(second, usegmt=True)}\r\n".encode()
    return _DateLine.line
