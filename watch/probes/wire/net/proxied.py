"""Connections through a proxy, by CONNECT of HTTP or by SOCKS 5 (RFC 9110, RFC 1928, RFC 1929).

The proxy is ours, and so are its faults: if it does not answer, does not accept our login or refuses the
tunnel, the target is unknown. If it reports that the target cannot be reached or closed the connection, that is
the target's fault.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from watch.core.reading import OurFault, ProbeFailure, Reason
from watch.probes.wire.net.address import check_host, literal, written
from watch.probes.wire.net.blame import cut_short

if TYPE_CHECKING:
    from watch.core.settings import Secret
    from watch.probes.wire.net.line import Line, Place

PORTS = {"http": 3128, "socks5": 1080}
_MOST_HEADERS = 16 << 10
_BEHIND = {502, 503, 504}
_SOCKS = {
    3: (Reason.UNREACHABLE, "cannot reach its network"),
    4: (Reason.UNREACHABLE, "cannot reach it"),
    5: (Reason.REFUSED, "was refused by it"),
    6: (Reason.UNREACHABLE, "reports that its time to live expired on the way to it"),
}


def parts(proxy: Secret) -> SplitResult:
    """The parts of the proxy's URL; ValueError when it is not one."""
    wrong = "proxy: write it like http://proxy.example.org:3128 or socks5://…"
    try:
        found = urlsplit(proxy.reveal())
        _ = found.port  # ValueError when it is not a port
        check_host(found.hostname or "")
    except ValueError:  # its text may repeat the login
        raise ValueError(wrong) from None
    if found.scheme not in PORTS or found.path not in ("", "/") or found.query or found.fragment:
        raise ValueError(wrong)
    return found


async def through(line: Line, way: SplitResult, there: Place) -> None:
    """Ask the proxy at the other end of *line* for a connection to *there*."""
    try:
        await (_socks if way.scheme == "socks5" else _connect)(line, way, there)
    except asyncio.CancelledError as stop:
        raise cut_short(stop, OurFault(f"our proxy {line.where} does not answer")) from stop
    except OSError as error:
        raise OurFault(f"our proxy {line.where} closed the connection") from error


async def _connect(line: Line, way: SplitResult, there: Place) -> None:
    target = written(there.host, there.port)
    head = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if way.username:
        pair = f"{unquote(way.username)}:{unquote(way.password or '')}".encode()
        head += [f"Proxy-Authorization: Basic {base64.b64encode(pair).decode()}"]
    await line.send("\r\n".join([*head, "", ""]).encode())
    heard = b""
    while b"\r\n\r\n" not in heard:  # a byte at a time: the bytes after the headers belong to the target
        heard += await _exactly(line, 1)
        if len(heard) > _MOST_HEADERS:
            raise OurFault(f"our proxy {line.where} does not end its headers")
    words = heard.split(b"\r\n", 1)[0].split()
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() and len(words[1]) == 3 else 0
    if status in _BEHIND:
        raise ProbeFailure(
            Reason.UNREACHABLE,
            f"the proxy {line.where} cannot reach the target ({status})",
            phases=line.phases,
        )
    if not 200 <= status < 300:
        raise OurFault(f"our proxy {line.where} refuses the tunnel ({status or 'no HTTP'})")


async def _socks(line: Line, way: SplitResult, there: Place) -> None:
    await line.send(b"\5\2\0\2" if way.username else b"\5\1\0")
    version, method = await _exactly(line, 2)
    if version != 5 or method not in (0, 2):
        raise OurFault(f"our proxy {line.where} accepts none of our login methods")
    if method == 2:
        name, word = (unquote(it or "").encode()[:255] for it in (way.username, way.password))
        await line.send(bytes((1, len(name))) + name + bytes((len(word),)) + word)
        if (await _exactly(line, 2))[1]:
            raise OurFault(f"our proxy {line.where} refuses our password")
    await line.send(b"\5\1\0" + _named(there.host) + there.port.to_bytes(2, "big"))
    _, code, _, kind = await _exactly(line, 4)
    if code in _SOCKS:
        reason, words = _SOCKS[code]
        raise ProbeFailure(
            reason, f"the proxy {line.where} {words}: {written(there.host, there.port)}", phases=line.phases
        )
    if code:
        raise OurFault(f"our proxy {line.where} refuses to dial (SOCKS code {code})")
    length = {1: 4, 4: 16}.get(kind) or (await _exactly(line, 1))[0]
    await _exactly(line, length + 2)


def _named(host: str) -> bytes:
    known = literal(host, "any")
    if known is None:
        name = host.encode()[:255]
        return bytes((3, len(name))) + name
    packed = ipaddress.ip_address(known).packed
    return (b"\1" if len(packed) == 4 else b"\4") + packed


async def _exactly(line: Line, size: int) -> bytes:
    heard = b""
    while len(heard) < size:
        chunk = await line.receive("the proxy does not answer", size - len(heard))
        if not chunk:
            raise OurFault(f"our proxy {line.where} closed the connection")
        heard += chunk
    return heard
