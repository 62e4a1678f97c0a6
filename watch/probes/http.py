"""HTTP: status, speed and content of a page, and the certificate of its server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from watch.core.quantity import size
from watch.core.reading import Reading, Verdict
from watch.core.settings import Secret
from watch.probes.base import DIALS, Described, probe
from watch.probes.wire.http.headers import Headers
from watch.probes.wire.http.journey import target
from watch.probes.wire.http.request import WORD, HttpRequest, authorization, check_headers
from watch.probes.wire.net.certificate import spelled
from watch.probes.wire.net.proxied import parts as proxy_parts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from watch.core.reading import FactValue
    from watch.probes.wire.http.transfer import Answer

MOST_BODY = 2 << 20
_room = lru_cache(maxsize=256)(size)


@cache
def _pursuing() -> Callable[[HttpRequest, dict[str, float]], Awaitable[tuple[Answer, int, str]]]:
    from watch.probes.wire.http.pursuit import pursue  # noqa: PLC0415 - brings libcurl, when a check needs it

    return pursue


@probe("http", main="url")
@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProbe(Described):
    """Ask a web server one question over HTTP, on a new connection each time.

    Any answer is up; judge its status, body, headers and speed by `expect`. Without an expectation on `status`,
    200 to 299 is expected. At most five redirects are followed. To another origin (scheme, host or port) the
    probe sends no credentials, no client certificate and none of your headers but Accept, Accept-Language and
    User-Agent. Only the first `max_body` of a body is read; `truncated` says so. Over HTTP/3, a server that
    dies after the handshake is a timeout, because no operating system closes a QUIC connection for it.

    Options:
        url: The URL to ask, http:// or https://.
        method: GET, HEAD, POST, ….
        headers: Headers to send; their values are never shown.
        body: The body to send; never shown.
        username: For basic authentication, with `password`.
        password: For basic authentication.
        token: For bearer authentication.
        certificate: A PEM file with the client's certificate.
        key: A PEM file with its key, when it is not in the same file.
        key_password: The passphrase of the key, if it has one.
        ca_file: Trust the authorities in this PEM file instead of the system's.
        verify: Whether the server must prove its name; false accepts any certificate.
        proxy: Ask through this proxy, http:// or socks5:// (which resolves the name itself); a failure of the
            proxy is unknown, not down.
        family: any, or only IPv4 (4) or IPv6 (6).
        version: 1.1, or 2 where the server offers it; 3 uses only QUIC (UDP), and https://.
        redirects: follow, or none to take the redirect as the answer.
        max_body: How much of the body to read, 2MiB at most.
        metadata: Allow cloud metadata addresses (169.254.169.254), which hand out credentials.

    Facts:
        status (count, status): The status code.
        latency (duration, slow): From the start of name lookup to the last byte read, redirects included.
        size (bytes): How much of the body came, at most just over max_body.
        truncated (bool): Whether the body was longer than max_body.
        body (text): The body, for expectations only; it is not stored.
        redirects (count): How many redirects were followed.
        version (text): The protocol's version: 1.0, 1.1, 2, 3.
        address (text): Who answered, ip:port.
        certificate.left (duration, certificate): How long the server's certificate remains valid.
        certificate.expires (instant, certificate): When it expires.
        certificate.subject (text, certificate): Its common name.
        certificate.issuer (text, certificate): The name of its issuer.

    Reasons:
        ok, status, slow, certificate, tls, dns, refused, reset, unreachable, timeout, protocol, limit

    Example:
        http: https://www.example.org/
        expect: [status == 200, latency < 2s]
        warn: [certificate.left > 21d]
    """

    WAYS: ClassVar[frozenset[str]] = DIALS
    ASSUMED: ClassVar[Mapping[str, str]] = {"status": "status in 200..299"}

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Secret | None = None
    username: str | None = None
    password: Secret | None = None
    token: Secret | None = None
    certificate: Path | None = None
    key: Path | None = None
    key_password: Secret | None = None
    ca_file: Path | None = None
    verify: bool = True
    proxy: Secret | None = None
    family: Literal["any", "4", "6"] = "any"
    version: Literal["1.1", "2", "3"] = "1.1"
    redirects: Literal["follow", "none"] = "follow"
    max_body: str = "256KiB"
    metadata: bool = False
    _request: HttpRequest = field(init=False, repr=False, compare=False)  # the same for all runs

    def __post_init__(self) -> None:
        target(self.url)
        if not WORD.fullmatch(self.method):
            raise ValueError(f"method: {self.method!r} is not a method; write GET, HEAD, POST, …")
        check_headers(self.headers)
        if (self.username is None) != (self.password is None):
            raise ValueError("username: basic authentication needs both username and password")
        if self.username is not None and self.token is not None:
            raise ValueError("token: give either a token or a username, not both")
        if self.key_password is not None and self.certificate is None:
            raise ValueError("key_password: needs the key's certificate; name the certificate, too")
        if self.key is not None and self.certificate is None:
            raise ValueError("key: needs its certificate; name the certificate, too")
        if not 0 < size(self.max_body) <= MOST_BODY:
            raise ValueError("max_body: from 1B to 2MiB")
        if self.proxy is not None:
            proxy_parts(self.proxy)
        self._http3_makes_sense()
        object.__setattr__(self, "_request", self._made())

    def _http3_makes_sense(self) -> None:
        if self.version == "3" and target(self.url).scheme != "https":
            raise ValueError("version: HTTP/3 is always encrypted; write an https:// url, or version: 2")
        if self.version == "3" and self.proxy is not None:
            raise ValueError(
                "proxy: HTTP/3 goes over UDP, which no proxy carries; leave it out, or write version: 2"
            )

    def peer(self) -> str:
        return target(self.url).host

    def _made(self) -> HttpRequest:
        return HttpRequest(
            url=self.url,
            method=self.method,
            headers=self.headers,
            body=self.body,
            authorization=authorization(self.username, self.password, self.token),
            certificate=self.certificate,
            key=self.key,
            key_password=self.key_password,
            ca_file=self.ca_file,
            verify=self.verify,
            proxy=self.proxy,
            family=self.family,
            version=self.version,
            follow=self.redirects == "follow",
            room=_room(self.max_body),
            metadata=self.metadata,
        )

    async def run(self, *, now: datetime) -> Reading:
        phases: dict[str, float] = {}
        answer, redirects, where = await _pursuing()(self._request, phases)
        facts: dict[str, FactValue] = {
            "status": answer.status,
            "latency": sum(phases.values()),
            "size": answer.size,
            "truncated": answer.cut,
            "redirects": redirects,
            "version": answer.version,
            "address": where,
        }
        if answer.certificate is not None:
            facts |= spelled(answer.certificate, now)
        material = {"body": answer.body, "headers": Headers(answer.lines)}
        return Reading(Verdict.UP, facts=facts, phases=phases, material=material)
