"""Sends a request, and follows its redirects."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from watch.core.reading import ProbeFailure, Reason
from watch.probes.wire.http.exchange import ask
from watch.probes.wire.http.journey import ASKS_AGAIN, Hop, onward, target
from watch.probes.wire.http.options import options, through
from watch.probes.wire.http.transfer import Answer, Transfer
from watch.probes.wire.net.address import admit, literal, written
from watch.probes.wire.net.resolver import address
from watch.probes.wire.net.way import given, proxy

if TYPE_CHECKING:
    from watch.probes.wire.http.request import HttpRequest

MOST_REDIRECTS = 5
_PHASES = ("connect", "tls", "first_byte", "transfer")


async def pursue(request: HttpRequest, phases: dict[str, float]) -> tuple[Answer, int, str]:
    """Return the last answer, the number of redirects and who answered; record the times in *phases*."""
    hop = Hop(request.url, request.method, home=True)
    for redirects in range(MOST_REDIRECTS + 1):
        answer, where = await _asked(request, hop, phases, first=redirects == 0)
        if answer.status not in ASKS_AGAIN or not answer.redirect or not request.follow:
            return answer, redirects, where
        hop = onward(hop, answer.status, answer.redirect, has_body=request.body is not None)
        hop = hop._replace(cookies=answer.cookies)
        if request.version == "3" and target(hop.url).scheme != "https":
            raise ProbeFailure(
                Reason.PROTOCOL, "redirects to http://, which HTTP/3 does not speak", phases=phases
            )
    raise ProbeFailure(Reason.LIMIT, f"more than {MOST_REDIRECTS} redirects", phases=phases)


async def _asked(
    request: HttpRequest, hop: Hop, phases: dict[str, float], *, first: bool
) -> tuple[Answer, str]:
    there, extra, dial = target(hop.url), options(request, hop), None
    between = proxy() or request.proxy
    known = given(there.host, "any")
    if between is None:
        ip, port = known or await _resolved(there.host, request.family, phases), there.port
        dial = None if ip == literal(there.host, "any") else f"::{written(ip, port)}"
        known = (known if request.family == "any" else given(there.host, request.family)) or ip
    else:
        way = urlsplit(between.reveal())
        ip = await _resolved(way.hostname or "", request.family, phases)
        port = way.port or (1080 if way.scheme == "socks5" else 3128)
        extra += through(between, ip, port)
        dial = None if known == literal(there.host, "any") else f"::{written(known or '', there.port)}"
    if not request.metadata:
        admit(there.host, known or ip, first=first)
    where = written(ip, port)
    answer = await ask(Transfer(hop.url, where, dial, request.room, extra))
    for name, took in zip(_PHASES, answer.took, strict=True):
        phases[name] = phases.get(name, 0.0) + took
    return answer, where


async def _resolved(host: str, family: str, phases: dict[str, float]) -> str:
    clock = asyncio.get_running_loop().time
    began = clock()
    ip = await address(host, family)
    phases["resolve"] = phases.get("resolve", 0.0) + clock() - began
    return ip
