"""What a send did on the network, as `watch.alerts.tap` sees it; kept from metadata addresses.

apprise answers yes or no. Whether a retry makes sense, whether the receiver may have the notice, when it wants to be
asked again and what went wrong is read here, below the plug-ins.
"""

from __future__ import annotations

import contextlib
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from watch.core.metadata_addresses import denied

if TYPE_CHECKING:
    import http.client
    from collections.abc import Callable, Iterable

_DAY = 86_400.0
_TO_GET = (301, 302, 303)
_USUAL_PORTS = (25, 80, 443, 465, 587)
# Requests of plug-ins that only prepare: a receiver that leaves one of these unanswered does not have the notice.
_PREPARING = frozenset(("login", "register", "join", "token", "sync", "versions", "whoami"))


class DeniedError(OSError):
    """The connection would reach a metadata address."""


class Wire:
    """What has happened since `begin`.

    Args:
        left: Told True when a request with the notice has gone out, and False when its answer is here.

    Attributes:
        place: The host, and the port unless it is a usual one, that was asked last.
        denied: Why a connection was refused; empty if none was.
        connected: Whether anything was connected at all.
        left: A request with the notice went out, and no answer came yet.
        status: The last answer, or the last that was an error; 0 without any. mail: it is SMTP's.
        diverted: The request with the notice was redirected in a way that turns it into a GET, without the notice.
        retry_after_s: The pause that an answer asks for.
        cause: What went wrong without an answer.
    """

    def __init__(self, left: Callable[[bool], None] = lambda _: None) -> None:
        self._tell = left
        self.begin("")

    def begin(self, marker: str) -> None:
        """Forget everything; a GET that has *marker* in its URL carries the notice."""
        self._marker = marker
        self._names: dict[str, str] = {}
        self._response: http.client.HTTPResponse | None = None
        self.place = self.denied = self.cause = ""
        self.connected = self.left = self.mail = self.diverted = False
        self._carries = True
        self.status = 0
        self.retry_after_s = 0.0

    @property
    def whole(self) -> bool:
        """Whether the last answer came to its end."""
        return self._response is None or self._response.length in (0, None)

    def resolved(self, host: str, addresses: Iterable[str]) -> None:
        """Raise `DeniedError` if the name *host* leads to an address that must not be reached."""
        for ip in addresses:
            self._names[ip] = host
            self.admit(ip)

    def unresolved(self, host: str) -> None:
        self.place, self.cause = host, "the name cannot be resolved"

    def admit(self, ip: str) -> None:
        """Raise `DeniedError` if *ip* must not be reached."""
        what = denied(ip)
        if what:
            name = self._names.get(ip, ip)
            self.denied = f"{ip} is {what}" if name == ip else f"{name} is {ip}, {what}"
            raise DeniedError(self.denied)

    def connecting(self, ip: str, port: int) -> None:
        host = self._names.get(ip, ip)
        self.place = host if port in _USUAL_PORTS else f"{host}:{port}"
        self.cause = ""

    def asking(self, method: str, url: str) -> None:
        """The next request; one that may carry the notice takes it past an earlier redirect."""
        if method in ("GET", "HEAD"):
            self._carries = bool(self._marker) and self._marker in url
        else:
            self._carries = url.partition("?")[0].rstrip("/").rpartition("/")[2] not in _PREPARING
            self.diverted = False

    def sending(self) -> None:
        """The request is out, and its answer is awaited."""
        self.left = self._carries
        if self.left:
            self._tell(True)

    def failed(self, cause: str) -> None:
        """The answer, if any, was none: the notice was not taken."""
        self.left, self.cause = False, cause

    def answered(self, status: int, *, mail: bool = False) -> None:
        if self.left:
            self._tell(False)
        self.left = False
        if status >= 400 or self.status < 400:
            self.status, self.mail = status, mail

    def responded(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.diverted = self.diverted or (self.left and response.status in _TO_GET)
        self.answered(response.status)
        self.retry_after_s = max(self.retry_after_s, _pause(response.getheader("Retry-After")))


def _pause(header: str | None) -> float:
    """The seconds of a Retry-After header, a number or a date; a day at most, 0 if it says nothing."""
    text = (header or "").strip()
    if text.isascii() and text.isdecimal():
        return float(min(int(text[:9]), _DAY))
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return min(max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0), _DAY)
    return 0.0
