"""An HTTP check's options in curl's terms.

What only the first origin may see (credentials, a client certificate, the check's own headers) is left out
once a redirect has led away. A check without options needs none of this: its request is the pool's plain
GET.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pycurl

from watch.probes.wire.net.address import written
from watch.probes.wire.net.way import current

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watch.core.settings import Secret
    from watch.probes.http import HttpProbe
    from watch.probes.wire.http.journey import Hop

_ANYWHERE = frozenset(("accept", "accept-language", "user-agent"))


def options(check: HttpProbe, hop: Hop) -> tuple[tuple[int, Any], ...]:
    """Return curl's options for *hop* beyond the constant ones; none for a plain GET."""
    if _plain(check):
        return departure()
    return (*_question(check, hop), *_headers(check, hop), *_trust(check, hop), *departure())


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


def _plain(check: HttpProbe) -> bool:
    """Whether *check* is the pool's own request, as most are."""
    if check.method != "GET" or check.version != "1.1" or check.headers or check.body is not None:
        return False
    theirs = check.token is None and check.username is None and check.certificate is None
    return theirs and check.verify and check.ca_file is None


def _question(check: HttpProbe, hop: Hop) -> Iterator[tuple[int, Any]]:
    if check.version == "2":
        clear = hop.url[:5].lower() == "http:"
        yield (
            pycurl.HTTP_VERSION,
            pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE if clear else pycurl.CURL_HTTP_VERSION_2TLS,
        )
    elif check.version == "3":
        yield pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_3ONLY
    sends = check.body is not None and hop.method == check.method
    if sends and check.body is not None:
        yield pycurl.POSTFIELDS, check.body.reveal().encode()
    if hop.method == "HEAD":
        yield pycurl.NOBODY, 1
    elif hop.method != "GET" or sends:
        yield pycurl.CUSTOMREQUEST, hop.method


def _headers(check: HttpProbe, hop: Hop) -> Iterator[tuple[int, Any]]:
    sent = {name: value for name, value in check.headers.items() if hop.home or name.lower() in _ANYWHERE}
    if hop.home and check.token is not None:
        sent["Authorization"] = f"Bearer {check.token.reveal()}"
    elif hop.home and check.username is not None and check.password is not None:
        pair = f"{check.username}:{check.password.reveal()}".encode()
        sent["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    if check.body is not None:
        sent.setdefault("Expect", "")  # curl would wait a second for a 100 before a large body
    if sent:
        yield pycurl.HTTPHEADER, _lines(sent)


def _lines(headers: Mapping[str, str]) -> list[bytes]:
    # "Name;" sends an empty header, "Name:" removes curl's own one.
    return [
        (f"{name}: {value}" if value or name == "Expect" else f"{name};").encode()
        for name, value in headers.items()
    ]


def _trust(check: HttpProbe, hop: Hop) -> Iterator[tuple[int, Any]]:
    if check.ca_file is not None:
        yield pycurl.CAINFO, str(check.ca_file)
    if not check.verify:
        yield pycurl.SSL_VERIFYPEER, 0
        yield pycurl.SSL_VERIFYHOST, 0
    if check.certificate is not None and hop.home:
        yield pycurl.SSLCERT, str(check.certificate)
        yield pycurl.SSLKEY, str(check.key or check.certificate)


def through(proxy: Secret, ip: str, port: int) -> tuple[tuple[int, Any], ...]:
    """Return curl's options to go through *proxy*, whose name was looked up as *ip*."""
    parts = urlsplit(proxy.reveal())
    scheme = (
        "socks5h" if parts.scheme == "socks5" else parts.scheme
    )  # h: the proxy looks the target's name up
    who = ((pycurl.PROXYUSERNAME, unquote(parts.username)),) if parts.username else ()
    word = ((pycurl.PROXYPASSWORD, unquote(parts.password)),) if parts.password else ()
    return ((pycurl.PROXY, f"{scheme}://{written(ip, port)}"), *who, *word)
