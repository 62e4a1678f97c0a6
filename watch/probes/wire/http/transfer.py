"""One HTTP request as curl needs it, and its answer: what an exchange takes and gives."""

from __future__ import annotations

from typing import Any, NamedTuple

import pycurl


class Transfer(NamedTuple):
    """One request to one address, as curl needs it.

    Args:
        url: The URL; never shown.
        where: The ``ip:port`` that is dialled, for messages.
        dial: Where curl connects instead of the URL's host; None when that is an address.
        room: The limit of the body, in bytes.
        extra: Curl's options beyond the constant ones.
    """

    url: str
    where: str
    dial: str | None
    room: int
    extra: tuple[tuple[int, Any], ...] = ()

    @property
    def proxied(self) -> bool:
        return any(option == pycurl.PROXY for option, _ in self.extra)

    @property
    def quic(self) -> bool:
        return (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_3ONLY) in self.extra


class Answer(NamedTuple):
    """The answer.

    Args:
        cookies: With a redirect, the cookies of the run so far, in curl's format.
        took: Seconds to connect, for TLS, to the first byte, and for the rest.
    """

    status: int
    version: str
    lines: list[bytes]
    body: bytes
    size: int
    cut: bool
    redirect: str | None
    certificate: tuple[tuple[str, str], ...] | None
    took: tuple[float, float, float, float]
    cookies: tuple[str, ...] = ()
