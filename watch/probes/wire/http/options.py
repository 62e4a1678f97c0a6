"""A request's options in curl's terms.

Credentials, the client certificate and the request's own headers are left out after a redirect to another
origin. A plain GET needs no options: the pool's handles are set for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pycurl

from watch.probes.wire.net.address import written
from watch.probes.wire.net.way import current

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watch.core.settings import Secret
    from watch.probes.wire.http.journey import Hop
    from watch.probes.wire.http.request import HttpRequest

_ANYWHERE = frozenset(("accept", "accept-language", "user-agent"))


def options(request: HttpRequest, hop: Hop) -> tuple[tuple[int, Any], ...]:
    """Return curl's options for *hop* beyond the constant ones; none for a plain GET."""
    kept = tuple((pycurl.COOKIELIST, line) for line in hop.cookies) if hop.cookies else ()
    if request.plain:
        return kept + departure()
    return (*_question(request, hop), *_headers(request, hop), *_trust(request, hop), *kept, *departure())


def departure() -> tuple[tuple[int, Any], ...]:
    """Return curl's option for the source address and the interface that `via` names."""
    way = current()
    if way is None or (way.source is None and way.interface is None):
        return ()
    if way.interface is None:
        return ((pycurl.INTERFACE, f"host!{way.source}"),)
    if way.source is None:
        return ((pycurl.INTERFACE, f"if!{way.interface}"),)
    return ((pycurl.INTERFACE, f"ifhost!{way.interface}!{way.source}"),)


def _question(request: HttpRequest, hop: Hop) -> Iterator[tuple[int, Any]]:
    if request.version == "2":
        clear = hop.url[:5].lower() == "http:"
        yield (
            pycurl.HTTP_VERSION,
            pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE if clear else pycurl.CURL_HTTP_VERSION_2TLS,
        )
    elif request.version == "3":
        yield pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_3ONLY
    sends = request.body is not None and hop.method == request.method
    if sends and request.body is not None:
        yield pycurl.POSTFIELDS, request.body.reveal().encode()
    if hop.method == "HEAD":
        yield pycurl.NOBODY, 1
    elif hop.method != "GET" or sends:
        yield pycurl.CUSTOMREQUEST, hop.method


def _headers(request: HttpRequest, hop: Hop) -> Iterator[tuple[int, Any]]:
    sent = {name: value for name, value in request.headers.items() if hop.home or name.lower() in _ANYWHERE}
    if hop.home and request.authorization is not None:
        sent["Authorization"] = request.authorization.reveal()
    if request.body is not None:
        sent.setdefault("Expect", "")  # else curl waits a second for a 100 before a large body
    if sent:
        yield pycurl.HTTPHEADER, _lines(sent)


def _lines(headers: Mapping[str, str]) -> list[bytes]:
    # "Name;" sends an empty header; "Name:" removes the one that curl adds.
    return [
        (f"{name}: {value}" if value or name == "Expect" else f"{name};").encode()
        for name, value in headers.items()
    ]


def _trust(request: HttpRequest, hop: Hop) -> Iterator[tuple[int, Any]]:
    if request.ca_file is not None:
        yield pycurl.CAINFO, str(request.ca_file)
    if not request.verify:
        yield pycurl.SSL_VERIFYPEER, 0
        yield pycurl.SSL_VERIFYHOST, 0
    if request.certificate is not None and hop.home:
        yield pycurl.SSLCERT, str(request.certificate)
        yield pycurl.SSLKEY, str(request.key or request.certificate)
        # Always: without one, OpenSSL would ask the terminal for the passphrase of an encrypted key.
        yield pycurl.KEYPASSWD, "" if request.key_password is None else request.key_password.reveal()


def through(proxy: Secret, ip: str, port: int) -> tuple[tuple[int, Any], ...]:
    """Return curl's options for *proxy*, whose name was resolved to *ip*."""
    parts = urlsplit(proxy.reveal())
    scheme = (
        "socks5h" if parts.scheme == "socks5" else parts.scheme
    )  # h: the proxy resolves the target's name
    who = ((pycurl.PROXYUSERNAME, unquote(parts.username)),) if parts.username else ()
    word = ((pycurl.PROXYPASSWORD, unquote(parts.password)),) if parts.password else ()
    return ((pycurl.PROXY, f"{scheme}://{written(ip, port)}"), *who, *word)
