"""Asks an HTTP check's question, and again wherever a redirect sends it."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from watch.core.quantity import size
from watch.core.reading import ProbeFailure, Reason
from watch.probes.wire.http.exchange import Answer, Request, ask
from watch.probes.wire.http.journey import ASKS_AGAIN, Hop, onward, target
from watch.probes.wire.http.options import options, through
from watch.probes.wire.net.address import admit, literal, written
from watch.probes.wire.net.resolver import address
from watch.probes.wire.net.way import given, proxy

if TYPE_CHECKING:
    from watch.probes.http import HttpProbe

MOST_REDIRECTS = 5
_room = lru_cache(maxsize=256)(size)


async def pursue(check: HttpProbe, phases: dict[str, float]) -> tuple[Answer, int, str]:
    """Return the last answer, how many redirects led to it and who gave it; time it all in *phases*."""
    hop = Hop(check.url, check.method, home=True)
    for redirects in range(MOST_REDIRECTS + 1):
        answer, where = await _asked(check, hop, phases, first=redirects == 0)
        if answer.status not in ASKS_AGAIN or not answer.redirect or check.redirects == "none":
            return answer, redirects, where
        hop = onward(hop, answer.status, answer.redirect, has_body=check.body is not None)
        if check.version == "3" and target(hop.url).scheme != "https":
            raise ProbeFailure(
                Reason.PROTOCOL, "redirects to http://, which HTTP/3 does not speak", phases=phases
            )
    raise ProbeFailure(Reason.LIMIT, f"more than {MOST_REDIRECTS} redirects", phases=phases)


async def _asked(check: HttpProbe, hop: Hop, phases: dict[str, float], *, first: bool) -> tuple[Answer, str]:
    there, extra, dial = target(hop.url), options(check, hop), None
    between = proxy() or check.proxy
    known = given(there.host, "any")
    if between is None:
        ip, port = known or await _resolved(there.host, check.family, phases), there.port
        dial = None if ip == literal(there.host, "any") else f"::{written(ip, port)}"
        known = given(there.host, check.family) or ip
    else:
        way = urlsplit(between.reveal())
        ip = await _resolved(way.hostname or "", check.family, phases)
        port = way.port or (1080 if way.scheme == "socks5" else 3128)
        extra += through(between, ip, port)
        dial = None if known == literal(there.host, "any") else f"::{written(known or '', there.port)}"
    if not check.metadata:
        admit(there.host, known or ip, first=first)
    where = written(ip, port)
    answer = await ask(Request(hop.url, where, dial, _room(check.max_body), extra))
    for name, took in zip(("connect", "tls", "first_byte", "transfer"), answer.took, strict=True):
        phases[name] = phases.get(name, 0.0) + took
    return answer, where


async def _resolved(host: str, family: str, phases: dict[str, float]) -> str:
    clock = asyncio.get_running_loop().time
    began = clock()
    ip = await address(host, family)
    phases["resolve"] = phases.get("resolve", 0.0) + clock() - began
    return ip
